"""Proves that the console is a good command for sshd: typed at over a real SSH connection.

A real sshd on the loopback interface lets one key in, and makes of it the console and nothing else.
"""

from __future__ import annotations

import getpass
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.running import (
    Account,
    RunningSystem,
    clean_environment,
    end_process,
    free_port,
    wait_until,
)
from tests.tui.driving import STANDARD, Traffic, new_merchant
from tests.tui.terminal import Terminal

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Sshd:
    """A server of its own keys, port and configuration."""

    port: int
    directory: Path
    process: subprocess.Popen[bytes]

    def command(self, *words: str) -> str:
        """Return the words that connect to it; more of them are what it is asked to run."""
        options = {
            "UserKnownHostsFile": str(self.directory / "known_hosts"),
            "StrictHostKeyChecking": "accept-new",
            "IdentitiesOnly": "yes",
            "LogLevel": "ERROR",
        }
        return shlex.join(
            ["ssh", "-tt", "-F", "none", "-p", str(self.port), "-i", str(self.directory / "mine")]
            + [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
            + [f"{getpass.getuser()}@127.0.0.1", *words]
        )


@pytest.fixture
def sshd(system: RunningSystem, analyst: Account, tmp_path: Path) -> Iterator[Sshd]:
    directory = tmp_path / "ssh"
    directory.mkdir(mode=0o700)
    for name in ("host", "mine"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)], check=True
        )
    console = shlex.join([sys.executable, "-m", "aether_cli", "tui", "--url", system.base_url])
    console += f" --email {analyst.email}"
    # As an operator writes it: this key gets the console, whatever it asks for.
    key = (directory / "mine.pub").read_text()
    (directory / "authorized_keys").write_text(f'restrict,pty,command="{console}" {key}')
    port = free_port()
    (directory / "config").write_text(
        "\n".join(
            [
                f"Port {port}",
                "ListenAddress 127.0.0.1",
                f"HostKey {directory / 'host'}",
                f"AuthorizedKeysFile {directory / 'authorized_keys'}",
                f"PidFile {directory / 'pid'}",
                "PasswordAuthentication no",
                "PermitRootLogin prohibit-password",
                "UsePAM no",
                # pytest's directories are not what sshd calls private.
                "StrictModes no",
                f"SetEnv AETHER_HOME={tmp_path / 'home'} XDG_CONFIG_HOME={tmp_path / 'config'}",
            ]
        )
    )
    if os.geteuid() == 0:
        # sshd wants it, and a container without a running one lacks it.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            ["/usr/sbin/sshd", "-D", "-e", "-f", str(directory / "config")], stderr=log
        )
    try:
        wait_until(lambda: _listens(port), "sshd to listen")
        yield Sshd(port, directory, process)
    finally:
        end_process(process)


def _listens(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def connected(sshd: Sshd, home: Path, *words: str) -> Iterator[Terminal]:
    shown = Terminal(STANDARD, f"{sshd.command(*words)}; echo ended=$?; exec cat", home)
    try:
        yield shown
    finally:
        shown.close()


def _connection_of(sshd: Sshd) -> int:
    """Return the process of sshd that serves the one connection."""
    children = Path(f"/proc/{sshd.process.pid}/task/{sshd.process.pid}/children").read_text()
    (child,) = children.split()
    return int(child)


async def test_a_key_gets_the_console_and_a_dropped_connection_costs_no_word(
    sshd: Sshd, traffic: Traffic, analyst: Account, tmp_path: Path
) -> None:
    merchant = new_merchant()
    await traffic.raise_alert(merchant)
    with connected(sshd, tmp_path) as shown:
        shown.sign_in(analyst, "LIVE", "[1 Overview]")
        shown.press("3")
        shown.sees("[3 Alerts", merchant)
        shown.press("/")
        shown.type(merchant)
        shown.sees("1 of")
        shown.press("Enter")
        shown.sees("x Fraud")
        shown.press("x")
        shown.sees("Confirm fraud?")
        shown.type("the customer said on the")
        shown.sees("the customer said on the")
        # The line is cut, as when a notebook is closed.
        os.kill(_connection_of(sshd), signal.SIGKILL)
        shown.sees("ended=255")
    with connected(sshd, tmp_path) as shown:
        shown.sign_in(analyst, "LIVE")
        shown.press("3")
        shown.sees("[3 Alerts", merchant)
        shown.press("/")
        shown.type(merchant)
        shown.sees("1 of")
        shown.press("Enter")
        shown.sees("x Fraud")
        shown.press("x")
        shown.sees("Confirm fraud?", "the customer said on the")
        shown.press("Escape")
        shown.sees_no("Confirm fraud?")
        shown.press("C-q")
        shown.sees("ended=0")


def test_the_key_opens_nothing_but_the_console(
    sshd: Sshd, analyst: Account, tmp_path: Path
) -> None:
    secret = tmp_path / "made by a stranger"
    with connected(sshd, tmp_path, f"touch {shlex.quote(str(secret))}") as shown:
        shown.sees("AETHER", analyst.email)
        # Nor does the palette: suspending would leave a shell where the console was.
        shown.press("C-z")
        shown.type("x")
        shown.sees("AETHER", analyst.email)
        shown.press("C-q")
        shown.sees("ended=0")
    assert not secret.exists()
    # Without a terminal it says what it needs, and ends.
    done = subprocess.run(
        shlex.split(sshd.command().replace(" -tt ", " -T ")),
        env=clean_environment(HOME=str(tmp_path)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "needs a terminal" in done.stderr
