"""Accounts and sign-ins: register, sign in, refresh, sign out, who am I.

For people at our own consoles; services use `/oauth/token`. Whether an e-mail address has an
account is told only to who registers it: a wrong password and an unknown address are answered
with the same words in the same time.
"""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Cookie, Depends, Query, Request, Response

from aether_api import one_time_codes
from aether_api.access import Access, Caller, access_of, authorization_of, require
from aether_api.auditing import actor_of, actor_of_user, note_act, note_reuse
from aether_api.origins import address_of, origin_of
from aether_api.policy import open_because
from aether_api.refusals import EMAIL_TAKEN, LIMITED, Responses
from aether_api.schemas_auth import (
    Credentials,
    Me,
    Message,
    Refresh,
    Registered,
    Registration,
    Tokens,
)
from aether_core.database.audit import NOBODY
from aether_core.database.clients import find_client
from aether_core.database.connection import Session, borrow
from aether_core.database.revocations import Revocation
from aether_core.database.sessions import find_session as find_sign_in
from aether_core.database.users import User, find_user, find_user_by_email
from aether_core.errors import (
    InvalidInput,
    NotAuthenticated,
    NotPermitted,
    OneTimeCodeNeeded,
    WrongOneTimeCode,
)
from aether_core.identity import accounts
from aether_core.identity.attempts import (
    give_login_attempt_back,
    take_login_attempt,
    take_registration,
    undo_login_attempt,
)
from aether_core.identity.emails import normalise_email
from aether_core.identity.issuing import issue_to_user
from aether_core.identity.password_rule import check_password
from aether_core.identity.refreshing import (
    NotRefreshed,
    SignedIn,
    begin_session,
    find_session,
    refresh,
)
from aether_core.identity.second_factor import is_owed

router = APIRouter(prefix="/auth", tags=["sign-in"])

COOKIE_NAME: Final = "aether_refresh"
"""Holds a browser's refresh token."""

_COOKIE_PATH: Final = "/auth"
_WRONG: Final = "The e-mail address or the password is wrong."
_ENDED: Final = "The sign-in has ended; sign in again."

_WRONG_CREDENTIALS: Final[Responses] = {
    401: {"description": "Wrong, or a one-time code is needed as well; `type` says which."}
}
_ENDED_SIGN_IN: Final[Responses] = {401: {"description": "The sign-in has ended."}}
_OTHER_SITE: Final[Responses] = {403: {"description": "A page of another site asks."}}

CookieToken = Annotated[
    str | None, Cookie(alias=COOKIE_NAME, description="A browser's refresh token.")
]


@router.post(
    "/register",
    status_code=201,
    summary="Register",
    responses=EMAIL_TAKEN | LIMITED,
    dependencies=[Depends(open_because("whoever comes becomes a customer, and no more"))],
)
async def register(body: Registration, request: Request) -> Registered:
    """Make an account for a customer. Staff are added with `aether user add`."""
    access = access_of(request)
    email = normalise_email(body.email)
    check_password(body.password, email)
    await take_registration(access.redis, access.settings.identity, address=address_of(request))
    # Hashed before it is known whether the address is free: both answers take the same time.
    password_hash = await access.hasher.hash(body.password)
    async with borrow(access.pool) as connection, connection.transaction():
        user = await accounts.create_user(connection, email=email, password_hash=password_hash)
        await note_act(
            connection,
            request,
            "user.register",
            actor_of_user(user.id),
            subject=str(user.id),
            details={"email": user.email, "role": user.role},
        )
    return Registered(
        message="Welcome; sign in to begin.",
        email=user.email,
        user_id=str(user.id),
        account_id=user.account_id,
    )


@router.post(
    "/login",
    summary="Sign in",
    responses=_WRONG_CREDENTIALS | _OTHER_SITE | LIMITED,
    dependencies=[Depends(open_because("the password is the permission"))],
)
async def login(body: Credentials, request: Request, response: Response) -> Tokens:
    """Exchange e-mail address and password for an access token and a refresh token.

    An account with a second factor asks for a one-time code as well: without one the answer is
    401, `/problems/one-time-code-needed`.
    """
    if body.use_cookie:
        _refuse_other_sites(request)
    access = access_of(request)
    settings = access.settings.identity
    address = address_of(request)
    # In a flood nearly all are refused: here, where it costs the submissions beside it least.
    access.hasher.check_room()
    await take_login_attempt(access.redis, settings, email=body.email, address=address)
    user = await _find_user(access, body.email)
    is_right = await access.hasher.matches(body.password, user.password_hash if user else None)
    if user is None or not user.is_active or not is_right:
        await _note_failure(access, request, body.email, user)
        raise NotAuthenticated(_WRONG)
    if user.totp_since is not None:
        await _check_code(access, request, user, body.one_time_code)
    async with borrow(access.pool) as connection, connection.transaction():
        signed_in = await begin_session(connection, user, settings, origin=origin_of(request))
        if signed_in is not None:
            await accounts.keep_hash_current(connection, access.hasher, user, body.password)
            await note_act(
                connection,
                request,
                "session.begin",
                actor_of_user(user.id),
                subject=str(signed_in.session_id),
            )
    if signed_in is None:
        await _note_failure(access, request, body.email, user)
        raise NotAuthenticated(_WRONG)
    await give_login_attempt_back(access.redis, email=body.email, address=address)
    return await answer_with_tokens(access, request, response, signed_in, in_cookie=body.use_cookie)


@router.post(
    "/refresh",
    summary="Go on with a sign-in",
    responses=_ENDED_SIGN_IN | _OTHER_SITE,
    dependencies=[Depends(open_because("the refresh token is the permission"))],
)
async def refresh_sign_in(
    request: Request,
    response: Response,
    body: Refresh | None = None,
    aether_refresh: CookieToken = None,
) -> Tokens:
    """Exchange a refresh token, from the body or else the cookie, for its successor.

    A refresh token is good for one use: a second one, after a few seconds in which a retry gets
    the same answer, ends the sign-in for everybody who holds a token of it.
    """
    access = access_of(request)
    presented = body.refresh_token if body is not None else None
    in_cookie = presented is None
    token = presented or aether_refresh
    if token is None:
        raise NotAuthenticated
    if in_cookie:
        _refuse_other_sites(request)
    async with borrow(access.pool) as connection, connection.transaction():
        outcome = await refresh(connection, token, origin=origin_of(request))
        if isinstance(outcome, NotRefreshed):
            await note_reuse(connection, request, outcome.revocation)
    if isinstance(outcome, NotRefreshed):
        await access.note_reuse(outcome.revocation)
        raise NotAuthenticated(_ENDED)
    return await answer_with_tokens(access, request, response, outcome, in_cookie=in_cookie)


@router.post(
    "/logout",
    summary="Sign out",
    responses=_ENDED_SIGN_IN | _OTHER_SITE,
    dependencies=[Depends(open_because("any token of the sign-in is the permission to end it"))],
)
async def logout(
    request: Request,
    response: Response,
    body: Refresh | None = None,
    aether_refresh: CookieToken = None,
    everywhere: Annotated[bool, Query(description="End all sign-ins of this user.")] = False,
) -> Message:
    """End this sign-in: its access tokens and its refresh tokens are void at once, everywhere.

    The access token says which; without one, the refresh token in the body or the cookie does.
    """
    access = access_of(request)
    authorization = authorization_of(request)
    if authorization is not None:
        caller = await access.authenticate(authorization)
        await _end_sign_in_of(access, request, caller, everywhere=everywhere)
    else:
        presented = body.refresh_token if body is not None else None
        if presented is None:
            _refuse_other_sites(request)
        token = presented or aether_refresh
        await _end_sign_in_with(access, request, token, everywhere=everywhere)
    response.delete_cookie(COOKIE_NAME, path=_COOKIE_PATH, httponly=True, samesite="strict")
    return Message(message="You are signed out.")


@router.get("/me", summary="Who am I")
async def me(request: Request, caller: Annotated[Caller, Depends(require())]) -> Me:
    """Say who is signed in and what they may do."""
    access = access_of(request)
    async with borrow(access.pool) as connection:
        if caller.kind == "client":
            client = await find_client(connection, caller.subject)
            name = client.name if client is not None else None
            state = None
        else:
            user = await find_user(connection, UUID(caller.subject))
            name = user.email if user is not None else None
            state = None if user is None else _second_factor_of(access, user)
    if name is None:
        raise NotAuthenticated(_ENDED, "invalid_token")
    return Me.model_validate(
        {
            "user_id": caller.subject,
            "email": name,
            "role": caller.role or "service",
            "account_id": caller.account_id,
            "scopes": sorted(caller.scopes),
            "second_factor": state,
        }
    )


def _second_factor_of(access: Access, user: User) -> str:
    if user.totp_since is not None:
        return "on"
    return "owed" if is_owed(access.settings.identity, user) else "off"


async def _check_code(access: Access, request: Request, user: User, code: str | None) -> None:
    """Raise OneTimeCodeNeeded, WrongOneTimeCode, TooManyAttempts; return when the code is right."""
    if code is None:
        await undo_login_attempt(access.redis, email=user.email, address=address_of(request))
        raise OneTimeCodeNeeded
    if not await one_time_codes.is_right(access, user, code):
        await _note_failure(access, request, user.email, user, is_code=True)
        raise WrongOneTimeCode


async def _find_user(access: Access, text: str) -> User | None:
    try:
        email = normalise_email(text)
    except InvalidInput:
        return None  # nobody has such an address; the answer is that for any unknown one
    async with borrow(access.pool) as connection:
        return await find_user_by_email(connection, email)


async def answer_with_tokens(
    access: Access, request: Request, response: Response, signed_in: SignedIn, *, in_cookie: bool
) -> Tokens:
    """Answer with a sign-in's new tokens; in_cookie: the refresh token where scripts cannot go."""
    settings = access.settings.identity
    issued = issue_to_user((await access.key_ring()).signing, settings, signed_in)
    if in_cookie:
        response.set_cookie(
            COOKIE_NAME,
            signed_in.refresh_token,
            max_age=settings.refresh_token_s,
            path=_COOKIE_PATH,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
    return Tokens(
        access_token=issued.token,
        expires_in=issued.expires_in,
        refresh_token=None if in_cookie else signed_in.refresh_token,
        scope=issued.scope,
    )


async def _end_sign_in_of(
    access: Access, request: Request, caller: Caller, *, everywhere: bool
) -> None:
    actor = actor_of(caller)
    async with borrow(access.pool) as connection, connection.transaction():
        if caller.session_id is None:
            revocation = await accounts.revoke_token(connection, caller.token_id)
            await note_act(connection, request, "token.revoke", actor, subject=caller.token_id)
        elif everywhere:
            revocation = await _end_all(connection, request, UUID(caller.subject))
        else:
            revocation = await accounts.end_session(connection, UUID(caller.session_id))
            await note_act(connection, request, "session.end", actor, subject=caller.session_id)
    await access.apply(revocation)


async def _end_sign_in_with(
    access: Access, request: Request, token: str | None, *, everywhere: bool
) -> None:
    if token is None:
        raise NotAuthenticated
    async with borrow(access.pool) as connection, connection.transaction():
        session_id = await find_session(connection, token)
        session = None if session_id is None else await find_sign_in(connection, session_id)
        if session is None:
            return
        if session.is_live and everywhere:
            revocation = await _end_all(connection, request, session.user_id)
        else:
            revocation = await accounts.end_session(connection, session.id)
            # Signing out once more is no act.
            if session.is_live:
                actor = actor_of_user(session.user_id)
                await note_act(connection, request, "session.end", actor, subject=str(session.id))
    await access.apply(revocation)


async def _end_all(connection: Session, request: Request, user_id: UUID) -> Revocation:
    revocation = await accounts.sign_out_everywhere(connection, user_id)
    await note_act(
        connection,
        request,
        "session.end",
        actor_of_user(user_id),
        subject=str(user_id),
        details={"everywhere": True},
    )
    return revocation


async def _note_failure(
    access: Access, request: Request, attempted: str, user: User | None, *, is_code: bool = False
) -> None:
    """Note a sign-in that failed; refused attempts beyond the limits leave no entry."""
    try:
        email = normalise_email(attempted)
    except InvalidInput:
        email = ""  # people type their password there, too
    async with borrow(access.pool) as connection:
        await note_act(
            connection,
            request,
            "session.fail",
            NOBODY,
            subject=str(user.id) if user is not None else "",
            outcome="failure",
            details={
                "email": email,
                "is_disabled": user is not None and not user.is_active,
                "is_code": is_code,
            },
        )


def _refuse_other_sites(request: Request) -> None:
    """Raise NotPermitted when a browser says that another site sends this.

    The cookie is SameSite=Strict already; this holds also for browsers that do not keep to it.
    Older ones do not say which site it is, only the origin.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        is_ours = site in {"same-origin", "none"}
    else:
        is_ours = origin is None or origin.partition("://")[2] == request.headers.get("host")
    if not is_ours:
        raise NotPermitted("Another site cannot use this sign-in.")
