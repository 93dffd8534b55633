"""Proves that the console works in a real terminal: typed at and read back through tmux.

Pilot replaces the terminal; here Textual's own driver reads the keys and writes the escapes, and
what tmux shows is what a person would see. The command is the one that people type.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.running import Account, RunningSystem, clean_environment
from tests.tui.driving import DEADLINE_S, STANDARD, WIDE, Traffic, new_merchant
from tests.tui.hostile_gateway import PASSWORD, hostile_gateway

_TITLE = "watched"

pytestmark = pytest.mark.slow


class Terminal:
    """One tmux pane of its own server."""

    def __init__(self, size: tuple[int, int], command: str, home: Path) -> None:
        self._server = f"aether-test-{os.urandom(4).hex()}"
        self._environment = clean_environment(
            HOME=str(home), TERM="xterm-256color", LANG="C.UTF-8", AETHER_HOME=str(home / "aether")
        )
        for name in ("TMUX", "NO_COLOR", "COLORTERM"):
            self._environment.pop(name, None)
        width, height = map(str, size)
        self._run("-f", "/dev/null", "new-session", "-d", "-x", width, "-y", height, command)
        self._run("select-pane", "-T", _TITLE)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._server, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return done.stdout

    def type(self, text: str) -> None:
        """Type characters as they are."""
        self._run("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names."""
        self._run("send-keys", *keys)

    def text(self) -> str:
        """What the terminal shows."""
        return self._run("capture-pane", "-p")

    def title(self) -> str:
        """The pane's title, which programs can change by an escape sequence."""
        return self._run("display-message", "-p", "#{pane_title}").strip()

    def record(self, file: Path) -> None:
        """From now on, write each byte that the terminal receives to a file as well."""
        self._run("pipe-pane", f"exec cat >> {shlex.quote(str(file))}")

    def resize(self, width: int, height: int) -> None:
        """Change the window's size under the running program."""
        self._run("resize-window", "-x", str(width), "-y", str(height))

    def sees(self, *texts: str) -> str:
        """Wait until all of these are shown; return the whole text."""
        return self._wait(lambda shown: all(text in shown for text in texts), f"{texts}")

    def sees_no(self, text: str) -> str:
        """Wait until this is no longer shown; return the whole text."""
        return self._wait(lambda shown: text not in shown, f"{text} to leave the screen")

    def _wait(self, condition: Callable[[str], bool], what: str) -> str:
        end = time.monotonic() + DEADLINE_S
        while not condition(shown := self.text()):
            if time.monotonic() > end:
                pytest.fail(f"waited {DEADLINE_S:.0f} s in vain for {what}:\n{shown}")
            time.sleep(0.05)
        return shown

    def close(self) -> None:
        """End tmux's server and whatever runs in it."""
        self._run("kill-server")


@contextmanager
def terminal(base_url: str, size: tuple[int, int], home: Path, *options: str) -> Iterator[Terminal]:
    command = shlex.join([sys.executable, "-m", "aether_cli", "tui", *options])
    # The pane stays open after the console, so that what it left behind can be seen.
    shown = Terminal(size, f"{command} --url {base_url}; echo status=$?; exec cat", home)
    try:
        yield shown
    finally:
        shown.close()


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
        shown.sees("[5 Pipeline]")

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
        assert shown.title() == _TITLE


def test_ascii_and_no_colour_need_nothing_of_the_terminal(
    system: RunningSystem, admin: Account, tmp_path: Path
) -> None:
    with terminal(system.base_url, STANDARD, tmp_path, "--email", admin.email, "--ascii") as shown:
        shown.sees("AETHER", admin.email)
        shown.type(admin.password)
        shown.press("Enter")
        shown.sees("* LIVE", "[1 Overview]")
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
        shown.sees("AETHER", admin.email)
        shown.type(admin.password)
        shown.press("Enter")
        shown.sees("READ-ONLY", "LIVE")
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
        assert shown.title() == _TITLE
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
