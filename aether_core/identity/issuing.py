"""Issues access tokens for users and clients.

In:   the key that signs now, and whom the token is for.
Out:  the token, how long it lives and what it allows.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from aether_core.database.clients import Client
from aether_core.errors import OAuthRefused
from aether_core.identity.keys import SigningKey
from aether_core.identity.refreshing import SignedIn
from aether_core.identity.roles import granted_scopes, scope_text
from aether_core.identity.second_factor import is_owed
from aether_core.identity.tokens import AccessClaims, make_token_id, sign_access_token
from aether_core.settings import IdentitySettings


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token and what its holder must know of it. expires_in: seconds; scope: with spaces."""

    token: str
    expires_in: int
    scope: str


def issue_to_user(
    key: SigningKey, settings: IdentitySettings, signed_in: SignedIn, wanted: str | None = None
) -> AccessToken:
    """Issue a token with the scopes of a sign-in, or with those of them that are wanted.

    There are none while the user still has to set up a second factor.
    Raises OAuthRefused (invalid_scope).
    """
    user = signed_in.user
    is_held_back = is_owed(settings, user)
    held = frozenset() if is_held_back else granted_scopes(user.role, signed_in.scope)
    scope = _narrow(held, wanted)
    now = int(time.time())
    claims = AccessClaims(
        iss=settings.issuer,
        aud=settings.audience,
        sub=str(user.id),
        client_id=signed_in.client_id,
        jti=make_token_id(),
        iat=now,
        nbf=now,
        exp=now + settings.access_token_s,
        scope=scope,
        ver=user.token_version,
        sid=str(signed_in.session_id),
        role=user.role,
        account_id=user.account_id,
    )
    return AccessToken(
        sign_access_token(key.kid, key.private_key, claims), settings.access_token_s, scope
    )


def issue_to_client(
    key: SigningKey, settings: IdentitySettings, client: Client, wanted: str | None = None
) -> AccessToken:
    """Issue a token with the scopes that a client has, or with those of them that are wanted.

    Raises OAuthRefused (invalid_scope).
    """
    scope = _narrow(client.scopes, wanted)
    now = int(time.time())
    claims = AccessClaims(
        iss=settings.issuer,
        aud=settings.audience,
        sub=client.id,
        client_id=client.id,
        jti=make_token_id(),
        iat=now,
        nbf=now,
        exp=now + settings.access_token_s,
        scope=scope,
        ver=client.token_version,
    )
    return AccessToken(
        sign_access_token(key.kid, key.private_key, claims), settings.access_token_s, scope
    )


def _narrow(held: Iterable[str], wanted: str | None) -> str:
    asked = frozenset((wanted or "").split())
    if not asked <= frozenset(held):
        raise OAuthRefused("invalid_scope", "The request asks for more than may be given.")
    return scope_text(asked or held)
