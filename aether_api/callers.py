"""Callers: what somebody is called where a deed of theirs is kept and shown to colleagues."""

from __future__ import annotations

from uuid import UUID

from aether_api.access import Caller
from aether_core.database.connection import Session
from aether_core.database.users import find_user


async def name_of(connection: Session, caller: Caller) -> str:
    """Return who acts, as colleagues know them: a person's e-mail address, or a client's id."""
    if caller.kind == "user":
        user = await find_user(connection, UUID(caller.subject))
        if user is not None:
            return user.email
    return caller.subject
