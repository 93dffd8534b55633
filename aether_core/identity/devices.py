"""Sign-ins for devices without a keyboard: a person approves at another screen (RFC 8628).

In:   a connection in a database transaction of the caller's; what a device asks for, what a person
      who is signed in decides about it, and the device's questions in between.
Out:  the codes; the request, for the page that shows it; in the end a sign-in of that person with
      the scopes that were approved, or the reason why there is none yet.
A device code has 256 random bits and is worth tokens, so that only its hash is kept. A user code is
short: it lives for minutes, is worth nothing without a sign-in, and guesses at it are counted
(`attempts`).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from aether_core.database import devices, users
from aether_core.database.clients import Client
from aether_core.database.connection import Session
from aether_core.database.devices import DeviceAuthorization
from aether_core.database.revocations import Revocation
from aether_core.database.sessions import NOWHERE, Origin
from aether_core.database.users import User
from aether_core.errors import (
    DeviceCodeExpired,
    DeviceCodeSettled,
    NotFound,
    NotPermitted,
    OAuthRefused,
)
from aether_core.identity.accounts import end_session
from aether_core.identity.opaque import OPAQUE_LENGTH_MAX, hash_opaque
from aether_core.identity.refreshing import CONSOLE_CLIENT_ID, SignedIn, begin_session
from aether_core.identity.roles import SCOPES, scope_text
from aether_core.plain_text import escape_controls
from aether_core.settings import IdentitySettings

DEVICE_CODE_PREFIX: Final = "aether_device_"
CODE_LIFE_S: Final = 600
"""How long both codes are good."""
INTERVAL_S: Final = 5
"""How long a device waits between two questions (RFC 8628 section 3.2)."""

# Section 6.1: no vowels, so that no words come of it, and no digits to take for letters.
_USER_CODE_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
_USER_CODE_LENGTH: Final = 8
_USER_CODE_TEXT_MAX: Final = 32
_SLOWER_S: Final = 5
"""Section 3.5: by so much the interval grows each time that a device asks too soon."""
_JITTER_S: Final = 0.5
"""A question that was sent in time may overtake the time that the one before took."""
_ADDRESS_LENGTH_MAX: Final = 64
_TRIES_MAX: Final = 5

NotYet: TypeAlias = Literal[
    "authorization_pending", "slow_down", "access_denied", "expired_token", "invalid_grant"
]


@dataclass(frozen=True, slots=True)
class NewDeviceCodes:
    """What a device is told. user_code: with a hyphen, as it is shown."""

    device_code: str
    user_code: str
    expires_in: int
    interval: int


@dataclass(frozen=True, slots=True)
class NotGranted:
    """A device gets no tokens. code: why (RFC 8628 section 3.5).

    revocation: the code came a second time, and the sign-in that came of it has ended.
    """

    code: NotYet
    revocation: Revocation | None = None


async def request_device(
    connection: Session, *, client: Client | None, wanted: str | None, address: str
) -> NewDeviceCodes:
    """Give a device its codes. client: None for our own consoles. Raises OAuthRefused.

    wanted: scopes, with spaces between. A client that is registered never gets more than it is
    registered for, whoever approves.
    """
    allowed = frozenset(SCOPES) if client is None else client.scopes
    asked = frozenset((wanted or "").split())
    if not asked <= allowed:
        raise OAuthRefused("invalid_scope", "The request asks for more than may be given.")
    if client is not None:
        asked = asked or allowed
    device_code = DEVICE_CODE_PREFIX + secrets.token_urlsafe(32)
    for _ in range(_TRIES_MAX):
        user_code = "".join(secrets.choice(_USER_CODE_LETTERS) for _ in range(_USER_CODE_LENGTH))
        if await devices.add_device_authorization(
            connection,
            device_code_hash=hash_opaque(device_code),
            user_code=user_code,
            client_id=CONSOLE_CLIENT_ID if client is None else client.id,
            wanted_scope=scope_text(asked) if asked else None,
            address=escape_controls(address, _ADDRESS_LENGTH_MAX),
            interval_s=INTERVAL_S,
            life_s=CODE_LIFE_S,
        ):
            shown = f"{user_code[:4]}-{user_code[4:]}"
            return NewDeviceCodes(device_code, shown, CODE_LIFE_S, INTERVAL_S)
    raise AssertionError("five codes of 25 billion were taken")


async def find_device(connection: Session, user_code: str) -> DeviceAuthorization:
    """Return the request that waits under a code, however it is typed.

    Raises NotFound, DeviceCodeExpired, DeviceCodeSettled.
    """
    plain = _plain_user_code(user_code)
    found = None if plain is None else await devices.find_device_by_user_code(connection, plain)
    return _waiting(found)


async def decide_device(
    connection: Session, user_code: str, user: User, held: frozenset[str], *, approves: bool
) -> DeviceAuthorization:
    """Approve or deny the request that waits under a code, and return it as it was.

    held: what the person may do at this moment; no device gets more.
    Raises NotPermitted when nothing of it can be granted, and what `find_device` raises.
    """
    plain = _plain_user_code(user_code)
    device = _waiting(
        None if plain is None else await devices.lock_device_by_user_code(connection, plain)
    )
    granted = grantable(device, held)
    if approves and not granted:
        raise NotPermitted("You may do nothing of what this device asks for.")
    await devices.decide_device(
        connection,
        device.device_code_hash,
        state="approved" if approves else "denied",
        granted_scope=scope_text(granted) if approves else None,
        user_id=user.id,
        token_version=user.token_version,
    )
    return device


def grantable(device: DeviceAuthorization, held: frozenset[str]) -> frozenset[str]:
    """Return what a device gets of a person who holds these scopes."""
    if device.wanted_scope is None:
        return held
    return held & frozenset(device.wanted_scope.split())


async def collect_tokens(
    connection: Session,
    device_code: str,
    *,
    client_id: str,
    settings: IdentitySettings,
    origin: Origin = NOWHERE,
) -> SignedIn | NotGranted:
    """Begin the sign-in that was approved, once; or say why there is none.

    client_id: who asks; a code of another client's is not known. settings: how long it goes on.
    origin: where the device asks from.
    The caller commits in either case: a question that comes too soon has a consequence.
    """
    if len(device_code) > OPAQUE_LENGTH_MAX or not device_code.startswith(DEVICE_CODE_PREFIX):
        return NotGranted("invalid_grant")
    device = await devices.lock_device(connection, hash_opaque(device_code))
    if device is None or device.client_id != client_id:
        return NotGranted("invalid_grant")
    if device.state == "used":
        # Whoever comes second, one of the two should not have the code.
        assert device.session_id is not None  # noqa: S101 - a constraint of the table
        return NotGranted("invalid_grant", await end_session(connection, device.session_id))
    if device.is_expired:
        return NotGranted("expired_token")
    if device.state == "denied":
        return NotGranted("access_denied")
    if device.state == "pending":
        return NotGranted(await _note_question(connection, device))
    return await _begin(connection, device, settings, origin)


async def _note_question(connection: Session, device: DeviceAuthorization) -> NotYet:
    is_early = device.polled_s is not None and device.polled_s < device.interval_s - _JITTER_S
    interval_s = device.interval_s + _SLOWER_S if is_early else device.interval_s
    await devices.note_poll(connection, device.device_code_hash, interval_s=interval_s)
    return "slow_down" if is_early else "authorization_pending"


async def _begin(
    connection: Session, device: DeviceAuthorization, settings: IdentitySettings, origin: Origin
) -> SignedIn | NotGranted:
    assert device.user_id is not None  # noqa: S101 - a constraint of the table
    user = await users.find_user(connection, device.user_id)
    if user is None or user.token_version != device.token_version:
        # Disabled, or with another role or password than when it approved.
        return NotGranted("access_denied")
    signed_in = await begin_session(
        connection,
        user,
        settings,
        client_id=device.client_id,
        scope=device.granted_scope,
        origin=origin,
    )
    if signed_in is None:
        return NotGranted("access_denied")
    await devices.use_device(connection, device.device_code_hash, signed_in.session_id)
    return signed_in


def _waiting(device: DeviceAuthorization | None) -> DeviceAuthorization:
    """Return a request about which somebody can decide. Raises as `find_device` does."""
    if device is None:
        raise NotFound("code")
    if device.state != "pending":
        raise DeviceCodeSettled
    if device.is_expired:
        raise DeviceCodeExpired
    return device


def _plain_user_code(text: str) -> str | None:
    """Return a code without what people put between its letters; None when it is none of ours."""
    letters = [c for c in text[:_USER_CODE_TEXT_MAX].upper() if c.isalnum()]
    plain = "".join(letters)
    is_ours = len(plain) == _USER_CODE_LENGTH and set(plain) <= set(_USER_CODE_LETTERS)
    return plain if is_ours else None
