"""Opaque secrets: refresh tokens and the secrets of clients.

They are 256 random bits, so that a plain SHA-256 keeps them safe in the database (no dictionary
holds them) and costs nothing to check. Their prefixes let secret scanners find them.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

REFRESH_TOKEN_PREFIX: Final = "aether_refresh_"  # noqa: S105 - what a token begins with
CLIENT_SECRET_PREFIX: Final = "aether_secret_"  # noqa: S105 - what a secret begins with
OPAQUE_LENGTH_MAX: Final = 200
"""Longer ones are not ours."""

_NONCE_BYTES: Final = 12


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
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(_key_of(token)).encrypt(nonce, successor.encode(), None)


def open_successor(token: str, sealed: bytes) -> str | None:
    """Open a sealed successor; None when it was not sealed with this token."""
    try:
        opened = AESGCM(_key_of(token)).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
    except InvalidTag:
        return None
    return opened.decode()


def _key_of(token: str) -> bytes:
    # Not the hash that the database has: that one must not open anything.
    return HKDF(hashes.SHA256(), 32, salt=None, info=b"aether successor 1").derive(token.encode())
