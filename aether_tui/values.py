"""What the gateway tells the console, as frozen values.

Amounts stay the exact text they arrived as. Fields that this console does not know are ignored
and numbers that a young account does not have yet are None, so that a somewhat older or newer
gateway is still understood.
"""

from __future__ import annotations

from datetime import datetime

import msgspec


class Identity(msgspec.Struct, frozen=True):
    """Who is signed in, and what they may do."""

    email: str
    role: str
    account_id: str | None = None
    scopes: tuple[str, ...] = ()
    second_factor: str | None = None
    """owed: it must be set up before anything else is allowed."""


class DeviceCodes(msgspec.Struct, frozen=True):
    """Codes of a sign-in that is approved elsewhere. expires_in and interval: seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    expires_in: float
    verification_uri_complete: str | None = None
    interval: float = 5.0


class Reason(msgspec.Struct, frozen=True):
    """Why a score is what it is: one detector's evidence."""

    detector: str
    text: str
    observed: float | None = None
    expected: float | None = None
    spread: float | None = None
    observations: int | None = None
    z_score: float | None = None


class Transaction(msgspec.Struct, frozen=True):
    """One transaction; `amount` is exact decimal text in `currency`."""

    id: str
    account_id: str
    amount: str
    currency: str
    merchant: str
    status: str
    is_flagged: bool
    occurred_at: datetime
    created_at: datetime
    kind: str | None = None
    location: str | None = None
    description: str | None = None
    user_id: str | None = None
    score: float | None = None
    decision: str | None = None
    reasons: tuple[Reason, ...] = ()
    metadata: dict[str, str | int | float | bool | None] | None = None


class Alert(msgspec.Struct, frozen=True):
    """What people are told about one transaction, and what they decided."""

    id: str
    transaction_id: str
    account_id: str
    merchant: str
    amount: str
    currency: str
    score: float
    decision: str
    status: str
    created_at: datetime
    occurred_at: datetime
    reasons: tuple[Reason, ...] = ()
    resolution: str | None = None
    resolved_by: str | None = None
    resolved_at: datetime | None = None
    note: str | None = None
    version: int = 1
    taken_by: str | None = None
    taken_until: datetime | None = None
    assignee: str | None = None
    expected_loss: float | None = None
    transaction_count: int = 1
    total_amount: str = ""
    last_occurred_at: datetime | None = None

    @property
    def state(self) -> tuple[int, int]:
        """Of two states of one alert the later is the larger: changed, or joined by more."""
        return self.version, self.transaction_count

    @property
    def is_open(self) -> bool:
        """Nobody has decided yet."""
        return self.status == "open"

    def holder(self, now: datetime) -> str | None:
        """Who has taken it and may alone decide it. now: by the gateway's clock."""
        is_held = self.is_open and self.taken_until is not None and self.taken_until > now
        return self.taken_by if is_held else None


class AlertChange(msgspec.Struct, frozen=True):
    """One thing that somebody did to an alert."""

    version: int
    at: datetime
    actor: str
    action: str
    resolution: str | None = None
    assignee: str | None = None
    taken_until: datetime | None = None
    note: str | None = None


class Suppression(msgspec.Struct, frozen=True):
    """A detector that is silent for an account."""

    id: int
    account_id: str
    detector: str
    created_by: str
    expires_at: datetime
    note: str | None = None


class Refusal(msgspec.Struct, frozen=True):
    """Why one of several things was not done."""

    detail: str = ""
    change: AlertChange | None = None


class BulkResolution(msgspec.Struct, frozen=True):
    """What became of one alert of several: the alert after it, or why it is not."""

    id: str
    alert: Alert | None = None
    problem: Refusal | None = None


class ShardDepth(msgspec.Struct, frozen=True):
    """Entries of one shard that are not yet written, and the age of the oldest in seconds."""

    shard: int
    backlog: int
    oldest_seconds: float | None = None


class StreamDepth(msgspec.Struct, frozen=True):
    """The backlog of the whole stream."""

    transactions_in_queue: int
    oldest_seconds: float | None = None
    shards: tuple[ShardDepth, ...] = ()


class Counted(msgspec.Struct, frozen=True):
    """Transactions, and how many of them were flagged."""

    count: int
    flagged: int


class Summary(msgspec.Struct, frozen=True):
    """Counts over all accounts; for analysts and operators."""

    total_transactions: int
    total_flagged: int
    last_minute: Counted
    last_hour: Counted
    open_alerts: int
    decisions: dict[str, int] = {}


class Budget(msgspec.Struct, frozen=True):
    """How many alerts an hour people can look at; score_cut: from which on they are within it."""

    budget_per_hour: float
    raised_per_hour: float
    score_cut: float | None
    open_within: int
    open_below: int


class LoadPoint(msgspec.Struct, frozen=True):
    """Transactions in the minute that starts at `at`."""

    at: datetime
    value: float


class ForecastPoint(msgspec.Struct, frozen=True):
    """Expected transactions in the minute that starts at `at`, with the 95 % interval."""

    at: datetime
    mean: float
    lower: float
    upper: float


class Anomaly(msgspec.Struct, frozen=True):
    """Whether the present load or amount leaves what is usual."""

    is_anomaly: bool
    z_score: float | None = None
    reason: str | None = None


class Model(msgspec.Struct, frozen=True):
    """The fitted model. order: (p, d, q) of an ARIMA model."""

    name: str
    trained_at: datetime
    order: tuple[int, ...] | None = None
    aic: float | None = None
    bucket_seconds: float = 60.0


class Accuracy(msgspec.Struct, frozen=True):
    """Errors of past forecasts in transactions per minute; coverage and mape as fractions."""

    mae: float
    naive_mae: float
    coverage: float | None = None
    mape: float | None = None
    evaluated_points: int | None = None


class Forecast(msgspec.Struct, frozen=True):
    """The load so far and the load to come."""

    status: str
    data_points_analyzed: int
    data_points_needed: int
    velocity_anomaly: Anomaly
    amount_anomaly: Anomaly
    fraud_risk_detected: bool
    analyzed_at: datetime | None = None
    history: tuple[LoadPoint, ...] = ()
    forecast: tuple[ForecastPoint, ...] = ()
    model: Model | None = None
    accuracy: Accuracy | None = None

    @property
    def is_ready(self) -> bool:
        """There was enough history to fit a model."""
        return self.status == "ok"


class PipelineIdentity(msgspec.Struct, frozen=True):
    """Entries ever added = committed + dead letters + backlog; else something was lost."""

    entries_added: int
    committed: int
    dead_letters: int
    backlog: int
    difference: int
    holds: bool


class LastBatch(msgspec.Struct, frozen=True):
    """The last entries of a shard that were committed together, and the milliseconds it took."""

    entries: int
    commit_ms: float
    committed_at: datetime


class ShardState(msgspec.Struct, frozen=True):
    """One shard of the stream: how far it is committed, and by whom."""

    shard: int
    position: str
    entries_added: int
    committed: int
    dead_letters: int
    backlog: int
    incarnation: str | int | None = None
    oldest_seconds: float | None = None
    lost: int = 0
    owner: str | None = None
    updated_at: datetime | None = None
    last_batch: LastBatch | None = None


class LostRange(msgspec.Struct, frozen=True):
    """Entries of one shard that are missing. entries: at least so many where it is not exact."""

    shard: int
    incarnation: str
    after: str
    entries: int
    is_exact: bool
    cause: str
    found_at: datetime
    before: str | None = None
    accepted_after: datetime | None = None
    accepted_before: datetime | None = None

    @property
    def key(self) -> str:
        """What tells it from others."""
        return f"{self.shard} {self.incarnation} {self.after} {self.found_at.isoformat()}"


class Pipeline(msgspec.Struct, frozen=True):
    """The pipeline from the stream to the database."""

    identity: PipelineIdentity
    shards: tuple[ShardState, ...]
    at: datetime
    committed_per_second: float | None = None
    lost: tuple[LostRange, ...] = ()


class DeadLetter(msgspec.Struct, frozen=True):
    """An accepted entry that could not be written. payload: base64, perhaps only its beginning."""

    id: str
    shard: int
    entry: str
    error: str
    payload: str
    created_at: datetime
    state: str = "open"
    replayed_at: datetime | None = None
    replayed_as: str | None = None
    replayed_by: str | None = None
    discarded_at: datetime | None = None
    discarded_by: str | None = None
    note: str | None = None

    @property
    def is_open(self) -> bool:
        """Nobody has replayed or discarded it."""
        return self.state == "open"


class OpenedLetter(DeadLetter, frozen=True):
    """A dead letter with its bytes as text and, where they can be read, its fields."""

    payload_text: str = ""
    transaction: Transaction | None = None


class TraceStep(msgspec.Struct, frozen=True):
    """One step of a transaction's way; after_ms: milliseconds since it was accepted."""

    name: str
    at: datetime
    after_ms: float


class Trace(msgspec.Struct, frozen=True):
    """How far one transaction has come, and when."""

    state: str
    detail: str
    shard: int
    entry: str
    steps: tuple[TraceStep, ...] = ()
    batch_entry_count: int | None = None
    replayed_as: str | None = None


class Process(msgspec.Struct, frozen=True):
    """One process with all that it started. cpu_seconds: since it began."""

    name: str
    group: str
    state: str
    uptime_seconds: float
    restarts: int
    cpu_seconds: float
    memory_bytes: int
    pid: int | None = None
    can_restart: bool = False


class Processes(msgspec.Struct, frozen=True):
    """The processes of the machine that answered, if a supervisord runs them."""

    host: str
    is_supervised: bool
    at: datetime
    processes: tuple[Process, ...] = ()


class LogTail(msgspec.Struct, frozen=True):
    """The last lines of a process's log, oldest first."""

    name: str
    lines: tuple[str, ...]


class AuditEntry(msgspec.Struct, frozen=True):
    """One act: who did what, when and from where."""

    id: int
    at: datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    action: str
    subject: str
    outcome: str
    address: str
    request_id: str
    hash: str
    details: dict[str, str | int | bool] = {}


class Hello(msgspec.Struct, frozen=True):
    """The feed is open; `resumed` says that it goes on where it was left."""

    at: datetime
    resumed: bool = False


class Counters(msgspec.Struct, frozen=True):
    """Exact counters, at least once a second to staff."""

    backlog: int
    rate_per_second: float
    at: datetime
    committed_total: int = 0
    flagged_total: int = 0


class Gap(msgspec.Struct, frozen=True):
    """Events were left out, and why."""

    reason: str


class Heartbeat(msgspec.Struct, frozen=True):
    """Nothing happened, but the connection lives."""


Event = Hello | Transaction | Alert | Counters | Gap | Heartbeat
"""One piece of news of the live feed."""
