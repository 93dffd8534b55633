"""How much of the traffic each detector sees: what it could flag of who paid lately.

In:   the accounts of a shard's last payments, and its scoring state.
Out:  for each detector the transactions of accounts of which it could flag something, by itself.
What it says of an account is what `sight` says, so it is found with the score's own functions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from aether_core.database.connection import Session
from aether_core.rebuilding import rebuild_state
from aether_core.scoring import DETECTORS, Thresholds
from aether_core.scoring.sight import look
from aether_core.transaction import id_floor

ACCOUNTS_MAX: Final = 2_000
"""Accounts of a shard that are looked at, those with the most transactions: about a second."""

_FLAGS_ALONE: Final = ("amount", "population", "velocity")
"""Detectors of which `least` says what they would flag; the others know something, or nothing."""

_ACCOUNTS: Final = """
SELECT account_id, currency, count(*) AS transaction_count FROM transactions
WHERE id >= $1 AND shard = $2 GROUP BY account_id, currency
ORDER BY transaction_count DESC, account_id, currency LIMIT $3
"""


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """What detectors see of the traffic of a time.

    shares: detector → share of the transactions that were looked at, 0..1. blind_share: of those
    that no detector could have flagged, however large or many.
    """

    since: datetime
    transaction_count: int
    account_count: int
    shares: dict[str, float]
    blind_share: float


async def find_coverage(
    connection: Session, shards: range, thresholds: Thresholds, *, since: datetime, now_ms: int
) -> Coverage:
    """Look at who paid since then. In a database transaction of the caller's; takes seconds."""
    seen = dict.fromkeys(DETECTORS, 0)
    transactions = accounts = blind = 0
    for shard in shards:
        rows = await connection.fetch(_ACCOUNTS, id_floor(since), shard, ACCOUNTS_MAX)
        if not rows:
            continue
        state = (await rebuild_state(connection, shard, thresholds)).state
        for row in rows:
            count = row["transaction_count"]
            accounts += 1
            transactions += count
            working = [
                sight.detector
                for sight in look(state, thresholds, row["account_id"], row["currency"], now_ms)
                if (
                    sight.least is not None
                    if sight.detector in _FLAGS_ALONE
                    else sight.observations > 0
                )
            ]
            for detector in working:
                seen[detector] += count
            blind += count * (not set(working) & set(_FLAGS_ALONE))
    total = max(transactions, 1)
    return Coverage(
        since=since,
        transaction_count=transactions,
        account_count=accounts,
        shares={detector: count / total for detector, count in seen.items()},
        blind_share=blind / total,
    )
