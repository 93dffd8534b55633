"""The alert: which transactions of an account, which reasons, how strongly, what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from aether_core.scoring.decision import Reason

RESOLUTIONS: Final = ("fraud", "legitimate")


class AlertChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change that somebody made to an alert; `version` is the alert's after it."""

    version: int
    at: datetime
    actor: str
    """What colleagues know them by: an e-mail address, or a client's id."""
    action: str
    """take, release, assign, note, resolve or reopen."""
    resolution: str | None = None
    assignee: str | None = None
    taken_until: datetime | None = None
    note: str | None = None


def audit_details(account_id: str, change: AlertChange) -> dict[str, str | int | bool]:
    """Return what the audit trail keeps of a change; the text of a note stays in the history."""
    details: dict[str, str | int | bool] = {"account_id": account_id, "version": change.version}
    if change.resolution is not None:
        details["resolution"] = change.resolution
    if change.action == "assign":
        details["assignee"] = change.assignee or ""
    return details


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as analysts see it. Its id is that of the transaction that raised it.

    Score, decision and reasons are those of the worst of its transactions.
    """

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
    version: int = 1
    """Raised by each change that somebody makes; what raised the alert is version 1."""
    state: str = "open"
    """open, taken or resolved: `status`, and whether somebody's lock holds at the moment."""
    taken_by: str | None = None
    taken_until: datetime | None = None
    assignee: str | None = None
    expected_loss: float
    """Score times amount, in typical amounts of the currency; of all its transactions."""
    transaction_count: int
    """1, and one more for each that joined."""
    total_amount: str
    last_occurred_at: datetime
    """When the last of its transactions occurred."""
