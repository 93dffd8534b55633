"""Aether as real processes, for tests: started, killed, started again, and ended by their ids.

`running_system` starts gateway, writers and forecaster over servers that a test already has;
`installed_system` lets `aether up` install everything in a home of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from aether_core.settings import Settings

DEADLINE_S = 60.0


def wait_until(condition: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait for a condition; fail with what was awaited."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"waited {deadline_s:.0f} s in vain for {what}")
        time.sleep(0.02)


def end_process(process: subprocess.Popen[bytes]) -> None:
    """End a process by its id, kindly at first."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def clean_environment(**variables: str) -> dict[str, str]:
    """Return this process's environment with no AETHER_ variables but these."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AETHER_")}
    return kept | variables


def start_server(
    name: str,
    home: Path,
    environment: dict[str, str] | None = None,
    log: str | None = None,
    *,
    launcher: tuple[str, ...] = ("aether_cli",),
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start `aether run NAME` on an installation; its output goes to `home/NAME.log`.

    launcher: the module that takes the command, with its first arguments.
    stdin: a listening socket that a gateway inherits, as from supervisord.
    """
    with (home / f"{log or name}.log").open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", *launcher, "run", name],
            env=clean_environment(AETHER_HOME=str(home)) | (environment or {}),
            stdout=file,
            stderr=file,
            stdin=stdin,
        )


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningProcess:
    """One `aether run NAME` that a test may kill and start again."""

    def __init__(
        self,
        name: str,
        role: str,
        home: Path,
        environment: dict[str, str],
        *,
        launcher: tuple[str, ...] = ("aether_cli",),
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        self.name = name
        self._role = role
        self._home = home
        self._environment = environment
        self._launcher = launcher
        self._stdin = stdin
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return (self._home / f"{self.name}.log").read_text(errors="replace")

    def start(self) -> None:
        assert self._process is None or self._process.poll() is not None
        self._process = start_server(
            self._role,
            self._home,
            self._environment,
            log=self.name,
            launcher=self._launcher,
            stdin=self._stdin,
        )

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self, deadline_s: float = 30.0) -> int:
        """Ask it to end (SIGTERM) and return its exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(deadline_s)

    def check(self) -> None:
        """Fail with its log when it ended by itself."""
        if not self.is_running():
            pytest.fail(f"{self.name} ended:\n{self.log[-3000:]}")


@dataclass(frozen=True)
class Account:
    """Somebody who can sign in."""

    email: str
    password: str


@dataclass(frozen=True)
class ServiceClient:
    """A client of the client-credentials grant."""

    client_id: str
    client_secret: str


class System(Protocol):
    """What every kind of running system offers."""

    base_url: str
    environment: dict[str, str]


def aether(system: System, *arguments: str, text: str = "", deadline_s: float = 60.0) -> str:
    """Run the `aether` command on this system and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "aether_cli", *arguments],
        env=clean_environment(**system.environment),
        input=text,
        capture_output=True,
        text=True,
        timeout=deadline_s,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"aether {' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


class Helpers:
    """Accounts, clients and HTTP for a running system."""

    base_url: str
    environment: dict[str, str]

    def make_user(self, role: str = "customer", email: str | None = None) -> Account:
        """Add a user by `aether user add`."""
        account = Account(
            email or f"{role}-{os.urandom(4).hex()}@example.com", f"pass {os.urandom(8).hex()}"
        )
        aether(
            self, "user", "add", account.email, "--role", role, "--password-stdin",
            text=account.password + "\n",
        )  # fmt: skip
        return account

    def make_client(self, *scopes: str) -> ServiceClient:
        """Add a client by `aether client add`, with these scopes or the usual ones."""
        options = [part for scope in scopes for part in ("--scope", scope)]
        name = f"test-{os.urandom(4).hex()}"
        printed = json.loads(aether(self, "client", "add", name, *options, "--json"))
        return ServiceClient(printed["client_id"], printed["client_secret"])

    def http(self, who: Account | ServiceClient | None = None) -> httpx.Client:
        """Return an HTTP client of the gateway, signed in when somebody is given."""
        client = httpx.Client(base_url=self.base_url, timeout=30)
        if who is not None:
            client.headers["Authorization"] = f"Bearer {self.token_of(who)}"
        return client

    def token_of(self, who: Account | ServiceClient) -> str:
        """Sign in and return the access token."""
        with httpx.Client(base_url=self.base_url, timeout=30) as client:
            if isinstance(who, Account):
                answer = client.post(
                    "/auth/login", json={"email": who.email, "password": who.password}
                )
            else:
                answer = client.post(
                    "/oauth/token",
                    data={"grant_type": "client_credentials"},
                    auth=(who.client_id, who.client_secret),
                )
        assert answer.status_code == httpx.codes.OK, answer.text
        return str(answer.json()["access_token"])

    def is_ready(self) -> bool:
        """Whether the gateway says that it can serve."""
        try:
            return httpx.get(f"{self.base_url}/health/ready", timeout=5).is_success
        except httpx.TransportError:
            return False


@dataclass
class RunningSystem(Helpers):
    """Gateway, writers and forecaster over a test's own PostgreSQL and Valkey."""

    base_url: str
    environment: dict[str, str]
    gateway: RunningProcess
    writers: list[RunningProcess]
    forecaster: RunningProcess | None
    processes: list[RunningProcess] = field(default_factory=list)

    def wait_ready(self) -> None:
        """Wait until the gateway is ready; fail when a process ended by itself."""

        def ready() -> bool:
            for process in self.processes:
                process.check()
            return self.is_ready()

        wait_until(ready, "the gateway to be ready")


@contextmanager
def running_system(
    *,
    database_url: str,
    redis_url: str,
    home: Path,
    writer_count: int = 1,
    forecaster: bool = True,
    environment: dict[str, str] | None = None,
) -> Iterator[RunningSystem]:
    """Start the processes, wait until they are ready, and end them all by id.

    environment: further AETHER_ settings.
    """
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    variables = {
        "AETHER_HOME": str(home),
        "AETHER_PORT": str(port),
        "AETHER_DATABASE_URL": database_url,
        "AETHER_REDIS_URL": redis_url,
        "AETHER_IDENTITY__BCRYPT_COST": "4",
        **(environment or {}),
    }

    def process(name: str, role: str) -> RunningProcess:
        return RunningProcess(name, role, home, variables)

    system = RunningSystem(
        base_url=f"http://127.0.0.1:{port}",
        environment=variables,
        gateway=process("gateway", "gateway"),
        writers=[process(f"writer-{number + 1}", "writer") for number in range(writer_count)],
        forecaster=process("forecaster", "forecaster") if forecaster else None,
    )
    system.processes = [
        system.gateway,
        *system.writers,
        *([system.forecaster] if system.forecaster else []),
    ]
    try:
        for started in system.processes:
            started.start()
        system.wait_ready()
        yield system
    finally:
        for running in system.processes:
            if running.is_running():
                running.signal(signal.SIGTERM)
        for running in system.processes:
            if running.is_running():
                try:
                    running.stop(20)
                except subprocess.TimeoutExpired:
                    running.kill()


@dataclass
class InstalledSystem(Helpers):
    """What `aether up` started in a home of its own."""

    home: Path
    base_url: str
    environment: dict[str, str]

    @property
    def admin(self) -> Account:
        """The first admin, from AETHER_ADMIN_*."""
        variables = self.environment
        return Account(variables["AETHER_ADMIN_EMAIL"], variables["AETHER_ADMIN_PASSWORD"])

    def run(
        self, *arguments: str, environment: dict[str, str] | None = None, deadline_s: float = 240
    ) -> subprocess.CompletedProcess[str]:
        """Run the `aether` command on it; failing is the caller's to judge."""
        return subprocess.run(
            [sys.executable, "-m", "aether_cli", *arguments],
            env=clean_environment(**self.environment) | (environment or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=deadline_s,
            check=False,
            cwd="/",
        )

    def up(self) -> str:
        """Run `aether up`; fail with what it said when it fails."""
        done = self.run("up")
        if done.returncode != 0:
            pytest.fail(f"aether up failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def down(self) -> str:
        done = self.run("down")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def run_directory(self) -> Path:
        """Its sockets and pid files; not in the home when that has a long path."""
        return Settings(home=self.home).run_directory

    def status(self) -> dict[str, Any]:
        """Return what `aether status --json` says."""
        answer = json.loads(self.run("status", "--json").stdout)
        assert isinstance(answer, dict)
        return answer

    def pids(self) -> dict[str, int]:
        """Return supervisord and its living processes by name."""
        found = {p["name"]: p["pid"] for p in self.status().get("processes", ()) if p["pid"]}
        pid = (self.run_directory / "supervisord.pid").read_text()
        return found | {"supervisord": int(pid)}

    def kill(self, name: str) -> None:
        """End one of its processes as a crash would."""
        os.kill(self.pids()[name], signal.SIGKILL)


@contextmanager
def installed_system(home: Path, **environment: str) -> Iterator[InstalledSystem]:
    """Offer an installation in a home of its own, on a free port, and end it.

    It is not started yet. environment: further AETHER_ settings.
    """
    port = free_port()
    system = InstalledSystem(
        home=home,
        base_url=f"http://127.0.0.1:{port}",
        environment={
            "AETHER_HOME": str(home),
            "AETHER_PORT": str(port),
            "AETHER_IDENTITY__BCRYPT_COST": "4",
            "AETHER_ADMIN_EMAIL": "first@example.com",
            "AETHER_ADMIN_PASSWORD": f"pass {os.urandom(8).hex()}",
            **environment,
        },
    )
    try:
        yield system
    finally:
        system.run("down", "--drain-s", "0")
        data = home / "postgres"
        if data.is_symlink():  # root in a place that PostgreSQL's user cannot enter
            shutil.rmtree(data.readlink(), ignore_errors=True)


def processes_of(home: Path) -> dict[int, str]:
    """Return the processes of an installation, found by what the kernel knows of them."""
    found = {}
    needle = os.fsencode(home)
    for directory in Path("/proc").glob("[0-9]*"):
        pid = int(directory.name)
        try:
            command = (directory / "cmdline").read_bytes()
            # PostgreSQL's children carry it only in their working directory.
            texts = (command, (directory / "environ").read_bytes())
            belongs = (
                any(needle in text for text in texts)
                or home in (directory / "cwd").resolve().parents
            )
        except OSError:
            continue
        if belongs and command and pid != os.getpid():
            found[pid] = command.replace(b"\0", b" ").decode(errors="replace").strip()
    return found
