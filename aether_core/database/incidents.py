"""Incidents: a flagged transaction joins the open alert of its account's burst, or raises one.

In:   the flagged transactions of a batch, in order, in the writer's database transaction.
Out:  the alerts that they have raised or joined.
An alert that somebody decides meanwhile is decided with what had joined it by then: both lock its
row, alerts in the order of their ids. What comes after that raises the next one. Joining is no
change that somebody made, so it leaves the alert's version as it is: an analyst can decide a burst
while it goes on.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from aether_core.alert import AlertView
from aether_core.database.alerts import ALERT_FIELDS, find_typical_amounts, view_of_alert
from aether_core.database.connection import Session
from aether_core.scoring import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

JOINED_COUNT_MAX: Final = 1_000
"""Transactions of one alert: what is decided with it is learnt in one database transaction."""

_SEVERITY: Final = {"approve": 0, "review": 1, "decline": 2}

_INSERTED: Final = (
    "id", "transaction_id", "shard", "account_id", "merchant", "amount_minor_units", "currency",
    "score", "decision", "reasons", "occurred_at", "created_at", "expected_loss",
    "transaction_count", "total_minor_units", "last_occurred_at",
)  # fmt: skip

_OPEN: Final = """
SELECT id, account_id, currency, score, decision, reasons, occurred_at, expected_loss,
       transaction_count, total_minor_units, last_occurred_at
FROM alerts
WHERE status = 'open' AND account_id = ANY($1::text[]) AND last_occurred_at >= $2
ORDER BY id FOR UPDATE
"""

_JOIN: Final = """
UPDATE alerts SET score = $2, decision = $3, reasons = $4, expected_loss = $5,
  transaction_count = $6, total_minor_units = $7, last_occurred_at = $8
WHERE id = $1
"""


class Flagged(NamedTuple):
    """A transaction that is not approved, as it was scored."""

    id: UUID
    shard: int
    account_id: str
    merchant: str
    minor_units: int
    currency: str
    score: float
    decision: str
    reasons: tuple[Reason, ...]
    occurred_at: datetime
    created_at: datetime


@dataclass(slots=True)
class _Incident:
    """An open alert while a batch joins it. raised_by: what opened it, if that is in the batch.

    It begins with what raised it, whatever else it holds: only that is kept, and a burst must not
    depend on where batches were cut.
    """

    id: UUID
    score: float
    decision: str
    reasons: Any
    begins: datetime
    ends: datetime
    expected_loss: float
    count: int
    total: int
    raised_by: Flagged | None = None
    is_changed: bool = False

    def takes(self, flagged: Flagged, apart: timedelta) -> bool:
        return (
            self.count < JOINED_COUNT_MAX
            and self.begins - apart <= flagged.occurred_at <= self.ends + apart
        )

    def join(self, flagged: Flagged, loss: float) -> None:
        if flagged.score > self.score:
            self.score, self.reasons = flagged.score, flagged.reasons
        self.decision = max(self.decision, flagged.decision, key=_SEVERITY.__getitem__)
        self.ends = max(self.ends, flagged.occurred_at)
        self.expected_loss += loss
        self.count += 1
        self.total += flagged.minor_units
        self.is_changed = True


async def raise_alerts(
    connection: Session, flagged: Sequence[Flagged], *, apart_s: float
) -> list[AlertView]:
    """Let each transaction join an alert of its account, or raise one; return those alerts.

    It joins the newest open alert in its currency that was raised by a transaction of at most
    `apart_s` seconds later, and whose latest transaction is at most that much earlier. The score,
    the reasons and the decision of an alert are those of the worst transaction; its expected loss
    is the sum of theirs: score times amount, in typical amounts of the currency (the geometric
    mean of all that is committed, with the load of this very batch). Amounts of a currency are
    about log-normal, where the geometric mean is the median. No rate of exchange is known here.
    """
    if not flagged:
        return []
    apart = timedelta(seconds=apart_s)
    typical = await find_typical_amounts(connection, {one.currency for one in flagged})
    incidents = await _find_open(connection, flagged, apart)
    joined: list[tuple[UUID, UUID]] = []
    for one in flagged:
        of_account = incidents[one.account_id, one.currency]
        taking = (incident for incident in of_account if incident.takes(one, apart))
        incident = max(taking, key=lambda incident: incident.id, default=None)
        if incident is None:
            incident = _Incident(
                one.id, one.score, one.decision, one.reasons, one.occurred_at, one.occurred_at,
                0.0, 0, 0, raised_by=one,
            )  # fmt: skip
            of_account.append(incident)
        incident.join(one, one.score * one.minor_units / typical.get(one.currency, one.minor_units))
        joined.append((one.id, incident.id))
    changed = [i for of_account in incidents.values() for i in of_account if i.is_changed]
    await _save(connection, changed, joined)
    rows = await connection.fetch(
        f"SELECT {ALERT_FIELDS} FROM alerts WHERE id = ANY($1::uuid[]) ORDER BY id",  # noqa: S608 - constants
        [incident.id for incident in changed],
    )
    return [view_of_alert(row) for row in rows]


async def find_joined_ids(
    connection: Session, alert_id: UUID, *, before: UUID | None, limit: int
) -> list[UUID]:
    """Return ids of an alert's transactions, newest first. before: an id (the next page)."""
    rows = await connection.fetch(
        "SELECT transaction_id FROM alert_transactions WHERE alert_id = $1"
        " AND ($2::uuid IS NULL OR transaction_id < $2) ORDER BY transaction_id DESC LIMIT $3",
        alert_id,
        before,
        limit,
    )
    return [UUID(int=row["transaction_id"].int) for row in rows]


async def _find_open(
    connection: Session, flagged: Sequence[Flagged], apart: timedelta
) -> defaultdict[tuple[str, str], list[_Incident]]:
    """Return the open alerts that may be joined, locked, by account and currency."""
    found: defaultdict[tuple[str, str], list[_Incident]] = defaultdict(list)
    rows = await connection.fetch(
        _OPEN,
        list({one.account_id for one in flagged}),
        min(one.occurred_at for one in flagged) - apart,
    )
    for row in rows:
        found[row["account_id"], row["currency"]].append(
            _Incident(
                id=row["id"],
                score=row["score"],
                decision=row["decision"],
                reasons=row["reasons"],
                begins=row["occurred_at"],
                ends=row["last_occurred_at"],
                expected_loss=row["expected_loss"],
                count=row["transaction_count"],
                total=row["total_minor_units"],
            )
        )
    return found


async def _save(
    connection: Session, changed: list[_Incident], joined: list[tuple[UUID, UUID]]
) -> None:
    raised = [(i, i.raised_by) for i in changed if i.raised_by is not None]
    await connection.copy_records_to_table(
        "alerts",
        records=[
            (
                one.id, one.id, one.shard, one.account_id, one.merchant, one.minor_units,
                one.currency, i.score, i.decision, i.reasons, one.occurred_at, one.created_at,
                i.expected_loss, i.count, i.total, i.ends,
            )
            for i, one in raised
        ],
        columns=_INSERTED,
    )  # fmt: skip
    await connection.executemany(
        _JOIN,
        [
            (i.id, i.score, i.decision, i.reasons, i.expected_loss, i.count, i.total, i.ends)
            for i in changed
            if i.raised_by is None
        ],
    )
    await connection.copy_records_to_table(
        "alert_transactions", records=joined, columns=("transaction_id", "alert_id")
    )
