"""Bodies of requests and responses about the versions of scoring."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from aether_api import fields as limits
from aether_api.schemas import Decision, Resolution, _Answer, _Body
from aether_api.schemas_alerts import Detector
from aether_core.scoring.version import EMPHASIS_MAX

NUMBER_MAX: Final = 2**63 - 1

Threshold = Annotated[float, Field(ge=0, le=1)]
Emphasis = dict[Detector, Annotated[float, Field(ge=0, le=EMPHASIS_MAX)]]


class ScoringVersion(_Answer):
    """Thresholds and emphasis under a number; version 0 is what the settings say."""

    number: int
    review_min: float = Field(description="Score from which a transaction goes to review.")
    decline_min: float = Field(description="Score from which it is declined.")
    emphasis: dict[Detector, float] = Field(
        description="What a detector's evidence is multiplied by; 1 where none is said."
    )
    note: str | None
    created_at: datetime | None
    created_by: str | None
    state: Literal["draft", "shadow", "live", "former"] = Field(
        description="`draft` never ran; `shadow` and `live` run now; `former` ran."
    )
    shadowed_at: datetime | None = Field(description="When it last began to run in shadow.")
    promoted_at: datetime | None = Field(description="When it last became live.")


class ScoringRun(_Answer):
    """A time during which a version was live, or ran in shadow."""

    id: int
    role: Literal["live", "shadow"]
    number: int
    began_order: int = Field(
        description="The order that began it: it counts from its place in a shard's stream on."
    )
    began_at: datetime
    began_by: str
    previous: int | None = Field(description="The run that going back returns to.")
    ended_order: int | None
    ended_at: datetime | None
    ended_by: str | None


class Scoring(_Answer):
    """What decides now, what runs beside it, and what did before."""

    live: ScoringVersion
    shadow: ScoringVersion | None
    runs: list[ScoringRun] = Field(description="The last hundred, newest first.")


class NewScoringVersion(_Body):
    """What a version is to say."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "review_min": 0.6,
                    "decline_min": 0.95,
                    "emphasis": {"velocity": 0.5},
                    "note": "Fewer bursts, more amounts",
                }
            ]
        },
    )

    review_min: Threshold
    decline_min: Threshold
    emphasis: Emphasis = Field(default_factory=dict)
    note: str | None = Field(None, max_length=limits.DESCRIPTION_LENGTH_MAX)


class Promote(_Body):
    """Whether it may decide without ever having run in shadow."""

    without_shadow: bool = False


class RollBack(_Body):
    """The version that is live as far as you know; 409 for any other."""

    live: int = Field(ge=0, le=NUMBER_MAX)


class DecisionCount(_Answer):
    """So many transactions came to these two decisions."""

    live: Decision
    shadow: Decision
    transaction_count: int


class ResolvedFlagged(_Answer):
    """Flagged transactions of one currency whose alerts have been resolved."""

    currency: str
    resolution: Resolution
    is_kept: bool = Field(
        description="Whether the shadow flags them as well: a fraud that is not kept would be "
        "missed, a legitimate one would be spared."
    )
    transaction_count: int
    amount: str


class Difference(_Answer):
    """A transaction of which the two thought otherwise."""

    transaction_id: UUID
    live: Decision
    shadow: Decision
    shadow_score: float


class Comparison(_Answer):
    """The last run of a version in shadow, beside what was live meanwhile."""

    number: int
    began_at: datetime
    ended_at: datetime | None
    hours: float
    transaction_count: int
    live_flagged_per_hour: float
    shadow_flagged_per_hour: float
    live_precision: float | None = Field(
        description="Share of frauds among the flagged whose alerts are resolved."
    )
    shadow_precision: float | None
    counts: list[DecisionCount]
    resolved: list[ResolvedFlagged]
    differences: list[Difference] = Field(
        description="The newest: all that the live version flagged, examples of the rest."
    )
