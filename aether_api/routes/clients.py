"""Service clients: who acts for itself, with which scopes, and with which secrets.

A secret is shown once, when it is made. It is replaced without an interruption: for a while the
older one is good beside the new one.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from aether_api.access import Administrator, Caller, access_of
from aether_api.auditing import actor_of, note_act
from aether_api.paging import LIMIT_DEFAULT, LIMIT_MAX, Page
from aether_api.refusals import Responses
from aether_api.schemas_people import ClientWithSecret, NewServiceClient, Rotation, ServiceClient
from aether_core.database.clients import Client, find_client, find_clients
from aether_core.database.connection import Session, borrow
from aether_core.errors import NotFound
from aether_core.identity import clients
from aether_core.identity.roles import scope_text

router = APIRouter(prefix="/clients", tags=["administration"])

_ID_PREFIX: Final = "client_"
_NOT_FOUND: Final[Responses] = {404: {"description": "No such client"}}
_TAKEN: Final[Responses] = {409: {"description": "The name is taken"}}


@router.get("/", summary="List service clients")
async def list_clients(
    request: Request,
    response: Response,
    _caller: Administrator,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> list[ServiceClient]:
    """List service clients by id; further pages by `Link: <…>; rel="next"`."""
    page = Page(request, cursor)
    after = None if page.before_number is None else _id_at(page.before_number)
    async with borrow(access_of(request).pool) as connection:
        found = await find_clients(connection, after=after, limit=limit + 1)
    response.headers.update(page.cut_by(_place_of, found, limit))
    return [_view(client) for client in found]


@router.post("/", status_code=201, summary="Add a service client", responses=_TAKEN)
async def add_client(
    request: Request, response: Response, caller: Administrator, body: NewServiceClient
) -> ClientWithSecret:
    """Add a service; its secret is shown this once."""
    async with borrow(access_of(request).pool) as connection, connection.transaction():
        made = await clients.create_client(connection, body.name, body.scopes)
        await note_act(
            connection,
            request,
            "client.add",
            actor_of(caller),
            subject=made.client.id,
            details={"name": made.client.name, "scope": scope_text(made.client.scopes)},
        )
    response.headers["Location"] = f"/clients/{made.client.id}"
    return _with_secret(made.client, made.secret)


@router.get("/{client_id}", summary="Get a service client", responses=_NOT_FOUND)
async def get_client(request: Request, client_id: str, _caller: Administrator) -> ServiceClient:
    """Get one service client."""
    async with borrow(access_of(request).pool) as connection:
        return _view(await _get(connection, _known_form(client_id)))


@router.post("/{client_id}/rotate", summary="Replace a client's secret", responses=_NOT_FOUND)
async def rotate(
    request: Request, client_id: str, caller: Administrator, body: Rotation | None = None
) -> ClientWithSecret:
    """Make a new secret, shown this once; the one before it goes on for `overlap_s` seconds.

    There are never more than two: one that was still going on from an earlier rotation ends.
    """
    access = access_of(request)
    wanted = body or Rotation()
    async with borrow(access.pool) as connection, connection.transaction():
        rotated = await clients.rotate_secret(
            connection, _known_form(client_id), overlap_s=wanted.overlap_s
        )
        await note_act(
            connection,
            request,
            "client.rotate",
            actor_of(caller),
            subject=client_id,
            details={"name": rotated.client.name, "overlap_s": wanted.overlap_s},
        )
    if rotated.revocation is not None:
        await access.apply(rotated.revocation)
    return _with_secret(rotated.client, rotated.secret)


@router.post("/{client_id}/revoke", summary="Revoke a client", responses=_NOT_FOUND)
async def revoke(request: Request, client_id: str, caller: Administrator) -> ServiceClient:
    """Disable a client for good: its secrets and its tokens are void at once, everywhere.

    When it is enabled again it needs a new secret.
    """
    access = access_of(request)
    async with borrow(access.pool) as connection, connection.transaction():
        revocation = await clients.revoke_client(connection, _known_form(client_id))
        client = await _get(connection, client_id)
        await _note(connection, request, "client.revoke", caller, client)
    await access.apply(revocation)
    return _view(client)


@router.post("/{client_id}/disable", summary="Disable a client", responses=_NOT_FOUND)
async def disable(request: Request, client_id: str, caller: Administrator) -> ServiceClient:
    """Keep a client out: no new token, and those it has are void. Its secrets are kept."""
    return await _set_active(request, caller, client_id, is_active=False)


@router.post("/{client_id}/enable", summary="Enable a client", responses=_NOT_FOUND)
async def enable(request: Request, client_id: str, caller: Administrator) -> ServiceClient:
    """Let a client in again, with the secrets it has; one that was revoked has none."""
    return await _set_active(request, caller, client_id, is_active=True)


async def _set_active(
    request: Request, caller: Caller, client_id: str, *, is_active: bool
) -> ServiceClient:
    access = access_of(request)
    async with borrow(access.pool) as connection, connection.transaction():
        revocation = await clients.set_client_active(
            connection, _known_form(client_id), is_active=is_active
        )
        client = await _get(connection, client_id)
        action = "client.enable" if is_active else "client.disable"
        await _note(connection, request, action, caller, client)
    await access.apply(revocation)
    return _view(client)


async def _note(
    connection: Session, request: Request, action: str, caller: Caller, client: Client
) -> None:
    await note_act(
        connection,
        request,
        action,
        actor_of(caller),
        subject=client.id,
        details={"name": client.name},
    )


async def _get(connection: Session, client_id: str) -> Client:
    found = await find_client(connection, client_id)
    if found is None:
        raise NotFound("client")
    return found


def _known_form(client_id: str) -> str:
    """Return an id in the form that ours have: in an address a name does not do."""
    digits = client_id.removeprefix(_ID_PREFIX)
    try:
        place = int(digits, 16)
    except ValueError as error:
        raise NotFound("client") from error
    if f"{_ID_PREFIX}{place:016x}" != client_id:
        raise NotFound("client")
    return client_id


def _place_of(client: Client) -> int:
    """Return a client's id as cursors hold it."""
    return int(client.id.removeprefix(_ID_PREFIX), 16)


def _id_at(place: int) -> str:
    return f"{_ID_PREFIX}{place:016x}"


def _view(client: Client) -> ServiceClient:
    return ServiceClient(
        client_id=client.id,
        name=client.name,
        scopes=sorted(client.scopes),
        is_active=client.is_active,
        created_at=client.created_at,
        rotated_at=client.rotated_at,
        older_secret_until=client.older_secret_until,
        secret_count=len(client.secret_hashes),
    )


def _with_secret(client: Client, secret: str) -> ClientWithSecret:
    return ClientWithSecret(**_view(client).model_dump(), client_secret=secret)
