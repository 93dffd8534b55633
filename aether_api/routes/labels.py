"""Labels: what became known of a transaction that raised no alert, as by a chargeback."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from aether_api import schemas_alerts
from aether_api.access import Caller, require
from aether_api.auditing import actor_of, note_act
from aether_api.callers import name_of
from aether_api.fields import DESCRIPTION_LENGTH_MAX, check_text
from aether_api.parts import parts_of
from aether_api.query import parse_id
from aether_api.refusals import Responses
from aether_api.triage import MayDecide
from aether_core.database.connection import borrow
from aether_core.database.labels import audit_details, find_label, label_transaction
from aether_core.errors import NotFound

router = APIRouter(prefix="/transactions", tags=["alerts"])

_encode = msgspec.json.Encoder().encode
_NOT_FOUND: Final[Responses] = {404: {"description": "No such transaction, or it has no label"}}
_REFUSED: Final[Responses] = {
    404: {"description": "No such transaction, or it is not written yet"},
    409: {"description": "It is part of an alert, whose resolution is its label"},
}


@router.get("/{transaction_id}/label", response_model=schemas_alerts.Label, responses=_NOT_FOUND)
async def get_label(
    request: Request,
    transaction_id: str,
    _caller: Annotated[Caller, Depends(require("alerts:read"))],
) -> Response:
    """Get the label that somebody has given a transaction."""
    identifier = parse_id(transaction_id, "transaction")
    async with borrow(parts_of(request).pool) as connection:
        label = await find_label(connection, identifier)
    if label is None:
        raise NotFound("label")
    return Response(_encode(label), media_type="application/json")


@router.post(
    "/{transaction_id}/label",
    response_model=schemas_alerts.Label | None,
    responses=_REFUSED,
)
async def label(
    request: Request, transaction_id: str, body: schemas_alerts.GiveLabel, caller: MayDecide
) -> Response:
    """Say of a transaction that raised no alert whether it was fraud; null takes that back.

    Scoring learns from it as from a resolution. The same label again changes nothing.
    """
    identifier = parse_id(transaction_id, "transaction")
    note = check_text("note", body.note, DESCRIPTION_LENGTH_MAX) if body.note else None
    async with borrow(parts_of(request).pool) as connection, connection.transaction():
        done = await label_transaction(
            connection,
            identifier,
            body.resolution,
            note=note,
            by=await name_of(connection, caller),
        )
        if done.is_changed:
            await note_act(
                connection,
                request,
                "transaction.label",
                actor_of(caller),
                subject=str(identifier),
                details=audit_details(done.label),
            )
    return Response(_encode(done.label), media_type="application/json")
