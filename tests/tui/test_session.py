"""Proves what the console holds: the newest rows once each, and readings that say their age."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_tui.board import OPEN_ALERTS, SUMMARY, Board, PastBoard, Reading, Topic
from aether_tui.client import GatewayClient
from aether_tui.live import Connection, Phase
from aether_tui.problems import NotRecorded, Unreachable
from aether_tui.session import RECENT_MAX, Session
from aether_tui.values import Counters, Identity
from tests.tui.rows import alert, transaction

_SCOPES = ("transactions:read", "alerts:read", "alerts:write")


def session(role: str = "analyst", *, is_read_only: bool = False) -> Session:
    return Session("here", Identity("ada@example.com", role, None, _SCOPES), is_read_only)


@given(live=st.lists(st.integers(0, 999), max_size=50), page=st.lists(st.integers(0, 999)))
def test_history_and_feed_merge_in_order_each_row_once(live: list[int], page: list[int]) -> None:
    held = session()
    for number in live:
        held.add_transaction(transaction(number))
    held.add_history(tuple(transaction(number) for number in sorted(page, reverse=True)))
    expected = sorted({*live, *page})[-RECENT_MAX:]
    assert [int(t.id) for t in held.recent] == expected


def test_only_the_newest_rows_are_kept() -> None:
    held = session()
    for number in range(2 * RECENT_MAX):
        held.add_transaction(transaction(number))
    assert [int(t.id) for t in held.recent] == list(range(RECENT_MAX, 2 * RECENT_MAX))
    assert held.total == 2 * RECENT_MAX


def test_a_row_that_comes_again_is_brought_up_to_date_in_its_place() -> None:
    held = session()
    held.add_transaction(transaction(1, decision=None, score=None))
    held.add_transaction(transaction(2))
    held.add_transaction(transaction(1, decision="review", score=0.8))
    assert [t.decision for t in held.recent] == ["review", "approve"]
    assert held.total == 2


def test_an_alert_of_the_feed_joins_the_list_and_leaves_it_when_decided() -> None:
    held = session()
    held.add_alert(alert(identifier="early"))
    assert held.board.value(OPEN_ALERTS) is None
    held.board.correct(OPEN_ALERTS, (alert(identifier="a"),))
    held.add_alert(alert(identifier="b"))
    held.add_alert(alert(identifier="b", score=0.99))
    assert [a.id for a in held.board.value(OPEN_ALERTS) or ()] == ["b", "a"]
    held.add_alert(alert(identifier="b", status="resolved"))
    assert [a.id for a in held.board.value(OPEN_ALERTS) or ()] == ["a"]


def test_read_only_takes_all_writing_away_and_only_that() -> None:
    assert session().may("alerts:write")
    assert not session(is_read_only=True).may("alerts:write")
    assert session(is_read_only=True).may("alerts:read")
    assert not session().may("operations:read")


def test_a_reading_is_loading_then_ready_then_stale_and_keeps_its_value() -> None:
    reading: Reading[int] = Reading(interval_s=2.0)
    assert reading.value is None
    assert not reading.is_stale(100.0)
    assert reading.failed("no answer").value is None
    ready = reading.succeeded(7, 100.0)
    assert not ready.is_stale(105.9)
    assert ready.is_stale(106.1)
    assert ready.age_s(106.0) == 6.0
    failed = ready.failed("no answer")
    assert failed.is_stale(100.1)
    assert failed.value == 7
    assert not failed.succeeded(8, 101.0).is_stale(101.1)


def test_a_lost_connection_makes_the_rows_stale_at_once() -> None:
    held = session()
    assert held.recent_reading().value is None
    held.add_transaction(transaction(1))
    held.heard_at = 50.0
    held.connection = Connection(Phase.LIVE)
    assert not held.recent_reading().is_stale(51.0)
    assert held.recent_reading().is_stale(54.0)
    held.connection = Connection(Phase.RECONNECTING, 1, 60.0, "The connection was lost.")
    assert held.recent_reading().is_stale(50.1)


def test_a_question_is_asked_when_due_and_not_more_often_than_it_makes_sense() -> None:
    board = Board()
    assert board.due([SUMMARY], 10.0) == [SUMMARY]
    board.ask_soon([SUMMARY], 10.0)
    assert board.due([SUMMARY], 10.0) == [SUMMARY]


@pytest.mark.parametrize(
    ("committed_step", "received_step", "is_sampled"), [(100, 100, False), (1000, 100, True)]
)
def test_a_sampled_feed_is_recognised(
    committed_step: int, received_step: int, is_sampled: bool
) -> None:
    held = session()
    for second in range(5):
        for number in range(received_step):
            held.add_transaction(transaction(second * received_step + number))
        held.add_counters(
            Counters(0, float(committed_step), datetime.now(UTC), second * committed_step, 0)
        )
    assert held.is_sampled is is_sampled


async def test_a_past_minute_is_asked_about_once_and_never_grows_old() -> None:
    board = PastBoard(datetime(2026, 1, 5, 13, 1, tzinfo=UTC))
    asked: list[datetime] = []

    async def ask_at(_: GatewayClient, at: datetime) -> int:
        asked.append(at)
        if len(asked) == 1:
            raise Unreachable("Away.")
        if len(asked) == 2:
            raise NotRecorded("Nothing was recorded.")
        return 7

    async def ask(_: GatewayClient) -> int:
        raise AssertionError("the present was asked for")

    past: Topic[int] = Topic("past", 2.0, ask, None, ask_at)
    present: Topic[int] = Topic("present", 2.0, ask)
    async with GatewayClient("http://127.0.0.1:1") as client:
        assert board.due([past, present], 100.0) == [past]
        # A gateway that is away is asked again, by and by.
        await board.ask(past, client, lambda: 100.0)
        assert board.due([past], 101.9) == []
        assert board.due([past], 102.0) == [past]
        # What is missing stays so, unless somebody wants to know it again.
        await board.ask(past, client, lambda: 102.0)
        assert board.reading(past).is_missing
        assert board.due([past], 1e12) == []
        board.ask_soon([past], 200.0)
        assert board.due([past], 200.0) == [past]
        await board.ask(past, client, lambda: 200.0)
    assert board.value(past) == 7
    assert board.due([past], 1e12) == []
    assert not board.reading(past).is_stale(1e12)
    assert not board.reading(past).is_missing
    assert asked == [datetime(2026, 1, 5, 13, 1, tzinfo=UTC)] * 3


def test_the_present_is_kept_while_the_past_is_shown() -> None:
    held = session()
    held.board.correct(OPEN_ALERTS, (alert(identifier="a"),))
    held.rewind(datetime(2026, 1, 5, 13, 1, tzinfo=UTC))
    assert held.board.value(OPEN_ALERTS) is None
    assert held.vitals().open_alerts is None
    # What comes meanwhile is of the present.
    held.add_alert(alert(identifier="b"))
    assert held.board.value(OPEN_ALERTS) is None
    assert held.shown_now() == datetime(2026, 1, 5, 13, 1, tzinfo=UTC)
    assert not held.may("alerts:write")
    held.return_to_present()
    assert [a.id for a in held.board.value(OPEN_ALERTS) or ()] == ["b", "a"]
