"""What a version in shadow would have decided, beside what was decided.

In:   both decisions of each transaction, counted by the writer in its database transaction.
Out:  a comparison: how much each flags, and what the alerts' resolutions say of the difference.
Only what was flagged is ever resolved. So of what the shadow alone flags this says how much it is,
not whether it is fraud; `aether backtest` can, of labelled payments.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from aether_core.database.connection import Session
from aether_core.database.versions import Run
from aether_core.money import format_minor_units
from aether_core.scoring.decision import Decision, Shadow

EXAMPLES_PER_BATCH: Final = 20
"""Of what only the shadow flags so many of a batch are kept: it may be everything."""

# Orders stand at a place in each shard's stream: what lies between them is the run's.
_RESOLVED: Final = """
SELECT a.currency, a.resolution, coalesce(d.decision, '') <> 'approve' AS is_kept,
       count(*) AS transaction_count, sum(t.amount_minor_units) AS minor_units
FROM alert_transactions AS j
JOIN alerts AS a ON a.id = j.alert_id
JOIN control_entries AS b ON b.number = $1 AND b.shard = a.shard AND b.id < j.transaction_id
LEFT JOIN control_entries AS e ON e.number = $2 AND e.shard = a.shard
JOIN transactions AS t ON t.id = j.transaction_id
LEFT JOIN shadow_differences AS d ON d.run = $3 AND d.transaction_id = j.transaction_id
WHERE j.transaction_id > (
    SELECT id FROM control_entries WHERE number = $1 ORDER BY id LIMIT 1)
  AND a.status = 'resolved' AND (e.id IS NULL OR j.transaction_id < e.id)
GROUP BY a.currency, a.resolution, is_kept ORDER BY a.currency, a.resolution, is_kept
"""


@dataclass(slots=True)
class ShadowNotes:
    """What a batch has to say of shadows."""

    counts: Counter[tuple[int, int, str, str]] = field(default_factory=Counter)
    """(run, shard, live decision, shadow's decision) → transactions."""
    differences: list[tuple[int, UUID, str, float, str]] = field(default_factory=list)
    _example_count: int = 0

    def add(self, identifier: UUID, shard: int, live: Decision, shadow: Shadow) -> None:
        """Note both decisions of a transaction."""
        self.counts[shadow.run, shard, live, shadow.decision] += 1
        if live == shadow.decision:
            return
        if live == "approve":
            self._example_count += 1
            if self._example_count > EXAMPLES_PER_BATCH:
                return
        self.differences.append((shadow.run, identifier, live, shadow.score, shadow.decision))


class DecisionCount(msgspec.Struct, frozen=True):
    """So many transactions came to these two decisions."""

    live: Decision
    shadow: Decision
    transaction_count: int


class Resolved(msgspec.Struct, frozen=True):
    """Flagged transactions of one currency whose alerts have been resolved.

    is_kept: whether the shadow flags them as well. A fraud that is not kept would be missed, a
    legitimate one would be spared.
    """

    currency: str
    resolution: Literal["fraud", "legitimate"]
    is_kept: bool
    transaction_count: int
    amount: str


class Difference(msgspec.Struct, frozen=True):
    """A transaction of which the two thought otherwise."""

    transaction_id: UUID
    live: Decision
    shadow: Decision
    shadow_score: float


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a version in shadow, beside what was live meanwhile.

    live_flagged_per_hour, shadow_flagged_per_hour: transactions that are not approved. precision:
    the share of frauds among the resolved; None while none is.
    """

    number: int
    began_at: datetime
    ended_at: datetime | None
    hours: float
    transaction_count: int
    live_flagged_per_hour: float
    shadow_flagged_per_hour: float
    live_precision: float | None
    shadow_precision: float | None
    counts: list[DecisionCount]
    resolved: list[Resolved]
    differences: list[Difference]


async def add_shadow_notes(connection: Session, notes: ShadowNotes) -> None:
    """Write them. In the database transaction of the batch."""
    await connection.executemany(
        "INSERT INTO shadow_counts (run, shard, live, shadow, transaction_count)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (run, shard, live, shadow) DO UPDATE"
        " SET transaction_count = shadow_counts.transaction_count + excluded.transaction_count",
        [(*key, count) for key, count in sorted(notes.counts.items())],
    )
    await connection.copy_records_to_table(
        "shadow_differences",
        records=notes.differences,
        columns=("run", "transaction_id", "live", "score", "decision"),
    )


async def compare(connection: Session, run: Run, *, difference_limit: int) -> Comparison:
    """Return what a run in shadow has shown so far; the newest differences beside it."""
    counted = await connection.fetch(
        "SELECT live, shadow, sum(transaction_count)::bigint AS transaction_count"
        " FROM shadow_counts WHERE run = $1 GROUP BY live, shadow ORDER BY live, shadow",
        run.id,
    )
    counts = [DecisionCount(**dict(row)) for row in counted]
    rows = await connection.fetch(_RESOLVED, run.began_order, run.ended_order, run.id)
    resolved = [
        Resolved(
            row["currency"],
            row["resolution"],
            row["is_kept"],
            row["transaction_count"],
            format_minor_units(int(row["minor_units"]), row["currency"]),
        )
        for row in rows
    ]
    differing = await connection.fetch(
        "SELECT transaction_id, live, decision, score FROM shadow_differences WHERE run = $1"
        " ORDER BY transaction_id DESC LIMIT $2",
        run.id,
        difference_limit,
    )
    # By the clock that it began by; of a run that has just begun, of at least a second.
    ended_at = run.ended_at or await connection.fetchval("SELECT clock_timestamp()")
    hours = max((ended_at - run.began_at).total_seconds(), 1.0) / 3600.0
    return Comparison(
        number=run.number,
        began_at=run.began_at,
        ended_at=run.ended_at,
        hours=hours,
        transaction_count=sum(one.transaction_count for one in counts),
        live_flagged_per_hour=_flagged(counts, "live") / hours,
        shadow_flagged_per_hour=_flagged(counts, "shadow") / hours,
        live_precision=_precision(resolved),
        shadow_precision=_precision([one for one in resolved if one.is_kept]),
        counts=counts,
        resolved=resolved,
        differences=[
            Difference(
                UUID(int=row["transaction_id"].int), row["live"], row["decision"], row["score"]
            )
            for row in differing
        ],
    )


async def delete_shadow_differences(connection: Session, before: UUID) -> None:
    """Give up the differences over transactions before an id."""
    await connection.execute("DELETE FROM shadow_differences WHERE transaction_id < $1", before)


def _flagged(counts: list[DecisionCount], side: str) -> int:
    return sum(one.transaction_count for one in counts if getattr(one, side) != "approve")


def _precision(resolved: list[Resolved]) -> float | None:
    total = sum(one.transaction_count for one in resolved)
    frauds = sum(one.transaction_count for one in resolved if one.resolution == "fraud")
    return frauds / total if total else None
