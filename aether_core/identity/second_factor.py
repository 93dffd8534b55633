"""The second factor of people: one-time codes of an authenticator app (TOTP, RFC 6238).

In:   a connection in a database transaction of the caller's, a user, the key under which secrets
      are kept, and codes as people type them.
Out:  a secret to scan, recovery codes to keep, and whether a code is right.
A code has six digits and lives for a step of 30 seconds, one more before and after for clocks that
differ (section 5.2); none is good twice, nor one older than the last that was used. Guesses are
counted (`attempts`). A recovery code stands in when the app is lost: 120 random bits, so that a
plain SHA-256 keeps it safe (ASVS 5.0 6.5.2), and each is good once.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import pyotp
from pyotp.exceptions import OTPVerificationError

from aether_core.database import second_factors, users
from aether_core.database.connection import Session
from aether_core.database.revocations import Revocation
from aether_core.database.users import User
from aether_core.errors import InvalidInput, SecondFactorExists, SecondFactorMissing, Unavailable
from aether_core.identity.accounts import sign_out_everywhere
from aether_core.identity.opaque import hash_opaque
from aether_core.identity.sealing import open_sealed, seal
from aether_core.settings import IdentitySettings, Settings

CODE_LENGTH_MAX: Final = 64
"""Longer ones are not ours."""

_STEPS_AROUND: Final = 1
_DIGITS: Final = 6
_SECRET_LENGTH: Final = 32
"""Base 32: 160 bits, as RFC 4226 section 4 recommends."""
_RECOVERY_COUNT: Final = 10
_RECOVERY_BYTES: Final = 15


@dataclass(frozen=True, slots=True)
class NewSecret:
    """What an authenticator app is told. uri: the same, for a QR code."""

    secret: str
    uri: str


def is_owed(settings: IdentitySettings, user: User) -> bool:
    """Whether a user must set up a second factor before anything else."""
    if user.totp_since is not None or settings.second_factor == "offered":
        return False
    return settings.second_factor == "everyone" or user.role != "customer"


async def prepare(
    connection: Session, user_id: UUID, sealing_key: bytes, settings: Settings
) -> NewSecret:
    """Make a secret that waits to be confirmed. Raises SecondFactorExists."""
    user = await _lock(connection, user_id)
    if user.totp_since is not None:
        raise SecondFactorExists
    secret = pyotp.random_base32(_SECRET_LENGTH)
    sealed = seal(sealing_key, secret.encode(), _context(user_id))
    await second_factors.set_totp_secret(connection, user_id, sealed)
    return NewSecret(
        secret,
        pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=_name_of(settings)),
    )


async def confirm(
    connection: Session, user_id: UUID, sealing_key: bytes, code: str
) -> tuple[User, Revocation, list[str]]:
    """Ask for codes from now on, since the app gives the right one; signs out everywhere.

    Returns the user as it is now, and the recovery codes, which are shown this once.
    Raises SecondFactorMissing when nothing waits, SecondFactorExists, InvalidInput.
    """
    user = await _lock(connection, user_id)
    if user.totp_since is not None:
        raise SecondFactorExists
    if user.totp_secret_sealed is None:
        raise SecondFactorMissing
    step = _step_of(code, user, sealing_key)
    if step is None:
        raise InvalidInput("one_time_code", "The app does not show this code; is its clock right?")
    await second_factors.begin_totp(connection, user_id, step)
    codes = [_make_recovery_code() for _ in range(_RECOVERY_COUNT)]
    hashes = [hash_opaque(_plain(made)) for made in codes]
    await second_factors.replace_recovery_codes(connection, user_id, hashes)
    return *await _void_sign_ins(connection, user_id), codes


async def is_right(connection: Session, user_id: UUID, sealing_key: bytes, code: str) -> bool:
    """Whether a code, or a recovery code, is right; it is used up then.

    True for a user who has no second factor. Raises Unavailable.
    """
    user = await _lock(connection, user_id)
    if user.totp_since is None:
        return True
    if not is_short(code):
        return await second_factors.use_recovery_code(
            connection, user_id, hash_opaque(_plain(code))
        )
    step = _step_of(code, user, sealing_key)
    if step is None:
        return False
    await second_factors.note_totp_step(connection, user_id, step)
    return True


async def remove(connection: Session, user_id: UUID) -> tuple[User, Revocation]:
    """Ask for codes no longer; signs out everywhere. Raises SecondFactorMissing.

    Returns the user as it is now.
    """
    user = await _lock(connection, user_id)
    if user.totp_since is None:
        raise SecondFactorMissing
    await second_factors.delete_totp(connection, user_id)
    return await _void_sign_ins(connection, user_id)


def is_short(code: str) -> bool:
    """Whether this could be a code that is short enough to be guessed."""
    return len(_plain(code)) <= _DIGITS


def _step_of(code: str, user: User, sealing_key: bytes) -> int | None:
    """Return the time step that a code belongs to; None for one that is wrong or was used."""
    assert user.totp_secret_sealed is not None  # noqa: S101 - asked before
    opened = open_sealed(sealing_key, user.totp_secret_sealed, _context(user.id))
    if opened is None:
        raise Unavailable("One-time codes cannot be checked here: the sealing key is another.")
    app = pyotp.TOTP(opened.decode())
    try:
        step = app.verify_and_get_timecode(_plain(code), valid_window=_STEPS_AROUND)
    except OTPVerificationError:
        return None
    return step if step > user.totp_step else None


async def _lock(connection: Session, user_id: UUID) -> User:
    user = await users.lock_user(connection, user_id)
    if user is None:
        raise SecondFactorMissing
    return user


async def _void_sign_ins(connection: Session, user_id: UUID) -> tuple[User, Revocation]:
    revocation = await sign_out_everywhere(connection, user_id)
    return await _lock(connection, user_id), revocation


def _make_recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _plain(code: str) -> str:
    """Return a code without what people put between its characters."""
    return "".join(c for c in code[:CODE_LENGTH_MAX].upper() if c.isalnum())


def _context(user_id: UUID) -> bytes:
    return b"totp " + user_id.bytes


def _name_of(settings: Settings) -> str:
    """Return what an app shows: people have codes of several systems."""
    host = urlsplit(settings.identity.issuer).hostname
    return "Aether" if host is None else f"Aether at {host}"
