"""The queue of alerts as a whole: take the next one, and decide several at once."""

from __future__ import annotations

from typing import Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from aether_api import schemas_alerts
from aether_api.callers import name_of
from aether_api.fields import DESCRIPTION_LENGTH_MAX, check_text
from aether_api.parts import parts_of
from aether_api.problems import Problem, problem_of
from aether_api.query import parse_id
from aether_api.refusals import Responses
from aether_api.triage import MayDecide, alert_answer, announce, note_change
from aether_core.alert import AlertView
from aether_core.database.connection import Session, borrow
from aether_core.database.triage import By, Triaged, resolve_alert, take_next
from aether_core.errors import AlertConflict, InvalidInput, NotFound

router = APIRouter(prefix="/alerts", tags=["alerts"])

_encode = msgspec.json.Encoder().encode
_EMPTY: Final[Responses] = {204: {"description": "Nothing waits that nobody has", "model": None}}


class _Result(msgspec.Struct, frozen=True):
    """What became of one alert."""

    id: str
    alert: AlertView | None = None
    problem: Problem | None = None


@router.post("/next", response_model=schemas_alerts.Alert, responses=_EMPTY)
async def next_alert(request: Request, caller: MayDecide) -> Response:
    """Take the open alert with the largest expected loss that nobody else has or was given.

    Two who ask at once never get the same one.
    """
    parts = parts_of(request)
    async with borrow(parts.pool) as connection, connection.transaction():
        by = By(await name_of(connection, caller))
        taken = await take_next(connection, by, lock_s=parts.settings.alerts.lock_s)
        if taken is not None and taken.change is not None:
            await note_change(connection, request, caller, taken.alert, taken.change)
    if taken is None:
        return Response(status_code=204)
    await announce(parts, [taken.alert])
    return alert_answer(taken.alert)


@router.post("/resolve", response_model=list[schemas_alerts.BulkResolution])
async def resolve_together(
    request: Request, body: schemas_alerts.ResolveTogether, caller: MayDecide
) -> Response:
    """Decide up to 200 alerts alike; answers with what became of each, in their order."""
    text = check_text("note", body.note, DESCRIPTION_LENGTH_MAX) if body.note else None
    versions = {seen.id: seen.version for seen in body.alerts}
    if len(versions) < len(body.alerts):
        raise InvalidInput("alerts", "An alert may be named once.")
    parts = parts_of(request)
    found: dict[str, Triaged | Problem] = {}
    async with borrow(parts.pool) as connection, connection.transaction():
        actor = await name_of(connection, caller)
        # In the order of ids, as everybody's: whoever waits for one holds none after it.
        for identifier in sorted(versions):
            by = By(actor, versions[identifier])
            found[identifier] = await _resolve(connection, identifier, by, body.resolution, text)
        changed = [done for done in found.values() if isinstance(done, Triaged) and done.change]
        # The trail's entries last: from the first on, nobody else adds any.
        for done in changed:
            if done.change is not None:
                await note_change(connection, request, caller, done.alert, done.change)
    await announce(parts, [done.alert for done in changed])
    results = [_result(identifier, found[identifier]) for identifier in versions]
    return Response(_encode(results), media_type="application/json")


async def _resolve(
    connection: Session, identifier: str, by: By, resolution: str, note: str | None
) -> Triaged | Problem:
    """Resolve one alert. What is refused has changed nothing, so the others need no savepoint."""
    try:
        return await resolve_alert(
            connection, parse_id(identifier, "alert"), by, resolution=resolution, note=note
        )
    except (NotFound, AlertConflict) as error:
        return problem_of(error, None, None)


def _result(identifier: str, found: Triaged | Problem) -> _Result:
    if isinstance(found, Problem):
        return _Result(identifier, problem=found)
    return _Result(identifier, alert=found.alert)
