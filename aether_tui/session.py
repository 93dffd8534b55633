"""Session: what the console knows since somebody signed in; wiped when they sign out.

In:   events of the live feed; the board keeps the gateway's answers beside them.
Out:  the newest transactions, and the vitals that every screen shows on top. While it is rewound,
      all that is shown is of a past minute; the present is kept beside it.
It holds values and decides nothing about how they look.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aether_tui.board import (
    ALERTS_MAX,
    DECIDED_ALERTS,
    DEPTH,
    OPEN_ALERTS,
    PIPELINE,
    SUMMARY,
    Board,
    PastBoard,
    Reading,
)
from aether_tui.client import GatewayClient
from aether_tui.live import Connection, Phase
from aether_tui.memory import Drafts
from aether_tui.theme import Glyphs
from aether_tui.values import Alert, Counters, Identity, Transaction

RECENT_MAX = 300
"""Transactions that the live table holds."""
RATE_HISTORY_MAX = 600
"""Rates that are kept for the small curve: ten minutes, one a second."""

# Counters come once a second to staff; customers hear a heartbeat every ten seconds.
_STAFF_INTERVAL_S = 1.0
_CUSTOMER_INTERVAL_S = 10.0
# Above this many transactions a second it is worth saying that the feed is a sample.
_SAMPLE_RATE_MIN = 20.0
# The gateway's count and ours are taken at different moments: only a clear difference counts.
_SAMPLE_SHARE_MAX = 0.7


@dataclass(frozen=True)
class Vitals:
    """What the truth line says. Instants are those of `time.monotonic`; None: not known."""

    server: str = ""
    email: str = ""
    role: str = ""
    is_read_only: bool = False
    connection: Connection = Connection(Phase.CONNECTING)  # noqa: RUF009 - frozen
    heard_at: float | None = None
    interval_s: float = _STAFF_INTERVAL_S
    rate_per_second: float | None = None
    backlog: int | None = None
    open_alerts: int | None = None
    clock_ahead_s: float = 0.0
    rewound_to: datetime | None = None
    """The past minute that all else is of."""

    def is_stale(self, now: float) -> bool:
        """Nothing was heard for three intervals."""
        return Reading("", self.heard_at or now, interval_s=self.interval_s).is_stale(now)


@dataclass(frozen=True)
class Past:
    """A past minute that is looked at, and what is known of it."""

    at: datetime
    board: PastBoard


@dataclass
class Session:
    """What one signed-in person's console holds."""

    server: str
    identity: Identity
    is_read_only: bool = False
    live_board: Board = field(default_factory=Board)
    past: Past | None = None
    """The past minute that is shown; None: the present is."""
    connection: Connection = field(default_factory=lambda: Connection(Phase.CONNECTING))
    counters: Counters | None = None
    heard_at: float | None = None
    clock_ahead: timedelta = timedelta(0)
    """How far the gateway's clock is ahead of this machine's."""
    has_history: bool = False
    history_error: str | None = None
    """Why the newest page of the history is not there."""
    gap_at: datetime | None = None
    """When the live feed last had to leave something out."""
    total: int = 0
    """Transactions that came in through the live feed since the sign-in."""
    rates: deque[float] = field(default_factory=lambda: deque(maxlen=RATE_HISTORY_MAX))
    _recent: OrderedDict[str, Transaction] = field(default_factory=OrderedDict)
    # (committed in all, received by us) at the last few counters.
    _seen: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=10))

    @property
    def board(self) -> Board:
        """The answers that are shown."""
        return self.live_board if self.past is None else self.past.board

    def rewind(self, at: datetime) -> None:
        """Show a past minute from now on."""
        self.past = Past(at, PastBoard(at))

    def return_to_present(self) -> None:
        """Show the present again."""
        self.past = None

    @property
    def recent(self) -> tuple[Transaction, ...]:
        """The newest transactions, oldest first, each once."""
        return tuple(self._recent.values())

    def recent_reading(self) -> Reading[tuple[Transaction, ...]]:
        """The newest transactions, and how far to trust that they are the newest."""
        is_lost = self.connection.phase is Phase.RECONNECTING
        # Before the first page of the history nobody knows that there is nothing.
        value = self.recent if self.has_history or self._recent else None
        error = self.connection.reason if is_lost else self.history_error
        return Reading(value, self.heard_at, error, self._interval_s)

    def may(self, scope: str) -> bool:
        """Whether an action of this scope is offered; `--read-only` takes all writing away.

        Nobody changes the past.
        """
        if self.is_read_only and scope.endswith(":write"):
            return False
        if self.past is not None and not scope.endswith(":read"):
            return False
        return scope in self.identity.scopes

    def add_transaction(self, transaction: Transaction) -> None:
        """Take in a transaction of the live feed; a known one is only brought up to date."""
        self.total += transaction.id not in self._recent
        self._recent[transaction.id] = transaction
        while len(self._recent) > RECENT_MAX:
            self._recent.popitem(last=False)

    def add_history(self, newest_first: tuple[Transaction, ...]) -> None:
        """Merge a page of the history; what is known already keeps its place in time."""
        self.has_history, self.history_error = True, None
        merged = {t.id: t for t in newest_first} | self._recent
        # UUIDv7: ids of one installation sort by the time of acceptance.
        newest = sorted(merged.values(), key=lambda t: t.id)[-RECENT_MAX:]
        self._recent = OrderedDict((t.id, t) for t in newest)

    def add_counters(self, counters: Counters) -> None:
        """Take in exact counters."""
        self.counters = counters
        self.rates.append(counters.rate_per_second)
        self._seen.append((counters.committed_total, self.total))

    def add_alert(self, alert: Alert) -> None:
        """Take in an alert: raised, or changed by somebody. The later of two states stays."""
        for topic, belongs in ((OPEN_ALERTS, alert.is_open), (DECIDED_ALERTS, not alert.is_open)):
            known = self.live_board.value(topic)
            if known is None or any(a.id == alert.id and a.state > alert.state for a in known):
                continue
            others = tuple(a for a in known if a.id != alert.id)
            alerts = (alert, *others)[:ALERTS_MAX] if belongs else others
            self.live_board.correct(topic, alerts)

    def set_clock(self, at: datetime) -> None:
        """Note what the gateway's clock says at this moment."""
        self.clock_ahead = at - datetime.now(UTC)

    def server_now(self) -> datetime:
        """The present by the gateway's clock, which decides when a lock is over."""
        return datetime.now(UTC) + self.clock_ahead

    def shown_now(self) -> datetime:
        """The moment that is shown: the present, or the beginning of a past minute."""
        return self.server_now() if self.past is None else self.past.at

    def holder(self, alert: Alert) -> str | None:
        """Who has taken an alert, if its lock holds at the moment that is shown."""
        return alert.holder(self.shown_now())

    def is_mine(self, alert: Alert) -> bool:
        """Whether the person at this console has taken the alert."""
        return self.holder(alert) == self.identity.email

    def add_gap(self) -> None:
        """Note that the live feed left something out."""
        self.gap_at = datetime.now(UTC)

    @property
    def backlog(self) -> int | None:
        """Entries not yet written: from the counters, or from the last answer."""
        if self.counters is not None:
            return self.counters.backlog
        depth = self.live_board.value(DEPTH)
        return depth.transactions_in_queue if depth else None

    @property
    def is_sampled(self) -> bool:
        """The feed shows clearly fewer transactions than were committed in the same seconds."""
        if len(self._seen) < 2 or self.counters is None:
            return False
        (committed_first, received_first), (committed, received) = self._seen[0], self._seen[-1]
        if self.counters.rate_per_second < _SAMPLE_RATE_MIN:
            return False
        return received - received_first < _SAMPLE_SHARE_MAX * (committed - committed_first)

    @property
    def _interval_s(self) -> float:
        return _CUSTOMER_INTERVAL_S if self.identity.role == "customer" else _STAFF_INTERVAL_S

    def vitals(self) -> Vitals:
        """The truth of the moment that is shown."""
        if self.past is not None:
            return self._past_vitals(self.past)
        summary = self.board.value(SUMMARY)
        return Vitals(
            server=self.server,
            email=self.identity.email,
            role=self.identity.role,
            is_read_only=self.is_read_only,
            connection=self.connection,
            heard_at=self.heard_at,
            interval_s=self._interval_s,
            rate_per_second=self.counters.rate_per_second if self.counters else None,
            backlog=self.backlog,
            open_alerts=summary.open_alerts if summary else None,
            # Whole seconds, so that a tremble of the network draws nothing anew.
            clock_ahead_s=float(round(self.clock_ahead.total_seconds())),
        )

    def _past_vitals(self, past: Past) -> Vitals:
        """What is known of a past minute; nothing of the present but who looks, over which line."""
        pipeline, alerts = past.board.value(PIPELINE), past.board.value(OPEN_ALERTS)
        return Vitals(
            server=self.server,
            email=self.identity.email,
            role=self.identity.role,
            is_read_only=self.is_read_only,
            connection=self.connection,
            rate_per_second=pipeline.committed_per_second if pipeline else None,
            backlog=pipeline.identity.backlog if pipeline else None,
            # More than these were not asked for.
            open_alerts=len(alerts) if alerts is not None and len(alerts) < ALERTS_MAX else None,
            rewound_to=past.at,
        )


@dataclass(frozen=True)
class Desk:
    """What every screen of one session works with."""

    client: GatewayClient
    session: Session
    glyphs: Glyphs
    drafts: Drafts
    exports: Path | None = None
    """Where tables may be exported to; None: nowhere."""
