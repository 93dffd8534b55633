"""Auditing: what a request says for the entries of the audit trail about the acts in it."""

from __future__ import annotations

from fastapi import Request

from aether_api.access import Caller
from aether_core.database.audit import Actor


def actor_of(caller: Caller) -> Actor:
    """Return who acts; its name is looked up when the entry is added."""
    return Actor(caller.kind, caller.subject)


def circumstances(request: Request) -> tuple[str, str]:
    """Return the address that a request comes from, and its id."""
    # Where a proxy is trusted, the server has put the client's address here by itself.
    address = request.client.host if request.client is not None else ""
    return address, request.scope.get("state", {}).get("request_id", "")
