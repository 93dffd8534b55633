"""What was true of alerts at an instant is what looking back to it says, whatever was done since.

A real writer and the acts of analysts, in an order made at random. After each step all that lists
say is noted with its instant; in the end each instant is looked back to.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from aether_core.alert import AlertView
from aether_core.database.alerts import AlertFilter, find_alerts
from aether_core.database.past_alerts import find_past_alert, find_past_alerts
from aether_core.database.triage import (
    By,
    assign_alert,
    note_alert,
    release_alert,
    reopen_alert,
    resolve_alert,
    take_alert,
)
from aether_core.errors import AlertConflict
from aether_core.identity.accounts import create_user
from aether_core.transaction import Transaction
from tests.worker.pipeline import Pipeline, transaction
from tests.worker.test_writing_a_batch import habit

ACCOUNTS = ("ann", "ben", "cleo")
ANALYSTS = ("ada@example.com", "grace@example.com")
STEPS = 40
FILTERS = (
    AlertFilter(),
    AlertFilter(by_expected_loss=True),
    AlertFilter(status="open"),
    AlertFilter(status="resolved"),
    AlertFilter(state="open", by_expected_loss=True),
    AlertFilter(state="taken"),
    AlertFilter(state="resolved"),
    AlertFilter(assignee=ANALYSTS[0]),
    AlertFilter(account_id="ann", status="open"),
    AlertFilter(merchant="Till 2"),
    AlertFilter(score_min=0.999),
    AlertFilter(decision="decline", by_expected_loss=True),
)


@dataclass
class Noted:
    """What all lists said at an instant."""

    at: datetime
    lists: list[list[AlertView]]
    step: str


async def look(pipeline: Pipeline, step: str) -> Noted:
    """Ask every list, in one database transaction whose instant is theirs."""
    async with pipeline.connection.transaction():
        lists = [await find_alerts(pipeline.connection, which, 100) for which in FILTERS]
        return Noted(await pipeline.connection.fetchval("SELECT now()"), lists, step)


def check(was: list[AlertView], said: list[AlertView], what: str) -> None:
    """All but the expected loss is exact; that is nearly so, and so is the order by it."""
    assert {alert.id for alert in said} == {alert.id for alert in was}, what
    found = {alert.id: alert for alert in said}
    for alert in was:
        past = found[alert.id]
        assert past.expected_loss == pytest.approx(alert.expected_loss, rel=0.15), what
        exact = replace(past, expected_loss=alert.expected_loss)
        assert msgspec.to_builtins(exact) == msgspec.to_builtins(alert), what


class Floor:
    """Where payments come in and analysts work."""

    def __init__(self, pipeline: Pipeline, seed: int) -> None:
        self._pipeline = pipeline
        self._random = random.Random(seed)  # noqa: S311 - a seed makes it happen again
        self._occurred_at_us = habit("ann")[-1].occurred_at_us + 1_000_000

    async def open(self) -> None:
        """Everybody has habits; many others pay, so that what is typical hardly moves."""
        for email in ANALYSTS:
            await create_user(
                self._pipeline.connection, email=email, password_hash="x", role="analyst"
            )
        others = [transaction(f"other-{n % 40}", 1_000 + n) for n in range(400)]
        await self._pipeline.accept(*others, *(one for a in ACCOUNTS for one in habit(a)))
        await self._pipeline.write_everything()
        await self._pay()

    async def step(self) -> str:
        """Do something, if it can be done; say what."""
        acts = (self._pay, self._take, self._take_shortly, self._release, self._assign, self._note,
                self._resolve, self._resolve, self._reopen)  # fmt: skip
        act = self._random.choice(acts)
        try:
            await act()
        except AlertConflict as error:
            return f"{act.__name__}: {error}"
        return act.__name__

    def _by(self) -> By:
        return By(self._random.choice(ANALYSTS))

    async def _any(self) -> UUID:
        ids: list[UUID] = await self._pipeline.column("SELECT id FROM alerts ORDER BY id")
        return self._random.choice(ids)

    async def _pay(self) -> None:
        """Pay far too much, once or twice: it joins an open alert or raises another."""
        await self._pipeline.accept(*(self._odd() for _ in range(self._random.randint(1, 2))))
        await self._pipeline.write_everything()

    def _odd(self) -> Transaction:
        self._occurred_at_us += 60_000_000
        return transaction(
            self._random.choice(ACCOUNTS),
            self._random.randint(300_000, 9_000_000),
            occurred_at_us=self._occurred_at_us,
            merchant=f"Till {self._random.randint(1, 3)}",
        )

    async def _take(self, lock_s: float = 900.0) -> None:
        await take_alert(self._pipeline.connection, await self._any(), self._by(), lock_s=lock_s)

    async def _take_shortly(self) -> None:
        await self._take(0.001)

    async def _release(self) -> None:
        await release_alert(self._pipeline.connection, await self._any(), self._by())

    async def _assign(self) -> None:
        assignee = self._random.choice((*ANALYSTS, None))
        await assign_alert(
            self._pipeline.connection, await self._any(), self._by(), assignee=assignee
        )

    async def _note(self) -> None:
        await note_alert(self._pipeline.connection, await self._any(), self._by(), note="called")

    async def _resolve(self) -> None:
        resolution = self._random.choice(("fraud", "legitimate"))
        note = self._random.choice((None, "by phone"))
        await resolve_alert(
            self._pipeline.connection,
            await self._any(),
            self._by(),
            resolution=resolution,
            note=note,
        )

    async def _reopen(self) -> None:
        await reopen_alert(self._pipeline.connection, await self._any(), self._by(), window_s=3_600)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_looking_back_says_what_was_said_then(pipeline: Pipeline, seed: int) -> None:
    floor = Floor(pipeline, seed)
    before = await look(pipeline, "nothing yet")
    await floor.open()
    noted = [before, await look(pipeline, "opened")]
    for _ in range(STEPS):
        step = await floor.step()
        noted.append(await look(pipeline, step))
    connection = pipeline.connection
    for number, one in enumerate(noted):
        for which, was in zip(FILTERS, one.lists, strict=True):
            said = await find_past_alerts(connection, one.at, which, 100)
            check(was, said, f"step {number}, {one.step}, {which}")
            order = [(-a.expected_loss if which.by_expected_loss else 0, -a.id.int) for a in said]
            assert order == sorted(order)
        for alert in one.lists[0]:
            single = await find_past_alert(connection, alert.id, one.at)
            assert single is not None
            check([alert], [single], f"step {number}, {one.step}, one alert")
    # Something was tried: alerts of several states, and bursts that grew.
    assert any(alert.transaction_count > 1 for alert in noted[-1].lists[0])
    assert {alert.state for one in noted for alert in one.lists[0]} == {"open", "taken", "resolved"}


async def test_pages_of_the_past_follow_one_another(pipeline: Pipeline) -> None:
    floor = Floor(pipeline, 7)
    await floor.open()
    for _ in range(25):
        await floor.step()
    at = (await look(pipeline, "then")).at
    for _ in range(15):
        await floor.step()
    for which in (AlertFilter(), AlertFilter(by_expected_loss=True)):
        whole = await find_past_alerts(pipeline.connection, at, which, 100)
        assert len(whole) >= 2
        paged: list[AlertView] = []
        before: UUID | None = None
        while True:
            page = await find_past_alerts(
                pipeline.connection,
                at,
                AlertFilter(by_expected_loss=which.by_expected_loss, before=before),
                1,
            )
            if not page:
                break
            paged += page
            before = page[-1].id
        assert paged == whole


async def test_what_waited_in_the_stream_was_no_alert_yet(pipeline: Pipeline) -> None:
    floor = Floor(pipeline, 5)
    await floor.open()
    (known,) = (await look(pipeline, "known")).lists[:1]
    (identifier,) = await pipeline.accept(floor._odd())
    waiting = await look(pipeline, "accepted, not written")
    await pipeline.write_everything()
    written = await look(pipeline, "written")
    assert [a.transaction_count for a in written.lists[0]] != [a.transaction_count for a in known]
    for noted in (waiting, written):
        check(
            noted.lists[0],
            await find_past_alerts(pipeline.connection, noted.at, AlertFilter(), 100),
            f"{noted.step} {identifier}",
        )
    # Where it is not known any more when batches were committed, acceptance counts.
    await pipeline.connection.execute("DELETE FROM batches")
    await pipeline.connection.execute("UPDATE positions SET committed_at = now() + interval '1 d',"
                                      " previous_ms = 0")  # fmt: skip
    check(
        written.lists[0],
        await find_past_alerts(pipeline.connection, waiting.at, AlertFilter(), 100),
        "by acceptance",
    )


async def test_what_was_decided_before_there_was_a_history_is_told(pipeline: Pipeline) -> None:
    floor = Floor(pipeline, 3)
    await floor.open()
    open_then = await look(pipeline, "open")
    await pipeline.connection.execute(
        "UPDATE alerts SET status = 'resolved', resolution = 'fraud', resolved_by = 'ada',"
        " resolved_at = now(), note = 'by phone'"
    )
    decided = await look(pipeline, "decided")
    for noted in (open_then, decided):
        for index in (0, 1, 3):
            said = await find_past_alerts(pipeline.connection, noted.at, FILTERS[index], 100)
            check(noted.lists[index], said, noted.step)
    assert (
        await find_past_alerts(
            pipeline.connection, open_then.at - timedelta(days=1), AlertFilter(), 100
        )
        == []
    )
