"""One's own sign-ins: see them, end one, and change the password that begins them."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from aether_api.access import Caller, Person, access_of
from aether_api.auditing import actor_of, note_act
from aether_api.paging import LIMIT_DEFAULT, LIMIT_MAX, Page
from aether_api.query import parse_id
from aether_api.reauthentication import begin_anew, confirm_password
from aether_api.refusals import LIMITED, Responses
from aether_api.routes.auth import CookieToken, answer_with_tokens
from aether_api.schemas_auth import Tokens
from aether_api.schemas_people import PasswordChange, SignIn
from aether_core.database.connection import borrow
from aether_core.database.sessions import LiveSession, find_live_sessions
from aether_core.database.users import User
from aether_core.errors import InvalidInput
from aether_core.identity import accounts
from aether_core.identity.password_rule import check_password

router = APIRouter(prefix="/auth", tags=["sign-in"])

_NOT_FOUND: Final[Responses] = {404: {"description": "None of one's own"}}
_WRONG: Final[Responses] = {403: {"description": "The current password is wrong"}}


@router.get("/sessions", summary="List one's sign-ins")
async def list_sessions(
    request: Request,
    response: Response,
    caller: Person,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> list[SignIn]:
    """List one's sign-ins that go on, those begun last first."""
    page = Page(request, cursor)
    async with borrow(access_of(request).pool) as connection:
        found = await find_live_sessions(
            connection, UUID(caller.subject), before=page.before, limit=limit + 1
        )
    response.headers.update(page.cut(found, limit))
    return [_view(session, caller) for session in found]


@router.delete(
    "/sessions/{session_id}", status_code=204, summary="End a sign-in", responses=_NOT_FOUND
)
async def end_session(request: Request, session_id: str, caller: Person) -> None:
    """End one of one's sign-ins: its tokens are void at once, everywhere."""
    identifier = parse_id(session_id, "session")
    access = access_of(request)
    async with borrow(access.pool) as connection, connection.transaction():
        revocation = await accounts.end_session_of(connection, identifier, UUID(caller.subject))
        await note_act(connection, request, "session.end", actor_of(caller), subject=session_id)
    await access.apply(revocation)


@router.post("/password", summary="Change one's password", responses=_WRONG | LIMITED)
async def change_password(
    request: Request,
    response: Response,
    caller: Person,
    body: PasswordChange,
    aether_refresh: CookieToken = None,
) -> Tokens:
    """Choose another password. This sign-in goes on with the tokens in the answer; all others end.

    The current password is asked for, so that who found an open browser, or stole a token, cannot
    take the account over; it is limited like signing in. A browser's refresh token goes into its
    cookie.
    """
    access = access_of(request)
    user = await confirm_password(request, caller, body.current_password, "user.password")
    _check_new(body, user)
    password_hash = await access.hasher.hash(body.new_password)
    async with borrow(access.pool) as connection, connection.transaction():
        changed, revocation = await accounts.replace_password(connection, user, password_hash)
        signed_in = await begin_anew(request, connection, changed)
        await note_act(connection, request, "user.password", actor_of(caller), subject=str(user.id))
    await access.apply(revocation)
    in_cookie = aether_refresh is not None
    return await answer_with_tokens(access, request, response, signed_in, in_cookie=in_cookie)


def _check_new(body: PasswordChange, user: User) -> None:
    check_password(body.new_password, user.email, field="new_password")
    if body.new_password == body.current_password:
        raise InvalidInput("new_password", "This is the current password; choose another.")


def _view(session: LiveSession, caller: Caller) -> SignIn:
    return SignIn(
        session_id=session.id,
        client=session.client_id,
        created_at=session.created_at,
        last_used_at=session.last_used_at,
        expires_at=session.ends_at,
        address=session.address,
        user_agent=session.user_agent,
        is_current=str(session.id) == caller.session_id,
    )
