"""Proves that what is written appears by itself, and stays still when somebody looks at it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from textual.widgets import Input

from aether_tui.screens.transactions import TransactionsScreen
from aether_tui.values import Counters
from aether_tui.widgets.detail import Detail
from tests.running import Account, RunningSystem
from tests.tui.driving import STANDARD, WIDE, Traffic, new_merchant, signed_in


async def test_transactions_appear_as_they_are_written(
    system: RunningSystem, traffic: Traffic, operator: Account
) -> None:
    before, live = new_merchant(), new_merchant()
    await traffic.send(before)
    async with signed_in(system, operator) as console:
        await console.press("2")
        await console.sees(before)
        await traffic.send(live)
        await console.sees(before, live, "12.34", "EUR", "approve")


async def test_a_paused_feed_holds_still_and_counts_what_comes(
    system: RunningSystem, traffic: Traffic, operator: Account
) -> None:
    first, second = new_merchant(), new_merchant()
    async with signed_in(system, operator, STANDARD) as console:
        await console.press("2")
        await traffic.send(first)
        await console.sees(first)
        await console.press("space")
        await console.sees("PAUSED", "paused: 0 new")
        await traffic.send(second, amounts=("1.00", "2.00", "3.00"))
        await console.sees("paused: 3 new, End follows")
        assert second not in console.text()
        await console.press("end")
        await console.sees(second, "LIVE", "live, newest at the bottom")


async def test_looking_upwards_pauses_and_the_row_stays_under_the_cursor(
    system: RunningSystem, traffic: Traffic, operator: Account
) -> None:
    merchant = new_merchant()
    async with signed_in(system, operator, STANDARD) as console:
        await console.press("2")
        await traffic.send(merchant, amounts=("1.00", "2.00", "3.00"))
        await console.wait(lambda: console.text().count(merchant) == 3, "three rows")
        await console.press("up")
        screen = console.app.screen
        assert isinstance(screen, TransactionsScreen)
        row = screen.table.cursor_row
        assert row is not None
        assert row.amount == "2.00"
        await traffic.send(new_merchant(), amounts=("4.00",) * 30)
        await console.sees("paused: 30 new")
        assert screen.table.cursor_row == row


async def test_a_filter_shows_only_what_matches_and_says_what_it_does_not_know(
    system: RunningSystem, traffic: Traffic, operator: Account
) -> None:
    wanted, other = new_merchant(), new_merchant()
    async with signed_in(system, operator, STANDARD) as console:
        await console.press("2")
        await traffic.send(wanted, amounts=("5.00", "5000.00"))
        await traffic.send(other)
        await console.sees(wanted, other)
        await console.press("slash")
        box = console.app.screen.query_one("#filter Input", Input)
        await console.wait(lambda: box.has_focus, "the filter line")
        console.fill("#filter Input", f'merchant:"{wanted}" amount:>1000')
        await console.sees("5000.00", "1 of")
        await console.sees_no(other)
        console.fill("#filter Input", "merchand:x")
        await console.sees("There is no field merchand (did you mean merchant?).")
        console.fill("#filter Input", "merchant:nobody-at-all")
        await console.sees("match. Esc clears the filter.")
        await console.press("escape")
        await console.sees(wanted, other)
        await console.press("escape")
        assert console.app.focused is console.app.screen.query_one("#feed")
        await console.press("q")


async def test_a_slash_may_also_be_typed(system: RunningSystem, operator: Account) -> None:
    async with signed_in(system, operator, STANDARD) as console:
        await console.press("2", "slash", "a", "slash", "b")
        box = console.app.screen.query_one("#filter Input", Input)
        await console.wait(lambda: box.value == "a/b", "the slash in the filter")


async def test_a_row_opens_with_all_that_is_known_and_its_accounts_history(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    merchant = new_merchant()
    identifier = await traffic.raise_alert(merchant)
    for size in ((120, 40), STANDARD):
        async with signed_in(system, analyst, size) as console:
            await console.press("2")
            await console.sees(merchant)
            await console.press("slash", *merchant, "enter", "enter")
            await console.sees("98765.43 EUR", identifier, "REASONS", "observed", "processed")
            detail = console.app.screen.query_one(Detail)
            await console.wait(partial(_has_history, detail), "the history")
            assert "Quiet Bake" in detail.plain.partition("ACCOUNT HISTORY")[2]
            await console.press("y")
            await console.wait(lambda: console.app.clipboard == identifier, "the id, copied")
            await console.press("escape")
            await console.sees_no("REASONS")


async def test_a_description_covers_the_table_once_the_window_is_narrow(
    system: RunningSystem, traffic: Traffic, operator: Account
) -> None:
    await traffic.send(merchant := new_merchant())
    async with signed_in(system, operator, WIDE) as console:
        await console.press("2")
        await console.sees(merchant)
        await console.press("enter")
        await console.sees("Detail", "REASONS")
        table = console.app.screen.query_one("#list")
        assert table.display
        await console.pilot.resize_terminal(*STANDARD)
        await console.wait(lambda: not table.display, "the table, covered")
        await console.sees("REASONS")
        await console.pilot.resize_terminal(*WIDE)
        await console.wait(lambda: table.display, "the table, beside it")
        await console.press("escape")
        await console.sees_no("REASONS")
        await console.pilot.resize_terminal(*STANDARD)
        await console.sees(merchant)
        assert table.display


async def test_what_the_mouse_selects_of_a_description_is_copied(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    identifier = await traffic.raise_alert(merchant := new_merchant())
    async with signed_in(system, analyst) as console:
        await console.press("2", "slash", *merchant, "enter")
        await console.sees(merchant)
        await console.press("enter")
        await console.sees(identifier)
        lines = console.text().splitlines()
        y = next(y for y, line in enumerate(lines) if identifier in line)
        x = lines[y].index(identifier)
        await console.pilot.mouse_down(offset=(x, y))
        await console.pilot.hover(offset=(x + len(identifier) - 1, y))
        await console.pilot.mouse_up(offset=(x + len(identifier) - 1, y))
        await console.press("ctrl+c")
        await console.wait(lambda: console.app.clipboard == identifier, "the id, copied")


async def test_a_customer_sees_only_what_is_their_own(
    system: RunningSystem, traffic: Traffic, customer: Account
) -> None:
    mine, foreign = new_merchant(), new_merchant()
    async with signed_in(system, customer) as console:
        await traffic.send(foreign)
        with system.http(customer) as http:
            http.post("/transactions/", json={"amount": "7.77", "merchant": mine})
        await console.sees(mine, "7.77")
        assert foreign not in console.text()


async def test_a_row_of_the_overview_opens_on_its_own_screen(
    system: RunningSystem, traffic: Traffic, operator: Account
) -> None:
    merchant = new_merchant()
    async with signed_in(system, operator) as console:
        await console.sees("throughput", "backlog", "flagged 1h", "open alerts")
        await traffic.send(merchant)
        await console.sees(merchant)
        await console.press("enter")
        await console.sees("[2 Transactions]", "REASONS", merchant)


async def test_news_that_comes_while_the_console_closes_is_nothing_to_draw(
    system: RunningSystem, operator: Account
) -> None:
    async with signed_in(system, operator) as console:
        session = console.app.session
    assert session is not None
    assert not console.app.screen_stack
    console.app._take_event(Counters(0, 1.0, datetime.now(UTC), 1, 0))
    assert session.counters is not None


def _has_history(detail: Detail) -> bool:
    return "ACCOUNT HISTORY" in detail.plain
