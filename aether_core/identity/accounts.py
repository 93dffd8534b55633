"""What happens to users and clients, with what it means for their tokens.

In:   a connection in a database transaction of the caller's, and values from outside.
Out:  the user or client as it is now; where tokens are void, the revocation, durable as soon as
      the caller commits, for the caller to announce afterwards.
The gateway and the command line both work through these.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from aether_core.database import sessions, users
from aether_core.database.connection import Session
from aether_core.database.revocations import Revocation, RevocationKind, add_revocation
from aether_core.database.users import Client, User
from aether_core.errors import Conflict, EmailTaken, InvalidInput, NotFound
from aether_core.identity.emails import normalise_email
from aether_core.identity.opaque import hash_opaque, make_client_secret
from aether_core.identity.passwords import PasswordHasher
from aether_core.identity.roles import Role, check_scopes
from aether_core.identity.tokens import LEEWAY_S, LIFE_MAX_S

CLIENT_NAME_LENGTH_MAX: Final = 100

# A revocation outlives every token that it voids, whatever life a gateway is set to give them.
_REVOCATION_LIFE_S: Final = LIFE_MAX_S + LEEWAY_S + 60


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client that was just made, with its secret, which is never seen again."""

    client: Client
    secret: str


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
    """Give a user another role; the tokens of the old one are void. Raises NotFound."""
    return await _void_tokens(connection, await users.set_role(connection, user.id, role))


async def change_password(connection: Session, user: User, password_hash: str) -> Revocation:
    """Give a user another password, which signs it out everywhere. Raises NotFound."""
    changed = await users.set_password_hash(connection, user.id, password_hash, voids_tokens=True)
    await sessions.end_sessions_of(connection, user.id)
    return await _void_tokens(connection, changed)


async def set_active(connection: Session, user: User, *, is_active: bool) -> Revocation:
    """Disable a user, which signs it out everywhere at once, or enable it. Raises NotFound."""
    changed = await users.set_user_active(connection, user.id, is_active=is_active)
    await sessions.end_sessions_of(connection, user.id)
    return await _void_tokens(connection, changed)


async def keep_hash_current(
    connection: Session, hasher: PasswordHasher, user: User, password: str
) -> None:
    """Hash a password that was just found right once more when the cost has changed."""
    if hasher.is_outdated(user.password_hash):
        await users.set_password_hash(
            connection, user.id, await hasher.hash(password), voids_tokens=False
        )


async def end_session(connection: Session, identifier: UUID) -> Revocation:
    """End a sign-in: its refresh tokens and its access tokens are void."""
    await sessions.end_session(connection, identifier)
    return await _revoke(connection, "session", str(identifier))


async def revoke_token(connection: Session, token_id: str) -> Revocation:
    """Void one access token by its `jti`."""
    return await _revoke(connection, "token", token_id)


async def create_client(connection: Session, name: str, scopes: list[str]) -> NewClient:
    """Add a service client. Raises InvalidInput, Conflict when the name is taken."""
    plain = name.strip()
    if not plain or len(plain) > CLIENT_NAME_LENGTH_MAX or not plain.isprintable():
        raise InvalidInput(
            "name", f"A client's name has 1 to {CLIENT_NAME_LENGTH_MAX} printable characters."
        )
    secret = make_client_secret()
    client = await users.add_client(
        connection,
        identifier=f"client_{secrets.token_hex(8)}",
        name=plain,
        secret_hash=hash_opaque(secret),
        scopes=check_scopes(scopes),
    )
    if client is None:
        raise Conflict(f"There is a client with the name {plain} already.")
    return NewClient(client, secret)


async def set_client_active(connection: Session, name_or_id: str, *, is_active: bool) -> Revocation:
    """Disable or enable a client; the tokens it has are void. Raises NotFound."""
    client = await users.set_client_active(connection, name_or_id, is_active=is_active)
    if client is None:
        raise NotFound("client")
    return await _revoke(connection, "subject", client.id, client.token_version)


async def _void_tokens(connection: Session, user: User | None) -> Revocation:
    if user is None:
        raise NotFound("user")
    return await _revoke(connection, "subject", str(user.id), user.token_version)


async def _revoke(
    connection: Session, kind: RevocationKind, subject: str, version: int = 0
) -> Revocation:
    return await add_revocation(
        connection, kind, subject, version=version, life_s=_REVOCATION_LIFE_S
    )
