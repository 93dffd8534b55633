"""A writer dies, freezes or loses its session at every point of a batch.

Each message to a server is a boundary at which a crash is another crash: it is held there, the
writer is killed, the message is dropped or delivered late. Load goes on meanwhile; another writer
takes over.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.rules import Moment, Rule
from tests.faults.system import FaultSystem, some
from tests.faults.wire import Message, Side
from tests.running import wait_until
from tests.worker.test_poison import POISON

pytestmark = pytest.mark.slow

END_WRITERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'aether writer'
"""
LOCKING_SESSIONS = """
SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
WRITER_SESSIONS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'aether writer'
"""


def has_entries(message: Message) -> bool:
    return message.detail.startswith("*") and message.detail != "*-1"


def is_alert(message: Message) -> bool:
    return message.detail == "alert"


@dataclass(frozen=True)
class Point:
    """Where a writer dies."""

    name: str
    label: str
    more: dict[str, Any]
    arrives_late: bool = False
    """What is held is delivered after the writer's death, instead of being lost."""

    def rule(self) -> Rule:
        return Rule(self.label, **self.more)


POINTS = [
    Point("F06 read, answer lost", "read", {"side": Side.REPLY, "where": has_entries}),
    Point("F07 before the rows", "copy_data", {}),
    Point("F07 inside the rows", "copy_data", {"moment": Moment.INSIDE}),
    Point("F08 before the position", "advance", {}),
    Point("F09 before the commit", "commit_batch", {}),
    Point("F09 commit arrives late", "commit_batch", {}, arrives_late=True),
    Point("F10 committed, answer lost", "commit_batch", {"side": Side.REPLY}),
    Point("F11 before the trim", "trim", {}),
    Point("F11 trim arrives late", "trim", {}, arrives_late=True),
    Point("F11 trimmed, answer lost", "trim", {"side": Side.REPLY}),
    Point("F12 before an alert is published", "publish", {"where": is_alert}),
    Point("F12 inside of publishing", "publish", {"where": is_alert, "moment": Moment.INSIDE}),
    Point("F12 published, answer lost", "publish", {"side": Side.REPLY}),
]


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name.replace(" ", "-"))
def test_killed_at(faults: FaultSystem, point: Point) -> None:
    with faults.load(150):
        faults.wait_acked(30)
        rule = faults.watch(point.rule(), faults.writers)
        writer = faults.struck(rule)
        writer.kill()
        if point.arrives_late:
            faults.wait_acked(30)
            faults.release(rule)
        else:
            faults.cut(rule)
        writer.start()
        faults.wait_acked(60)
    faults.all_is_well()


@pytest.mark.parametrize("point", POINTS[3:7:3], ids=lambda point: point.name.replace(" ", "-"))
def test_cut_off_at(faults: FaultSystem, point: Point) -> None:
    """The same, but the writer lives: it only loses its connection."""
    with faults.load(150):
        faults.wait_acked(30)
        rule = faults.watch(point.rule(), faults.writers)
        writer = faults.struck(rule)
        faults.cut(rule)
        faults.wait_acked(60)
        assert writer.process.is_running()
    faults.all_is_well()


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER])
def test_f13_killed_while_it_sets_poison_aside(faults: FaultSystem, moment: Moment) -> None:
    with faults.load(150):
        faults.wait_acked(30)
        rule = faults.watch(Rule("dead_letters", moment=moment), faults.writers)
        faults.append_poison(3)
        writer = faults.struck(rule)
        writer.kill()
        faults.cut(rule)
        writer.start()
        faults.wait_acked(60)
    faults.all_is_well()


@pytest.mark.parametrize("how", some(["frozen", "cut off"], 1))
def test_f14_away_for_longer_than_every_timeout(faults: FaultSystem, how: str) -> None:
    """F14, F40: a writer stands still, or hears nothing of PostgreSQL, in the middle of a batch.

    Not inside of COPY, nor between the parts of one extended query: there PostgreSQL waits for its
    client for as long as the connection lives, which over TCP is for as long as the keepalives say.
    """
    with faults.load(60):
        faults.wait_acked(30)
        rule = faults.watch(Rule("commit_batch"), faults.writers)
        away = faults.struck(rule)
        before = faults.query(WRITER_SESSIONS)
        if how == "frozen":
            away.freeze()
            # What it sent last arrives while it is frozen.
            faults.release(rule)
        else:
            away.to_postgres.blackhole()
        # PostgreSQL ends its session, and the other writer has all shards.
        wait_until(lambda: len(faults.query(LOCKING_SESSIONS)) == 1, "the shards to move")
        assert set(faults.query(LOCKING_SESSIONS)) < set(before)
        faults.wait_acked(30)
        if how == "frozen":
            away.thaw()
        else:
            away.to_postgres.heal()
        faults.wait_acked(30)
        assert away.process.is_running()
    faults.all_is_well()


@pytest.mark.parametrize(
    "rule",
    [
        None,
        Rule("copy_data"),
        Rule("commit_batch"),
        Rule("commit_batch", side=Side.REPLY),
    ],
    ids=["idle", "copy", "before-commit", "committed"],
)
def test_f15_sessions_are_ended_by_the_server(faults: FaultSystem, rule: Rule | None) -> None:
    if rule is None:
        assert faults.query(END_WRITERS)
    with faults.load(150):
        faults.wait_acked(30)
        if rule is not None:
            faults.watch(rule, faults.writers)
            faults.struck(rule)
            faults.query(END_WRITERS)
            faults.release(rule)
        faults.wait_acked(60)
    assert all(writer.process.is_running() for writer in faults.writers)
    faults.all_is_well()


def test_f16_locks_and_writes_share_one_session(faults: FaultSystem) -> None:
    faults.wait_shared_out()
    sessions = set(faults.query(WRITER_SESSIONS))
    assert set(faults.query(LOCKING_SESSIONS)) == sessions
    assert len(sessions) == len(faults.writers)
    assert [writer.to_postgres.connection_count for writer in faults.writers] == [1, 1]
    with faults.load(150):
        faults.wait_acked(30)
        for writer in faults.writers:
            writer.to_postgres.cut()
        faults.wait_acked(60)
    faults.all_is_well()


def test_f17_more_writers_than_shards(faults: FaultSystem) -> None:
    marks = {writer.name: len(writer.process.log) for writer in faults.writers}
    with faults.load(100):
        added = [faults.add_writer(), faults.add_writer()]
        faults.wait_shared_out()
        assert len(faults.query(LOCKING_SESSIONS)) == 4
        for writer in added:
            writer.is_wanted = False
            assert writer.stop() == 0
        faults.wait_shared_out()
        faults.wait_acked(30)
    for writer in faults.writers:
        assert "session ended" not in writer.process.log[marks.get(writer.name, 0) :]
    for writer in added:
        faults.remove(writer)
    faults.all_is_well()


def test_f36_poison_anywhere_in_a_batch(faults: FaultSystem) -> None:
    pids = [writer.process.pid for writer in faults.writers]
    with faults.load(150):
        for _ in range(3):
            faults.append_poison(len(POISON))
            faults.wait_acked(30)
    # A batch of nothing else.
    faults.append_poison(2 * len(POISON))
    faults.all_is_well()
    assert [writer.process.pid for writer in faults.writers] == pids


@pytest.mark.parametrize("label", some(["copy_data", "commit_batch"], 1))
@pytest.mark.parametrize("ending", ["once", "twice", "killed"])
def test_f47_asked_to_end_in_the_middle_of_a_batch(
    faults: FaultSystem, label: str, ending: str
) -> None:
    with faults.load(100):
        faults.wait_acked(20)
        rule = faults.watch(Rule(label), faults.writers)
        writer = faults.struck(rule)
        writer.was_ended = True
        writer.process.signal(signal.SIGTERM)
        if ending == "twice":
            writer.process.signal(signal.SIGTERM)
        if ending == "killed":
            writer.kill()
            faults.cut(rule)
        else:
            faults.release(rule)
            assert writer.stop(15) == 0
        # Its shards are free at once.
        writer.is_wanted = False
        faults.wait_shared_out()
        writer.is_wanted = True
        writer.start()
        faults.wait_acked(20)
    faults.all_is_well()
