"""Proves that a past minute is shown as it was: by keys, step by step, with nothing live among it.

A gateway whose answers stand still knows one present and one past, and notes what it is asked; a
real one is looked back upon where minutes were recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import Request
from fastapi.responses import Response

from aether_core.database.connection import connect
from aether_core.stream.connection import open_redis
from aether_tui.widgets.confirm import ConfirmDialog
from aether_tui.widgets.rewind_dialog import RewindDialog
from aether_tui.widgets.row_table import RowTable
from aether_worker.recorder import record_minute
from tests.running import Account, RunningSystem
from tests.tui.driving import (
    STANDARD,
    WIDE,
    Console,
    Traffic,
    new_merchant,
    open_console,
    signed_in,
)
from tests.tui.hostile_gateway import served
from tests.tui.still_gateway import EMAIL, MINUTE, PASSWORD, PAST, make_still_app

ADA = Account(EMAIL, PASSWORD)


class Asked(list[tuple[str, str, str]]):
    """What the gateway was asked: method, path and query."""

    def about(self, path: str) -> list[str]:
        return [query for _, asked, query in self if asked == path]


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def gateway(asked: Asked) -> Iterator[str]:
    app = make_still_app()

    @app.middleware("http")
    async def note(request: Request, go_on: Any) -> Response:  # noqa: ANN401 - starlette's
        asked.append((request.method, request.url.path, request.url.query))
        answer: Response = await go_on(request)
        return answer

    with served(app) as url:
        yield url


async def rewind(console: Console, text: str) -> None:
    await console.press("b")
    await console.wait(lambda: isinstance(console.app.screen, RewindDialog), "the dialog")
    console.fill("#instant", text)
    await console.press("enter")


async def begin(console: Console) -> None:
    await console.sign_in(ADA)
    await console.sees("LIVE")


@pytest.mark.parametrize("size", [STANDARD, WIDE])
async def test_a_minute_is_typed_stepped_through_and_left_again(
    gateway: str, size: tuple[int, int]
) -> None:
    async with open_console(gateway, size) as console:
        await begin(console)
        await console.press("5")
        await console.sees("7 LOST", "b Rewind")
        # What leads through the past is not offered in the present.
        assert "Minute back" not in console.text()
        await rewind(console, "2026-01-05T13:01:59Z")
        await console.sees("REWOUND 2026-01-05 13:01Z", "accounted for", "98/s", ", Minute back")
        assert "LIVE" not in console.text()
        assert "LOST" not in console.text()
        for key, minute in (
            ("comma", "13:00Z"),
            ("less_than_sign", "12:50Z"),
            ("full_stop", "12:51Z"),
            ("greater_than_sign", "13:01Z"),
        ):
            await console.press(key)
            await console.sees(f"REWOUND 2026-01-05 {minute}", "accounted for")
        await console.press("l")
        await console.sees("LIVE", "7 LOST")
        assert "REWOUND" not in console.text()
        assert "Minute back" not in console.text()


async def test_a_minute_that_was_not_recorded_names_the_nearest(gateway: str) -> None:
    async with open_console(gateway, STANDARD, rewound_to=PAST + 3 * MINUTE) as console:
        await console.sign_in(ADA)
        await console.sees("REWOUND 2026-01-05 13:04Z", "Nothing was recorded", "13:01Z", "13:09Z")
        assert "vm:47" not in console.text()
        # Alerts are known of every minute.
        await console.press("3")
        await console.sees("Open alerts", "acc-001")


async def test_what_is_no_past_instant_is_asked_for_again(gateway: str) -> None:
    async with open_console(gateway, STANDARD) as console:
        await begin(console)
        for text, sentence in (("noon", "written like"), ("2999-01-01T00:00Z", "in the future")):
            await rewind(console, text)
            await console.sees(sentence)
            await console.press("escape")
            await console.sees_no("Look back to")
        assert "REWOUND" not in console.text()


async def test_the_present_minute_is_the_last(gateway: str) -> None:
    async with open_console(gateway, STANDARD) as console:
        await begin(console)
        await console.press("5")
        await rewind(console, "5m")
        await console.sees("REWOUND")
        await console.press("greater_than_sign", "full_stop", "full_stop")
        await console.sees("has not begun", "REWOUND")


async def test_it_begins_in_the_past_where_that_is_wanted(gateway: str, asked: Asked) -> None:
    async with open_console(gateway, STANDARD, rewound_to=PAST) as console:
        await console.sign_in(ADA)
        await console.sees("[5 Pipeline]", "REWOUND 2026-01-05 13:01Z", "accounted for")
        # Of the present nothing was asked but the feed and its beginning.
        assert all("at=" in query for query in asked.about("/operations/pipeline"))
        assert not asked.about("/analytics/summary")


async def test_nothing_live_is_shown_and_nothing_is_asked_without_its_minute(
    gateway: str, asked: Asked
) -> None:
    async with open_console(gateway, WIDE) as console:
        await begin(console)
        for digit, seen in (
            ("2", "live, newest at the bottom"),
            ("3", "acc-006"),
            ("4", "UNUSUAL"),
            ("5", "7 LOST"),
            ("6", "forecaster"),
            ("7", "alert.resolve"),
        ):
            await console.press(digit)
            await console.sees(seen)
        await rewind(console, "2026-01-05T13:02Z")
        await console.sees("REWOUND")
        asked.clear()
        await console.press("comma")
        for digit, seen in (
            ("1", "Overview shows the present only"),
            ("2", "accepted before 13:01:00Z"),
            ("3", "grac 60s"),
            ("4", "trained 60s ago"),
            ("5", "accounted for"),
            ("6", "System shows the present only"),
            ("7", "Audit shows the present only"),
        ):
            await console.press(digit)
            await console.sees(seen, "REWOUND 2026-01-05 13:01Z")
        for path in ("/alerts/", "/analytics/forecast", "/operations/pipeline"):
            queries = asked.about(path)
            assert queries
            assert all("at=2026-01-05T13%3A0" in query for query in queries), queries
        assert all("until=" in query for query in asked.about("/transactions/"))
        for path in ("/analytics/summary", "/operations/processes", "/audit/", "/alerts/budget"):
            assert not asked.about(path)


async def test_minutes_that_are_stepped_over_are_not_asked_about(
    gateway: str, asked: Asked
) -> None:
    async with open_console(gateway, STANDARD, rewound_to=PAST) as console:
        await console.sign_in(ADA)
        await console.sees("accounted for")
        console.burst(*["comma"] * 30)
        await console.sees("12:31Z", "accounted for")
        assert len(asked.about("/operations/pipeline")) < 30


async def test_no_act_is_offered_or_done_in_the_past(gateway: str, asked: Asked) -> None:
    async with open_console(gateway, WIDE, rewound_to=PAST) as console:
        await console.sign_in(ADA)
        await console.sees("accounted for")
        for digit, seen, keys in (
            ("5", "CheckViolationError", ("tab", "p", "d", "enter", "escape")),
            ("3", "acc-000", ("g", "x", "o", "c", "t", "a", "h", "u", "m", "M", "x")),
            ("6", "shows the present only", ("R", "enter")),
            ("1", "shows the present only", ("space", "enter")),
        ):
            await console.press(digit)
            await console.sees(seen)
            hints = console.text().splitlines()[-1].split()
            acts = ("Fraud", "Legitimate", "Take", "Note", "Next", "Replay", "Discard", "Restart")
            assert not set(acts) & set(hints)
            for key in keys:
                await console.press(key)
                await console.pilot.pause()
                assert not isinstance(console.app.screen, ConfirmDialog), (digit, key)
        posts = [path for method, path, _ in asked if method != "GET"]
        assert set(posts) <= {"/auth/login"}


async def test_the_help_and_the_palette_know_the_keys(gateway: str) -> None:
    async with open_console(gateway, (120, 60), rewound_to=PAST) as console:
        await console.sign_in(ADA)
        await console.sees("accounted for")
        await console.press("question_mark")
        await console.sees("Ten back", "Ten on", "Minute back", "Back to the present")
        await console.press("escape", "ctrl+p")
        await console.wait(lambda: "Search" in console.text(), "the palette")
        await console.write("rewind")
        await console.sees("Rewind  (b)")


async def test_the_place_in_the_present_is_kept(gateway: str) -> None:
    async with open_console(gateway, STANDARD) as console:
        await begin(console)
        await console.press("3")
        await console.sees("acc-006")
        # The third of the present is not among the past's.
        await console.press("down", "down", "down", "m")
        table = console.app.screen.query_one("#alerts", RowTable)
        here = table.place()
        assert here.cursor_key is not None
        assert here.marks
        await rewind(console, "2026-01-05T13:01Z")
        await console.sees("REWOUND", "acc-000")
        await console.press("end", "comma")
        await console.sees("13:00Z", "acc-000")
        await console.press("l")
        await console.sees("LIVE", "acc-006")
        await console.wait(lambda: table.place() == here, "the row and the mark of before")


async def test_the_row_is_kept_from_minute_to_minute(gateway: str) -> None:
    async with open_console(gateway, STANDARD, rewound_to=PAST) as console:
        await console.sign_in(ADA)
        await console.press("3")
        await console.sees("acc-000")
        await console.press("down", "down")
        table = console.app.screen.query_one("#alerts", RowTable)
        chosen = table.cursor_key
        for _ in range(3):
            await console.press("comma")
        await console.sees("12:58Z", "acc-000")
        await console.wait(lambda: table.cursor_key == chosen, "the same row")


async def test_ages_and_locks_are_those_of_the_minute(gateway: str) -> None:
    async with open_console(gateway, WIDE, rewound_to=PAST) as console:
        await console.sign_in(ADA)
        await console.press("3")
        # The lock holds for a minute more, as it did then.
        await console.sees("grac 60s", "has taken it")
        await console.press("slash")
        await console.write("since:61m")
        await console.sees("3 of 3 match")
        await console.press(*["backspace"] * 3)
        await console.write("5m")
        await console.sees("0 of 3 match")


async def test_an_operator_sees_what_was_recorded(
    system: RunningSystem, traffic: Traffic, operator: Account
) -> None:
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=2)
    await traffic.send(new_merchant())

    async def record() -> int:
        connection = await connect(
            system.environment["AETHER_DATABASE_URL"], statement_timeout_s=10, name="test"
        )
        redis = open_redis(system.environment["AETHER_REDIS_URL"], timeout_s=5)
        try:
            await record_minute(redis, connection, minute, keep_days=14)
            return int(
                await connection.fetchval(
                    "SELECT payload->'identity'->'committed' FROM pipeline_minutes"
                    " WHERE minute = $1",
                    minute,
                )
            )
        finally:
            await redis.aclose()
            await connection.close()

    committed = await record()
    await traffic.send(new_merchant(), amounts=("1.00",) * 5)
    async with signed_in(system, operator) as console:
        await console.press("5")
        await console.sees("accounted for")
        await rewind(console, f"{minute:%Y-%m-%dT%H:%MZ}")
        await console.sees(f"REWOUND {minute:%Y-%m-%d %H:%M}Z", f"committed {committed:,}")
        await console.press("full_stop")
        await console.sees("Nothing was recorded", f"before it is {minute:%Y-%m-%d %H:%M}Z")
        await console.press("l")
        await console.sees("LIVE", "accounted for")
        assert f"committed {committed:,} " not in console.text()
