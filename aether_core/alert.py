"""The alert: which transaction, which reasons, how strongly, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from aether_core.scoring.decision import Reason

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
