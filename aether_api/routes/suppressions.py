"""Suppressions: silence a detector for an account, for a while; list them, end one early."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from aether_api import schemas_alerts
from aether_api.access import Caller, require
from aether_api.auditing import actor_of, note_act
from aether_api.callers import name_of
from aether_api.fields import DESCRIPTION_LENGTH_MAX, check_account, check_text
from aether_api.paging import LIMIT_DEFAULT, LIMIT_MAX, Page
from aether_api.parts import parts_of
from aether_api.refusals import Responses
from aether_api.triage import MayDecide
from aether_core.database.connection import borrow
from aether_core.database.suppressions import (
    add_suppression,
    audit_details,
    end_suppression,
    find_suppressions,
)

router = APIRouter(prefix="/suppressions", tags=["alerts"])

READ: Final = "alerts:read"

_encode = msgspec.json.Encoder().encode
_ID_MAX: Final = 2**63 - 1
_NOT_FOUND: Final[Responses] = {404: {"description": "No such suppression"}}


@router.get("/", response_model=list[schemas_alerts.Suppression])
async def list_suppressions(
    request: Request,
    _caller: Annotated[Caller, Depends(require(READ))],
    account_id: str | None = None,
    state: Literal["in_force", "all"] = "in_force",
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """List what is silent now, or all that ever was, newest first."""
    page = Page(request, cursor)
    async with borrow(parts_of(request).pool) as connection:
        found = await find_suppressions(
            connection,
            account_id=None if account_id is None else check_account(account_id),
            only_in_force=state == "in_force",
            before=page.before_number,
            limit=limit + 1,
        )
    headers = page.cut(found, limit)
    return Response(_encode(found), 200, headers, "application/json")


@router.post("/", response_model=schemas_alerts.Suppression, status_code=201)
async def suppress(request: Request, body: schemas_alerts.Suppress, caller: MayDecide) -> Response:
    """Silence a detector for an account: for what is written from now on, until it expires.

    One that is in force for the same two is replaced. The other detectors go on.
    """
    note = check_text("note", body.note, DESCRIPTION_LENGTH_MAX) if body.note else None
    async with borrow(parts_of(request).pool) as connection, connection.transaction():
        added = await add_suppression(
            connection,
            account_id=check_account(body.account_id),
            detector=body.detector,
            duration_s=body.duration_s,
            note=note,
            by=await name_of(connection, caller),
        )
        await note_act(
            connection,
            request,
            "suppression.add",
            actor_of(caller),
            subject=str(added.id),
            details=audit_details(added),
        )
    return Response(_encode(added), 201, media_type="application/json")


@router.post(
    "/{suppression_id}/end", response_model=schemas_alerts.Suppression, responses=_NOT_FOUND
)
async def end(
    request: Request,
    suppression_id: Annotated[int, Path(ge=1, le=_ID_MAX)],
    caller: MayDecide,
) -> Response:
    """Let the detector be heard again now. One that is over already stays as it is."""
    async with borrow(parts_of(request).pool) as connection, connection.transaction():
        ended, is_changed = await end_suppression(
            connection, suppression_id, by=await name_of(connection, caller)
        )
        if is_changed:
            await note_act(
                connection,
                request,
                "suppression.end",
                actor_of(caller),
                subject=str(ended.id),
                details=audit_details(ended),
            )
    return Response(_encode(ended), media_type="application/json")
