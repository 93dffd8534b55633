"""Sealing of what must be read again: private keys, shared secrets, tokens' successors.

AES-256-GCM with a random nonce of 96 bits (NIST SP 800-38D section 8.2.2). What is sealed in one
context cannot be opened in another, so that nobody with the database moves one into another's row.
"""

from __future__ import annotations

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES: Final = 12


def derive_key(secret: bytes, purpose: bytes) -> bytes:
    """Return the 32 bytes of a key that a secret of full entropy has for one purpose (RFC 5869)."""
    return HKDF(hashes.SHA256(), 32, salt=None, info=purpose).derive(secret)


def seal(key: bytes, content: bytes, context: bytes | None = None) -> bytes:
    """Return content that only who has the key can read or change, with its nonce before it."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, context)


def open_sealed(key: bytes, sealed: bytes, context: bytes | None = None) -> bytes | None:
    """Return what was sealed; None when it was not with this key and in this context."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
    except InvalidTag:
        return None
