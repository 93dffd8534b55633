"""Poison: finds the entries that PostgreSQL refuses, so that their neighbours can be written.

In:   a batch whose commit failed on its data.
Out:  the ids of the culprits, each with the server's reason.
Tries halves in database transactions that are rolled back: nothing is written here. A batch of
n entries with one culprit takes about 2 log2 n tries.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg

from aether_core.database.connection import Session
from aether_core.database.incidents import Flagged, raise_alerts
from aether_core.database.transactions import copy_transactions
from aether_worker.batch import Batch

DATA_ERRORS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    ValueError,
    OverflowError,
    TypeError,
)
"""What a batch fails with because of what it holds, on the server or while it is encoded."""

_Row = tuple[Any, ...]


async def find_poison(connection: Session, batch: Batch) -> dict[UUID, str]:
    """Return the ids of the entries that cannot be written, with reasons.

    Empty when each of them can: then the batch failed on something else.
    """
    flagged = {one.id: one for one in batch.flagged}
    found: dict[UUID, str] = {}
    pending = [batch.rows] if batch.rows else []
    while pending:
        rows = pending.pop()
        reason = await _refusal(connection, rows, [flagged[r[0]] for r in rows if r[0] in flagged])
        if reason is None:
            continue
        if len(rows) == 1:
            found[rows[0][0]] = reason
        else:
            middle = len(rows) // 2
            pending += [rows[middle:], rows[:middle]]
    return found


async def _refusal(connection: Session, rows: list[_Row], flagged: list[Flagged]) -> str | None:
    attempt = connection.transaction()
    await attempt.start()
    try:
        await copy_transactions(connection, rows)
        await raise_alerts(connection, flagged, apart_s=0.0)
    except DATA_ERRORS as error:
        return f"{type(error).__name__}: {error}"
    finally:
        await attempt.rollback()
    return None
