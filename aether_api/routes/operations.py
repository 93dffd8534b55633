"""Operations: the pipeline and its identity, and what could not be written."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from aether_api import schemas
from aether_api.access import Caller, require
from aether_api.paging import LIMIT_DEFAULT, LIMIT_MAX, make_cursor, next_link, read_cursor
from aether_api.parts import parts_of
from aether_api.pipeline import inspect_pipeline
from aether_core.database.connection import borrow
from aether_core.database.pipeline import KeptLetter, find_dead_letters

router = APIRouter(prefix="/operations", tags=["operations"])

READ: Final = "operations:read"

_encode = msgspec.json.Encoder().encode


class _LetterView(msgspec.Struct, frozen=True):
    """A dead letter as operators see it; `payload` is base64."""

    id: UUID
    shard: int
    entry: str
    error: str
    payload: str
    created_at: datetime


@router.get("/pipeline", response_model=schemas.Pipeline)
async def pipeline(
    request: Request, _caller: Annotated[Caller, Depends(require(READ))]
) -> Response:
    """Show each shard, and whether entries added = committed + dead letters + backlog."""
    parts = parts_of(request)
    async with borrow(parts.pool) as connection:
        found = await inspect_pipeline(parts.redis, connection, parts.live.rate_per_second)
    return Response(_encode(found), media_type="application/json")


@router.get("/dead-letters", response_model=list[schemas.DeadLetter])
async def dead_letters(
    request: Request,
    _caller: Annotated[Caller, Depends(require(READ))],
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """List accepted entries that could not be written, newest first."""
    before = None if cursor is None else read_cursor(cursor, {})
    async with borrow(parts_of(request).pool) as connection:
        found = await find_dead_letters(connection, before=before, limit=limit + 1)
    headers = {}
    if len(found) > limit:
        del found[limit:]
        query = {"limit": str(limit)}
        headers["Link"] = next_link(request.url.path, query, make_cursor(found[-1].id, {}))
    return Response(_encode([_view(one) for one in found]), 200, headers, "application/json")


def _view(letter: KeptLetter) -> _LetterView:
    return _LetterView(
        id=letter.id,
        shard=letter.shard,
        entry=str(letter.entry),
        error=letter.error,
        payload=b64encode(letter.payload).decode("ascii"),
        created_at=letter.created_at,
    )
