"""A real terminal for tests: tmux, typed at and read back."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.running import Account, clean_environment
from tests.tui.driving import DEADLINE_S

TITLE = "watched"


class Terminal:
    """One tmux pane of its own server."""

    def __init__(self, size: tuple[int, int], command: str, home: Path) -> None:
        self._server = f"aether-test-{os.urandom(4).hex()}"
        self._environment = clean_environment(
            HOME=str(home),
            TERM="xterm-256color",
            LANG="C.UTF-8",
            AETHER_HOME=str(home / "aether"),
            # As a shell may have exported it; the terminal's own size is what counts.
            COLUMNS="99",
            LINES="33",
        )
        for name in ("TMUX", "NO_COLOR", "COLORTERM"):
            self._environment.pop(name, None)
        width, height = map(str, size)
        self._run("-f", "/dev/null", "new-session", "-d", "-x", width, "-y", height, command)
        self._run("select-pane", "-T", TITLE)

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

    def picture(self) -> str:
        """What the terminal shows, with its colours."""
        return self._run("capture-pane", "-p", "-e")

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

    def sign_in(self, account: Account, *texts: str) -> None:
        """Sign in who was named by `--email`; wait until all of these are shown."""
        self.sees("AETHER", account.email)
        self.type(account.password)
        self.press("Enter")
        self.sees(*texts)

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
