"""Origins: where a request comes from, as sign-ins and their limits know it."""

from __future__ import annotations

from typing import Final

from fastapi import Request

from aether_core.database.sessions import Origin
from aether_core.plain_text import escape_controls

_ADDRESS_LENGTH_MAX: Final = 64
_USER_AGENT_LENGTH_MAX: Final = 200


def address_of(request: Request) -> str:
    """Return the address that a request comes from."""
    # Where a proxy is trusted, the server has put the client's address here by itself.
    return request.client.host if request.client is not None else ""


def origin_of(request: Request) -> Origin:
    """Return where a sign-in is used from, in texts that are fit to be kept and shown."""
    return Origin(
        escape_controls(address_of(request), _ADDRESS_LENGTH_MAX),
        escape_controls(request.headers.get("user-agent", ""), _USER_AGENT_LENGTH_MAX),
    )
