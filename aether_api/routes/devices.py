"""Devices that have no keyboard to sign in with (RFC 8628): their codes, and who approves them.

A device asks for two codes, shows one to its person and asks `/oauth/token` with the other. The
person, signed in at the dashboard's page `/device`, sees who asks for what, and decides.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request

from aether_api.access import Access, Caller, Person, access_of
from aether_api.auditing import actor_of, note_act
from aether_api.oauth_requests import authenticate_client, need_client_id, read_form
from aether_api.origins import address_of
from aether_api.policy import open_because
from aether_api.refusals import LIMITED, Responses
from aether_api.schemas_auth import (
    REFUSALS,
    DeviceCodes,
    DeviceDecision,
    DeviceRequest,
    Message,
    form_body,
)
from aether_core.database.connection import borrow
from aether_core.database.devices import DeviceAuthorization
from aether_core.database.users import lock_user
from aether_core.errors import NotAuthenticated, NotFound
from aether_core.identity.attempts import (
    give_user_code_guess_back,
    take_device_request,
    take_user_code_guess,
)
from aether_core.identity.devices import decide_device, find_device, grantable, request_device
from aether_core.identity.refreshing import CONSOLE_CLIENT_NAME
from aether_core.identity.roles import scope_text

router = APIRouter(tags=["oauth"])

UserCode = Annotated[
    str,
    Path(max_length=32, description="As the device shows it; hyphens and case do not matter."),
]
_NO_CODE: Final[Responses] = {
    404: {"description": "There is no such code."},
    409: {"description": "The code was approved or denied before."},
    410: {"description": "The code has expired."},
    429: {"description": "Too many wrong codes."},
}


@router.post(
    "/oauth/device_authorization",
    dependencies=[Depends(open_because("nothing is given away before somebody approves"))],
    summary="Ask for codes for a device",
    responses=REFUSALS | LIMITED,
    openapi_extra=form_body(
        {"scope": {"type": "string", "description": "Fewer scopes than the person has."}},
        ["client_id"],
        {"client_id": "aether"},
    ),
)
async def ask_for_codes(request: Request) -> DeviceCodes:
    """Give a device the two codes of RFC 8628.

    Aether's own consoles ask as the client `aether`; other clients show their secret, and get no
    more than they are registered for.
    """
    access = access_of(request)
    form = await read_form(request)
    address = address_of(request)
    await take_device_request(access.redis, access.settings.identity, address=address)
    client = await authenticate_client(access, request, form)
    if client is None:
        form.need("client_id")
        need_client_id(client, form)
    async with borrow(access.pool) as connection, connection.transaction():
        codes = await request_device(
            connection, client=client, wanted=form.get("scope"), address=address
        )
    page = f"{access.settings.public_url}/device"
    return DeviceCodes(
        device_code=codes.device_code,
        user_code=codes.user_code,
        verification_uri=page,
        verification_uri_complete=f"{page}?code={codes.user_code}",
        expires_in=codes.expires_in,
        interval=codes.interval,
    )


@router.get("/auth/devices/{user_code}", summary="See what a device asks for", responses=_NO_CODE)
async def show_device(
    user_code: UserCode,
    request: Request,
    caller: Person,
) -> DeviceRequest:
    """Say which program asks, from where, and what it would get of what you may do."""
    access = access_of(request)
    async with _guess(access, request, caller), borrow(access.pool) as connection:
        device = await find_device(connection, user_code)
    return DeviceRequest(
        client=_name_of(device),
        scopes=sorted(grantable(device, caller.scopes)),
        address=device.address,
        requested_at=device.created_at,
        expires_at=device.expires_at,
    )


@router.post("/auth/devices/{user_code}", summary="Decide about a device", responses=_NO_CODE)
async def decide_about_device(
    user_code: UserCode,
    body: DeviceDecision,
    request: Request,
    caller: Person,
) -> Message:
    """Let a device act for you, or not. It never gets more than you may do at this moment."""
    access = access_of(request)
    async with (
        _guess(access, request, caller),
        borrow(access.pool) as connection,
        connection.transaction(),
    ):
        user = await lock_user(connection, UUID(caller.subject))
        if user is None or not user.is_active or user.token_version != caller.token_version:
            raise NotAuthenticated("The sign-in has ended; sign in again.", "invalid_token")
        device = await decide_device(
            connection, user_code, user, caller.scopes, approves=body.approve
        )
        await note_act(
            connection,
            request,
            "device.approve" if body.approve else "device.deny",
            actor_of(caller),
            subject=device.client_id,
            details={
                "device_address": device.address,
                "scope": scope_text(grantable(device, caller.scopes)),
            },
        )
    done = "The device is signed in as you." if body.approve else "The device gets nothing."
    return Message(message=done)


@asynccontextmanager
async def _guess(access: Access, request: Request, caller: Caller) -> AsyncIterator[None]:
    """Count what is typed as a guess, unless it turns out to be a code. Raises TooManyAttempts."""
    address = address_of(request)
    await take_user_code_guess(
        access.redis, access.settings.identity, user_id=caller.subject, address=address
    )
    is_wrong = False
    try:
        yield
    except NotFound:
        is_wrong = True
        raise
    finally:
        if not is_wrong:
            await give_user_code_guess_back(access.redis, user_id=caller.subject, address=address)


def _name_of(device: DeviceAuthorization) -> str:
    return device.client_name or CONSOLE_CLIENT_NAME
