"""What happens to service clients and their secrets, with what it means for their tokens.

In:   a connection in a database transaction of the caller's, and values from outside.
Out:  the client as it is now; a new secret, which is never seen again; where tokens are void, the
      revocation, durable as soon as the caller commits, for the caller to announce afterwards.
A secret is replaced without an interruption: the older one goes on for a while beside the new one.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from aether_core.database import clients
from aether_core.database.clients import Client
from aether_core.database.connection import Session
from aether_core.database.revocations import Revocation
from aether_core.errors import Conflict, InvalidInput, NotFound
from aether_core.identity.accounts import revoke
from aether_core.identity.opaque import hash_opaque, is_same_secret, make_client_secret
from aether_core.identity.roles import check_scopes

CLIENT_NAME_LENGTH_MAX: Final = 100
OVERLAP_S_DEFAULT: Final = 24 * 3600
"""How long the older secret goes on beside a new one: a day to bring it to where it is used."""
OVERLAP_S_MAX: Final = 7 * 24 * 3600

# Compared with when there is no secret to compare with, so that this takes as long.
_NO_HASH: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client with a secret that was just made, which is never seen again."""

    client: Client
    secret: str


@dataclass(frozen=True, slots=True)
class Rotated:
    """A client with its new secret. revocation: its tokens are void, as the old secret is."""

    client: Client
    secret: str
    revocation: Revocation | None


async def create_client(connection: Session, name: str, scopes: list[str]) -> NewClient:
    """Add a service client. Raises InvalidInput, Conflict when the name is taken."""
    plain = name.strip()
    if not plain or len(plain) > CLIENT_NAME_LENGTH_MAX or not plain.isprintable():
        raise InvalidInput(
            "name", f"A client's name has 1 to {CLIENT_NAME_LENGTH_MAX} printable characters."
        )
    secret = make_client_secret()
    client = await clients.add_client(
        connection,
        identifier=f"client_{secrets.token_hex(8)}",
        name=plain,
        secret_hash=hash_opaque(secret),
        scopes=check_scopes(scopes),
    )
    if client is None:
        raise Conflict(f"There is a client with the name {plain} already.")
    return NewClient(client, secret)


async def rotate_secret(
    connection: Session, name_or_id: str, *, overlap_s: int = OVERLAP_S_DEFAULT
) -> Rotated:
    """Give a client another secret; the one it has goes on for `overlap_s`, any older one ends.

    overlap_s: 0 when the secret was stolen: the tokens that were got with it are void, too.
    Raises NotFound, InvalidInput.
    """
    if not 0 <= overlap_s <= OVERLAP_S_MAX:
        raise InvalidInput("overlap_s", f"An overlap has 0 to {OVERLAP_S_MAX} seconds.")
    known = await get_client(connection, name_or_id)
    secret = make_client_secret()
    revocation = None
    if overlap_s == 0:
        unchanged = await clients.set_client_active(connection, known.id, is_active=known.is_active)
        revocation = await _void_tokens(connection, unchanged)
    client = await clients.replace_secret(
        connection, known.id, hash_opaque(secret), overlap_s=overlap_s
    )
    if client is None:
        raise NotFound("client")
    return Rotated(client, secret, revocation)


async def revoke_client(connection: Session, name_or_id: str) -> Revocation:
    """Disable a client for good: its secrets are forgotten and its tokens void. Raises NotFound.

    Whoever enables it again must give it a new secret.
    """
    known = await get_client(connection, name_or_id)
    return await _void_tokens(connection, await clients.remove_secrets(connection, known.id))


async def set_client_active(connection: Session, name_or_id: str, *, is_active: bool) -> Revocation:
    """Disable or enable a client; the tokens it has are void. Raises NotFound."""
    known = await get_client(connection, name_or_id)
    return await _void_tokens(
        connection, await clients.set_client_active(connection, known.id, is_active=is_active)
    )


async def get_client(connection: Session, name_or_id: str) -> Client:
    """Return a client, which nobody changes until the transaction ends. Raises NotFound."""
    # PostgreSQL's texts have no NUL, and no name or id has anything else of its kind.
    found = None
    if name_or_id.isprintable():
        found = await clients.lock_client(connection, name_or_id)
    if found is None:
        raise NotFound("client")
    return found


def is_secret_of(client: Client | None, secret: str) -> bool:
    """Whether this is a secret of a client that may get tokens; takes the same time either way."""
    known = client.secret_hashes if client is not None else ()
    first, second = (*known, _NO_HASH, _NO_HASH)[:2]
    # Both are compared, whatever the first says.
    is_right = is_same_secret(secret, first) | is_same_secret(secret, second)
    return is_right and client is not None and client.is_active


async def _void_tokens(connection: Session, client: Client | None) -> Revocation:
    if client is None:
        raise NotFound("client")
    return await revoke(connection, "subject", client.id, client.token_version)
