"""The audit trail: who did what, for those who manage the installation."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from aether_api import schemas_audit
from aether_api.access import Caller, require
from aether_api.paging import LIMIT_DEFAULT, LIMIT_MAX, Page
from aether_api.parts import parts_of
from aether_api.query import parse_instant
from aether_core.audit import view_of_entry
from aether_core.database.audit import (
    NAME_LENGTH_MAX,
    AuditFilter,
    AuditOutcome,
    find_audit_entries,
)
from aether_core.database.connection import borrow
from aether_core.plain_text import escape_controls

router = APIRouter(prefix="/audit", tags=["administration"])

READ: Final = "audit:read"

_encode = msgspec.json.Encoder().encode


@router.get("/", response_model=list[schemas_audit.AuditEntry])
async def list_entries(
    request: Request,
    _caller: Annotated[Caller, Depends(require(READ))],
    action: Annotated[str | None, Query(max_length=100, examples=["session.fail"])] = None,
    actor: Annotated[
        str | None, Query(max_length=NAME_LENGTH_MAX, description="Id or name")
    ] = None,
    subject: Annotated[str | None, Query(max_length=NAME_LENGTH_MAX)] = None,
    outcome: AuditOutcome | None = None,
    since: Annotated[str | None, Query(description="RFC 3339; at or after it.")] = None,
    until: Annotated[str | None, Query(description="RFC 3339; before it.")] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """List entries, newest first; further pages by `Link: <…>; rel="next"`.

    Nobody can change or delete one. `aether audit verify` shows that nobody has.
    """
    page = Page(request, cursor)
    which = AuditFilter(
        action=_plain(action),
        actor=_plain(actor),
        subject=_plain(subject),
        outcome=outcome,
        since=parse_instant("since", since),
        until=parse_instant("until", until),
    )
    async with borrow(parts_of(request).pool) as connection:
        found = await find_audit_entries(
            connection, which, before=page.before_number, limit=limit + 1
        )
    headers = page.cut(found, limit)
    body = _encode([view_of_entry(entry) for entry in found])
    return Response(body, 200, headers, "application/json")


def _plain(text: str | None) -> str | None:
    """Return a filter's text in the form in which texts are kept."""
    return None if text is None else escape_controls(text, NAME_LENGTH_MAX)
