"""Finds alerts as they were at a past instant.

In:   the alerts, what people did to them since (`alert_history`), which transactions had joined
      them (`alert_transactions`), and when each batch was committed.
Out:  the alerts that existed then, with the status, lock, assignee and version that they had.
An alert existed once its batch was committed, and is counted with what had been committed of its
burst by then. Of an alert that was joined since, the expected loss is its present one in the share
of what had joined: typical amounts have hardly moved meanwhile. All else is exact, for as long as
the alert and its transactions are kept.

No list reads the whole table: it begins with candidates, chosen by indexes of the present, that
hold every alert which can belong to it, CANDIDATES_MAX at most of each kind.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from aether_core.alert import AlertView
from aether_core.database.alerts import AlertFilter, view_of_alert
from aether_core.database.batches import find_committed_ends
from aether_core.database.connection import Session

CANDIDATES_MAX: Final = 2_000
"""Alerts of each kind that a page is chosen from: those of the queue, and those decided since."""

# $1: the instant. $2 and $3: shards and the smallest id of each that was not committed yet.
# $4: the largest of those ids.
_PAST: Final = """
WITH ends AS MATERIALIZED (
  SELECT * FROM unnest($2::int[], $3::uuid[]) AS ends(shard, id)
), candidates AS MATERIALIZED (
  {candidates}
), past AS MATERIALIZED (
  SELECT c.id, c.transaction_id, c.account_id, c.merchant, c.amount_minor_units, c.currency,
    coalesce(early.score, c.score) AS score,
    coalesce(early.decision, c.decision) AS decision,
    coalesce(early.reasons, c.reasons) AS reasons,
    c.occurred_at, c.created_at,
    CASE WHEN decided.action = 'resolve' THEN 'resolved' ELSE 'open' END AS status,
    CASE WHEN decided.action = 'resolve' THEN decided.resolution END AS resolution,
    CASE WHEN decided.action = 'resolve' THEN decided.actor END AS resolved_by,
    CASE WHEN decided.action = 'resolve' THEN decided.at END AS resolved_at,
    CASE WHEN decided.action = 'resolve' THEN decided.note END AS note,
    coalesce(seen.version, 1) AS version,
    CASE WHEN locked.action = 'take' THEN locked.actor END AS taken_by,
    CASE WHEN locked.action = 'take' THEN locked.taken_until END AS taken_until,
    assigned.assignee,
    c.expected_loss * coalesce(early.weight / nullif(early.weight + late.weight, 0), 1)
      AS expected_loss,
    (c.transaction_count - late.count)::int AS transaction_count,
    coalesce(early.total, c.total_minor_units) AS total_minor_units,
    coalesce(early.last_occurred_at, c.last_occurred_at) AS last_occurred_at,
    $1::timestamptz AS read_at
  FROM candidates AS c JOIN ends ON ends.shard = c.shard AND c.id < ends.id
  LEFT JOIN LATERAL (
    SELECT version FROM alert_history WHERE alert_id = c.id AND at <= $1
    ORDER BY version DESC LIMIT 1
  ) AS seen ON true
  LEFT JOIN LATERAL (
    SELECT * FROM (
      (SELECT action, actor, resolution, at, note, version FROM alert_history
       WHERE alert_id = c.id AND at <= $1 AND action IN ('resolve', 'reopen')
       ORDER BY version DESC LIMIT 1)
      -- Decided before there was a history.
      UNION ALL
      SELECT 'resolve', c.resolved_by, c.resolution, c.resolved_at, c.note, 0
      WHERE c.resolved_at <= $1
    ) AS known ORDER BY version DESC LIMIT 1
  ) AS decided ON true
  LEFT JOIN LATERAL (
    SELECT action, actor, taken_until FROM alert_history
    WHERE alert_id = c.id AND at <= $1 AND action IN ('take', 'release', 'resolve')
    ORDER BY version DESC LIMIT 1
  ) AS locked ON true
  LEFT JOIN LATERAL (
    SELECT assignee FROM alert_history
    WHERE alert_id = c.id AND at <= $1 AND action = 'assign' ORDER BY version DESC LIMIT 1
  ) AS assigned ON true
  CROSS JOIN LATERAL (
    SELECT count(*) AS count, coalesce(sum(score * amount_minor_units), 0) AS weight
    FROM alert_transactions AS joined LEFT JOIN transactions ON id = joined.transaction_id
    WHERE joined.alert_id = c.id AND joined.transaction_id >= ends.id
  ) AS late
  LEFT JOIN LATERAL (
    SELECT max(score) AS score,
      CASE WHEN bool_or(decision = 'decline') THEN 'decline' ELSE 'review' END AS decision,
      (array_agg(reasons ORDER BY score DESC, id))[1] AS reasons,
      sum(score * amount_minor_units) AS weight,
      sum(amount_minor_units)::bigint AS total,
      max(occurred_at) AS last_occurred_at
    FROM alert_transactions AS joined JOIN transactions ON id = joined.transaction_id
    WHERE joined.alert_id = c.id AND joined.transaction_id < ends.id
    HAVING count(*) > 0
  ) AS early ON late.count > 0
)
SELECT * FROM past {conditions} ORDER BY {order} LIMIT {limit}
"""

_CONDITION_OF_STATE: Final = {
    "open": "status = 'open' AND (taken_until IS NULL OR taken_until <= $1)",
    "taken": "status = 'open' AND taken_until > $1",
    "resolved": "status = 'resolved'",
}

# What was open is open still, or was decided since.
_WERE_OPEN: Final = ("status = 'open'", "resolved_at > $1")
# What was resolved is so still, or somebody has reopened it since, which took two changes at least.
_WERE_RESOLVED: Final = (
    "resolved_at <= $1",
    "status = 'open' AND version > 2",
    "resolved_at > $1 AND version > 3",
)
_ALL: Final = ("true",)


async def find_past_alert(connection: Session, identifier: UUID, at: datetime) -> AlertView | None:
    """Return an alert as it was; None when it did not exist yet."""
    found = await _fetch(
        connection,
        at,
        candidates="SELECT * FROM alerts WHERE id < $4 AND id = $5",
        conditions="",
        order="id",
        values=[identifier],
        limit=1,
    )
    return found[0] if found else None


async def find_past_alerts(
    connection: Session, at: datetime, which: AlertFilter, limit: int
) -> list[AlertView]:
    """Return up to `limit` alerts as they were, newest first or by expected loss."""
    values: list[object] = []

    def bound(condition: str, value: object) -> str:
        values.append(value)
        return condition.format(f"${4 + len(values)}")

    order = "expected_loss DESC, id DESC" if which.by_expected_loss else "id DESC"
    # What never changes narrows the candidates; what people and joining change is looked at after.
    fixed = [
        bound(condition, value)
        for condition, value in (
            ("account_id = {}", which.account_id),
            ("merchant = {}", which.merchant),
            ("score >= {}", which.score_min),
            ("id < {}", None if which.by_expected_loss else which.before),
        )
        if value is not None
    ]
    fixed.append("id < $4")
    conditions = [
        bound(condition, value)
        for condition, value in (
            ("status = {}", which.status),
            ("assignee = {}", which.assignee),
            ("decision = {}", which.decision),
            ("score >= {}", which.score_min),
            (
                "(expected_loss, id) < ((SELECT expected_loss FROM past WHERE id = {0}), {0})",
                which.before if which.by_expected_loss else None,
            ),
        )
        if value is not None
    ]
    if which.by_expected_loss:
        conditions.append("status = 'open'")
    if which.state is not None:
        conditions.append(_CONDITION_OF_STATE[which.state])
    candidates = " UNION ALL ".join(
        f"(SELECT * FROM alerts WHERE {' AND '.join((kind, *fixed))}"  # noqa: S608 - constants
        f" ORDER BY {order} LIMIT {CANDIDATES_MAX})"
        for kind in _kinds(which)
    )
    return await _fetch(
        connection,
        at,
        candidates=candidates,
        conditions=f"WHERE {' AND '.join(conditions)}" if conditions else "",
        order=order,
        values=values,
        limit=limit,
    )


def _kinds(which: AlertFilter) -> tuple[str, ...]:
    if which.by_expected_loss or which.status == "open" or which.state in {"open", "taken"}:
        return _WERE_OPEN
    if "resolved" in {which.status, which.state}:
        return _WERE_RESOLVED
    return _ALL


async def _fetch(
    connection: Session,
    at: datetime,
    *,
    candidates: str,
    conditions: str,
    order: str,
    values: list[object],
    limit: int,
) -> list[AlertView]:
    ends = await find_committed_ends(connection, at)
    if not ends:
        return []
    rows = await connection.fetch(
        _PAST.format(
            candidates=candidates, conditions=conditions, order=order, limit=f"${5 + len(values)}"
        ),
        at,
        list(ends),
        list(ends.values()),
        max(ends.values()),
        *values,
        limit,
    )
    return [view_of_alert(row) for row in rows]
