"""Signing keys: made here, kept sealed in PostgreSQL, published as a JWK set.

In:   the sealing key of this installation (a file of its own, or AETHER_SEALING_KEY) and the rows
      of `signing_keys`.
Out:  a KeyRing: the key that signs now, and all keys whose tokens are still good.
A new key is published for a while before it signs, and an old one goes on verifying until its last
token has expired: a rotation signs nobody out. A gateway that cannot open the others' keys makes
one of its own; they trust each other's through the table.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from aether_core.database import signing_keys
from aether_core.database.connection import Session
from aether_core.database.signing_keys import StoredKey
from aether_core.errors import CannotStart
from aether_core.identity.sealing import derive_key, open_sealed, seal
from aether_core.identity.tokens import LIFE_MAX_S
from aether_core.settings import Settings

PUBLISHED_BEFORE_USE_S: Final = 5
"""A new key signs only when every gateway has had some occasions to learn of it: they look for
keys every second."""

_KEPT_S: Final = LIFE_MAX_S + 120


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key that signs now."""

    kid: str
    private_key: Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The key that signs now and all whose tokens are good, by `kid`, newest first."""

    signing: SigningKey
    verifying: Mapping[str, Ed25519PublicKey]


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key as administrators see it. retired_at: from then on it signs nothing."""

    kid: str
    created_at: datetime
    state: Literal["next", "signing", "retired"]
    retired_at: datetime | None


def load_sealing_key(settings: Settings) -> bytes:
    """Return the key under which secrets are kept; makes its file when it is missing.

    Raises CannotStart when it is open to others.
    """
    if settings.sealing_key is not None:
        return _derive(settings.sealing_key.get_secret_value().encode())
    path = settings.key_directory / "sealing.key"
    settings.key_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _make_file(path)
    if path.stat().st_mode & 0o077:
        raise CannotStart(f"{path} is open to others; run: chmod 600 {path}")
    return _derive(path.read_bytes())


async def load_key_ring(connection: Session, sealing_key: bytes) -> KeyRing:
    """Read the keys; makes the first one. Runs in a database transaction of its own."""
    stored = await signing_keys.find_signing_keys(connection, kept_s=_KEPT_S)
    signing = _choose(stored, sealing_key)
    if signing is None:
        async with connection.transaction():
            await signing_keys.lock_signing_keys(connection)
            stored = await signing_keys.find_signing_keys(connection, kept_s=_KEPT_S)
            signing = _choose(stored, sealing_key)
            if signing is None:
                signing = await _add_key(connection, sealing_key)
                stored = await signing_keys.find_signing_keys(connection, kept_s=_KEPT_S)
    verifying = {key.kid: Ed25519PublicKey.from_public_bytes(key.public_key) for key in stored}
    return KeyRing(signing, verifying)


async def rotate_signing_key(
    connection: Session, sealing_key: bytes, *, void_older: bool = False
) -> str:
    """Make a new signing key and retire the others; returns its `kid`.

    void_older: forget the others at once, which voids every access token (after a theft);
    sign-ins go on with their refresh tokens. Runs in the caller's database transaction.
    """
    await signing_keys.lock_signing_keys(connection)
    key = await _add_key(connection, sealing_key)
    if void_older:
        await signing_keys.delete_signing_keys(connection, except_kid=key.kid)
    else:
        await signing_keys.retire_signing_keys(
            connection, except_kid=key.kid, after_s=PUBLISHED_BEFORE_USE_S
        )
        await signing_keys.delete_expired_signing_keys(connection, kept_s=_KEPT_S)
    return key.kid


async def list_keys(connection: Session) -> list[KeyState]:
    """Return the keys whose tokens are good, newest first.

    Machines with sealing keys of their own each sign with a key of their own.
    """
    stored = await signing_keys.find_signing_keys(connection, kept_s=_KEPT_S)
    # The oldest that still signs does so until those after it are known (`_choose`).
    oldest_age_s = max((key.age_s for key in stored if not key.is_retired), default=0.0)
    return [
        KeyState(key.kid, key.created_at, _state_of(key, oldest_age_s), key.retired_at)
        for key in stored
    ]


def key_set(ring: KeyRing) -> dict[str, list[dict[str, str]]]:
    """Return the published keys as a JWK set (RFC 7517, RFC 8037)."""
    return {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": base64.urlsafe_b64encode(key.public_bytes_raw()).rstrip(b"=").decode(),
                "kid": kid,
                "use": "sig",
                "alg": "EdDSA",
            }
            for kid, key in ring.verifying.items()
        ]
    }


def _state_of(key: StoredKey, oldest_age_s: float) -> Literal["next", "signing", "retired"]:
    """Say what a key does now. oldest_age_s: of the keys that are not retired."""
    if key.is_retired:
        return "retired"
    return "next" if key.age_s < min(oldest_age_s, PUBLISHED_BEFORE_USE_S) else "signing"


def _choose(stored: list[StoredKey], sealing_key: bytes) -> SigningKey | None:
    """Return the newest key that signs and that we can open; a fresh one only without others."""
    fresh = None
    for key in stored:
        opened = None if key.is_retired else _open(key, sealing_key)
        if opened is None:
            continue
        if key.age_s >= PUBLISHED_BEFORE_USE_S:
            return opened
        # The oldest of the fresh ones: the others know it best.
        fresh = opened
    return fresh


async def _add_key(connection: Session, sealing_key: bytes) -> SigningKey:
    private_key = Ed25519PrivateKey.generate()
    kid = secrets.token_urlsafe(9)
    sealed = seal(sealing_key, private_key.private_bytes_raw(), kid.encode())
    public_key = private_key.public_key().public_bytes_raw()
    await signing_keys.add_signing_key(connection, kid, public_key, sealed)
    return SigningKey(kid, private_key)


def _open(key: StoredKey, sealing_key: bytes) -> SigningKey | None:
    raw = open_sealed(sealing_key, key.private_key_sealed, key.kid.encode())
    if raw is None:
        return None
    private_key = Ed25519PrivateKey.from_private_bytes(raw)
    # A row whose halves do not belong together would sign what nobody can verify.
    if private_key.public_key().public_bytes_raw() != key.public_key:
        return None
    return SigningKey(key.kid, private_key)


def _derive(secret: bytes) -> bytes:
    return derive_key(secret.strip(), b"aether sealing key 1")


def _make_file(path: Path) -> None:
    """Make the file whole or not at all: another process may be starting beside this one."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(32))
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(partial, path)
    partial.unlink()
