"""Rows for tests that need no gateway."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from aether_tui.values import Alert, Transaction


def transaction(
    number: int = 0,
    *,
    account: str = "acc-1",
    amount: str = "10.00",
    currency: str = "EUR",
    merchant: str = "Bakery",
    decision: str | None = "approve",
    score: float | None = 0.1,
    age: timedelta = timedelta(0),
) -> Transaction:
    """A transaction whose id orders by `number`."""
    at = datetime.now(UTC) - age
    return Transaction(
        id=f"{number:08d}",
        account_id=account,
        amount=amount,
        currency=currency,
        merchant=merchant,
        status="processed",
        is_flagged=decision in {"review", "decline"},
        occurred_at=at,
        created_at=at,
        kind="purchase",
        score=score,
        decision=decision,
    )


def alert(*, status: str = "open", score: float = 0.9, identifier: str | None = None) -> Alert:
    """An alert."""
    at = datetime.now(UTC)
    name = identifier or str(uuid4())
    return Alert(
        id=name,
        transaction_id=name,
        account_id="acc-1",
        merchant="Bakery",
        amount="10.00",
        currency="EUR",
        score=score,
        decision="review",
        status=status,
        created_at=at,
        occurred_at=at,
    )
