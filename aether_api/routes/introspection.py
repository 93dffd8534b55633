"""Introspection (RFC 7662): what a token says, for who may ask."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends, Request

from aether_api.access import Access, access_of, authorization_of
from aether_api.oauth_requests import Form, authenticate_client, read_form
from aether_api.policy import Policy, open_because
from aether_api.schemas_auth import REFUSALS, TOKEN_FIELDS, Introspection, form_body
from aether_core.database.connection import borrow
from aether_core.errors import NotAuthenticated, OAuthRefused
from aether_core.identity.refreshing import examine_refresh_token
from aether_core.identity.roles import granted_scopes, scope_text

router = APIRouter(tags=["oauth"])

_may_ask_all: Final = Policy("admin")


@router.post(
    "/oauth/introspect",
    dependencies=[Depends(open_because("a client shows its secret, or its token with admin"))],
    summary="Ask what a token says",
    response_model=Introspection,
    response_model_exclude_none=True,
    responses={**REFUSALS, 403: {"description": "Not the caller's to ask."}},
    openapi_extra=form_body(TOKEN_FIELDS, ["token"], {"token": "eyJ…"}),
)
async def introspect(request: Request) -> Introspection:
    """Say whether an access token or a refresh token is in force, and for whom (RFC 7662).

    A client may ask about tokens that were issued to it; who has the scope `admin`, about any.
    """
    access = access_of(request)
    form = await read_form(request)
    asking, may_ask_all = await _who_introspects(access, request, form)
    presented = form.need("token")
    found = await _introspect_refresh_token(access, presented)
    if found is None:
        found = await _introspect_access_token(access, presented)
    if found is None or not (may_ask_all or found.client_id == asking):
        return Introspection(active=False)
    return found


async def _introspect_access_token(access: Access, presented: str) -> Introspection | None:
    try:
        claims = await access.examine(presented)
    except NotAuthenticated:
        return None
    return Introspection(
        active=True,
        scope=claims.scope,
        client_id=claims.client_id,
        token_type="Bearer",  # noqa: S106 - a kind, no token
        sub=claims.sub,
        iss=claims.iss,
        aud=claims.aud,
        jti=claims.jti,
        iat=claims.iat,
        nbf=claims.nbf,
        exp=claims.exp,
        role=claims.role,
        account_id=claims.account_id,
    )


async def _introspect_refresh_token(access: Access, presented: str) -> Introspection | None:
    async with borrow(access.pool) as connection:
        found = await examine_refresh_token(connection, presented)
    if found is None:
        return None
    # No `token_type`, which says how an access token is presented, and no resource is its audience.
    return Introspection(
        active=True,
        scope=scope_text(granted_scopes(found.user.role, found.sign_in.scope)),
        client_id=found.sign_in.client_id,
        sub=str(found.user.id),
        iss=access.settings.identity.issuer,
        iat=int(found.sign_in.created_at.timestamp()),
        exp=int(found.sign_in.expires_at.timestamp()),
        role=found.user.role,
        account_id=found.user.account_id,
    )


async def _who_introspects(access: Access, request: Request, form: Form) -> tuple[str, bool]:
    """Return who asks, and whether it may ask about every token."""
    authorization = authorization_of(request)
    if authorization is not None and authorization[:7].lower() == "bearer ":
        caller = await access.authenticate(authorization)
        _may_ask_all.check(caller)
        return caller.subject, True
    client = await authenticate_client(access, request, form)
    if client is None:
        raise OAuthRefused("invalid_client", "Introspection needs a client's id and secret.")
    return client.id, "admin" in client.scopes
