"""Session: what the console knows since somebody signed in; wiped when they sign out.

In:   events of the live feed and answers of the gateway.
Out:  the newest transactions, the newest alerts, and the vitals that every screen shows on top.
It holds values and decides nothing about how they look.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from aether_tui.live import Connection, Phase
from aether_tui.values import Counters, Identity, Summary, Transaction

RECENT_MAX = 300
"""Transactions that the live table holds."""
RATE_HISTORY_MAX = 600
"""Rates that are kept for the small curve: ten minutes, one a second."""

# Counters come once a second to staff; customers hear a heartbeat every ten seconds.
STAFF_INTERVAL_S = 1.0
CUSTOMER_INTERVAL_S = 10.0
# A value is stale when three of its updates are missing.
STALE_AFTER_INTERVALS = 3

_T = TypeVar("_T")


@dataclass(frozen=True)
class Reading(Generic[_T]):
    """One answer of the gateway and how far to trust it. `at`: `time.monotonic` of the answer.

    loading: no value, no error. ready: a value. stale: an old value, or one whose successor
    failed. error: no value, and why. (Empty is a ready value that holds nothing.)
    """

    value: _T | None = None
    at: float | None = None
    error: str | None = None
    interval_s: float = 5.0

    def succeeded(self, value: _T, now: float) -> Reading[_T]:
        """A fresh value has come."""
        return Reading(value, now, None, self.interval_s)

    def failed(self, error: str) -> Reading[_T]:
        """The next value did not come; the one before is kept."""
        return replace(self, error=error)

    def age_s(self, now: float) -> float:
        """Seconds since the value came; 0 without one."""
        return 0.0 if self.at is None else max(0.0, now - self.at)

    def is_stale(self, now: float) -> bool:
        """The value is older than it should be."""
        if self.value is None:
            return False
        return self.error is not None or self.age_s(now) > STALE_AFTER_INTERVALS * self.interval_s


@dataclass(frozen=True)
class Vitals:
    """What the truth line says. Instants are those of `time.monotonic`; None: not known."""

    server: str = ""
    email: str = ""
    role: str = ""
    is_read_only: bool = False
    connection: Connection = Connection(Phase.CONNECTING)  # noqa: RUF009 - frozen
    heard_at: float | None = None
    interval_s: float = STAFF_INTERVAL_S
    rate_per_second: float | None = None
    backlog: int | None = None
    open_alerts: int | None = None

    def is_stale(self, now: float) -> bool:
        """Nothing was heard for three intervals."""
        if self.heard_at is None:
            return False
        return now - self.heard_at > STALE_AFTER_INTERVALS * self.interval_s


@dataclass
class Session:
    """What one signed-in person's console holds."""

    server: str
    identity: Identity
    is_read_only: bool = False
    connection: Connection = field(default_factory=lambda: Connection(Phase.CONNECTING))
    counters: Counters | None = None
    summary: Summary | None = None
    backlog: int | None = None
    heard_at: float | None = None
    gap: str | None = None
    total: int = 0
    """Transactions that came in through the live feed since the sign-in."""
    alert_total: int = 0
    """Alerts that came in through the live feed since the sign-in."""
    rates: deque[float] = field(default_factory=lambda: deque(maxlen=RATE_HISTORY_MAX))
    _recent: OrderedDict[str, Transaction] = field(default_factory=OrderedDict)

    @property
    def recent(self) -> tuple[Transaction, ...]:
        """The newest transactions, oldest first, each once."""
        return tuple(self._recent.values())

    def may(self, scope: str) -> bool:
        """Whether an action of this scope is offered; `--read-only` takes all writing away."""
        if self.is_read_only and scope.endswith(":write"):
            return False
        return scope in self.identity.scopes

    def add_transaction(self, transaction: Transaction) -> bool:
        """Take in a transaction of the live feed; False when it only updates a known one."""
        is_new = transaction.id not in self._recent
        self._recent[transaction.id] = transaction
        while len(self._recent) > RECENT_MAX:
            self._recent.popitem(last=False)
        self.total += is_new
        return is_new

    def add_history(self, newest_first: tuple[Transaction, ...]) -> None:
        """Merge a page of the history; what is known already keeps its place in time."""
        merged = {t.id: t for t in newest_first} | self._recent
        # UUIDv7: ids of one installation sort by the time of acceptance.
        newest = sorted(merged.values(), key=lambda t: t.id)[-RECENT_MAX:]
        self._recent = OrderedDict((t.id, t) for t in newest)

    def add_counters(self, counters: Counters) -> None:
        """Take in exact counters."""
        self.counters = counters
        self.backlog = counters.backlog
        self.rates.append(counters.rate_per_second)

    def add_alert(self) -> None:
        """Count an alert of the live feed; lists and summary are asked for afresh because of it."""
        self.alert_total += 1

    def vitals(self) -> Vitals:
        """The present truth."""
        is_staff = self.identity.role != "customer"
        return Vitals(
            server=self.server,
            email=self.identity.email,
            role=self.identity.role,
            is_read_only=self.is_read_only,
            connection=self.connection,
            heard_at=self.heard_at,
            interval_s=STAFF_INTERVAL_S if is_staff else CUSTOMER_INTERVAL_S,
            rate_per_second=self.counters.rate_per_second if self.counters else None,
            backlog=self.backlog,
            open_alerts=self.summary.open_alerts if self.summary else None,
        )
