"""Alerts: list, get, and decide what became of one."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from redis import exceptions as redis_errors
from starlette.responses import Response

from aether_api import schemas
from aether_api.access import Caller, require
from aether_api.auditing import actor_of, note_act
from aether_api.callers import name_of
from aether_api.fields import DESCRIPTION_LENGTH_MAX, check_account, check_text
from aether_api.paging import LIMIT_DEFAULT, LIMIT_MAX, Page
from aether_api.parts import Parts, parts_of
from aether_api.query import parse_id
from aether_core.alert import AlertView
from aether_core.database.alerts import AlertFilter, find_alert, find_alerts, resolve_alert
from aether_core.database.connection import borrow
from aether_core.errors import NotFound
from aether_core.stream.feed import FeedEvent, publish

logger = logging.getLogger(__name__)

router = APIRouter(prefix="/alerts", tags=["alerts"])

READ: Final = "alerts:read"
WRITE: Final = "alerts:write"

_encode = msgspec.json.Encoder().encode
_NOT_FOUND: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": schemas.Problem, "description": "No such alert"}
}


@router.get("/", response_model=list[schemas.Alert])
async def list_alerts(
    request: Request,
    _caller: Annotated[Caller, Depends(require(READ))],
    status: Literal["open", "resolved"] | None = None,
    account_id: str | None = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """List alerts, newest first; further pages by `Link: <…>; rel="next"`."""
    page = Page(request, cursor)
    which = AlertFilter(
        status=status,
        account_id=None if account_id is None else check_account(account_id),
        before=page.before,
    )
    async with borrow(parts_of(request).pool) as connection:
        found = await find_alerts(connection, which, limit + 1)
    headers = page.cut(found, limit)
    return Response(_encode(found), 200, headers, "application/json")


@router.get("/{alert_id}", response_model=schemas.Alert, responses=_NOT_FOUND)
async def get_alert(
    request: Request, alert_id: str, _caller: Annotated[Caller, Depends(require(READ))]
) -> Response:
    """Get one alert."""
    identifier = parse_id(alert_id, "alert")
    async with borrow(parts_of(request).pool) as connection:
        alert = await find_alert(connection, identifier)
    if alert is None:
        raise NotFound("alert")
    return Response(_encode(alert), media_type="application/json")


@router.post(
    "/{alert_id}/resolve",
    response_model=schemas.Alert,
    responses={
        **_NOT_FOUND,
        409: {"model": schemas.Problem, "description": "It carries the other resolution"},
    },
)
async def resolve(
    request: Request,
    alert_id: str,
    body: schemas.Resolve,
    caller: Annotated[Caller, Depends(require(WRITE))],
) -> Response:
    """Decide an alert: fraud or legitimate. The same decision again changes nothing."""
    identifier = parse_id(alert_id, "alert")
    note = check_text("note", body.note, DESCRIPTION_LENGTH_MAX) if body.note else None
    parts = parts_of(request)
    async with borrow(parts.pool) as connection, connection.transaction():
        alert, was_open = await resolve_alert(
            connection,
            identifier,
            resolution=body.resolution,
            resolved_by=await name_of(connection, caller),
            note=note,
        )
        if was_open:
            await note_act(
                connection,
                request,
                "alert.resolve",
                actor_of(caller),
                subject=str(identifier),
                details={"resolution": body.resolution, "account_id": alert.account_id},
            )
    await _announce(parts, alert)
    return Response(_encode(alert), media_type="application/json")


async def _announce(parts: Parts, alert: AlertView) -> None:
    """Show the changed alert to the consoles. The decision stands, whether they see it or not."""
    event = FeedEvent("alert", alert.account_id, _encode(alert))
    try:
        await publish(parts.redis, [event], length_max=parts.settings.stream.feed_length_max)
    except (redis_errors.RedisError, OSError, TimeoutError) as error:
        logger.warning("a resolved alert was not shown: %s", type(error).__name__)
