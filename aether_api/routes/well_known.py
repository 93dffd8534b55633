"""Where standard clients find their way: our keys and the metadata of the authorisation server."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends, Request, Response

from aether_api.access import access_of
from aether_api.oauth_requests import AUTHENTICATION_METHODS, GRANT_TYPES
from aether_api.policy import open_because
from aether_api.schemas_auth import KeySet, Metadata
from aether_core.identity.keys import key_set
from aether_core.identity.roles import SCOPES

router = APIRouter(tags=["oauth"])

_PUBLISHED: Final = Depends(open_because("made to be published (RFC 7517, RFC 8414)"))


@router.get(
    "/.well-known/jwks.json",
    summary="The keys of our tokens",
    response_model=KeySet,
    dependencies=[_PUBLISHED],
)
async def published_keys(request: Request, response: Response) -> dict[str, list[dict[str, str]]]:
    """Publish the keys that verify access tokens. A new key stands here before it signs."""
    response.headers["Cache-Control"] = "public, max-age=60"
    return key_set(await access_of(request).key_ring())


@router.get(
    "/.well-known/oauth-authorization-server",
    summary="OAuth 2.0 metadata",
    dependencies=[_PUBLISHED],
)
async def metadata(request: Request, response: Response) -> Metadata:
    """Tell clients where everything is (RFC 8414)."""
    settings = access_of(request).settings
    base = settings.public_url
    response.headers["Cache-Control"] = "public, max-age=60"
    return Metadata(
        # To the letter what tokens carry as `iss` (section 3.3, RFC 9068 section 4).
        issuer=settings.identity.issuer,
        token_endpoint=f"{base}/oauth/token",
        device_authorization_endpoint=f"{base}/oauth/device_authorization",
        revocation_endpoint=f"{base}/oauth/revoke",
        introspection_endpoint=f"{base}/oauth/introspect",
        jwks_uri=f"{base}/.well-known/jwks.json",
        scopes_supported=list(SCOPES),
        # There is no authorisation endpoint: no browser is sent to and fro, so that there are no
        # codes to steal and no `code_challenge_methods_supported`.
        response_types_supported=[],
        grant_types_supported=list(GRANT_TYPES),
        token_endpoint_auth_methods_supported=[*AUTHENTICATION_METHODS, "none"],
        revocation_endpoint_auth_methods_supported=[*AUTHENTICATION_METHODS, "none"],
        introspection_endpoint_auth_methods_supported=list(AUTHENTICATION_METHODS),
    )
