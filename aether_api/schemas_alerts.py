"""Bodies of requests and responses about alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from aether_api import fields as limits
from aether_api.schemas import Decision, Problem, Reason, Resolution, _Answer, _Body
from aether_core.database.suppressions import DURATION_S_MAX, DURATION_S_MIN
from aether_core.identity.emails import EMAIL_LENGTH_MAX

TOGETHER_COUNT_MAX: Final = 200
"""Most alerts of one bulk resolution."""

State = Literal["open", "taken", "resolved"]
Detector = Literal[
    "amount",
    "population",
    "takeover",
    "merchant",
    "account",
    "velocity",
    "merchant_velocity",
    "novelty",
    "repetition",
]


class Alert(_Answer):
    """An alert as analysts see it; its id is that of the transaction that raised it.

    Further flagged transactions of the account join it while it is open. Score, decision and
    reasons are those of the worst of them.
    """

    id: UUID
    transaction_id: UUID
    account_id: str
    merchant: str
    amount: str
    currency: str
    score: float
    decision: Decision
    reasons: list[Reason]
    occurred_at: datetime
    created_at: datetime
    status: Literal["open", "resolved"]
    resolution: Resolution | None
    resolved_by: str | None
    resolved_at: datetime | None
    note: str | None = Field(description="That of the resolution; the history has all.")
    version: int = Field(description="Raised by each change that somebody makes; also the `ETag`.")
    state: State = Field(
        description="`status`, and whether somebody has taken it: it is theirs until `taken_until`."
    )
    taken_by: str | None
    taken_until: datetime | None
    assignee: str | None = Field(description="Whose it is to decide, in the end.")
    expected_loss: float = Field(
        description="Score times amount, in typical amounts of the currency: the queue's order. "
        "Of all its transactions."
    )
    transaction_count: int = Field(description="1, and one more for each that joined.")
    total_amount: str = Field(description="Of all its transactions.")
    last_occurred_at: datetime = Field(description="When the last of them occurred.")


class Budget(_Answer):
    """How many alerts an hour people can look at, and which score that cuts at."""

    budget_per_hour: float = Field(description="0: there is none.")
    window_hours: int
    raised_per_hour: float = Field(description="In the window.")
    score_cut: float | None = Field(
        description="From this score on alerts are within the budget; null: all are."
    )
    open_within: int
    open_below: int


class BulkResolution(_Answer):
    """What became of one alert of a bulk resolution: the alert after it, or why it is not."""

    id: str
    alert: Alert | None
    problem: Problem | None


class _Versioned(_Body):
    """What is decided upon one version of an alert."""

    version: int | None = Field(
        None, ge=1, description="The version you have seen; 409 for any other. As `If-Match`."
    )


class Resolve(_Versioned):
    """An analyst's decision about an alert."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"resolution": "fraud", "note": "Confirmed by phone"}]},
    )

    resolution: Resolution
    note: str | None = Field(None, max_length=limits.DESCRIPTION_LENGTH_MAX)


class Assign(_Versioned):
    """Whose an alert is."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"assignee": "ada@example.com"}, {"assignee": None}]},
    )

    assignee: str | None = Field(
        max_length=EMAIL_LENGTH_MAX,
        description="The e-mail address of somebody who may decide alerts; null: nobody.",
    )


class Note(_Versioned):
    """A note for colleagues."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"note": "The customer calls back on Monday"}]},
    )

    note: str = Field(min_length=1, max_length=limits.DESCRIPTION_LENGTH_MAX)


class SeenAlert(_Versioned):
    """An alert, and which version of it somebody has seen."""

    id: str = Field(max_length=64)


class ResolveTogether(_Body):
    """One decision about several alerts."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "alerts": [{"id": "0199c1f2-7c1d-7000-8000-1c0004d2a1b3", "version": 3}],
                    "resolution": "legitimate",
                    "note": "Salaries of one employer",
                }
            ]
        },
    )

    alerts: list[SeenAlert] = Field(min_length=1, max_length=TOGETHER_COUNT_MAX)
    resolution: Resolution
    note: str | None = Field(None, max_length=limits.DESCRIPTION_LENGTH_MAX)


class Label(_Answer):
    """What became known of a transaction that raised no alert."""

    transaction_id: UUID
    resolution: Resolution
    note: str | None
    labelled_at: datetime
    labelled_by: str


class GiveLabel(_Body):
    """Whether a transaction was fraud; null: that is not known after all."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"resolution": "fraud", "note": "Chargeback 10.4"}]},
    )

    resolution: Resolution | None
    note: str | None = Field(None, max_length=limits.DESCRIPTION_LENGTH_MAX)


class Suppression(_Answer):
    """A detector that is silent for an account, or was."""

    id: int
    account_id: str
    detector: Detector
    note: str | None
    created_at: datetime
    created_by: str
    expires_at: datetime = Field(
        description="Transactions that occur from then on are tested by it again."
    )
    ended_at: datetime | None = Field(
        description="When somebody ended or replaced it before it expired."
    )
    ended_by: str | None
    is_in_force: bool


class Suppress(_Body):
    """What is to be silent, for how long, and why."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "account_id": "acc-1042",
                    "detector": "velocity",
                    "duration_s": 86400,
                    "note": "Pays out salaries today",
                }
            ]
        },
    )

    account_id: str = Field(pattern=f"^{limits.ACCOUNT_PATTERN}$")
    detector: Detector
    duration_s: int = Field(ge=DURATION_S_MIN, le=DURATION_S_MAX, description="Seconds from now.")
    note: str | None = Field(None, max_length=limits.DESCRIPTION_LENGTH_MAX)
