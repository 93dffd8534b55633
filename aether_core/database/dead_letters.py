"""Keeps what could not be written, with its bytes and its error, and what operators did about it.

A dead letter is never deleted: it is one of the entries that were added. It is open until it is
replayed, which gives its payload a new place in the stream, or discarded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias
from uuid import UUID

from aether_core.database.connection import Session
from aether_core.errors import DeadLetterSettled, NotFound, ReplayUnderWay
from aether_core.stream.contract import EntryId

if TYPE_CHECKING:
    from asyncpg import Record

LetterState: TypeAlias = Literal["open", "replayed", "discarded"]

_OPEN = "replayed_at IS NULL AND discarded_at IS NULL"
_CONDITIONS: dict[LetterState | None, str] = {
    None: "true",
    "open": _OPEN,
    "replayed": "replayed_at IS NOT NULL",
    "discarded": "discarded_at IS NOT NULL",
}


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An entry of the stream that could not become a row."""

    id: UUID
    shard: int
    incarnation: int
    entry: EntryId
    payload: bytes
    error: str


@dataclass(frozen=True, slots=True)
class KeptLetter(DeadLetter):
    """A dead letter as it is kept."""

    created_at: datetime
    replay_began_at: datetime | None
    """Since then its payload may be in the stream once more, whether or not that is marked."""
    replayed_at: datetime | None
    replayed_as: UUID | None
    replayed_by: str | None
    discarded_at: datetime | None
    discarded_by: str | None
    note: str | None

    @property
    def state(self) -> LetterState:
        """Whether somebody still has to do something about it."""
        if self.replayed_at is not None:
            return "replayed"
        return "open" if self.discarded_at is None else "discarded"


async def add_dead_letters(connection: Session, letters: list[DeadLetter]) -> None:
    """Keep entries that could not be written, in the batch's own database transaction."""
    await connection.executemany(
        "INSERT INTO dead_letters"
        " (id, shard, incarnation, entry_ms, entry_sequence, payload, error)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [
            (x.id, x.shard, x.incarnation, x.entry.ms, x.entry.sequence, x.payload, x.error)
            for x in letters
        ],
    )


async def find_dead_letters(
    connection: Session, *, state: LetterState | None, before: UUID | None, limit: int
) -> list[KeptLetter]:
    """Return up to `limit` dead letters, newest first.

    state: None for all. before: only ids smaller than this one (the next page).
    """
    rows = await connection.fetch(
        f"SELECT * FROM dead_letters WHERE {_CONDITIONS[state]}"  # noqa: S608 - constants
        " AND ($1::uuid IS NULL OR id < $1) ORDER BY id DESC LIMIT $2",
        before,
        limit,
    )
    return [_letter(row) for row in rows]


async def find_dead_letter(connection: Session, identifier: UUID) -> KeptLetter | None:
    """Return one dead letter."""
    row = await connection.fetchrow("SELECT * FROM dead_letters WHERE id = $1", identifier)
    return None if row is None else _letter(row)


async def find_last_life(connection: Session, identifier: UUID) -> UUID:
    """Return the id that a dead letter has after all of its replays; its own without any."""
    found: UUID | None = await connection.fetchval(
        "WITH RECURSIVE lives (id, number) AS (SELECT $1::uuid, 0 UNION ALL"
        " SELECT replayed_as, number + 1 FROM lives JOIN dead_letters USING (id)"
        " WHERE replayed_as IS NOT NULL) SELECT id FROM lives ORDER BY number DESC LIMIT 1",
        identifier,
    )
    return identifier if found is None else UUID(int=found.int)


async def count_open_letters(connection: Session) -> int:
    """Return how many dead letters wait for an operator."""
    return int(
        await connection.fetchval(f"SELECT count(*) FROM dead_letters WHERE {_OPEN}")  # noqa: S608
    )


async def begin_replay(connection: Session, identifier: UUID) -> bool:
    """Note that an open dead letter is about to be appended once more. Commit it before that.

    Returns False when that was noted before: it may have happened then.
    """
    begun = await connection.fetchval(
        "UPDATE dead_letters SET replay_began_at = now()"  # noqa: S608 - a constant
        f" WHERE id = $1 AND replay_began_at IS NULL AND {_OPEN} RETURNING true",
        identifier,
    )
    return begun is not None


async def forget_replay(connection: Session, identifier: UUID) -> None:
    """Take `begin_replay` back: nothing was appended."""
    await connection.execute(
        "UPDATE dead_letters SET replay_began_at = NULL WHERE id = $1 AND replayed_at IS NULL",
        identifier,
    )


async def lock_open_letter(connection: Session, identifier: UUID) -> KeptLetter:
    """Lock a dead letter that waits for an operator, until the database transaction ends.

    Raises NotFound, DeadLetterSettled.
    """
    row = await connection.fetchrow(
        "SELECT * FROM dead_letters WHERE id = $1 FOR UPDATE", identifier
    )
    if row is None:
        raise NotFound("dead letter")
    letter = _letter(row)
    if letter.state != "open":
        raise DeadLetterSettled(letter.state, letter.replayed_by or letter.discarded_by or "")
    return letter


async def find_second_life(
    connection: Session, identifier: UUID, payload: bytes, account_id: str, digest: bytes
) -> UUID | None:
    """Return the row, or the later dead letter, that a dead letter's payload has become already.

    payload, digest: what a replay appends, and the idempotency digest inside.
    """
    found: UUID | None = await connection.fetchval(
        "SELECT id FROM transactions WHERE account_id = $1 AND id > $2"
        " AND idempotency_digest = $3"
        " UNION ALL SELECT id FROM dead_letters WHERE id > $2 AND payload = $4 LIMIT 1",
        account_id,
        identifier,
        digest,
        payload,
    )
    return None if found is None else UUID(int=found.int)


async def mark_replayed(
    connection: Session, identifier: UUID, *, replayed_as: UUID, replayed_by: str
) -> KeptLetter:
    """Say what a locked dead letter has become."""
    row = await connection.fetchrow(
        "UPDATE dead_letters SET replayed_at = now(), replayed_as = $2, replayed_by = $3"
        " WHERE id = $1 RETURNING *",
        identifier,
        replayed_as,
        replayed_by,
    )
    assert row is not None  # noqa: S101 - it is locked
    return _letter(row)


async def discard_dead_letter(
    connection: Session, identifier: UUID, *, discarded_by: str, note: str | None
) -> KeptLetter:
    """Give an open dead letter up. Needs an open database transaction.

    Raises NotFound, DeadLetterSettled, ReplayUnderWay when it may be in the stream once more.
    """
    letter = await lock_open_letter(connection, identifier)
    if letter.replay_began_at is not None:
        raise ReplayUnderWay
    row = await connection.fetchrow(
        "UPDATE dead_letters SET discarded_at = now(), discarded_by = $2, note = $3"
        " WHERE id = $1 RETURNING *",
        identifier,
        discarded_by,
        note,
    )
    assert row is not None  # noqa: S101 - it is locked
    return _letter(row)


def _letter(row: Record) -> KeptLetter:
    replayed_as = row["replayed_as"]
    return KeptLetter(
        id=UUID(int=row["id"].int),
        shard=row["shard"],
        incarnation=row["incarnation"],
        entry=EntryId(row["entry_ms"], row["entry_sequence"]),
        payload=row["payload"],
        error=row["error"],
        created_at=row["created_at"],
        replay_began_at=row["replay_began_at"],
        replayed_at=row["replayed_at"],
        replayed_as=None if replayed_as is None else UUID(int=replayed_as.int),
        replayed_by=row["replayed_by"],
        discarded_at=row["discarded_at"],
        discarded_by=row["discarded_by"],
        note=row["note"],
    )
