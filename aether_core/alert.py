"""The alert: which transaction, which reasons, how strongly, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from aether_core.scoring.decision import Reason
from aether_core.transaction import TransactionView

RESOLUTIONS: Final = ("fraud", "legitimate")


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as analysts see it. Its id is that of the transaction that raised it."""

    id: UUID
    transaction_id: UUID
    account_id: str
    merchant: str
    amount: str
    currency: str
    score: float
    decision: str
    reasons: tuple[Reason, ...]
    occurred_at: datetime
    created_at: datetime
    status: str
    resolution: str | None = None
    resolved_by: str | None = None
    resolved_at: datetime | None = None
    note: str | None = None


def new_alert(view: TransactionView) -> AlertView:
    """Return the alert that a flagged, written transaction raises."""
    return AlertView(
        id=view.id,
        transaction_id=view.id,
        account_id=view.account_id,
        merchant=view.merchant,
        amount=view.amount,
        currency=view.currency,
        score=view.score or 0.0,
        decision=view.decision or "review",
        reasons=view.reasons,
        occurred_at=view.occurred_at,
        created_at=view.created_at,
        status="open",
    )
