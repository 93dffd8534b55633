"""Opaque secrets: refresh tokens and the secrets of clients.

They are 256 random bits, so that a plain SHA-256 keeps them safe in the database (no dictionary
holds them) and costs nothing to check. Their prefixes let secret scanners find them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from aether_core.identity.sealing import derive_key, open_sealed, seal

REFRESH_TOKEN_PREFIX: Final = "aether_refresh_"  # noqa: S105 - what a token begins with
CLIENT_SECRET_PREFIX: Final = "aether_secret_"  # noqa: S105 - what a secret begins with
OPAQUE_LENGTH_MAX: Final = 200
"""Longer ones are not ours."""

_SUCCESSOR: Final = b"aether successor 1"


def make_refresh_token() -> str:
    """Return a new refresh token."""
    return REFRESH_TOKEN_PREFIX + secrets.token_urlsafe(32)


def make_client_secret() -> str:
    """Return a new client secret."""
    return CLIENT_SECRET_PREFIX + secrets.token_urlsafe(32)


def hash_opaque(secret: str) -> bytes:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def is_same_secret(secret: str, secret_hash: bytes) -> bool:
    """Whether a secret has this hash; takes the same time either way."""
    return hmac.compare_digest(hash_opaque(secret), secret_hash)


def seal_successor(token: str, successor: str) -> bytes:
    """Seal a token's successor so that only who has the token itself can open it."""
    # Not with the hash that the database has: that one must not open anything.
    return seal(derive_key(token.encode(), _SUCCESSOR), successor.encode())


def open_successor(token: str, sealed: bytes) -> str | None:
    """Open a sealed successor; None when it was not sealed with this token."""
    opened = open_sealed(derive_key(token.encode(), _SUCCESSOR), sealed)
    return None if opened is None else opened.decode()
