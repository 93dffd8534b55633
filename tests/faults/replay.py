"""Replay: what scores and alerts must be, from the rows alone and without any fault.

In:   the rows of each shard in the order of their ids, which is that of its stream.
Out:  for each the assessment that scoring gives when it sees them once and in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aether_core.money import EXPONENTS
from aether_core.scoring import Assessment, Reason, ShardState, Thresholds, score_transaction
from aether_core.transaction import us_of_instant


@dataclass(frozen=True, slots=True)
class Row:
    """A row of `transactions`."""

    id: UUID
    shard: int
    account_id: str
    minor_units: int
    currency: str
    merchant: str
    location: str | None
    description: str | None
    occurred_at: datetime
    created_at: datetime
    score: float
    decision: str
    reasons: tuple[Reason, ...]


class Replay:
    """Scores the rows of all shards; goes on where it stopped."""

    def __init__(self, thresholds: Thresholds, shard_count: int) -> None:
        self._thresholds = thresholds
        self._shard_count = shard_count
        self._states: dict[int, ShardState] = {}

    def assess(self, row: Row) -> Assessment:
        """Score the next row of its shard."""
        return score_transaction(
            self._states.setdefault(row.shard, ShardState(self._shard_count)),
            self._thresholds,
            account_id=row.account_id,
            merchant=row.merchant,
            currency=row.currency,
            minor_units=row.minor_units,
            exponent=EXPONENTS[row.currency],
            occurred_at_ms=us_of_instant(row.occurred_at) // 1000,
            location=row.location,
        )
