"""Dead letters: accepted entries that could not be written; list, show, replay and discard them."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from aether_api import schemas
from aether_api.access import Caller, require
from aether_api.auditing import actor_of, note_act
from aether_api.callers import name_of
from aether_api.fields import DESCRIPTION_LENGTH_MAX, check_text
from aether_api.paging import LIMIT_DEFAULT, LIMIT_MAX, Page
from aether_api.parts import parts_of
from aether_api.query import parse_id
from aether_api.refusals import Responses
from aether_core.database.connection import borrow
from aether_core.database.dead_letters import (
    KeptLetter,
    discard_dead_letter,
    find_dead_letter,
    find_dead_letters,
)
from aether_core.dead_letter import open_letter, view_of_letter
from aether_core.errors import NotFound
from aether_core.stream.publisher import IncarnationMoved
from aether_core.stream.replaying import replay_dead_letter

router = APIRouter(prefix="/operations/dead-letters", tags=["operations"])

READ: Final = "operations:read"
WRITE: Final = "operations:write"

_encode = msgspec.json.Encoder().encode
_NOT_FOUND: Final[Responses] = {404: {"description": "No such dead letter"}}
_SETTLED: Final[Responses] = {
    **_NOT_FOUND,
    409: {"description": "It was replayed or discarded before"},
}


@router.get("", response_model=list[schemas.DeadLetter])
async def dead_letters(
    request: Request,
    _caller: Annotated[Caller, Depends(require(READ))],
    state: Literal["open", "replayed", "discarded", "all"] = "open",
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """List accepted entries that could not be written, newest first; those that are open."""
    page = Page(request, cursor)
    async with borrow(parts_of(request).pool) as connection:
        found = await find_dead_letters(
            connection, state=None if state == "all" else state, before=page.before, limit=limit + 1
        )
    headers = page.cut(found, limit)
    return Response(
        _encode([view_of_letter(one) for one in found]), 200, headers, "application/json"
    )


@router.get("/{letter_id}", response_model=schemas.OpenedDeadLetter, responses=_NOT_FOUND)
async def get_dead_letter(
    request: Request, letter_id: str, _caller: Annotated[Caller, Depends(require(READ))]
) -> Response:
    """Show one with its bytes, and with its fields where they can be read."""
    identifier = parse_id(letter_id, "dead letter")
    async with borrow(parts_of(request).pool) as connection:
        letter = await find_dead_letter(connection, identifier)
    if letter is None:
        raise NotFound("dead letter")
    return Response(_encode(open_letter(letter)), media_type="application/json")


@router.post("/{letter_id}/replay", response_model=schemas.DeadLetter, responses=_SETTLED)
async def replay(
    request: Request, letter_id: str, caller: Annotated[Caller, Depends(require(WRITE))]
) -> Response:
    """Let the entry try again, once: it is appended anew, and `replayed_as` is its new id.

    After 503 send this again: the entry is never doubled.
    """
    identifier = parse_id(letter_id, "dead letter")
    parts = parts_of(request)
    async with borrow(parts.pool) as connection:

        async def note(replayed: KeptLetter) -> None:
            await note_act(
                connection,
                request,
                "dead_letter.replay",
                actor_of(caller),
                subject=str(identifier),
                details={"replayed_as": str(replayed.replayed_as)},
            )

        try:
            letter = await replay_dead_letter(
                parts.redis,
                connection,
                identifier,
                replayed_by=await name_of(connection, caller),
                settings=parts.settings.stream,
                note_act=note,
            )
        except IncarnationMoved:
            parts.agreement.renew()
            raise
    location = {"Location": f"/transactions/{letter.replayed_as}"}
    return Response(_encode(view_of_letter(letter)), 200, location, "application/json")


@router.post("/{letter_id}/discard", response_model=schemas.DeadLetter, responses=_SETTLED)
async def discard(
    request: Request,
    letter_id: str,
    caller: Annotated[Caller, Depends(require(WRITE))],
    body: schemas.Discard | None = None,
) -> Response:
    """Give the entry up for good. It stays listed among the discarded, with its bytes."""
    identifier = parse_id(letter_id, "dead letter")
    note = body.note if body is not None else None
    async with borrow(parts_of(request).pool) as connection, connection.transaction():
        letter = await discard_dead_letter(
            connection,
            identifier,
            discarded_by=await name_of(connection, caller),
            note=check_text("note", note, DESCRIPTION_LENGTH_MAX) if note else None,
        )
        await note_act(
            connection,
            request,
            "dead_letter.discard",
            actor_of(caller),
            subject=str(identifier),
            details={"note": letter.note or ""},
        )
    return Response(_encode(view_of_letter(letter)), media_type="application/json")
