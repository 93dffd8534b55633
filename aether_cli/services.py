"""What `aether client` does to service clients."""

from __future__ import annotations

from aether_cli.changes import change, change_and_announce, note
from aether_core.database.clients import Client, find_clients
from aether_core.database.connection import Session
from aether_core.database.revocations import Revocation
from aether_core.identity import clients
from aether_core.identity.clients import NewClient, Rotated
from aether_core.identity.roles import scope_text


def add_client(name: str, scopes: list[str]) -> NewClient:
    """Add a service client. Raises InvalidInput, Conflict."""

    async def work(connection: Session) -> NewClient:
        made = await clients.create_client(connection, name, scopes)
        details = {"name": made.client.name, "scope": scope_text(made.client.scopes)}
        await note(connection, "client.add", made.client.id, details)
        return made

    return change(work)


def list_clients() -> list[Client]:
    """Return all clients, by name."""

    async def work(connection: Session) -> list[Client]:
        return sorted(await find_clients(connection), key=lambda client: client.name)

    return change(work)


def rotate_secret(name_or_id: str, overlap_s: int) -> Rotated:
    """Give a client another secret. Raises NotFound, InvalidInput."""

    async def work(connection: Session) -> tuple[Rotated, Revocation | None]:
        rotated = await clients.rotate_secret(connection, name_or_id, overlap_s=overlap_s)
        client = rotated.client
        details: dict[str, str | int] = {"name": client.name, "overlap_s": overlap_s}
        await note(connection, "client.rotate", client.id, details)
        return rotated, rotated.revocation

    return change_and_announce(work)


def revoke_client(name_or_id: str) -> None:
    """Disable a client and forget its secrets. Raises NotFound."""

    async def work(connection: Session) -> tuple[None, Revocation]:
        known = await clients.get_client(connection, name_or_id)
        revocation = await clients.revoke_client(connection, known.id)
        await note(connection, "client.revoke", known.id, {"name": known.name})
        return None, revocation

    change_and_announce(work)


def set_client_active(name_or_id: str, *, is_active: bool) -> None:
    """Disable or enable a client. Raises NotFound."""

    async def work(connection: Session) -> tuple[None, Revocation]:
        known = await clients.get_client(connection, name_or_id)
        revocation = await clients.set_client_active(connection, known.id, is_active=is_active)
        action = "client.enable" if is_active else "client.disable"
        await note(connection, action, known.id, {"name": known.name})
        return None, revocation

    change_and_announce(work)
