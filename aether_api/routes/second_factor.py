"""One's own second factor: set it up, confirm it, take it away."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from aether_api import one_time_codes
from aether_api.access import Caller, Person, access_of
from aether_api.auditing import actor_of, note_act
from aether_api.reauthentication import begin_anew, confirm_password
from aether_api.refusals import LIMITED, Responses
from aether_api.routes.auth import CookieToken, answer_with_tokens
from aether_api.schemas_auth import (
    NewSecondFactor,
    SecondFactorProof,
    SecondFactorRemoval,
    SecondFactorStart,
    Tokens,
    TokensWithRecoveryCodes,
)
from aether_core.database.connection import Session, borrow
from aether_core.errors import InvalidInput
from aether_core.identity import second_factor

router = APIRouter(prefix="/auth/second-factor", tags=["sign-in"])

_SETTLED: Final[Responses] = {409: {"description": "There is one already, or there is none"}}
_REFUSALS: Final[Responses] = {
    403: {"description": "The current password is wrong"},
    **_SETTLED,
    **LIMITED,
}


@router.post("", summary="Set up a second factor", responses=_REFUSALS)
async def set_up(request: Request, caller: Person, body: SecondFactorStart) -> NewSecondFactor:
    """Get a secret for an authenticator app. Nothing changes until a code of it has come.

    The current password is asked for; it is limited like signing in.
    """
    access = access_of(request)
    user = await confirm_password(request, caller, body.current_password, "second_factor.add")
    async with borrow(access.pool) as connection, connection.transaction():
        made = await second_factor.prepare(connection, user.id, access.sealing_key, access.settings)
    return NewSecondFactor(secret=made.secret, uri=made.uri)


@router.post("/confirm", summary="Confirm a second factor", responses=_SETTLED)
async def confirm(
    request: Request,
    response: Response,
    caller: Person,
    body: SecondFactorProof,
    aether_refresh: CookieToken = None,
) -> TokensWithRecoveryCodes:
    """Show that the app has the secret: from now on signing in asks for a code of it.

    This sign-in goes on with the tokens in the answer; all others end.
    """
    access = access_of(request)
    async with borrow(access.pool) as connection, connection.transaction():
        user, revocation, recovery_codes = await second_factor.confirm(
            connection, UUID(caller.subject), access.sealing_key, body.one_time_code
        )
        signed_in = await begin_anew(request, connection, user)
        await _note(request, connection, caller, "second_factor.add")
    await access.apply(revocation)
    in_cookie = aether_refresh is not None
    tokens = await answer_with_tokens(access, request, response, signed_in, in_cookie=in_cookie)
    return TokensWithRecoveryCodes(**tokens.model_dump(), recovery_codes=recovery_codes)


@router.post("/remove", summary="Take one's second factor away", responses=_REFUSALS)
async def remove(
    request: Request,
    response: Response,
    caller: Person,
    body: SecondFactorRemoval,
    aether_refresh: CookieToken = None,
) -> Tokens:
    """Sign in by the password alone again, shown by both of them.

    This sign-in goes on with the tokens in the answer; all others end.
    """
    access = access_of(request)
    user = await confirm_password(request, caller, body.current_password, "second_factor.remove")
    if user.totp_since is not None and not await one_time_codes.is_right(
        access, user, body.one_time_code
    ):
        raise InvalidInput("one_time_code", "The one-time code is wrong, or was used before.")
    async with borrow(access.pool) as connection, connection.transaction():
        changed, revocation = await second_factor.remove(connection, user.id)
        signed_in = await begin_anew(request, connection, changed)
        await _note(request, connection, caller, "second_factor.remove")
    await access.apply(revocation)
    in_cookie = aether_refresh is not None
    return await answer_with_tokens(access, request, response, signed_in, in_cookie=in_cookie)


async def _note(request: Request, connection: Session, caller: Caller, action: str) -> None:
    await note_act(connection, request, action, actor_of(caller), subject=caller.subject)
