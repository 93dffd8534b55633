"""Sign-ins and their refresh tokens: each is used once, and a second use ends the family.

In:   a connection in a database transaction of the caller's, and the token that was presented.
Out:  the user and the next token, or why there is none. The caller commits in either case: ending
      a family is part of the answer.
A client whose answer was lost tries again with the same token: for a few seconds it gets the same
successor, so that there is one successor in total (RFC 9700 section 4.14.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from aether_core.database import sessions, users
from aether_core.database.connection import Session
from aether_core.database.revocations import Revocation
from aether_core.database.sessions import NOWHERE, Origin
from aether_core.database.users import User
from aether_core.identity.accounts import end_session
from aether_core.identity.opaque import (
    OPAQUE_LENGTH_MAX,
    REFRESH_TOKEN_PREFIX,
    hash_opaque,
    make_refresh_token,
    open_successor,
    seal_successor,
)
from aether_core.settings import IdentitySettings

CONSOLE_CLIENT_ID: Final = "aether"
"""The `client_id` of Aether's own consoles, which have no secret (RFC 6749 section 2.1)."""
CONSOLE_CLIENT_NAME: Final = "Aether console"
GRACE_S: Final = 10.0
"""How long the same token gets the same successor."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user with a sign-in that goes on, and its next refresh token."""

    user: User
    session_id: UUID
    client_id: str
    refresh_token: str
    scope: str | None = None
    """What was granted, with spaces between; None: all that the user's role may do."""


@dataclass(frozen=True, slots=True)
class NotRefreshed:
    """The token gets no successor. revocation: its family was ended because of it."""

    revocation: Revocation | None = None


@dataclass(frozen=True, slots=True)
class RefreshTokenFacts:
    """A refresh token that is good for its one use."""

    user: User
    sign_in: sessions.SignIn


async def begin_session(
    connection: Session,
    user: User,
    settings: IdentitySettings,
    *,
    client_id: str = CONSOLE_CLIENT_ID,
    scope: str | None = None,
    origin: Origin = NOWHERE,
) -> SignedIn | None:
    """Sign a user in: a new session with its first refresh token.

    settings: how long it goes on. scope: what it is limited to.
    origin: where it is used from.
    None when the user is no longer what it was when its password was found right: a new password
    ends all sessions, and this one must not begin behind its back.
    """
    now = await users.lock_user(connection, user.id)
    if now is None or not now.is_active or now.token_version != user.token_version:
        return None
    session_id = uuid4()
    await sessions.add_session(
        connection,
        identifier=session_id,
        user_id=user.id,
        client_id=client_id,
        scope=scope,
        life_s=settings.refresh_token_s,
        idle_s=settings.session_idle_s,
        origin=origin,
    )
    await users.note_sign_in(connection, user.id)
    token = make_refresh_token()
    await sessions.add_refresh_token(connection, hash_opaque(token), session_id)
    return SignedIn(user, session_id, client_id, token, scope)


async def refresh(
    connection: Session,
    token: str,
    *,
    client_id: str = CONSOLE_CLIENT_ID,
    grace_s: float = GRACE_S,
    origin: Origin = NOWHERE,
) -> SignedIn | NotRefreshed:
    """Exchange a refresh token for its successor.

    client_id: who presents it; another client's token is not exchanged.
    origin: where it is presented from.
    """
    session_id = await find_session(connection, token)
    session = None if session_id is None else await sessions.lock_session(connection, session_id)
    if session is None or not session.is_live or client_id != session.client_id:
        return NotRefreshed()
    user = await users.find_user(connection, session.user_id)
    # Read after the lock: whoever held it before has noted what became of the token.
    known = await sessions.find_refresh_token(connection, hash_opaque(token))
    if user is None or not user.is_active or known is None:
        return NotRefreshed()
    if known.used_s is None:
        successor = make_refresh_token()
        await sessions.use_refresh_token(
            connection, hash_opaque(token), seal_successor(token, successor)
        )
        await sessions.add_refresh_token(connection, hash_opaque(successor), session.id)
        await sessions.note_use(connection, session.id, origin)
        return SignedIn(user, session.id, session.client_id, successor, session.scope)
    same = None
    if known.used_s <= grace_s and known.successor_sealed is not None:
        same = open_successor(token, known.successor_sealed)
    if same is None:
        # Used before: one of the two who have it stole it, and nobody can say which.
        return NotRefreshed(await end_session(connection, session.id))
    return SignedIn(user, session.id, session.client_id, same, session.scope)


async def find_session(connection: Session, token: str) -> UUID | None:
    """Return the sign-in that a refresh token belongs to, if it is one of ours."""
    if len(token) > OPAQUE_LENGTH_MAX or not token.startswith(REFRESH_TOKEN_PREFIX):
        return None
    return await sessions.find_session_of_token(connection, hash_opaque(token))


async def examine_refresh_token(connection: Session, token: str) -> RefreshTokenFacts | None:
    """Say what a refresh token is good for, without using it; None when it is not good."""
    session_id = await find_session(connection, token)
    sign_in = None if session_id is None else await sessions.find_session(connection, session_id)
    if sign_in is None or not sign_in.is_live:
        return None
    known = await sessions.find_refresh_token(connection, hash_opaque(token))
    user = await users.find_user(connection, sign_in.user_id)
    if known is None or known.used_s is not None or user is None or not user.is_active:
        return None
    return RefreshTokenFacts(user, sign_in)
