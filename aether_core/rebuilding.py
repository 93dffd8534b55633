"""A shard's scoring state, rebuilt as it was after its last committed entry.

In:   the shard's snapshot, the rows and control entries after it.
Out:  the state; the same that its writer has in memory at that position, bit by bit.
"""

from __future__ import annotations

import logging
from typing import NamedTuple
from uuid import UUID

from aether_core.control import apply_control
from aether_core.database.connection import Session
from aether_core.database.controls import find_control_entries
from aether_core.database.positions import find_shard_count
from aether_core.database.snapshots import Snapshot, find_snapshot
from aether_core.database.transactions import find_rows_to_score
from aether_core.money import EXPONENTS
from aether_core.scoring import ShardState, Thresholds, score_transaction
from aether_core.transaction import us_of_instant

logger = logging.getLogger(__name__)

_PAGE = 5_000


class Rebuilt(NamedTuple):
    """A state, and what it has learnt."""

    state: ShardState
    last_scored: UUID | None
    """The last entry, transaction or control, that it has learnt."""
    row_count: int
    """Rows that were scored again, because no snapshot has learnt them."""


async def rebuild_state(connection: Session, shard: int, thresholds: Thresholds) -> Rebuilt:
    """Rebuild the state of a shard. In a database transaction of the caller's."""
    snapshot = await find_snapshot(connection, shard)
    shards = await find_shard_count(connection)
    state, last_scored = _state_of(snapshot, shards)
    controls = await find_control_entries(connection, shard, last_scored)
    controls.reverse()
    count = 0
    async for page in find_rows_to_score(connection, shard, last_scored, _PAGE):
        for row in page:
            while controls and controls[-1].id < row.id:
                apply_control(state, controls.pop().control)
            score_transaction(
                state,
                thresholds,
                account_id=row.account_id,
                merchant=row.merchant,
                currency=row.currency,
                minor_units=row.minor_units,
                exponent=EXPONENTS[row.currency],
                occurred_at_ms=us_of_instant(row.occurred_at) // 1000,
                location=row.location,
            )
        last_scored = UUID(int=page[-1].id.int)
        count += len(page)
    for placed in reversed(controls):
        apply_control(state, placed.control)
        last_scored = placed.id
    return Rebuilt(state, last_scored, count)


def _state_of(snapshot: Snapshot | None, shards: int) -> tuple[ShardState, UUID | None]:
    if snapshot is None:
        return ShardState(shards), None
    try:
        return ShardState.from_bytes(snapshot.state, shards), snapshot.transaction_id
    except ValueError as error:
        logger.warning("a snapshot is of no use, all rows are scored again: %s", error)
        return ShardState(shards), None
