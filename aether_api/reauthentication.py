"""Who is signed in shows once more that it is they: by their password, by a one-time code.

What changes how somebody signs in asks for it, so that who found an open browser, or stole a
token, cannot take the account over (ASVS 5.0 7.5.1). It is limited like signing in.
"""

from __future__ import annotations

from uuid import UUID

from fastapi import Request

from aether_api.access import Access, Caller, access_of
from aether_api.auditing import actor_of, note_act
from aether_api.origins import address_of, origin_of
from aether_core.database.connection import Session, borrow
from aether_core.database.users import User, find_user
from aether_core.errors import NotAuthenticated, WrongPassword
from aether_core.identity.attempts import give_login_attempt_back, take_login_attempt
from aether_core.identity.refreshing import SignedIn, begin_session


async def confirm_password(request: Request, caller: Caller, password: str, action: str) -> User:
    """Return the caller as a user, since this is their password; note a failure as of an action.

    Raises WrongPassword, NotAuthenticated, TooManyAttempts, Unavailable.
    """
    access = access_of(request)
    user = await _find_caller(access, caller)
    address = address_of(request)
    settings = access.settings.identity
    await take_login_attempt(access.redis, settings, email=user.email, address=address)
    if not await access.hasher.matches(password, user.password_hash):
        async with borrow(access.pool) as connection:
            await note_act(
                connection,
                request,
                action,
                actor_of(caller),
                subject=caller.subject,
                outcome="failure",
            )
        raise WrongPassword
    await give_login_attempt_back(access.redis, email=user.email, address=address)
    return user


async def begin_anew(request: Request, connection: Session, user: User) -> SignedIn:
    """Begin the sign-in with which a user goes on, whose others have just ended.

    Raises NotAuthenticated when somebody else was first.
    """
    settings = access_of(request).settings.identity
    signed_in = await begin_session(connection, user, settings, origin=origin_of(request))
    if signed_in is None:
        raise NotAuthenticated
    return signed_in


async def _find_caller(access: Access, caller: Caller) -> User:
    """Return the caller as a user. Raises NotAuthenticated when it is one no more."""
    async with borrow(access.pool) as connection:
        user = await find_user(connection, UUID(caller.subject))
    if user is None or not user.is_active:
        raise NotAuthenticated
    return user
