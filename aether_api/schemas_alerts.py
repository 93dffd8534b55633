"""Bodies of requests and responses about alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from aether_api import fields as limits
from aether_api.schemas import Decision, Reason, Resolution, _Answer, _Body
from aether_core.identity.emails import EMAIL_LENGTH_MAX

State = Literal["open", "taken", "resolved"]


class Alert(_Answer):
    """An alert as analysts see it; its id is its transaction's."""

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
