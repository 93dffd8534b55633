"""Operations: the pipeline, its identity, and one transaction's way through it."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from aether_api import schemas
from aether_api.access import Caller, require
from aether_api.parts import parts_of
from aether_api.past import NOT_RECORDED, At, memento, parse_past
from aether_api.query import parse_id
from aether_core.database.connection import borrow
from aether_core.errors import NotFound
from aether_core.pipeline import inspect_pipeline
from aether_core.rewinding import find_past_pipeline, start_of_minute
from aether_core.tracing import find_trace

router = APIRouter(prefix="/operations", tags=["operations"])

READ: Final = "operations:read"

_encode = msgspec.json.Encoder().encode


@router.get("/pipeline", response_model=schemas.Pipeline, responses=NOT_RECORDED)
async def pipeline(
    request: Request, _caller: Annotated[Caller, Depends(require(READ))], at: At = None
) -> Response:
    """Show each shard, and whether entries added = committed + dead letters + backlog.

    Of the past, as it was recorded when the minute of `at` began; the answer's own `at` says when
    exactly, and `committed_per_second` is the mean of the minute before.
    """
    parts = parts_of(request)
    past = parse_past(at)
    async with borrow(parts.pool) as connection:
        if past is not None:
            found = await find_past_pipeline(connection, past)
        else:
            found = await inspect_pipeline(parts.redis, connection, parts.live.rate_per_second)
    minute = None if past is None else start_of_minute(past)
    return Response(_encode(found), 200, memento(minute), "application/json")


@router.get(
    "/trace/{transaction_id}",
    response_model=schemas.Trace,
    responses={404: {"description": "Nothing is known of such an id"}},
)
async def trace(
    request: Request, transaction_id: str, _caller: Annotated[Caller, Depends(require(READ))]
) -> Response:
    """Show when a transaction was accepted, read, scored, committed and published."""
    identifier = parse_id(transaction_id, "transaction")
    parts = parts_of(request)
    async with borrow(parts.pool) as connection:
        found = await find_trace(parts.redis, connection, identifier)
    if found is None:
        raise NotFound("transaction")
    return Response(_encode(found), media_type="application/json")
