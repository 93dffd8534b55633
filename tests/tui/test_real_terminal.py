"""Proves that the console works in a real terminal: typed at and read back through tmux.

Pilot replaces the terminal; here Textual's own driver reads the keys and writes the escapes, and
what tmux shows is what a person would see. The command is the one that people type.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.running import Account, RunningSystem, clean_environment, wait_until
from tests.tui.driving import STANDARD, WIDE, Traffic, new_merchant
from tests.tui.hostile_gateway import PASSWORD, hostile_gateway
from tests.tui.terminal import TITLE, Terminal, terminal

pytestmark = pytest.mark.slow


async def test_the_command_opens_the_console_on_a_past_minute(
    system: RunningSystem, operator: Account, tmp_path: Path
) -> None:
    options = ("--email", operator.email, "--at", "2026-01-05T13:01Z")
    with terminal(system.base_url, STANDARD, tmp_path, *options) as shown:
        shown.sees("password")
        shown.type(operator.password)
        shown.press("Enter")
        shown.sees("[5 Pipeline]", "REWOUND 2026-01-05 13:01Z", "Nothing was recorded")
        shown.press(",")
        shown.sees("REWOUND 2026-01-05 13:00Z")
        shown.type(">")
        shown.sees("REWOUND 2026-01-05 13:10Z")
        shown.press("b")
        shown.sees("Look back to")
        shown.type("1d")
        shown.press("Enter")
        shown.sees_no("REWOUND 2026-01-05")
        shown.sees("REWOUND")
        shown.press("l")
        shown.sees("LIVE", "accounted for")


@pytest.mark.parametrize("size", [WIDE, STANDARD])
async def test_the_whole_console_by_keys(
    system: RunningSystem,
    traffic: Traffic,
    admin: Account,
    tmp_path: Path,
    size: tuple[int, int],
) -> None:
    width, height = size
    merchant, alarming = new_merchant(), new_merchant()
    with terminal(system.base_url, size, tmp_path, "--email", admin.email) as shown:
        shown.sees("AETHER", "on this machine", admin.email)
        shown.type("not the password")
        shown.press("Enter")
        shown.sees("E-mail or password is wrong.")
        # The wrong one is selected: typing replaces it.
        shown.type(admin.password)
        assert admin.password not in shown.text()
        shown.press("Enter")
        shown.sees("LIVE", "[1 Overview]", "Load and forecast")

        shown.press("2")
        await traffic.send(merchant)
        shown.sees("[2 Transactions]", merchant, "12.34")
        shown.press("Space")
        shown.sees("PAUSED")
        shown.press("End")
        shown.sees("● LIVE")
        shown.press("Enter")
        shown.sees("REASONS", "acc-console")
        # Escape and a key right after it would be one key with Alt, and Textual lets letters
        # overtake keys that act: a person sees the effect of such a key before the next one.
        shown.press("Escape")
        shown.sees_no("REASONS")

        shown.press("3")
        await traffic.raise_alert(alarming)
        shown.sees("[3 Alerts", alarming)
        shown.press("/")
        shown.type(alarming)
        shown.sees("1 of")
        shown.press("Enter")
        shown.sees("esc Back", "o Legitimate")
        shown.press("o")
        shown.sees("Call legitimate?", "98765.43 EUR")
        shown.type("asked the customer")
        shown.press("Enter")
        shown.sees("Enter confirms")
        shown.press("Enter")
        shown.sees(f"{alarming}: legitimate.")

        shown.press("4")
        shown.sees("[4 Forecast]", "load")
        shown.press("5")
        shown.sees("[5 Pipeline]", "every accepted transaction is accounted for", "shard")
        shown.press("?")
        shown.sees("Keys", "Open the screen Overview")
        shown.press("Escape")
        # The place's name is shown beside the card as well.
        shown.sees_no("Open the screen Overview")

        for line in shown.text().splitlines():
            assert len(line) <= width
        shown.resize(50, 12)
        shown.sees("Make the window 60 x 18")
        shown.resize(width, height)
        shown.sees("[5 Pipeline]", "LIVE")

        shown.press("q")
        # The console leaves the terminal as it found it, and says nothing.
        left = shown.sees("status=0")
        assert "Traceback" not in left
        assert "LIVE" not in left
        assert shown.title() == TITLE


async def test_what_was_drawn_piece_by_piece_is_the_whole_picture(
    system: RunningSystem, traffic: Traffic, admin: Account, tmp_path: Path
) -> None:
    merchants = [new_merchant() for _ in range(40)]
    with terminal(system.base_url, STANDARD, tmp_path, "--email", admin.email) as shown:
        shown.sign_in(admin, "LIVE", "[1 Overview]")
        shown.press("2")
        for merchant in merchants:
            await traffic.send(merchant)
            if merchant in merchants[::10]:
                shown.sees(merchant)
                shown.press("Down")
        shown.sees(merchants[-1])
        shown.press("Space")
        shown.sees("PAUSED")
        in_pieces = _rows(shown, merchants)
        assert len(in_pieces) > 10

        drawn = tmp_path / "drawn"
        shown.record(drawn)
        shown.press("r")
        wait_until(lambda: drawn.exists() and _holds(drawn, in_pieces), "all to be drawn anew")
        assert _settled_rows(shown, merchants) == in_pieces


async def test_the_screen_below_a_dialog_lives_on(
    system: RunningSystem, traffic: Traffic, operator: Account, tmp_path: Path
) -> None:
    before, during = ([new_merchant() for _ in range(count)] for count in (30, 5))
    with terminal(system.base_url, WIDE, tmp_path, "--email", operator.email) as shown:
        shown.sign_in(operator, "LIVE", "[1 Overview]")
        shown.press("2")
        for merchant in before:
            await traffic.send(merchant)
        shown.sees(before[-1])
        shown.press("b")
        shown.sees("Look back to", before[-1])
        for merchant in during:
            await traffic.send(merchant)
        shown.sees(*during)
        beside = _settled_rows(shown, before + during)
        assert len(beside) > 20

        shown.press("Escape")
        shown.sees_no("Look back to")
        whole = _settled_rows(shown, before + during)
        assert {merchant: whole[merchant] for merchant in beside} == beside


def _settled_rows(shown: Terminal, merchants: list[str]) -> dict[str, str]:
    """The same once it does not change any more: a frame arrives in several parts."""
    seen = [_rows(shown, merchants)]

    def is_settled() -> bool:
        seen.append(_rows(shown, merchants))
        return len(seen) > 3 and seen[-1] == seen[-2] == seen[-3]

    wait_until(is_settled, "the last frame to be complete")
    return seen[-1]


def _rows(shown: Terminal, merchants: list[str]) -> dict[str, str]:
    """The lines of the table that are shown, with their colours, by merchant."""
    return {
        merchant: line
        for line in shown.picture().splitlines()
        for merchant in merchants
        if merchant in line
    }


def _holds(drawn: Path, merchants: Iterable[str]) -> bool:
    written = drawn.read_text(errors="replace")
    return all(merchant in written for merchant in merchants)


def test_ascii_and_no_colour_need_nothing_of_the_terminal(
    system: RunningSystem, admin: Account, tmp_path: Path
) -> None:
    with terminal(system.base_url, STANDARD, tmp_path, "--email", admin.email, "--ascii") as shown:
        shown.sign_in(admin, "* LIVE", "[1 Overview]")
        for digit in "12345":
            shown.press(digit)
            shown.sees(f"[{digit} ")
            assert shown.text().isascii()
        shown.press("C-q")
        shown.sees("status=0")


def test_a_log_is_written_where_it_is_wanted_and_holds_no_secret(
    system: RunningSystem, admin: Account, tmp_path: Path
) -> None:
    log = tmp_path / "console.log"
    with terminal(
        system.base_url,
        STANDARD,
        tmp_path,
        "--email",
        admin.email,
        "--log",
        str(log),
        "--read-only",
    ) as shown:
        shown.sign_in(admin, "READ-ONLY", "LIVE")
        shown.press("q")
        shown.sees("status=0")
    written = log.read_text()
    assert "live feed: live" in written
    assert admin.password not in written
    assert "Bearer" not in written


def test_t03_no_text_gives_the_terminal_an_order(tmp_path: Path) -> None:
    """Neither form of an escape, of 7 or 8 bits, arrives from a gateway that sends only those."""
    written = tmp_path / "received"
    with (
        hostile_gateway() as url,
        terminal(url, WIDE, tmp_path, "--email", "ada@example.com") as shown,
    ):
        shown.sees("AETHER", "ada@example.com")
        shown.record(written)
        shown.type(PASSWORD)
        shown.press("Enter")
        for digit in "12345":
            shown.sees("[1 Overview]" if digit == "1" else "AETHER")
            shown.press(digit)
            shown.sees(f"[{digit} ")
        shown.press("2")
        shown.sees("[2 Transactions]", "x[/]")
        shown.press("Enter")
        shown.sees("submitter")
        assert shown.title() == TITLE
        received = written.read_text(errors="surrogateescape")
    assert "x[/]" in received
    # Textual itself chooses the shape of the pointer, by a word of its own.
    received = re.sub(r"\x1b\]22;[a-z-]+(\x1b\\|\x07)", "", received)
    # A clipboard, a link, a title; only colours, places and modes are the console's own.
    for order in ("\x1b]", "\x1bP", "\x1b_", "\x1b^", "\x07", "\x08", "\x7f"):
        assert order not in received, repr(order)
    assert not re.search("[\x80-\x9f\u202a-\u202e\u2066-\u2069\u200b]", received)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [([], "needs a terminal"), (["--url", "somewhere"], "is no address like http://host:8420")],
)
def test_what_cannot_work_is_said_in_one_sentence(
    options: list[str], sentence: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aether_cli", "tui", *options],
        env=clean_environment(AETHER_HOME=str(tmp_path), COLUMNS="200"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
