"""Keys: which sign access tokens, and replacing them without signing anybody out."""

from __future__ import annotations

from fastapi import APIRouter, Request

from aether_api.access import Administrator, access_of
from aether_api.auditing import actor_of, note_act
from aether_api.schemas_people import KeyRotation, SigningKey
from aether_core.database.connection import borrow
from aether_core.identity import keys
from aether_core.identity.keys import KeyState

router = APIRouter(prefix="/keys", tags=["administration"])


@router.get("/", summary="List signing keys")
async def list_keys(request: Request, _caller: Administrator) -> list[SigningKey]:
    """List the keys whose tokens are good, newest first."""
    async with borrow(access_of(request).pool) as connection:
        return [_view(key) for key in await keys.list_keys(connection)]


@router.post("/rotate", summary="Replace the signing key")
async def rotate(
    request: Request, caller: Administrator, body: KeyRotation | None = None
) -> list[SigningKey]:
    """Make a new signing key; the older ones go on verifying until their last token has expired.

    It signs a few seconds later, when every gateway has learnt of it. After a theft `void_older`
    forgets the older ones at once, which voids every access token, this caller's included.
    """
    access = access_of(request)
    void_older = body is not None and body.void_older
    async with borrow(access.pool) as connection, connection.transaction():
        kid = await access.rotate_keys(connection, void_older=void_older)
        found = await keys.list_keys(connection)
        await note_act(
            connection,
            request,
            "key.rotate",
            actor_of(caller),
            subject=kid,
            details={"void_older": void_older},
        )
    await access.reload_keys()
    return [_view(key) for key in found]


def _view(key: KeyState) -> SigningKey:
    return SigningKey(
        kid=key.kid, created_at=key.created_at, state=key.state, retired_at=key.retired_at
    )
