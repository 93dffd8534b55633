"""Alerts: list them, get one, see its transactions and what people did to it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from aether_api import schemas, schemas_alerts
from aether_api.access import Caller, require
from aether_api.fields import MERCHANT_LENGTH_MAX, check_account, check_text
from aether_api.paging import LIMIT_DEFAULT, LIMIT_MAX, Page
from aether_api.parts import parts_of
from aether_api.past import At, memento, parse_past
from aether_api.query import parse_id
from aether_api.refusals import Responses
from aether_api.triage import alert_answer
from aether_core.database.alerts import AlertFilter, find_alert, find_alerts
from aether_core.database.budget import find_budget
from aether_core.database.connection import borrow
from aether_core.database.incidents import find_joined_ids
from aether_core.database.past_alerts import find_past_alert, find_past_alerts
from aether_core.database.transactions import find_transactions_by_ids
from aether_core.database.triage import find_history
from aether_core.errors import InvalidInput, NotFound
from aether_core.identity.emails import EMAIL_LENGTH_MAX

router = APIRouter(prefix="/alerts", tags=["alerts"])

READ: Final = "alerts:read"

_encode = msgspec.json.Encoder().encode
_NOT_FOUND: Final[Responses] = {404: {"description": "No such alert"}}


@router.get("/", response_model=list[schemas_alerts.Alert])
async def list_alerts(
    request: Request,
    _caller: Annotated[Caller, Depends(require(READ))],
    status: Literal["open", "resolved"] | None = None,
    state: Annotated[
        schemas_alerts.State | None,
        Query(description="As `status`, with those that somebody has taken apart from the open."),
    ] = None,
    account_id: str | None = None,
    assignee: Annotated[str | None, Query(max_length=EMAIL_LENGTH_MAX)] = None,
    decision: schemas.Decision | None = None,
    merchant: str | None = None,
    score_min: Annotated[float | None, Query(ge=0, le=1)] = None,
    order: Annotated[
        Literal["newest", "expected_loss"],
        Query(description="By expected loss, largest first: only what is not resolved."),
    ] = "newest",
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    at: At = None,
) -> Response:
    """List alerts, newest first or by expected loss; further pages by `Link: <…>; rel="next"`.

    Of the past: those that existed, each with the status, lock, assignee and version that it had
    and counted with what had joined it, exact to the instant. A past queue by expected loss is
    chosen from the 2,000 largest that are open still and as many that were decided since.
    """
    if order == "expected_loss" and "resolved" in {status, state}:
        raise InvalidInput("order", "What is resolved has no expected loss to be ordered by.")
    page = Page(request, cursor)
    which = AlertFilter(
        status=status,
        account_id=None if account_id is None else check_account(account_id),
        before=page.before,
        state=state,
        assignee=None if assignee is None else check_text("assignee", assignee, EMAIL_LENGTH_MAX),
        decision=decision,
        score_min=score_min,
        by_expected_loss=order == "expected_loss",
        merchant=(
            None if merchant is None else check_text("merchant", merchant, MERCHANT_LENGTH_MAX)
        ),
    )
    past = parse_past(at)
    async with borrow(parts_of(request).pool) as connection:
        if past is None:
            found = await find_alerts(connection, which, limit + 1)
        else:
            found = await find_past_alerts(connection, past, which, limit + 1)
    headers = page.cut(found, limit) | memento(past)
    return Response(_encode(found), 200, headers, "application/json")


@router.get("/budget", response_model=schemas_alerts.Budget)
async def get_budget(
    request: Request, _caller: Annotated[Caller, Depends(require(READ))]
) -> Response:
    """Get the budget of alerts an hour, and the score from which they are within it.

    `score_min` of the list takes that score.
    """
    parts = parts_of(request)
    async with borrow(parts.pool) as connection:
        budget = await find_budget(connection, parts.settings.alerts.budget_per_hour)
    return Response(_encode(budget), media_type="application/json")


@router.get("/{alert_id}", response_model=schemas_alerts.Alert, responses=_NOT_FOUND)
async def get_alert(
    request: Request,
    alert_id: str,
    _caller: Annotated[Caller, Depends(require(READ))],
    at: At = None,
) -> Response:
    """Get one alert; its version is the `ETag`, for `If-Match` of what is done to it.

    Of the past: as it was, without an `ETag`, since nothing can be done to it there.
    """
    identifier = parse_id(alert_id, "alert")
    past = parse_past(at)
    async with borrow(parts_of(request).pool) as connection:
        if past is None:
            alert = await find_alert(connection, identifier)
        else:
            alert = await find_past_alert(connection, identifier, past)
    if alert is None:
        raise NotFound("alert")
    if past is not None:
        return Response(_encode(alert), 200, memento(past), "application/json")
    return alert_answer(alert)


@router.get(
    "/{alert_id}/transactions", response_model=list[schemas.Transaction], responses=_NOT_FOUND
)
async def get_transactions(
    request: Request,
    alert_id: str,
    _caller: Annotated[Caller, Depends(require(READ))],
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """List the transactions of an alert, newest first: the one that raised it and all that joined.

    Those whose months were given up are left out.
    """
    identifier = parse_id(alert_id, "alert")
    page = Page(request, cursor)
    async with borrow(parts_of(request).pool) as connection:
        if await find_alert(connection, identifier) is None:
            raise NotFound("alert")
        ids = await find_joined_ids(connection, identifier, before=page.before, limit=limit + 1)
        headers = page.cut_by(lambda one: one, ids, limit)
        found = await find_transactions_by_ids(connection, ids)
    found.sort(key=lambda view: view.id, reverse=True)
    return Response(_encode(found), 200, headers, "application/json")


@router.get("/{alert_id}/history", response_model=list[schemas.AlertChange], responses=_NOT_FOUND)
async def get_history(
    request: Request,
    alert_id: str,
    _caller: Annotated[Caller, Depends(require(READ))],
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """List what people did to an alert, and their notes, newest first. Nothing is ever changed."""
    identifier = parse_id(alert_id, "alert")
    page = Page(request, cursor)
    async with borrow(parts_of(request).pool) as connection:
        if await find_alert(connection, identifier) is None:
            raise NotFound("alert")
        found = await find_history(
            connection, identifier, before=page.before_number, limit=limit + 1
        )
    headers = page.cut_by(lambda change: change.version, found, limit)
    return Response(_encode(found), 200, headers, "application/json")
