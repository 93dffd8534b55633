"""What happens to users, with what it means for their tokens.

In:   a connection in a database transaction of the caller's, and values from outside.
Out:  the user as it is now; where tokens are void, the revocation, durable as soon as
      the caller commits, for the caller to announce afterwards.
The gateway and the command line both work through these.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import Final
from uuid import UUID, uuid4

from aether_core.database import sessions, users
from aether_core.database.connection import Session
from aether_core.database.revocations import Revocation, RevocationKind, add_revocation
from aether_core.database.users import User
from aether_core.errors import EmailTaken, LastAdmin, NotFound, TooManyAttempts, WrongPassword
from aether_core.identity.emails import normalise_email
from aether_core.identity.passwords import PasswordHasher
from aether_core.identity.roles import Role
from aether_core.identity.tokens import LEEWAY_S, LIFE_MAX_S

# A revocation outlives every token that it voids, whatever life a gateway is set to give them.
_REVOCATION_LIFE_S: Final = LIFE_MAX_S + LEEWAY_S + 60


async def create_user(
    connection: Session, *, email: str, password_hash: str, role: Role = "customer"
) -> User:
    """Add a user with an account of its own. email: in its normal form. Raises EmailTaken."""
    user = await users.add_user(
        connection,
        identifier=uuid4(),
        email=email,
        password_hash=password_hash,
        role=role,
        account_id=f"acc_{secrets.token_hex(6)}",
    )
    if user is None:
        raise EmailTaken
    return user


async def get_user(connection: Session, email: str) -> User:
    """Return the user with this e-mail address. Raises InvalidInput, NotFound."""
    user = await users.find_user_by_email(connection, normalise_email(email))
    if user is None:
        raise NotFound("user")
    return user


async def change_role(connection: Session, user: User, role: Role) -> Revocation:
    """Give a user another role; the tokens of the old one are void. Raises NotFound, LastAdmin."""
    if role != "admin":
        await _keep_an_admin(connection, user.id)
    return await _void_tokens(connection, await users.set_role(connection, user.id, role))


async def change_password(connection: Session, user: User, password_hash: str) -> Revocation:
    """Give a user another password, which signs it out everywhere. Raises NotFound."""
    changed = await users.set_password_hash(connection, user.id, password_hash, voids_tokens=True)
    await sessions.end_sessions_of(connection, user.id)
    return await _void_tokens(connection, changed)


async def replace_password(
    connection: Session, user: User, password_hash: str
) -> tuple[User, Revocation]:
    """Give a user who has just shown the password of `user` another one; signs it out everywhere.

    Returns the user as it is now. Raises WrongPassword when somebody else was first.
    """
    changed = await users.set_password_hash(
        connection, user.id, password_hash, voids_tokens=True, instead_of=user.password_hash
    )
    if changed is None:
        raise WrongPassword
    await sessions.end_sessions_of(connection, user.id)
    return changed, await _void_tokens(connection, changed)


async def sign_out_everywhere(connection: Session, user_id: UUID) -> Revocation:
    """End every sign-in of a user, and void every access token. Raises NotFound."""
    # The user's row first, as everywhere: who takes both in another order could wait for ever.
    changed = await users.raise_token_version(connection, user_id)
    await sessions.end_sessions_of(connection, user_id)
    return await _void_tokens(connection, changed)


async def set_active(connection: Session, user: User, *, is_active: bool) -> Revocation:
    """Disable a user, which signs it out everywhere at once, or enable it.

    Raises NotFound, LastAdmin.
    """
    if not is_active:
        await _keep_an_admin(connection, user.id)
    changed = await users.set_user_active(connection, user.id, is_active=is_active)
    await sessions.end_sessions_of(connection, user.id)
    return await _void_tokens(connection, changed)


async def keep_hash_current(
    connection: Session, hasher: PasswordHasher, user: User, password: str
) -> None:
    """Hash a password that was just found right once more when hashes are made otherwise now."""
    if hasher.is_outdated(user.password_hash):
        # When too many wait, the next sign-in does it.
        with suppress(TooManyAttempts):
            await users.set_password_hash(
                connection, user.id, await hasher.hash(password), voids_tokens=False
            )


async def end_session(connection: Session, identifier: UUID) -> Revocation:
    """End a sign-in: its refresh tokens and its access tokens are void."""
    await sessions.end_session(connection, identifier)
    return await revoke(connection, "session", str(identifier))


async def end_session_of(connection: Session, identifier: UUID, user_id: UUID) -> Revocation:
    """End a sign-in of this user's. Raises NotFound, also for somebody else's."""
    if not await sessions.end_session_of(connection, identifier, user_id):
        raise NotFound("session")
    return await revoke(connection, "session", str(identifier))


async def revoke_token(connection: Session, token_id: str) -> Revocation:
    """Void one access token by its `jti`."""
    return await revoke(connection, "token", token_id)


async def revoke(
    connection: Session, kind: RevocationKind, subject: str, version: int = 0
) -> Revocation:
    """Make a revocation durable; it outlives every token that it voids."""
    return await add_revocation(
        connection, kind, subject, version=version, life_s=_REVOCATION_LIFE_S
    )


async def _keep_an_admin(connection: Session, identifier: UUID) -> None:
    """Raise LastAdmin when there would be no admin without this user."""
    others = await users.lock_other_admins(connection, identifier)
    # Read after the lock: whoever held it may have changed this one.
    user = await users.find_user(connection, identifier)
    if user is not None and user.role == "admin" and user.is_active and not others:
        raise LastAdmin


async def _void_tokens(connection: Session, user: User | None) -> Revocation:
    if user is None:
        raise NotFound("user")
    return await revoke(connection, "subject", str(user.id), user.token_version)
