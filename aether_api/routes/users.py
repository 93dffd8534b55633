"""Users: whom administrators let in, with which role, and whom no longer.

A password is made here at random and shown once; whoever gets it changes it after signing in.
What voids tokens does so at once here, and within a second on every other gateway.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from aether_api.access import Access, Administrator, Caller, access_of
from aether_api.auditing import actor_of, note_act
from aether_api.paging import LIMIT_DEFAULT, LIMIT_MAX, Page
from aether_api.query import parse_id
from aether_api.refusals import EMAIL_TAKEN, LIMITED, Responses
from aether_api.schemas_people import NewUser, RoleChange, User, UserWithPassword
from aether_core.database import users
from aether_core.database.connection import Session, borrow
from aether_core.database.revocations import Revocation
from aether_core.database.users import ListedUser, UserFilter
from aether_core.errors import NotFound, OwnRole
from aether_core.identity import accounts, second_factor
from aether_core.identity.emails import EMAIL_LENGTH_MAX, normalise_email
from aether_core.identity.passwords import make_password
from aether_core.identity.roles import Role

router = APIRouter(prefix="/users", tags=["administration"])

_NOT_FOUND: Final[Responses] = {404: {"description": "No such user"}}
_KEPT: Final[Responses] = {
    **_NOT_FOUND,
    409: {"description": "The last active admin, or one's own role"},
}
_KEPT_FACTOR: Final[Responses] = {
    **_NOT_FOUND,
    409: {"description": "There is none"},
}


@router.get("/", summary="List users")
async def list_users(
    request: Request,
    response: Response,
    _caller: Administrator,
    role: Role | None = None,
    is_active: bool | None = None,
    email: Annotated[
        str | None,
        Query(max_length=EMAIL_LENGTH_MAX, description="How the address begins."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> list[User]:
    """List users, those added last first; further pages by `Link: <…>; rel="next"`."""
    page = Page(request, cursor)
    which = UserFilter(
        role=role,
        is_active=is_active,
        email=_prefix(email),
        before=page.before,
    )
    async with borrow(access_of(request).pool) as connection:
        found = await users.list_users(connection, which, limit + 1)
    response.headers.update(page.cut(found, limit))
    return [_view(user) for user in found]


@router.post("/", status_code=201, summary="Add a user", responses=EMAIL_TAKEN | LIMITED)
async def add_user(
    request: Request, response: Response, caller: Administrator, body: NewUser
) -> UserWithPassword:
    """Add somebody with a role and a password made at random, which is shown this once."""
    access = access_of(request)
    email = normalise_email(body.email)
    password = make_password()
    password_hash = await access.hasher.hash(password)
    async with borrow(access.pool) as connection, connection.transaction():
        user = await accounts.create_user(
            connection, email=email, password_hash=password_hash, role=body.role
        )
        listed = await _get(connection, user.id)
        await note_act(
            connection,
            request,
            "user.add",
            actor_of(caller),
            subject=str(user.id),
            details={"email": user.email, "role": user.role},
        )
    response.headers["Location"] = f"/users/{user.id}"
    return _with_password(listed, password)


@router.get("/{user_id}", summary="Get a user", responses=_NOT_FOUND)
async def get_user(request: Request, user_id: str, _caller: Administrator) -> User:
    """Get one user."""
    identifier = parse_id(user_id, "user")
    async with borrow(access_of(request).pool) as connection:
        return _view(await _get(connection, identifier))


@router.post("/{user_id}/role", summary="Give a user another role", responses=_KEPT)
async def change_role(
    request: Request, user_id: str, caller: Administrator, body: RoleChange
) -> User:
    """Give a user another role; the access tokens of the old one are void at once.

    Sign-ins go on, with what the new role may do. Nobody changes their own role.
    """
    identifier = parse_id(user_id, "user")
    if caller.subject == user_id:
        raise OwnRole

    async def act(connection: Session, user: users.User) -> Revocation:
        return await accounts.change_role(connection, user, body.role)

    return await _act(request, caller, identifier, "user.role", act, role=body.role)


@router.post("/{user_id}/disable", summary="Disable a user", responses=_KEPT)
async def disable(request: Request, user_id: str, caller: Administrator) -> User:
    """Keep a user out: no sign-in, and every token of theirs is void at once."""

    async def act(connection: Session, user: users.User) -> Revocation:
        return await accounts.set_active(connection, user, is_active=False)

    return await _act(request, caller, parse_id(user_id, "user"), "user.disable", act)


@router.post("/{user_id}/enable", summary="Enable a user", responses=_NOT_FOUND)
async def enable(request: Request, user_id: str, caller: Administrator) -> User:
    """Let a user in again, with the password they had."""

    async def act(connection: Session, user: users.User) -> Revocation:
        return await accounts.set_active(connection, user, is_active=True)

    return await _act(request, caller, parse_id(user_id, "user"), "user.enable", act)


@router.post("/{user_id}/reset", summary="Reset a user's password", responses=_NOT_FOUND | LIMITED)
async def reset(request: Request, user_id: str, caller: Administrator) -> UserWithPassword:
    """Give a user a password made at random, shown this once, and end all their sign-ins."""
    password = make_password()
    password_hash = await access_of(request).hasher.hash(password)

    async def act(connection: Session, user: users.User) -> Revocation:
        return await accounts.change_password(connection, user, password_hash)

    user = await _act(request, caller, parse_id(user_id, "user"), "user.reset", act)
    return UserWithPassword(**user.model_dump(), password=password)


@router.post("/{user_id}/sign-out", summary="Sign a user out everywhere", responses=_NOT_FOUND)
async def sign_out(request: Request, user_id: str, caller: Administrator) -> User:
    """End all sign-ins of a user; every token of theirs is void at once."""

    async def act(connection: Session, user: users.User) -> Revocation:
        return await accounts.sign_out_everywhere(connection, user.id)

    return await _act(request, caller, parse_id(user_id, "user"), "session.end", act)


@router.post(
    "/{user_id}/remove-second-factor",
    summary="Take a user's second factor away",
    responses=_KEPT_FACTOR,
)
async def remove_second_factor(request: Request, user_id: str, caller: Administrator) -> User:
    """Ask a user for no one-time codes, since app and recovery codes are lost; ends all sign-ins.

    Make sure by another way that it is they who ask.
    """

    async def act(connection: Session, user: users.User) -> Revocation:
        _, revocation = await second_factor.remove(connection, user.id)
        return revocation

    return await _act(request, caller, parse_id(user_id, "user"), "second_factor.remove", act)


async def _act(
    request: Request,
    caller: Caller,
    identifier: UUID,
    action: str,
    act: Callable[[Session, users.User], Awaitable[Revocation]],
    **details: str,
) -> User:
    """Do something to a user, note it, and let what it voids be void; return the user after it."""
    access: Access = access_of(request)
    async with borrow(access.pool) as connection, connection.transaction():
        user = await users.find_user(connection, identifier)
        if user is None:
            raise NotFound("user")
        revocation = await act(connection, user)
        listed = await _get(connection, identifier)
        if action == "user.role":
            details["role_before"] = user.role
        await note_act(
            connection,
            request,
            action,
            actor_of(caller),
            subject=str(identifier),
            details={"email": user.email, **details},
        )
    await access.apply(revocation)
    return _view(listed)


async def _get(connection: Session, identifier: UUID) -> ListedUser:
    found = await users.find_listed_user(connection, identifier)
    if found is None:
        raise NotFound("user")
    return found


def _prefix(email: str | None) -> str | None:
    """Return how addresses in their normal form begin; what none can hold finds none."""
    if email is None:
        return None
    # PostgreSQL's texts have no NUL.
    return email.strip().lower().replace("\x00", " ")


def _view(user: ListedUser) -> User:
    return User(
        user_id=user.id,
        email=user.email,
        role=user.role,
        account_id=user.account_id,
        is_active=user.is_active,
        created_at=user.created_at,
        last_sign_in_at=user.last_sign_in_at,
        has_second_factor=user.has_second_factor,
        session_count=user.session_count,
    )


def _with_password(user: ListedUser, password: str) -> UserWithPassword:
    return UserWithPassword(**_view(user).model_dump(), password=password)
