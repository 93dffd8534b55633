"""Bodies of requests and responses, as the OpenAPI document describes them.

The hot paths read and write with msgspec and never build these; a test holds the two together.
Amounts are exact decimal text; instants are RFC 3339 in UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from aether_api import fields as limits
from aether_core.money import EXPONENTS

Currency = Annotated[str, Field(examples=["EUR"], json_schema_extra={"enum": sorted(EXPONENTS)})]
Decision = Literal["approve", "review", "decline"]
Kind = Literal["purchase", "transfer", "withdrawal", "deposit", "refund"]
Resolution = Literal["fraud", "legitimate"]
Metadata = dict[str, str | int | bool | None]

TRANSACTION_EXAMPLE: dict[str, Any] = {
    "id": "0199c1f2-7c1d-7000-8000-1c0004d2a1b3",
    "user_id": "0199b0aa-1111-7222-8333-444455556666",
    "account_id": "acc-7f3k2m",
    "amount": "12.34",
    "currency": "EUR",
    "merchant": "Corner Bakery",
    "location": "Lisbon, PT",
    "kind": "purchase",
    "description": None,
    "metadata": {"till": 4},
    "occurred_at": "2026-01-31T12:00:00Z",
    "created_at": "2026-01-31T12:00:00.123Z",
    "status": "pending",
    "is_flagged": False,
    "score": None,
    "decision": None,
    "reasons": [],
}


class _Body(BaseModel):
    """A request's body: unknown fields are refused, types are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Answer(BaseModel):
    """A response's body."""

    model_config = ConfigDict(frozen=True)


class AlertChange(_Answer):
    """One change that somebody made to an alert."""

    version: int = Field(description="The alert's version after it.")
    at: datetime
    actor: str = Field(description="An e-mail address, or a service client's id.")
    action: Literal["take", "release", "assign", "note", "resolve", "reopen"]
    resolution: Resolution | None
    assignee: str | None
    taken_until: datetime | None
    note: str | None


class FieldProblem(_Answer):
    """One field that is not valid."""

    field: str
    detail: str


class Problem(_Answer):
    """RFC 9457 problem details."""

    type: str = Field(examples=["/problems/invalid-amount"])
    title: str = Field(examples=["The amount is not valid"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["The amount must be greater than zero."])
    instance: str | None = Field(None, examples=["/transactions/"])
    request_id: str | None = None
    errors: list[FieldProblem] | None = None
    retry_after_s: int | None = Field(
        None, description="Seconds after which it may be tried again, as in `Retry-After`."
    )
    change: AlertChange | None = Field(
        None, description="Of an alert that somebody else changed first: what they did last."
    )
    recorded_before: datetime | None = Field(
        None, description="Of a minute that was not recorded: the last before it that was."
    )
    recorded_after: datetime | None = Field(None, description="The first after it that was.")


class NewTransaction(_Body):
    """A transaction to submit."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"amount": "12.34", "currency": "EUR", "merchant": "Corner Bakery"},
                {
                    "amount": "250",
                    "currency": "JPY",
                    "merchant": "Night Market",
                    "location": "Osaka, JP",
                    "account_id": "acc-7f3k2m",
                    "kind": "purchase",
                    "occurred_at": "2026-01-31T21:00:00+09:00",
                    "description": "Supper",
                    "metadata": {"till": 4, "contactless": True},
                },
            ]
        },
    )

    amount: str = Field(
        description=(
            "Decimal text such as `12.34` (a JSON number is read exactly, too), greater than zero,"
            " with no more decimals than its currency has, at most 10^15 minor units."
        ),
        examples=["12.34"],
    )
    merchant: str = Field(min_length=1, max_length=limits.MERCHANT_LENGTH_MAX)
    currency: Currency = "USD"
    location: str | None = Field(None, min_length=1, max_length=limits.LOCATION_LENGTH_MAX)
    account_id: str | None = Field(
        None,
        pattern=f"^{limits.ACCOUNT_PATTERN}$",
        description="Your own account when it is left out. Another one needs a scope of its own.",
    )
    kind: Kind = "purchase"
    occurred_at: datetime | None = Field(
        None, description="With a zone; from the year 2000 to a day ahead. Now when left out."
    )
    description: str | None = Field(None, min_length=1, max_length=limits.DESCRIPTION_LENGTH_MAX)
    metadata: Metadata | None = Field(
        None, description=f"A flat object of at most {limits.METADATA_COUNT_MAX} entries."
    )


class NewBulkTransaction(NewTransaction):
    """A transaction inside a bulk submission."""

    idempotency_key: str | None = Field(None, pattern=f"^{limits.KEY_PATTERN}$")


class Reason(_Answer):
    """Why one detector finds a transaction unusual."""

    detector: str
    text: str
    observed: float
    expected: float
    spread: float
    observations: int
    z_score: float
    contribution: float = Field(description="Log-odds of fraud that this detector adds.")
    window_s: float | None = Field(description="Seconds that the observation covers.")


class Transaction(_Answer):
    """A transaction as clients see it."""

    id: UUID = Field(description="UUIDv7: ids are in the order of acceptance.")
    user_id: str = Field(description="Who submitted it: a user's or a service client's id.")
    account_id: str
    amount: str
    currency: str
    merchant: str
    location: str | None
    kind: Kind
    description: str | None
    metadata: Metadata | None
    occurred_at: datetime
    created_at: datetime
    status: Literal["pending", "processed"] = Field(
        description="`pending` until it is in PostgreSQL; accepted and durable in either case."
    )
    is_flagged: bool
    score: float | None = Field(description="0 to 1; null while pending.")
    decision: Decision | None
    reasons: list[Reason]


class BulkResult(_Answer):
    """What became of one item of a bulk submission, in its order."""

    index: int
    id: UUID | None = None
    replayed: bool | None = None
    problem: Problem | None = None


class BulkSummary(_Answer):
    """The last line of an answer in lines; without it the answer broke off."""

    complete: bool = Field(description="Every item of the request has its result.")
    received_count: int
    accepted_count: int
    replayed_count: int
    refused_count: int


class ShardLength(_Answer):
    """One shard's backlog; `oldest_seconds` is null when it is empty."""

    shard: int
    backlog: int
    oldest_seconds: float | None


class StreamLength(_Answer):
    """The backlog: transactions that are accepted and not yet written."""

    transactions_in_queue: int
    oldest_seconds: float | None
    shards: list[ShardLength]


class PipelineIdentity(_Answer):
    """Entries ever added = committed + dead letters + backlog; else something was lost."""

    entries_added: int
    committed: int
    dead_letters: int
    backlog: int
    difference: int
    holds: bool


class LastBatch(_Answer):
    """The last entries of a shard that were committed together."""

    entries: int
    commit_ms: float = Field(description="From the first one's reading until all were committed.")
    committed_at: datetime


class ShardState(_Answer):
    """One shard: how far it is committed, and by whom. Counts are of this incarnation."""

    shard: int
    incarnation: str
    position: str
    entries_added: int
    committed: int
    dead_letters: int
    backlog: int
    lost: int = Field(description="Known to be lost, and acknowledged by nobody.")
    oldest_seconds: float | None
    owner: str | None
    updated_at: datetime
    last_batch: LastBatch | None = Field(description="Null until one was committed.")


class LostRange(_Answer):
    """Entries of one shard that are missing: those between two ids, neither included."""

    shard: int
    incarnation: str
    after: str
    before: str | None = Field(description="Null where nobody can know how far it goes.")
    accepted_after: datetime | None
    accepted_before: datetime | None
    entries: int = Field(description="How many; at least so many where it is not exact.")
    is_exact: bool
    cause: str
    found_at: datetime
    acknowledged_by: str | None
    note: str | None


class Pipeline(_Answer):
    """The pipeline from the stream to the database."""

    identity: PipelineIdentity
    shards: list[ShardState]
    lost: list[LostRange] = Field(description="What nobody has acknowledged, newest first.")
    at: datetime
    committed_per_second: float | None


class DeadLetter(_Answer):
    """An accepted entry that could not be written."""

    id: UUID
    shard: int
    entry: str
    error: str
    payload: str = Field(description="The entry's bytes in base64.")
    created_at: datetime
    state: Literal["open", "replayed", "discarded"]
    replayed_at: datetime | None
    replayed_as: UUID | None = Field(description="The id of its new place in the stream.")
    replayed_by: str | None
    discarded_at: datetime | None
    discarded_by: str | None
    note: str | None


class OpenedDeadLetter(DeadLetter):
    """A dead letter with its bytes and, where they can be read, its fields."""

    incarnation: str
    payload_hex: str
    payload_text: str = Field(description="ASCII; every other byte is escaped.")
    transaction: Transaction | None


class Discard(_Body):
    """Why an operator gives an entry up."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"note": "Entered by hand instead, order 4711"}]},
    )

    note: str | None = Field(None, max_length=limits.DESCRIPTION_LENGTH_MAX)


class TraceStep(_Answer):
    """One step of a transaction's way."""

    name: Literal["accepted", "read", "scored", "committed", "published"]
    at: datetime
    after_ms: float = Field(description="Milliseconds since it was accepted.")


class Trace(_Answer):
    """How far one transaction has come, and when."""

    id: UUID
    state: Literal["pending", "processed", "dead_letter", "replayed", "discarded"]
    detail: str = Field(description="One sentence for people.")
    shard: int
    incarnation: str
    entry: str
    steps: list[TraceStep] = Field(description="Those that are known, in order.")
    batch_entry_count: int | None = Field(
        description="Entries of its shard that were committed together with it."
    )
    replayed_as: UUID | None


class Hello(_Answer):
    """The live feed is open; `resumed`: it goes on after the `Last-Event-ID`, nothing missing."""

    at: datetime
    resumed: bool


class Counters(_Answer):
    """Exact counters, once a second to analysts and operators."""

    backlog: int
    rate_per_second: float = Field(description="Committed, over the last seconds.")
    at: datetime
    committed_total: int
    flagged_total: int


class Gap(_Answer):
    """Events were left out: read what you show anew."""

    reason: str


class Health(_Answer):
    """A sign of life."""

    status: str = Field(examples=["Aether is running"])


class Readiness(_Answer):
    """Whether requests can be served, part by part."""

    status: Literal["ready", "not ready"]
    checks: dict[str, str] = Field(examples=[{"database": "ok", "stream": "ok", "shards": "ok"}])
    durability: str | None = Field(
        None,
        description="What an acknowledged transaction survives. For operators.",
    )
    warnings: list[str] = Field(
        [], description="Where the stream's server weakens our promises. For operators."
    )
    backpressure: str | None = Field(
        None, description="Why nothing more is accepted at the moment. For operators."
    )
