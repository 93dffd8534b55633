"""OAuth 2.0 for standard clients: tokens, revocation, introspection, keys, metadata.

Client credentials (RFC 6749 section 4.4) and refresh tokens; there is no password grant (RFC 9700
section 2.4). Forms are read here in the one form that the RFC gives them; refusals are RFC 6749
section 5.2 documents.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

from fastapi import APIRouter, Depends, Request, Response

from aether_api.access import Access, access_of, authorization_of
from aether_api.auditing import actor_of_user, note_act
from aether_api.policy import Policy, open_because
from aether_api.schemas_auth import (
    Introspection,
    KeySet,
    Message,
    Metadata,
    OAuthError,
    OAuthTokens,
    form_body,
)
from aether_core.database.audit import NOBODY, Actor
from aether_core.database.connection import borrow
from aether_core.database.sessions import lock_session
from aether_core.database.users import Client, find_client
from aether_core.errors import NotAuthenticated, OAuthRefused
from aether_core.identity import accounts
from aether_core.identity.issuing import issue_to_client, issue_to_user
from aether_core.identity.keys import key_set
from aether_core.identity.opaque import is_same_secret
from aether_core.identity.refreshing import SignedIn, find_session, refresh
from aether_core.identity.roles import SCOPES

router = APIRouter(tags=["oauth"])

_PUBLISHED: Final = Depends(open_because("made to be published (RFC 7517, RFC 8414)"))
_may_ask_all: Final = Policy("admin")

_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_FIELD_COUNT_MAX: Final = 20
_VALUE_LENGTH_MAX: Final = 4096
_AUTHENTICATION_METHODS: Final = ["client_secret_basic", "client_secret_post"]
# Compared with when there is no such client, so that this takes as long.
_NO_HASH: Final = bytes(32)

_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": OAuthError, "description": "The request is refused."},
    401: {"model": OAuthError, "description": "The client is not known or its secret is wrong."},
}
_TOKEN_FIELDS: Final[dict[str, Any]] = {
    "token": {"type": "string"},
    "token_type_hint": {"type": "string", "enum": ["access_token", "refresh_token"]},
}


@dataclass(frozen=True, slots=True)
class _Form:
    """The parameters of a request; each stands in it once."""

    values: dict[str, str]

    def get(self, name: str) -> str | None:
        """Return a parameter; one without a value is as good as none (section 3.2)."""
        return self.values.get(name) or None

    def need(self, name: str) -> str:
        """Return a parameter. Raises OAuthRefused when it is missing."""
        value = self.get(name)
        if value is None:
            raise OAuthRefused("invalid_request", f"The parameter {name} is missing.")
        return value


@router.post(
    "/oauth/token",
    dependencies=[Depends(open_because("a secret or a refresh token is the permission"))],
    summary="Get a token",
    response_model=OAuthTokens,
    response_model_exclude_none=True,
    responses=_REFUSALS,
    openapi_extra=form_body(
        {
            "grant_type": {"type": "string", "enum": ["client_credentials", "refresh_token"]},
            "scope": {"type": "string", "description": "Fewer scopes than one has."},
            "refresh_token": {"type": "string"},
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
    """Exchange a client's credentials, or a refresh token, for an access token."""
    access = access_of(request)
    form = await _read_form(request)
    client = await _authenticate_client(access, request, form)
    grant_type = form.need("grant_type")
    if grant_type == "client_credentials":
        return await _grant_to_client(access, request, client, form)
    if grant_type == "refresh_token":
        return await _grant_refresh(access, request, client, form)
    raise OAuthRefused("unsupported_grant_type", "This grant type is not supported.")


@router.post(
    "/oauth/revoke",
    dependencies=[Depends(open_because("who holds a token may end it (RFC 7009)"))],
    summary="Revoke a token",
    responses={401: _REFUSALS[401]},
    openapi_extra=form_body(_TOKEN_FIELDS, ["token"], {"token": "aether_refresh_…"}),
)
async def revoke(request: Request) -> Message:
    """Void an access token, or end the sign-in of a refresh token (RFC 7009).

    A token that is unknown, void or somebody else's is answered in the same way.
    """
    access = access_of(request)
    form = await _read_form(request)
    client = await _authenticate_client(access, request, form)
    presented = form.need("token")
    if client is None and await _end_sign_in(access, request, presented):
        return Message(message="Done.")
    try:
        claims = await access.examine(presented)
    except NotAuthenticated:
        return Message(message="Done.")
    # A person's token is revoked by whoever holds it, a service's by that service.
    if (client.id if client is not None else None) == (claims.sub if claims.is_client else None):
        async with borrow(access.pool) as connection, connection.transaction():
            revocation = await accounts.revoke_token(connection, claims.jti)
            actor = Actor("client" if claims.is_client else "user", claims.sub)
            await note_act(connection, request, "token.revoke", actor, subject=claims.jti)
        await access.apply(revocation)
    return Message(message="Done.")


@router.post(
    "/oauth/introspect",
    dependencies=[Depends(open_because("a client shows its secret, or its token with admin"))],
    summary="Ask what a token says",
    response_model=Introspection,
    response_model_exclude_none=True,
    responses={401: _REFUSALS[401], 403: {"description": "Not the caller's to ask."}},
    openapi_extra=form_body(_TOKEN_FIELDS, ["token"], {"token": "eyJ…"}),
)
async def introspect(request: Request) -> Introspection:
    """Say whether an access token is in force, and for whom (RFC 7662).

    A client may ask about its own tokens; about any token, who has the scope `admin`.
    """
    access = access_of(request)
    form = await _read_form(request)
    asking, may_ask_all = await _who_introspects(access, request, form)
    try:
        claims = await access.examine(form.need("token"))
    except NotAuthenticated:
        return Introspection(active=False)
    if not may_ask_all and claims.sub != asking:
        return Introspection(active=False)
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
    issuer = settings.identity.issuer
    # Never from the Host header, which a caller chooses.
    base = issuer.rstrip("/") if issuer.startswith(("https://", "http://")) else settings.base_url
    response.headers["Cache-Control"] = "public, max-age=60"
    return Metadata(
        issuer=base,
        token_endpoint=f"{base}/oauth/token",
        revocation_endpoint=f"{base}/oauth/revoke",
        introspection_endpoint=f"{base}/oauth/introspect",
        jwks_uri=f"{base}/.well-known/jwks.json",
        scopes_supported=list(SCOPES),
        response_types_supported=[],
        grant_types_supported=["client_credentials", "refresh_token"],
        token_endpoint_auth_methods_supported=[*_AUTHENTICATION_METHODS, "none"],
        revocation_endpoint_auth_methods_supported=[*_AUTHENTICATION_METHODS, "none"],
        introspection_endpoint_auth_methods_supported=_AUTHENTICATION_METHODS,
    )


async def _grant_to_client(
    access: Access, request: Request, client: Client | None, form: _Form
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
    access: Access, request: Request, client: Client | None, form: _Form
) -> OAuthTokens:
    presented = form.need("refresh_token")
    client_id = client.id if client is not None else form.get("client_id")
    key = (await access.key_ring()).signing
    async with borrow(access.pool) as connection, connection.transaction():
        outcome = await refresh(connection, presented, client_id=client_id)
        if isinstance(outcome, SignedIn):
            # Within the transaction: a token that asks for too much is not used up by it.
            issued = issue_to_user(key, access.settings.identity, outcome, form.get("scope"))
            return OAuthTokens(
                access_token=issued.token,
                expires_in=issued.expires_in,
                scope=issued.scope,
                refresh_token=outcome.refresh_token,
            )
        if outcome.revocation is not None:
            await note_act(
                connection, request, "session.reuse", NOBODY, subject=outcome.revocation.subject
            )
    await access.note_reuse(outcome.revocation)
    raise OAuthRefused("invalid_grant", "The refresh token is not valid any more.")


async def _end_sign_in(access: Access, request: Request, presented: str) -> bool:
    """End the sign-in of a refresh token; False when it is no refresh token that we know."""
    async with borrow(access.pool) as connection, connection.transaction():
        session_id = await find_session(connection, presented)
        if session_id is None:
            return False
        session = await lock_session(connection, session_id)
        revocation = await accounts.end_session(connection, session_id)
        # Revoking it once more is no act.
        if session is not None and session.is_live:
            actor = actor_of_user(session.user_id)
            await note_act(connection, request, "session.end", actor, subject=str(session_id))
    await access.apply(revocation)
    return True


async def _who_introspects(access: Access, request: Request, form: _Form) -> tuple[str, bool]:
    """Return who asks, and whether it may ask about every token."""
    authorization = authorization_of(request)
    if authorization is not None and authorization[:7].lower() == "bearer ":
        caller = await access.authenticate(authorization)
        _may_ask_all.check(caller)
        return caller.subject, True
    client = await _authenticate_client(access, request, form)
    if client is None:
        raise OAuthRefused("invalid_client", "Introspection needs a client's id and secret.")
    return client.id, "admin" in client.scopes


async def _authenticate_client(access: Access, request: Request, form: _Form) -> Client | None:
    """Return the client that shows a secret; None when none is shown. Raises OAuthRefused."""
    shown = _basic_credentials(request)
    secret = form.get("client_secret")
    if shown is None and secret is not None:
        shown = (form.need("client_id"), secret)
    elif shown is not None and secret is not None:
        raise OAuthRefused("invalid_request", "The client shows its secret in two ways.")
    if shown is None:
        return None
    identifier, secret = shown
    client = None
    if identifier.isascii() and identifier.isprintable():
        async with borrow(access.pool) as connection:
            client = await find_client(connection, identifier)
    is_right = is_same_secret(secret, client.secret_hash if client is not None else _NO_HASH)
    if client is None or not client.is_active or not is_right:
        await _note_failure(access, request, client)
        raise OAuthRefused("invalid_client", "The client is not known or its secret is wrong.")
    return client


async def _note_failure(access: Access, request: Request, client: Client | None) -> None:
    # What is shown as the id of a client that does not exist may be a secret.
    subject = client.id if client is not None else ""
    unlisted = access.pace.take(f"fail {subject}")
    if unlisted is None:
        return
    async with borrow(access.pool) as connection:
        await note_act(
            connection,
            request,
            "session.fail",
            NOBODY,
            subject=subject,
            outcome="failure",
            details={
                "is_disabled": client is not None and not client.is_active,
                "unlisted": unlisted,
            },
        )


def _basic_credentials(request: Request) -> tuple[str, str] | None:
    authorization = authorization_of(request)
    if authorization is None or authorization[:6].lower() != "basic ":
        return None
    try:
        decoded = base64.b64decode(authorization[6:].strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise OAuthRefused("invalid_client", "The client's credentials are malformed.") from error
    identifier, separator, secret = decoded.partition(":")
    if not separator:
        raise OAuthRefused("invalid_client", "The client's credentials are malformed.")
    # Section 2.3.1: both are form-encoded before they are put together.
    return unquote_plus(identifier), unquote_plus(secret)


async def _read_form(request: Request) -> _Form:
    """Read the parameters. Raises OAuthRefused for anything but one plain form."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _FORM_TYPE:
        raise OAuthRefused("invalid_request", f"The body must be {_FORM_TYPE}.")
    try:
        pairs = parse_qsl(
            (await request.body()).decode(),
            keep_blank_values=True,
            max_num_fields=_FIELD_COUNT_MAX,
            errors="strict",
        )
    except ValueError as error:
        raise OAuthRefused("invalid_request", "The body cannot be read.") from error
    values = dict(pairs)
    if len(values) != len(pairs):
        raise OAuthRefused("invalid_request", "A parameter stands twice.")
    if any(len(value) > _VALUE_LENGTH_MAX for value in values.values()):
        raise OAuthRefused("invalid_request", "A parameter is too long.")
    return _Form(values)
