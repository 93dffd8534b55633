"""OAuth 2.0 for standard clients: tokens and revocation.

Client credentials (RFC 6749 section 4.4), refresh tokens and device codes (RFC 8628); there is no
password grant (RFC 9700 section 2.4). Refusals are RFC 6749 section 5.2 documents.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends, Request

from aether_api.access import Access, access_of
from aether_api.auditing import actor_of_user, note_act, note_reuse
from aether_api.oauth_requests import (
    DEVICE_GRANT,
    GRANT_TYPES,
    Form,
    authenticate_client,
    client_id_of,
    need_client_id,
    read_form,
)
from aether_api.origins import origin_of
from aether_api.policy import open_because
from aether_api.schemas_auth import (
    REFUSALS,
    TOKEN_FIELDS,
    Message,
    OAuthTokens,
    form_body,
)
from aether_core.database.audit import Actor
from aether_core.database.clients import Client
from aether_core.database.connection import borrow
from aether_core.database.sessions import lock_session
from aether_core.errors import NotAuthenticated, OAuthRefused
from aether_core.identity import accounts
from aether_core.identity.devices import NotYet, collect_tokens
from aether_core.identity.issuing import AccessToken, issue_to_client, issue_to_user
from aether_core.identity.refreshing import (
    NotRefreshed,
    SignedIn,
    find_session,
    refresh,
)

router = APIRouter(tags=["oauth"])

_WHY_NOT_YET: Final[dict[NotYet, str]] = {
    "authorization_pending": "Nobody has approved the code yet; ask again.",
    "slow_down": "You ask too often; wait five seconds longer each time.",
    "access_denied": "The code was denied.",
    "expired_token": "The code has expired; ask for a new one.",
    "invalid_grant": "The device code is not valid, or was used already.",
}


@router.post(
    "/oauth/token",
    dependencies=[Depends(open_because("a secret or a refresh token is the permission"))],
    summary="Get a token",
    response_model=OAuthTokens,
    response_model_exclude_none=True,
    responses=REFUSALS,
    openapi_extra=form_body(
        {
            "grant_type": {"type": "string", "enum": list(GRANT_TYPES)},
            "scope": {"type": "string", "description": "Fewer scopes than one has."},
            "refresh_token": {"type": "string"},
            "device_code": {"type": "string"},
        },
        ["grant_type"],
        {
            "grant_type": "client_credentials",
            "client_id": "client_3f8e…",
            "client_secret": "aether_secret_…",
        },
    ),
)
async def token(request: Request) -> OAuthTokens:
    """Exchange a client's credentials, a refresh token or a device code for an access token."""
    access = access_of(request)
    form = await read_form(request)
    client = await authenticate_client(access, request, form)
    grant_type = form.need("grant_type")
    if grant_type == "client_credentials":
        return await _grant_to_client(access, request, client, form)
    if grant_type == "refresh_token":
        return await _grant_refresh(access, request, client, form)
    if grant_type == DEVICE_GRANT:
        return await _grant_device(access, request, client, form)
    raise OAuthRefused("unsupported_grant_type", "This grant type is not supported.")


@router.post(
    "/oauth/revoke",
    dependencies=[Depends(open_because("who holds a token may end it (RFC 7009)"))],
    summary="Revoke a token",
    responses=REFUSALS,
    openapi_extra=form_body(TOKEN_FIELDS, ["token"], {"token": "aether_refresh_…"}),
)
async def revoke(request: Request) -> Message:
    """Void an access token, or end the sign-in of a refresh token (RFC 7009).

    Whoever holds a token of our own consoles may, and a client its own. A token that is unknown,
    void or somebody else's is answered in the same way.
    """
    access = access_of(request)
    form = await read_form(request)
    client = await authenticate_client(access, request, form)
    asking = need_client_id(client, form)
    presented = form.need("token")
    if await _end_sign_in(access, request, presented, asking):
        return Message(message="Done.")
    try:
        claims = await access.examine(presented)
    except NotAuthenticated:
        return Message(message="Done.")
    if claims.client_id == asking:
        async with borrow(access.pool) as connection, connection.transaction():
            revocation = await accounts.revoke_token(connection, claims.jti)
            actor = Actor("client" if claims.is_client else "user", claims.sub)
            await note_act(connection, request, "token.revoke", actor, subject=claims.jti)
        await access.apply(revocation)
    return Message(message="Done.")


async def _grant_to_client(
    access: Access, request: Request, client: Client | None, form: Form
) -> OAuthTokens:
    if client is None:
        raise OAuthRefused("invalid_client", "This grant needs a client's id and secret.")
    key = (await access.key_ring()).signing
    issued = issue_to_client(key, access.settings.identity, client, form.get("scope"))
    unlisted = access.pace.take(f"begin {client.id}")
    if unlisted is not None:
        async with borrow(access.pool) as connection:
            await note_act(
                connection,
                request,
                "session.begin",
                Actor("client", client.id),
                subject=client.id,
                details={"scope": issued.scope, "unlisted": unlisted},
            )
    return OAuthTokens(access_token=issued.token, expires_in=issued.expires_in, scope=issued.scope)


async def _grant_refresh(
    access: Access, request: Request, client: Client | None, form: Form
) -> OAuthTokens:
    presented = form.need("refresh_token")
    client_id = client_id_of(client, form)
    key = (await access.key_ring()).signing
    async with borrow(access.pool) as connection, connection.transaction():
        outcome: SignedIn | NotRefreshed = NotRefreshed()
        if client_id is not None:
            outcome = await refresh(
                connection, presented, client_id=client_id, origin=origin_of(request)
            )
        if isinstance(outcome, SignedIn):
            # Within the transaction: a token that asks for too much is not used up by it.
            issued = issue_to_user(key, access.settings.identity, outcome, form.get("scope"))
            return _tokens(issued, outcome)
        await note_reuse(connection, request, outcome.revocation)
    await access.note_reuse(outcome.revocation)
    raise OAuthRefused("invalid_grant", "The refresh token is not valid any more.")


async def _grant_device(
    access: Access, request: Request, client: Client | None, form: Form
) -> OAuthTokens:
    settings = access.settings.identity
    client_id = need_client_id(client, form)
    device_code = form.need("device_code")
    key = (await access.key_ring()).signing
    async with borrow(access.pool) as connection, connection.transaction():
        outcome = await collect_tokens(
            connection,
            device_code,
            client_id=client_id,
            settings=settings,
            origin=origin_of(request),
        )
        if isinstance(outcome, SignedIn):
            issued = issue_to_user(key, settings, outcome)
            await note_act(
                connection,
                request,
                "session.begin",
                actor_of_user(outcome.user.id),
                subject=str(outcome.session_id),
                details={"device_of": client_id, "scope": issued.scope},
            )
            return _tokens(issued, outcome)
        await note_reuse(connection, request, outcome.revocation)
    await access.note_reuse(outcome.revocation)
    raise OAuthRefused(outcome.code, _WHY_NOT_YET[outcome.code])


def _tokens(issued: AccessToken, signed_in: SignedIn) -> OAuthTokens:
    return OAuthTokens(
        access_token=issued.token,
        expires_in=issued.expires_in,
        scope=issued.scope,
        refresh_token=signed_in.refresh_token,
    )


async def _end_sign_in(access: Access, request: Request, presented: str, asking: str) -> bool:
    """End the sign-in of a refresh token, if it is the asker's; False when it is no such token."""
    async with borrow(access.pool) as connection, connection.transaction():
        session_id = await find_session(connection, presented)
        if session_id is None:
            return False
        session = await lock_session(connection, session_id)
        if session is None or session.client_id != asking:
            return True
        revocation = await accounts.end_session(connection, session_id)
        # Revoking it once more is no act.
        if session.is_live:
            actor = actor_of_user(session.user_id)
            await note_act(connection, request, "session.end", actor, subject=str(session_id))
    await access.apply(revocation)
    return True
