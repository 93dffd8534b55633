"""Auditing: what a request says for the entries of the audit trail about the acts in it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from uuid import UUID

from fastapi import Request

from aether_api.origins import address_of
from aether_core.database.audit import NOBODY, Actor, AuditOutcome, add_audit_entry
from aether_core.database.connection import Session
from aether_core.database.revocations import Revocation

if TYPE_CHECKING:
    from aether_api.access import Caller

CLIENT_EVERY_S: Final = 60.0
"""Of the tokens a service gets, and of the wrong secrets, one in so long is listed."""


def actor_of(caller: Caller) -> Actor:
    """Return who acts; its name is looked up when the entry is added."""
    return Actor(caller.kind, caller.subject)


def actor_of_user(identifier: UUID) -> Actor:
    """Return a user as who acts: somebody who has just shown a password or a token of theirs."""
    return Actor("user", str(identifier))


def circumstances(request: Request) -> tuple[str, str]:
    """Return the address that a request comes from, and its id."""
    return address_of(request), request.scope.get("state", {}).get("request_id", "")


async def note_act(
    connection: Session,
    request: Request,
    action: str,
    actor: Actor,
    *,
    subject: str = "",
    outcome: AuditOutcome = "success",
    details: Mapping[str, str | int | bool] | None = None,
) -> None:
    """Add the entry of an act that a request does, as the last statement of its transaction."""
    address, request_id = circumstances(request)
    await add_audit_entry(
        connection,
        action=action,
        actor=actor,
        subject=subject,
        outcome=outcome,
        address=address,
        request_id=request_id,
        details=details,
    )


async def note_reuse(connection: Session, request: Request, revocation: Revocation | None) -> None:
    """Add the entry of a sign-in that ended because a token or code of it came twice, if one did.

    Whoever it was: the one who was robbed, or the thief.
    """
    if revocation is not None:
        await note_act(connection, request, "session.reuse", NOBODY, subject=revocation.subject)


class Pace:
    """Lists one act of a kind in a while and counts the others; one instance a gateway process.

    For what machines do as often as they like: they could fill the trail.
    """

    def __init__(self, every_s: float = CLIENT_EVERY_S) -> None:
        self._every_s = every_s
        self._known: dict[str, tuple[float, int]] = {}

    def take(self, kind: str) -> int | None:
        """Return how many have not been listed since the last one that was; None: nor is this."""
        now = time.monotonic()
        listed_at, unlisted = self._known.get(kind, (-1e9, 0))
        if now - listed_at < self._every_s:
            self._known[kind] = (listed_at, unlisted + 1)
            return None
        self._known[kind] = (now, 0)
        return unlisted
