"""Triage: what analysts do to alerts: take, release, assign, note, resolve and reopen them.

Each act is one database transaction with its entries of the history and of the audit trail, and is
then shown to the consoles. It may name the version of the alert that it was decided upon, in
`If-Match` or in its body; when somebody else was first, the answer is 409 with what they did.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from aether_api import schemas, schemas_alerts
from aether_api.access import Caller
from aether_api.callers import name_of
from aether_api.fields import DESCRIPTION_LENGTH_MAX, check_text
from aether_api.parts import parts_of
from aether_api.query import parse_id
from aether_api.refusals import Responses
from aether_api.triage import MayDecide, alert_answer, announce, note_change
from aether_core.database.connection import Session, borrow
from aether_core.database.triage import (
    By,
    Triaged,
    assign_alert,
    note_alert,
    release_alert,
    reopen_alert,
    resolve_alert,
    take_alert,
)
from aether_core.errors import InvalidInput
from aether_core.identity.emails import EMAIL_LENGTH_MAX

router = APIRouter(prefix="/alerts", tags=["alerts"])

_ETAG = re.compile(r'"([0-9]{1,9})"')
_REFUSED: Final[Responses] = {
    404: {"description": "No such alert"},
    409: {
        "model": schemas.Problem,
        "description": "Somebody else was first; `change` is what they did last.",
    },
}

_IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=40,
        description='The `ETag` of the version you have seen, such as `"3"`; 409 for any other.',
    ),
]


@router.post("/{alert_id}/take", response_model=schemas_alerts.Alert, responses=_REFUSED)
async def take(
    request: Request, alert_id: str, caller: MayDecide, if_match: _IfMatch = None
) -> Response:
    """Take an open alert: nobody else may decide it until you release it or the time is over.

    Taking it again prolongs that.
    """
    lock_s = parts_of(request).settings.alerts.lock_s

    async def act(connection: Session, by: By) -> Triaged:
        return await take_alert(connection, parse_id(alert_id, "alert"), by, lock_s=lock_s)

    return await _triage(request, caller, _version_of(if_match), act)


@router.post("/{alert_id}/release", response_model=schemas_alerts.Alert, responses=_REFUSED)
async def release(
    request: Request, alert_id: str, caller: MayDecide, if_match: _IfMatch = None
) -> Response:
    """Give an alert that you have taken back to the queue."""

    async def act(connection: Session, by: By) -> Triaged:
        return await release_alert(connection, parse_id(alert_id, "alert"), by)

    return await _triage(request, caller, _version_of(if_match), act)


@router.post("/{alert_id}/assign", response_model=schemas_alerts.Alert, responses=_REFUSED)
async def assign(
    request: Request,
    alert_id: str,
    body: schemas_alerts.Assign,
    caller: MayDecide,
    if_match: _IfMatch = None,
) -> Response:
    """Say whose an open alert is: it is left out when others take the next one."""
    assignee = body.assignee
    if assignee is not None:
        check_text("assignee", assignee, EMAIL_LENGTH_MAX)

    async def act(connection: Session, by: By) -> Triaged:
        return await assign_alert(connection, parse_id(alert_id, "alert"), by, assignee=assignee)

    return await _triage(request, caller, _version_of(if_match, body.version), act)


@router.post("/{alert_id}/note", response_model=schemas_alerts.Alert, responses=_REFUSED)
async def note(
    request: Request,
    alert_id: str,
    body: schemas_alerts.Note,
    caller: MayDecide,
    if_match: _IfMatch = None,
) -> Response:
    """Add a note for colleagues to the history; also while somebody else has taken the alert."""
    text = check_text("note", body.note, DESCRIPTION_LENGTH_MAX)

    async def act(connection: Session, by: By) -> Triaged:
        return await note_alert(connection, parse_id(alert_id, "alert"), by, note=text)

    return await _triage(request, caller, _version_of(if_match, body.version), act)


@router.post("/{alert_id}/resolve", response_model=schemas_alerts.Alert, responses=_REFUSED)
async def resolve(
    request: Request,
    alert_id: str,
    body: schemas_alerts.Resolve,
    caller: MayDecide,
    if_match: _IfMatch = None,
) -> Response:
    """Decide an alert: fraud or legitimate. The same decision again changes nothing."""
    text = check_text("note", body.note, DESCRIPTION_LENGTH_MAX) if body.note else None

    async def act(connection: Session, by: By) -> Triaged:
        return await resolve_alert(
            connection,
            parse_id(alert_id, "alert"),
            by,
            resolution=body.resolution,
            note=text,
        )

    return await _triage(request, caller, _version_of(if_match, body.version), act)


@router.post("/{alert_id}/reopen", response_model=schemas_alerts.Alert, responses=_REFUSED)
async def reopen(
    request: Request, alert_id: str, caller: MayDecide, if_match: _IfMatch = None
) -> Response:
    """Take back a resolution that is not old; an alert that is open stays as it is."""
    window_s = parts_of(request).settings.alerts.reopen_s

    async def act(connection: Session, by: By) -> Triaged:
        return await reopen_alert(connection, parse_id(alert_id, "alert"), by, window_s=window_s)

    return await _triage(request, caller, _version_of(if_match), act)


def _version_of(if_match: str | None, in_body: int | None = None) -> int | None:
    """Return the version that a request was decided upon. Raises InvalidInput."""
    if if_match is None or if_match == "*":
        return in_body
    found = _ETAG.fullmatch(if_match)
    if found is None:
        raise InvalidInput("If-Match", 'This must be the ETag of an alert, such as "3".')
    version = int(found[1])
    if in_body not in {None, version}:
        raise InvalidInput("version", "The body and If-Match name different versions.")
    return version


async def _triage(
    request: Request,
    caller: Caller,
    version: int | None,
    act: Callable[[Session, By], Awaitable[Triaged]],
) -> Response:
    """Do one act, note it, show it, and answer with the alert."""
    parts = parts_of(request)
    async with borrow(parts.pool) as connection, connection.transaction():
        done = await act(connection, By(await name_of(connection, caller), version))
        if done.change is not None:
            await note_change(connection, request, caller, done.alert, done.change)
    if done.change is not None:
        await announce(parts, [done.alert])
    return alert_answer(done.alert)
