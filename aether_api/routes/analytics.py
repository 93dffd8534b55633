"""Analytics: the forecast of the load, and counts.

Nothing is computed here: the forecaster stores what is shown, and the writers count what they
write.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from aether_api import schemas_analytics as schemas
from aether_api.access import Caller, require
from aether_api.load_forecast import find_forecast, find_past_forecast
from aether_api.parts import parts_of
from aether_api.past import NOT_RECORDED, At, memento, parse_past
from aether_core.database.alerts import count_open_alerts
from aether_core.database.connection import borrow
from aether_core.database.forecasts import (
    CurrencyVolume,
    LoadCount,
    count_accepted_since,
    count_load,
    find_volumes,
)
from aether_core.forecasting.report import MINUTE
from aether_core.money import format_minor_units

router = APIRouter(prefix="/analytics", tags=["analytics"])

READ: Final = "analytics:read"

_encode = msgspec.json.Encoder().encode


@router.get("/forecast", response_model=schemas.Forecast, responses=NOT_RECORDED)
async def forecast(
    request: Request, _caller: Annotated[Caller, Depends(require())], at: At = None
) -> Response:
    """Show the expected load of the coming minutes, the model behind it and its accuracy.

    One shape in both states; `insufficient_data` until there are enough complete minutes. The
    forecast is made in the background after each complete minute: `analyzed_at` tells its age.
    Of the past: the newest that had been made by then.
    """
    parts = parts_of(request)
    past = parse_past(at)
    async with borrow(parts.pool) as connection:
        if past is None:
            view = await find_forecast(connection, parts.settings.forecast)
        else:
            view = await find_past_forecast(connection, parts.settings.forecast, past)
    return Response(_encode(view), 200, memento(past), "application/json")


@router.get("/summary", response_model=schemas.Summary)
async def summary(request: Request, _caller: Annotated[Caller, Depends(require(READ))]) -> Response:
    """Count what was written: ever, in the last minute and hour, by decision and currency."""
    now = datetime.now(UTC)
    async with borrow(parts_of(request).pool) as connection:
        volumes = await find_volumes(connection)
        last_minute = await count_accepted_since(connection, now - MINUTE)
        last_hour = await count_load(connection, now - timedelta(hours=1))
        open_alerts = await count_open_alerts(connection)
    total = LoadCount(
        sum(volume.load.transaction_count for volume in volumes),
        sum(volume.load.review_count for volume in volumes),
        sum(volume.load.decline_count for volume in volumes),
    )
    view = schemas.Summary(
        total_transactions=total.transaction_count,
        total_flagged=total.flagged_count,
        last_minute=_pair(last_minute),
        last_hour=_pair(last_hour),
        open_alerts=open_alerts,
        decisions=schemas.Decisions(
            approve=total.transaction_count - total.flagged_count,
            review=total.review_count,
            decline=total.decline_count,
        ),
        volume=[_volume(volume) for volume in volumes],
        at=now,
    )
    return Response(view.model_dump_json(), media_type="application/json")


def _pair(load: LoadCount) -> schemas.CountPair:
    return schemas.CountPair(count=load.transaction_count, flagged=load.flagged_count)


def _volume(volume: CurrencyVolume) -> schemas.Volume:
    return schemas.Volume(
        currency=volume.currency,
        amount=format_minor_units(volume.amount_minor_units, volume.currency),
        count=volume.load.transaction_count,
    )
