"""Board: the gateway's newest answer to each question, and when to ask again.

In:   questions (`Topic`) that the screen in front wants answered.
Out:  a `Reading` for each, which says how far it can be trusted.
Only what is looked at is asked for: a screen that is not in front costs the gateway nothing. A past
minute has a board of its own (`PastBoard`), on which each answer stands for good.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from aether_tui.client import GatewayClient
from aether_tui.problems import GatewayError, NotRecorded, SignedOut
from aether_tui.values import (
    Alert,
    AuditEntry,
    Budget,
    DeadLetter,
    Forecast,
    Pipeline,
    Processes,
    StreamDepth,
    Summary,
    Transaction,
)

ALERTS_MAX = 500
"""Open alerts that are asked for, by expected loss; the gateway gives no more at once."""
DECIDED_ALERTS_MAX = 100
DEAD_LETTERS_MAX = 100
AUDIT_MAX = 500
PAST_TRANSACTIONS_MAX = 300

# A value is stale when three of its updates are missing.
_STALE_AFTER_INTERVALS = 3
# However often news comes in, a question is not asked more often than this.
_ASK_AGAIN_MIN_S = 1.0

_T = TypeVar("_T")


@dataclass(frozen=True)
class Reading(Generic[_T]):
    """One answer of the gateway and how far to trust it. `at`: `time.monotonic` of the answer.

    Without a value it is loading, or failed with the `error`; with one it is ready, or stale when
    its successor failed or is overdue.
    """

    value: _T | None = None
    at: float | None = None
    error: str | None = None
    interval_s: float = 5.0
    is_missing: bool = False
    """Nothing was recorded that could be shown; the `error` says so, and it is nobody's fault."""

    def succeeded(self, value: _T, now: float) -> Reading[_T]:
        """A fresh value has come."""
        return replace(self, value=value, at=now, error=None, is_missing=False)

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
        return self.error is not None or self.age_s(now) > _STALE_AFTER_INTERVALS * self.interval_s


@dataclass(frozen=True, eq=False)
class Topic(Generic[_T]):
    """A question that is asked again and again. scope: what it takes to be answered, if any."""

    name: str
    interval_s: float
    ask: Callable[[GatewayClient], Awaitable[_T]]
    scope: str | None = None
    ask_at: Callable[[GatewayClient, datetime], Awaitable[_T]] | None = None
    """The same question about a past instant; None: it has no past."""


AnyTopic = Topic[Any]

SUMMARY: Topic[Summary] = Topic("summary", 5.0, GatewayClient.summary, "analytics:read")
OPEN_ALERTS: Topic[tuple[Alert, ...]] = Topic(
    # Between the answers the live feed keeps them up to date.
    "open alerts",
    30.0,
    lambda c: c.alerts(status="open", limit=ALERTS_MAX, by_expected_loss=True),
    "alerts:read",
    lambda c, at: c.alerts(status="open", limit=ALERTS_MAX, by_expected_loss=True, at=at),
)
DECIDED_ALERTS: Topic[tuple[Alert, ...]] = Topic(
    "decided alerts",
    30.0,
    lambda c: c.alerts(status="resolved", limit=DECIDED_ALERTS_MAX),
    "alerts:read",
    lambda c, at: c.alerts(status="resolved", limit=DECIDED_ALERTS_MAX, at=at),
)
BUDGET: Topic[Budget] = Topic("budget", 30.0, GatewayClient.budget, "alerts:read")
FORECAST: Topic[Forecast] = Topic(
    "forecast", 15.0, lambda c: c.forecast(), None, lambda c, at: c.forecast(at)
)
DEPTH: Topic[StreamDepth] = Topic("backlog", 2.0, GatewayClient.stream_depth)
PIPELINE: Topic[Pipeline] = Topic(
    "pipeline", 2.0, lambda c: c.pipeline(), "operations:read", lambda c, at: c.pipeline(at)
)
PAST_TRANSACTIONS: Topic[tuple[Transaction, ...]] = Topic(
    # Of the present the live feed tells.
    "transactions",
    5.0,
    lambda c: c.transactions(limit=PAST_TRANSACTIONS_MAX),
    "transactions:read",
    lambda c, at: c.transactions(limit=PAST_TRANSACTIONS_MAX, until=at),
)


async def _all_letters_at(client: GatewayClient, at: datetime) -> tuple[DeadLetter, ...]:
    """The letters that there were, of the newest ones, each as it was."""
    letters = await client.dead_letters(state="all", limit=DEAD_LETTERS_MAX)
    return tuple(_letter_at(one, at) for one in letters if one.created_at <= at)


def _letter_at(letter: DeadLetter, at: datetime) -> DeadLetter:
    settled_at = letter.replayed_at or letter.discarded_at
    if settled_at is None or settled_at <= at:
        return letter
    unsettled = dict.fromkeys(
        ("replayed_at", "replayed_as", "replayed_by", "discarded_at", "discarded_by", "note")
    )
    return msgspec.structs.replace(letter, state="open", **unsettled)


async def _letters_at(client: GatewayClient, at: datetime) -> tuple[DeadLetter, ...]:
    return tuple(one for one in await _all_letters_at(client, at) if one.is_open)


DEAD_LETTERS: Topic[tuple[DeadLetter, ...]] = Topic(
    "dead letters",
    10.0,
    lambda c: c.dead_letters(state="open", limit=DEAD_LETTERS_MAX),
    "operations:read",
    _letters_at,
)
ALL_DEAD_LETTERS: Topic[tuple[DeadLetter, ...]] = Topic(
    "all dead letters",
    10.0,
    lambda c: c.dead_letters(state="all", limit=DEAD_LETTERS_MAX),
    "operations:read",
    _all_letters_at,
)

PROCESSES: Topic[Processes] = Topic("processes", 2.0, GatewayClient.processes, "operations:read")
AUDIT: Topic[tuple[AuditEntry, ...]] = Topic(
    "audit", 10.0, lambda c: c.audit(limit=AUDIT_MAX), "audit:read"
)


class Board:
    """Readings by topic. Instants are those of `time.monotonic`."""

    def __init__(self) -> None:
        self._readings: dict[AnyTopic, Reading[Any]] = {}
        self._due_at: dict[AnyTopic, float] = {}
        self._asking: set[AnyTopic] = set()

    def reading(self, topic: Topic[_T]) -> Reading[_T]:
        """What is known."""
        return self._readings.get(topic) or Reading(interval_s=topic.interval_s)

    def value(self, topic: Topic[_T]) -> _T | None:
        """What is known, however old."""
        return self.reading(topic).value

    def correct(self, topic: Topic[_T], value: _T) -> None:
        """Put in a value that is known by other news than an answer; its age stays the same."""
        self._readings[topic] = replace(self.reading(topic), value=value)

    def due(self, topics: Iterable[AnyTopic], now: float) -> list[AnyTopic]:
        """Those of `topics` that should be asked now; a question under way is not asked twice."""
        return [t for t in topics if t not in self._asking and now >= self._due_at.get(t, 0.0)]

    def ask_soon(self, topics: Iterable[AnyTopic], now: float) -> None:
        """Do not wait for these topics' next turn."""
        for topic in topics:
            asked_at = self._due_at.get(topic, 0.0) - topic.interval_s
            self._due_at[topic] = max(now, asked_at + _ASK_AGAIN_MIN_S)

    async def ask(self, topic: AnyTopic, client: GatewayClient, clock: Callable[[], float]) -> None:
        """Ask, and note the answer or why there was none. Raises SignedOut."""
        self._asking.add(topic)
        self._due_at[topic] = clock() + topic.interval_s
        try:
            value = await self._answer(topic, client)
        except SignedOut:
            raise
        except GatewayError as error:
            reading = self.reading(topic).failed(str(error))
            self._readings[topic] = replace(reading, is_missing=isinstance(error, NotRecorded))
        else:
            self._readings[topic] = self.reading(topic).succeeded(value, clock())
        finally:
            self._asking.discard(topic)

    async def _answer(self, topic: AnyTopic, client: GatewayClient) -> object:
        return await topic.ask(client)


class PastBoard(Board):
    """Readings of a past minute: each is asked for once, and is never too old."""

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self._at = at

    def reading(self, topic: Topic[_T]) -> Reading[_T]:
        """What is known."""
        return self._readings.get(topic) or Reading(interval_s=math.inf)

    def due(self, topics: Iterable[AnyTopic], now: float) -> list[AnyTopic]:
        """Those of `topics` that have a past which is not known yet."""
        return super().due((topic for topic in topics if topic.ask_at is not None), now)

    def ask_soon(self, topics: Iterable[AnyTopic], now: float) -> None:
        """Ask again; also where nothing was recorded."""
        for topic in topics:
            self._due_at[topic] = now

    async def ask(self, topic: AnyTopic, client: GatewayClient, clock: Callable[[], float]) -> None:
        """Ask; what is known then, or known to be missing, need not be asked for again."""
        await super().ask(topic, client, clock)
        reading = self.reading(topic)
        if reading.is_missing or (reading.value is not None and reading.error is None):
            self._due_at[topic] = math.inf

    async def _answer(self, topic: AnyTopic, client: GatewayClient) -> object:
        assert topic.ask_at is not None  # noqa: S101 - no other is due
        return await topic.ask_at(client, self._at)
