"""How far each shard is committed: find, lock, check, advance.

The position is committed in the same database transaction as the rows that it stands for. It is
also the fence: a writer locks the row first and finds it where it left it, or stops.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aether_core.database.batches import (
    TOLD,
    BatchTimes,
    Told,
    keep_last_batch,
    told_columns,
)
from aether_core.database.connection import LOCK_CLASS_SHARD, LOCK_CLASS_WRITER, Session
from aether_core.errors import CannotStart, PositionMoved
from aether_core.stream.contract import EntryId


@dataclass(frozen=True, slots=True)
class Position:
    """What PostgreSQL knows of one shard."""

    shard: int
    incarnation: int
    entry: EntryId
    """The last committed entry."""
    previous: EntryId
    """The last entry of the batch before."""
    base_count: int
    committed_count: int
    flagged_count: int
    dead_letter_count: int
    lost_count: int
    """Entries that are known to be lost, and that nobody has acknowledged."""
    checked: EntryId
    """The last committed entry when the stream was last looked at."""
    seen_count: int
    """Entries that had been added to the stream then."""
    seen: EntryId
    """The last id that it had given then."""
    owner: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Advance:
    """One shard's step forward: from where it must stand to where the batch ends."""

    shard: int
    incarnation: int
    expected: EntryId
    reached: EntryId
    committed_count: int
    flagged_count: int
    dead_letter_count: int
    repeated_count: int = 0
    """Entries that an earlier incarnation has written: they count there, and not here."""

    @property
    def entry_count(self) -> int:
        """Entries of the batch."""
        return self.committed_count + self.dead_letter_count + self.repeated_count


async def find_positions(connection: Session, shards: list[int] | None = None) -> list[Position]:
    """Return the positions of these shards, or of all, in the order of the shards."""
    rows = await connection.fetch(
        "SELECT shard, incarnation, entry_ms, entry_sequence, previous_ms, previous_sequence,"
        " base_count, committed_count, flagged_count, dead_letter_count, lost_count, checked_ms,"
        " checked_sequence, seen_count, seen_ms, seen_sequence, owner, updated_at"
        " FROM positions WHERE $1::int[] IS NULL OR shard = ANY($1) ORDER BY shard",
        shards,
    )
    return [
        Position(
            shard=row["shard"],
            incarnation=row["incarnation"],
            entry=EntryId(row["entry_ms"], row["entry_sequence"]),
            previous=EntryId(row["previous_ms"], row["previous_sequence"]),
            base_count=row["base_count"],
            committed_count=row["committed_count"],
            flagged_count=row["flagged_count"],
            dead_letter_count=row["dead_letter_count"],
            lost_count=row["lost_count"],
            checked=EntryId(row["checked_ms"], row["checked_sequence"]),
            seen_count=row["seen_count"],
            seen=EntryId(row["seen_ms"], row["seen_sequence"]),
            owner=row["owner"],
            updated_at=row["updated_at"],
        )
        for row in rows
    ]


async def lock_positions(connection: Session, expected: dict[int, tuple[int, EntryId]]) -> None:
    """Lock the rows of these shards and check that they stand where they are expected.

    expected: shard → incarnation and last committed entry.
    Raises PositionMoved: another writer was here, and this one must not commit.
    """
    rows = await connection.fetch(
        "SELECT shard, incarnation, entry_ms, entry_sequence FROM positions"
        " WHERE shard = ANY($1::int[]) ORDER BY shard FOR UPDATE",
        list(expected),
    )
    found = {
        row["shard"]: (row["incarnation"], EntryId(row["entry_ms"], row["entry_sequence"]))
        for row in rows
    }
    for shard, place in expected.items():
        if found.get(shard) != place:
            raise PositionMoved(shard)


async def advance_positions(
    connection: Session,
    advances: list[Advance],
    owner: str,
    times: BatchTimes | None = None,
    told: Told | None = None,
) -> None:
    """Move locked positions to the end of their batches and add the counts.

    The record of the batch before goes to `batches`, in the same round trip.
    times: of this batch; None: it leaves no record.
    told: of the one before, as far as they are known.
    """
    await connection.execute(
        f"WITH told AS ({TOLD}), kept AS ("  # noqa: S608 - a constant
        "INSERT INTO batches (shard, last_ms, last_sequence, incarnation, after_ms,"
        " after_sequence, entry_count, read_at, scored_at, committed_at, published_at)"
        " SELECT p.shard, entry_ms, entry_sequence, incarnation, previous_ms, previous_sequence,"
        " entry_count, read_at, scored_at, coalesce(told.committed, committed_at),"
        " coalesce(published_at, told.published)"
        " FROM positions AS p LEFT JOIN told ON told.shard = p.shard AND told.ms = entry_ms"
        " AND told.sequence = entry_sequence WHERE p.shard = ANY($6::int[])"
        " AND read_at IS NOT NULL ON CONFLICT DO NOTHING)"
        " UPDATE positions SET previous_ms = entry_ms, previous_sequence = entry_sequence,"
        " entry_ms = step.ms, entry_sequence = step.sequence,"
        " committed_count = committed_count + step.committed,"
        " flagged_count = flagged_count + step.flagged,"
        " dead_letter_count = dead_letter_count + step.dead,"
        " base_count = base_count + step.repeated, owner = $13, updated_at = now(),"
        " entry_count = step.committed + step.dead + step.repeated, read_at = $14,"
        " scored_at = $15, committed_at = clock_timestamp(), published_at = NULL"
        " FROM unnest($6::int[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],"
        " $11::bigint[], $12::bigint[])"
        " AS step(shard, ms, sequence, committed, flagged, dead, repeated)"
        " WHERE positions.shard = step.shard",
        *told_columns(told or {}),
        [a.shard for a in advances],
        [a.reached.ms for a in advances],
        [a.reached.sequence for a in advances],
        [a.committed_count for a in advances],
        [a.flagged_count for a in advances],
        [a.dead_letter_count for a in advances],
        [a.repeated_count for a in advances],
        owner,
        times and times.read_at,
        times and times.scored_at,
    )


async def begin_incarnation(
    connection: Session, shard: int, incarnation: int, *, base_count: int, reason: str
) -> None:
    """Start counting a shard's new stream from its beginning; close the one before, if any."""
    await connection.execute(
        "UPDATE incarnations SET ended_at = now(), committed_count = positions.committed_count,"
        " flagged_count = positions.flagged_count,"
        " dead_letter_count = positions.dead_letter_count, last_ms = positions.entry_ms,"
        " last_sequence = positions.entry_sequence FROM positions"
        " WHERE positions.shard = $1 AND incarnations.shard = $1"
        " AND incarnations.incarnation = positions.incarnation",
        shard,
    )
    await keep_last_batch(connection, shard)
    await connection.execute(
        "INSERT INTO incarnations (shard, incarnation, reason) VALUES ($1, $2, $3)"
        " ON CONFLICT (shard, incarnation) DO UPDATE SET ended_at = NULL,"
        " reason = excluded.reason",
        shard,
        incarnation,
        reason,
    )
    await connection.execute(
        "INSERT INTO positions (shard, incarnation, base_count) VALUES ($1, $2, $3)"
        " ON CONFLICT (shard) DO UPDATE SET incarnation = excluded.incarnation,"
        " base_count = excluded.base_count, entry_ms = 0, entry_sequence = 0, previous_ms = 0,"
        " previous_sequence = 0, committed_count = 0, flagged_count = 0, dead_letter_count = 0,"
        " lost_count = 0, checked_ms = 0, checked_sequence = 0, seen_count = 0, seen_ms = 0,"
        " seen_sequence = 0, read_at = NULL, updated_at = now()",
        shard,
        incarnation,
        base_count,
    )


async def settle_shard_count(connection: Session, wanted: int | None, default: int) -> int:
    """Fix the number of shards when the system first starts; later return the fixed one.

    Raises CannotStart when another number is wanted: the accounts would change their shards.
    """
    await connection.execute(
        "INSERT INTO system (key, value) VALUES ('shard_count', $1) ON CONFLICT (key) DO NOTHING",
        str(wanted or default),
    )
    fixed = await find_shard_count(connection)
    if wanted is not None and wanted != fixed:
        raise CannotStart(
            f"This system has {fixed} shards and AETHER_STREAM__SHARD_COUNT asks for {wanted}: "
            "the number is fixed when the system first starts; unset it or set it back."
        )
    return fixed


async def try_own_shard(connection: Session, shard: int) -> bool:
    """Take the shard's session lock when it is free; it ends with the connection."""
    return bool(
        await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", LOCK_CLASS_SHARD, shard)
    )


async def disown_shard(connection: Session, shard: int) -> None:
    """Give the shard's session lock back."""
    await connection.execute("SELECT pg_advisory_unlock($1, $2)", LOCK_CLASS_SHARD, shard)


async def announce_writer(connection: Session) -> None:
    """Let other writers count this one: a session lock that nobody else wants."""
    await connection.execute("SELECT pg_advisory_lock($1, pg_backend_pid())", LOCK_CLASS_WRITER)


async def count_writers(connection: Session) -> int:
    """Return how many writers are announced in this database."""
    return int(
        await connection.fetchval(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND classid = $1::bigint::oid AND objsubid = 2"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            LOCK_CLASS_WRITER,
        )
    )


async def find_owned_shards(connection: Session) -> dict[int, int]:
    """Return shard → backend process id of the session that owns it."""
    rows = await connection.fetch(
        "SELECT objid::bigint AS shard, pid FROM pg_locks WHERE locktype = 'advisory'"
        " AND granted AND classid = $1::bigint::oid AND objsubid = 2"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        LOCK_CLASS_SHARD,
    )
    return {row["shard"]: row["pid"] for row in rows}


async def find_shard_count(connection: Session) -> int:
    """Return the number of shards, which is fixed when the system first starts."""
    return int(await connection.fetchval("SELECT value FROM system WHERE key = 'shard_count'"))
