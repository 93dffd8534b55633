"""Oracle: compares what clients were told with what is there, once all is healed and quiet.

In:   the history of all attempts, what a console was shown, both servers asked directly.
Out:  every difference, each with the invariant that it violates (RELIABILITY, section 1.1):

    I1 no loss        I2 no invention   I3 unknown outcomes   I4 content      I5 alerts and scores
    I6 counts         I7 conservation   I8 liveness           I9 feed         I12 no debris
    answers           what the gateway must never answer

It only reads, and remembers what it has checked: each check looks at what came since the last.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from aether_core.database.connection import Session, connect
from aether_core.database.pipeline import find_totals
from aether_core.database.positions import count_writers, find_owned_shards, find_positions
from aether_core.database.transactions import reasons_of
from aether_core.money import EXPONENTS
from aether_core.scoring import Thresholds
from aether_core.stream.connection import open_redis
from aether_core.stream.incarnation import read_stream_state
from aether_core.stream.publisher import Redis
from tests.faults.console import Console, ShownView
from tests.faults.history import (
    Acked,
    Attempt,
    History,
    Order,
    Outcome,
    Refused,
    Unknown,
    minor_units_of,
)
from tests.faults.replay import Replay, Row

_SHOWN_MAX = 8
_LOOKS = 100
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Violation:
    """One difference between promise and fact."""

    invariant: str
    detail: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a test did beside the clients, which the oracle cannot know."""

    writer_count: int
    letters: frozenset[UUID] = frozenset()
    """Dead letters that the test's own poison must have become."""
    may_lose_unwritten: bool = False
    """The stream's data was destroyed while it held entries that were not written yet."""
    allows_gap: bool = False
    """The feed's data was destroyed: consoles are told of a gap and read anew."""


@dataclass
class Verdict:
    """What a check found."""

    acked: int = 0
    unknown: int = 0
    rows: int = 0
    alerts: int = 0
    lost: int = 0
    doubled: int = 0
    violations: list[Violation] = field(default_factory=list)


class Oracle:
    """Judges one system from its beginning to its end."""

    def __init__(
        self,
        database_url: str,
        redis_url: str,
        history: History,
        console: Console,
        shard_count: int,
    ) -> None:
        self._database_url = database_url
        self._redis_url = redis_url
        self._history = history
        self._console = console
        self._replay = Replay(Thresholds(), shard_count)
        self._rows: dict[UUID, Row] = {}
        self._alerts: dict[UUID, set[float]] = {}
        """Each alert with the scores of its transactions."""
        self._rows_of: defaultdict[str, list[UUID]] = defaultdict(list)
        """Order → its rows."""
        self._attempts_of: defaultdict[str, list[Attempt]] = defaultdict(list)
        self._attempt_count = 0
        self._promise_count = 0
        self._group_count = 0
        self._gap_count = 0
        self._shown: set[UUID] = set()

    async def noise(self) -> str:
        """Say what is not yet written or trimmed, or who is writing; empty when all is quiet."""
        connection = await connect(self._database_url, statement_timeout_s=20, name="oracle")
        redis = open_redis(self._redis_url, timeout_s=10)
        try:
            for position in await find_positions(connection):
                state = await read_stream_state(redis, position.shard)
                if (
                    state.incarnation != position.incarnation
                    or state.length
                    # A stream that was adopted empty has a last id, and nothing to write.
                    or (state.entries_added > position.base_count and state.last > position.entry)
                ):
                    return f"{position} {state}"
            busy = await connection.fetchval(_BUSY)
            return f"{busy} open database transactions" if busy else ""
        finally:
            await redis.aclose()
            connection.terminate()

    async def is_shared_out(self, writer_count: int) -> bool:
        """Whether so many writers are announced and every shard has an owner."""
        connection = await connect(self._database_url, statement_timeout_s=20, name="oracle")
        try:
            shards = {position.shard for position in await find_positions(connection)}
            owned = await find_owned_shards(connection)
            return (
                await count_writers(connection) == writer_count
                and await connection.fetchval(_WRITER_SESSIONS) == writer_count
                and (owned.keys() == shards or not writer_count)
            )
        finally:
            connection.terminate()

    async def check(self, expectation: Expectation) -> Verdict:
        """Compare everything. The system must be healed and quiet."""
        connection = await connect(self._database_url, statement_timeout_s=60, name="oracle")
        redis = open_redis(self._redis_url, timeout_s=10)
        verdict = Verdict()
        try:
            attempts = self._history.attempts[self._attempt_count :]
            self._attempt_count += len(attempts)
            for attempt in attempts:
                self._attempts_of[attempt.order.name].append(attempt)
            rows = await self._new_rows(connection)
            verdict.rows = len(rows)
            verdict.violations += self._check_rows(rows)
            verdict.violations += self._check_orders(attempts, expectation, verdict)
            verdict.violations += self._check_groups(expectation)
            verdict.violations += await self._check_alerts(connection, verdict)
            verdict.violations += await self._check_counts(connection, expectation)
            verdict.violations += await self._check_conservation(connection, redis)
            verdict.violations += self._check_feed(expectation)
            verdict.violations += await self._wait_for_debris(connection, expectation)
            promises = self._history.broken_promises[self._promise_count :]
            self._promise_count += len(promises)
            verdict.violations += [Violation("answers", promise) for promise in promises]
        finally:
            await redis.aclose()
            connection.terminate()
        return verdict

    async def _new_rows(self, connection: Session) -> list[Row]:
        last = max(self._rows, default=UUID(int=0))
        found = await connection.fetch(
            "SELECT * FROM transactions WHERE id > $1 ORDER BY shard, id", last
        )
        rows = [
            Row(
                id=UUID(int=raw["id"].int),
                shard=raw["shard"],
                account_id=raw["account_id"],
                minor_units=raw["amount_minor_units"],
                currency=raw["currency"],
                merchant=raw["merchant"],
                location=raw["location"],
                description=raw["description"],
                occurred_at=raw["occurred_at"],
                created_at=raw["created_at"],
                score=raw["score"],
                decision=raw["decision"],
                reasons=reasons_of(raw["reasons"]),
            )
            for raw in found
        ]
        for row in rows:
            self._rows[row.id] = row
            self._rows_of[row.description or ""].append(row.id)
        return rows

    # --- I1 to I4: what clients were told ---

    def _check_rows(self, rows: list[Row]) -> Iterator[Violation]:
        for row in rows:
            order = self._history.orders.get(row.description or "")
            if order is None:
                yield Violation("I2", f"row {row.id} was asked for by nobody")
                continue
            yield from _differences(row, order)
            expected = self._replay.assess(row)
            if (row.score, row.decision, row.reasons) != (
                expected.score,
                expected.decision,
                expected.reasons,
            ):
                yield Violation(
                    "I5",
                    f"row {row.id} of {row.account_id} has {row.decision} {row.score!r},"
                    f" a replay gives {expected.decision} {expected.score!r}",
                )

    def _check_orders(
        self, attempts: list[Attempt], expectation: Expectation, verdict: Verdict
    ) -> Iterator[Violation]:
        for name in dict.fromkeys(attempt.order.name for attempt in attempts):
            outcomes = [attempt.outcome for attempt in self._attempts_of[name]]
            acked = [outcome for outcome in outcomes if isinstance(outcome, Acked)]
            rows = self._rows_of[name]
            missing = {one.view.id for one in acked} - set(rows)
            verdict.acked += bool(acked)
            verdict.unknown += any(isinstance(outcome, Unknown) for outcome in outcomes)
            verdict.doubled += len(rows) > 1
            if len(rows) > 1:
                yield Violation("I1", f"order {name} has {len(rows)} rows: {rows}")
            if missing and not expectation.may_lose_unwritten:
                verdict.lost += 1
                yield Violation("I1", f"order {name} was acknowledged and is lost: {missing}")
            for one in acked:
                if one.view.id in self._rows:
                    yield from _differences_of_ack(self._rows[one.view.id], one)
            yield from self._check_answers(self._history.orders[name], outcomes)

    def _check_answers(self, order: Order, outcomes: list[Outcome]) -> Iterator[Violation]:
        """Check that the answers to one order agree with each other and with its rows."""
        acked = [outcome for outcome in outcomes if isinstance(outcome, Acked)]
        ids = {one.view.id for one in acked}
        new_count = sum(not one.is_replayed for one in acked)
        if order.key is not None and len(ids) > 1:
            yield Violation("I3", f"order {order.name} was acknowledged under {len(ids)} ids")
        if order.key is not None and new_count > 1:
            yield Violation("I3", f"order {order.name} was acknowledged as new {new_count} times")
        if order.is_valid and any(isinstance(outcome, Refused) for outcome in outcomes):
            yield Violation("answers", f"order {order.name} is right and was refused")
        if not self._rows_of[order.name]:
            return
        if not order.is_valid:
            yield Violation("I2", f"order {order.name} was refused and has a row")
        if not acked and not any(isinstance(outcome, Unknown) for outcome in outcomes):
            kinds = {type(outcome).__name__ for outcome in outcomes}
            yield Violation("I2", f"order {order.name} has a row, its answers were all {kinds}")

    def _check_groups(self, expectation: Expectation) -> Iterator[Violation]:
        """Check that of orders that were sent together all have rows or none."""
        groups = self._history.groups[self._group_count :]
        self._group_count += len(groups)
        for group in groups:
            count = sum(bool(self._rows_of[order.name]) for order in group)
            if 0 < count < len(group) and not expectation.may_lose_unwritten:
                names = [order.name for order in group]
                yield Violation("answers", f"{count} of {len(group)} together have rows: {names}")

    # --- I5: alerts ---

    async def _check_alerts(self, connection: Session, verdict: Verdict) -> list[Violation]:
        """Every flagged transaction has one alert, which says what is worst of its own."""
        alerts = await connection.fetch(
            "SELECT id, account_id, score, decision, transaction_count FROM alerts"
        )
        members: defaultdict[UUID, list[UUID]] = defaultdict(list)
        for one in await connection.fetch(
            "SELECT alert_id, transaction_id FROM alert_transactions"
        ):
            members[UUID(int=one["alert_id"].int)].append(UUID(int=one["transaction_id"].int))
        verdict.alerts = len(alerts) - len(self._alerts)
        self._alerts = {
            identifier: {row.score for one in of_alert if (row := self._rows.get(one)) is not None}
            for identifier, of_alert in members.items()
        }
        violations = []
        for alert in alerts:
            identifier = UUID(int=alert["id"].int)
            rows = [row for one in members[identifier] if (row := self._rows.get(one)) is not None]
            if (
                identifier not in members[identifier]
                or len(rows) != len(members[identifier])
                or len(rows) != alert["transaction_count"]
                or {row.account_id for row in rows} != {alert["account_id"]}
                or max(row.score for row in rows) != alert["score"]
                or ("decline" in {row.decision for row in rows}) != (alert["decision"] == "decline")
            ):
                text = f"alert {identifier} differs from its transactions"
                violations.append(Violation("I5", text))
        flagged = {row.id for row in self._rows.values() if row.decision != "approve"}
        joined = {one for of_alert in members.values() for one in of_alert}
        if flagged != joined:
            violations.append(
                Violation(
                    "I5",
                    f"{_some(flagged - joined)} have no alert,"
                    f" {_some(joined - flagged)} should not have one",
                )
            )
        return violations

    # --- I6, I7: counts ---

    async def _check_counts(self, connection: Session, expectation: Expectation) -> list[Violation]:
        violations = []
        letters = {
            UUID(int=letter["id"].int): letter["error"]
            for letter in await connection.fetch("SELECT id, error FROM dead_letters")
        }
        if unexpected := letters.keys() - expectation.letters:
            reasons = [f"{i} ({letters[i]})" for i in list(unexpected)[:_SHOWN_MAX]]
            violations.append(Violation("I6", f"unexpected dead letters: {reasons}"))
        if missing := expectation.letters - letters.keys():
            violations.append(Violation("I6", f"missing dead letters: {_some(missing)}"))
        violations += [
            Violation("I11", f"dead letter {i} has no reason") for i, e in letters.items() if not e
        ]
        if both := letters.keys() & self._rows.keys():
            violations.append(Violation("I6", f"rows that are dead letters too: {_some(both)}"))
        count = await connection.fetchval("SELECT count(*) FROM transactions")
        if count != len(self._rows):
            violations.append(
                Violation("I6", f"there are {count} rows, {len(self._rows)} of them in order")
            )
        totals = await find_totals(connection)
        flagged_count = sum(row.decision != "approve" for row in self._rows.values())
        facts = (len(self._rows), flagged_count, len(letters))
        counters = (totals.committed_count, totals.flagged_count, totals.dead_letter_count)
        if facts != counters:
            violations.append(
                Violation(
                    "I6", f"rows, flagged, dead letters are {facts}, the counters say {counters}"
                )
            )
        loads = await connection.fetch(_LOADS)
        amounts = await connection.fetch(_AMOUNTS)
        if [tuple(load) for load in loads] != [tuple(amount) for amount in amounts]:
            violations.append(Violation("I6", "the load differs from the rows"))
        return violations

    async def _check_conservation(self, connection: Session, redis: Redis) -> list[Violation]:
        violations = []
        for position in await find_positions(connection):
            state = await read_stream_state(redis, position.shard)
            added = state.entries_added - position.base_count
            found = position.committed_count + position.dead_letter_count + state.length
            if added != found:
                violations.append(
                    Violation(
                        "I7",
                        f"shard {position.shard}: {added} entries were added and {found} are"
                        f" found ({position.committed_count} committed,"
                        f" {position.dead_letter_count} dead letters, {state.length} queued)",
                    )
                )
        return violations

    # --- I9: the feed ---

    async def has_shown_everything(self) -> bool:
        """Whether the console has been shown every alert that is there."""
        connection = await connect(self._database_url, statement_timeout_s=20, name="oracle")
        try:
            found = await connection.fetch("SELECT id FROM alerts")
        finally:
            connection.terminate()
        return {UUID(int=row["id"].int) for row in found} <= self._console.known_alerts

    def _check_feed(self, expectation: Expectation) -> Iterator[Violation]:
        console = self._console
        if missing := self._alerts.keys() - console.known_alerts:
            text = f"a console ({console.state}) was never shown the alerts {_some(missing)}"
            yield Violation("I9", text)
        if early := set(console.uncommitted):
            yield Violation("I9", f"shown before they were committed: {_some(early)}")
            console.uncommitted.clear()
        if len(console.gaps) > self._gap_count and not expectation.allows_gap:
            yield Violation("I9", f"gaps without a cause: {console.gaps[self._gap_count :]}")
        self._gap_count = len(console.gaps)
        if unknown := console.alerts.keys() - self._alerts:
            yield Violation("I9", f"alerts were shown that there are none of: {_some(unknown)}")
        for identifier, view in console.alerts.items():
            if view.score not in self._alerts.get(identifier, {view.score}):
                yield Violation("I9", f"a console was shown another score of alert {identifier}")
        for identifier, view in console.transactions.items():
            if identifier not in self._shown:
                yield from self._check_shown(identifier, view)
        self._shown |= console.transactions.keys()

    def _check_shown(self, identifier: UUID, view: ShownView) -> Iterator[Violation]:
        row = self._rows.get(identifier)
        if row is None:
            yield Violation("I9", f"a console was shown {identifier}, which is not written")
        elif (view.score, view.decision) != (row.score, row.decision):
            yield Violation("I9", f"a console was shown another score of {identifier}")

    # --- I12: nothing is left over ---

    async def _wait_for_debris(
        self, connection: Session, expectation: Expectation
    ) -> list[Violation]:
        """Look again and again: shards that change hands are nobody's for a moment."""
        for _ in range(_LOOKS):
            violations = await self._check_debris(connection, expectation)
            if not violations:
                break
            await asyncio.sleep(_PAUSE_S)
        return violations

    async def _check_debris(self, connection: Session, expectation: Expectation) -> list[Violation]:
        violations = []
        if idle := await connection.fetchval(_BUSY):
            violations.append(Violation("I12", f"{idle} open database transactions"))
        writers = await count_writers(connection)
        if writers != expectation.writer_count:
            violations.append(
                Violation("I12", f"{writers} announced writers, {expectation.writer_count} run")
            )
        sessions = await connection.fetchval(_WRITER_SESSIONS)
        if sessions > expectation.writer_count:
            violations.append(Violation("I12", f"{sessions} sessions of writers are open"))
        owned = await find_owned_shards(connection)
        shards = {position.shard for position in await find_positions(connection)}
        if expectation.writer_count and owned.keys() != shards:
            violations.append(Violation("I8", f"owned are only the shards {sorted(owned)}"))
        if tables := await connection.fetchval(_TEMPORARY):
            violations.append(Violation("I12", f"{tables} temporary tables"))
        return violations


_BUSY = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
AND application_name = 'aether writer' AND xact_start < clock_timestamp() - interval '1 s'
"""
_WRITER_SESSIONS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
AND application_name = 'aether writer'
"""
_TEMPORARY = "SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'"
_LOADS = """
SELECT shard, currency, sum(transaction_count)::bigint, sum(amount_minor_units)::numeric
FROM load_buckets GROUP BY 1, 2 ORDER BY 1, 2
"""
_AMOUNTS = """
SELECT shard, currency, count(*), sum(amount_minor_units)::numeric
FROM transactions GROUP BY 1, 2 ORDER BY 1, 2
"""


def _differences(row: Row, order: Order) -> Iterator[Violation]:
    """Compare a row with what was asked for."""
    wanted = minor_units_of(order.amount, EXPONENTS[order.currency])
    pairs = {
        "amount": (row.minor_units, wanted),
        "currency": (row.currency, order.currency),
        "merchant": (row.merchant, order.merchant),
        "account": (row.account_id, order.account_id),
    }
    if order.occurred_at is not None:
        pairs["occurred_at"] = (row.occurred_at, datetime.fromisoformat(order.occurred_at))
    for name, (found, asked) in pairs.items():
        if found != asked:
            yield Violation("I4", f"row {row.id}: {name} is {found!r}, asked for was {asked!r}")


def _differences_of_ack(row: Row, acked: Acked) -> Iterator[Violation]:
    """Compare a row with what its acknowledgement said."""
    view = acked.view
    pairs = {
        "amount": (row.minor_units, minor_units_of(view.amount, EXPONENTS[row.currency])),
        "currency": (row.currency, view.currency),
        "merchant": (row.merchant, view.merchant),
        "account": (row.account_id, view.account_id),
        "description": (row.description, view.description),
    }
    if view.occurred_at is not None:
        pairs["occurred_at"] = (row.occurred_at, datetime.fromisoformat(view.occurred_at))
    if view.created_at is not None:
        pairs["created_at"] = (row.created_at, datetime.fromisoformat(view.created_at))
    for name, (found, told) in pairs.items():
        if found != told:
            yield Violation("I4", f"row {row.id}: {name} is {found!r}, acknowledged {told!r}")


def _some(identifiers: set[UUID] | frozenset[UUID]) -> str:
    shown = ", ".join(str(i) for i in sorted(identifiers)[:_SHOWN_MAX])
    return f"{len(identifiers)} ({shown})"
