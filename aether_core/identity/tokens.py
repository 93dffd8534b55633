"""Access tokens: JWTs that say who calls, for a quarter of an hour (RFC 7519, RFC 9068).

In:   a signing key and claims; or a token somebody sent and the keys that we publish.
Out:  a token; or its claims, or NotAuthenticated.
A token is taken only in the one form in which we write it: EdDSA by a key of ours, `at+jwt`,
nothing else in its header, each claim once and of its type (RFC 8725). Whether it was revoked is
not known here.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Mapping
from typing import Annotated, Any, Final

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from aether_core.errors import NotAuthenticated

ALGORITHM: Final = "EdDSA"
TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - RFC 9068 section 2.1
LEEWAY_S: Final = 10
"""How far the clocks of two machines may differ."""
TOKEN_LENGTH_MAX: Final = 4096
"""Longer ones are refused before anything is computed; ours have about 700 characters."""
LIFE_MAX_S: Final = 3600
"""The longest life that a setting may give a token; revocations are kept for so long."""

# An Ed25519 signature is 64 bytes: of its last character only two bits count, so that there is
# one way to write it.
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]", re.ASCII)
_SUBJECT = r"^[A-Za-z0-9_-]{1,64}$"
_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_HEADER_MEMBERS = {"alg", "typ", "kid"}
_INVALID = "The access token is not valid; sign in again."


class AccessClaims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an access token says.

    sub: a user's or a client's id. sid: the sign-in it belongs to; None for a client. ver: the
    version that the subject had; exp, nbf, iat: epoch seconds.
    """

    iss: str
    aud: str
    sub: Annotated[str, msgspec.Meta(pattern=_SUBJECT)]
    client_id: Annotated[str, msgspec.Meta(pattern=_SUBJECT)]
    jti: str
    iat: int
    nbf: int
    exp: int
    scope: str
    ver: int
    sid: Annotated[str, msgspec.Meta(pattern=_UUID)] | None = None
    role: str | None = None
    account_id: str | None = None

    @property
    def is_client(self) -> bool:
        """Whether a service acts for itself (RFC 9068 section 2.2: sub is then its client_id)."""
        return self.sub == self.client_id


def make_token_id() -> str:
    """Return a new `jti`: 128 random bits."""
    return secrets.token_urlsafe(16)


def sign_access_token(kid: str, key: Ed25519PrivateKey, claims: AccessClaims) -> str:
    """Return the token of these claims."""
    stated = {k: v for k, v in msgspec.structs.asdict(claims).items() if v is not None}
    return jwt.encode(stated, key, ALGORITHM, headers={"typ": TOKEN_TYPE, "kid": kid})


def read_kid(token: str) -> str:
    """Return the name of the key that a token claims to be signed with; nothing is verified.

    Raises NotAuthenticated for a token that is not of our form, whatever its signature.
    """
    if len(token) > TOKEN_LENGTH_MAX or _FORM.fullmatch(token) is None:
        raise NotAuthenticated(_INVALID, "invalid_token")
    header = _object_of(token.split(".", 1)[0])
    kid = header.get("kid")
    if (
        header.keys() != _HEADER_MEMBERS
        or header["alg"] != ALGORITHM
        or header["typ"] != TOKEN_TYPE
        or not isinstance(kid, str)
    ):
        raise NotAuthenticated(_INVALID, "invalid_token")
    return kid


def verify_access_token(
    token: str, keys: Mapping[str, Ed25519PublicKey], *, issuer: str, audience: str
) -> AccessClaims:
    """Return the claims of a token that one of `keys` signed and that is in force now.

    Raises NotAuthenticated, with the same words for each reason.
    """
    key = keys.get(read_kid(token))
    if key is None:
        raise NotAuthenticated(_INVALID, "invalid_token")
    try:
        stated = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=issuer,
            audience=audience,
            leeway=LEEWAY_S,
            options={"require": ["iss", "aud", "exp", "iat", "nbf"], "strict_aud": True},
        )
        # PyJWT takes the last of two claims of one name: such a token is refused here.
        if stated != _object_of(token.split(".")[1]):
            raise NotAuthenticated(_INVALID, "invalid_token")
        claims = msgspec.convert(stated, AccessClaims)
    except jwt.ExpiredSignatureError as error:
        raise NotAuthenticated("The access token has expired.", "invalid_token") from error
    except (jwt.PyJWTError, msgspec.ValidationError) as error:
        raise NotAuthenticated(_INVALID, "invalid_token") from error
    if claims.exp <= time.time():
        # Leeway is for clocks that run ahead when a token is new; none lives longer than it says.
        raise NotAuthenticated("The access token has expired.", "invalid_token")
    is_person = re.fullmatch(_UUID, claims.sub) is not None and claims.sid is not None
    if claims.exp - claims.iat > LIFE_MAX_S or is_person == claims.is_client:
        raise NotAuthenticated(_INVALID, "invalid_token")
    return claims


def _object_of(segment: str) -> dict[str, Any]:
    """Read one part of a token: a JSON object, written in the one way that its bytes have."""
    try:
        raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
        value = json.loads(raw, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise NotAuthenticated(_INVALID, "invalid_token") from error
    is_canonical = base64.urlsafe_b64encode(raw).rstrip(b"=") == segment.encode()
    if not isinstance(value, dict) or not is_canonical:
        raise NotAuthenticated(_INVALID, "invalid_token")
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice")
    return value
