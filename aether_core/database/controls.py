"""Orders that change scoring, and where each shard's stream has taken them.

An order is written in the database transaction of what it follows from (a resolution). The writer
of each shard puts it into the shard's stream, and notes the place when it commits the entry: from
orders and places the scoring state is rebuilt as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from aether_core.control import Change, Control, decode_change, encode_change
from aether_core.database.connection import Session

# Numbers must become visible in their order: a shard that has taken a number ignores smaller ones.
_ORDER_LOCK = 0x6F72646572


class Placed(NamedTuple):
    """A control entry with its place in a shard's stream."""

    id: UUID
    control: Control


async def lock_orders(connection: Session) -> None:
    """Let nobody else add an order until the database transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _ORDER_LOCK)


async def add_order(connection: Session, change: Change) -> int:
    """Keep an order; it takes effect when its entries are written. Returns its number."""
    await lock_orders(connection)
    number: int = await connection.fetchval(
        "INSERT INTO control_orders (change) VALUES ($1) RETURNING number", encode_change(change)
    )
    return number


async def add_orders(connection: Session, changes: Sequence[Change]) -> None:
    """Keep several orders, in their order."""
    await lock_orders(connection)
    await connection.execute(
        "INSERT INTO control_orders (change)"
        " SELECT change FROM unnest($1::bytea[]) WITH ORDINALITY AS c (change, place)"
        " ORDER BY place",
        [encode_change(change) for change in changes],
    )


async def find_orders(connection: Session, after: int, limit: int) -> list[Control]:
    """Return up to `limit` orders after a number, in order."""
    rows = await connection.fetch(
        "SELECT number, change FROM control_orders WHERE number > $1 ORDER BY number LIMIT $2",
        after,
        limit,
    )
    return [Control(row["number"], decode_change(row["change"])) for row in rows]


async def add_control_entries(connection: Session, rows: list[tuple[Any, ...]]) -> None:
    """Note the places of entries: (id, shard, number) each."""
    await connection.copy_records_to_table(
        "control_entries", records=rows, columns=("id", "shard", "number")
    )


async def find_control_entries(connection: Session, shard: int, after: UUID | None) -> list[Placed]:
    """Return a shard's control entries after an id in the stream's order."""
    rows = await connection.fetch(
        "SELECT e.id, e.number, o.change FROM control_entries AS e"
        " JOIN control_orders AS o USING (number)"
        " WHERE e.shard = $1 AND e.id > $2 ORDER BY e.id",
        shard,
        after or UUID(int=0),
    )
    return [
        Placed(UUID(int=row["id"].int), Control(row["number"], decode_change(row["change"])))
        for row in rows
    ]
