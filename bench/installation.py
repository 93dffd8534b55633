"""A fresh installation for a benchmark: `aether up` in a home of its own, gone afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from aether_cli.embedded import resolve_servers
from aether_core.settings import Settings
from bench.processes import free_port, held


@dataclass(frozen=True, slots=True)
class Installation:
    """A running system and how to reach it."""

    home: Path
    base_url: str
    port: int
    database_url: str
    redis_url: str

    def aether(self, *arguments: str, text: str = "") -> str:
        """Run an `aether` command on this installation; return what it prints. text: its input."""
        done = subprocess.run(
            [sys.executable, "-m", "aether_cli", *arguments],
            env=_environment(self.home, self.port),
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def service_token(self) -> str:
        """Make a service client that may do everything a benchmark does; return a token of it."""
        scopes = (
            "transactions:write_any", "transactions:read_any", "alerts:write", "operations:read",
        )  # fmt: skip
        made = json.loads(
            self.aether(
                "client",
                "add",
                f"bench-{os.urandom(4).hex()}",
                "--json",
                "--scope",
                " ".join(scopes),
            )
        )
        answer = httpx.post(
            f"{self.base_url}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(made["client_id"], made["client_secret"]),
        )
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    @contextmanager
    def held(self, kind: str) -> Iterator[None]:
        """Stop the processes whose names begin with `kind` for a while, by SIGSTOP."""
        with held(pid for name, pid in self.pids().items() if name.startswith(kind)):
            yield

    def wait_until_written(self, token: str) -> None:
        """Wait until nothing that was accepted is unwritten."""
        with self.http(token) as http:
            wait_until_written(http)

    def http(self, token: str) -> httpx.Client:
        """Return an HTTP client of whoever has this token; the caller closes it."""
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.base_url, headers=headers, timeout=60)

    def pids(self) -> dict[str, int]:
        """Return the process ids by the names that supervisord gives them."""
        status = json.loads(self.aether("status", "--json"))
        return {p["name"]: p["pid"] for p in status["processes"] if p.get("pid")}


def wait_until_written(http: httpx.Client) -> None:
    """Wait until nothing that was accepted is unwritten."""
    while True:
        answer = http.get("/transactions/stream/length")
        if answer.raise_for_status().json()["transactions_in_queue"] == 0:
            return
        time.sleep(0.1)


@contextmanager
def installation(**variables: str) -> Iterator[Installation]:
    """Install and start; `variables` are further settings such as AETHER_WRITER__PROCESS_COUNT."""
    with tempfile.TemporaryDirectory(prefix="aether-bench-") as directory:
        home = Path(directory)
        home.chmod(0o755)
        port = free_port()
        environment = _environment(home, port) | variables
        command = [sys.executable, "-m", "aether_cli"]
        subprocess.run([*command, "up"], env=environment, check=True, stdout=subprocess.DEVNULL)
        try:
            settings = resolve_servers(Settings(home=home))
            assert settings.database_url is not None
            assert settings.redis_url is not None
            yield Installation(
                home,
                f"http://127.0.0.1:{port}",
                port,
                settings.database_url.get_secret_value(),
                settings.redis_url.get_secret_value(),
            )
        finally:
            subprocess.run(
                [*command, "down"], env=environment, check=True, stdout=subprocess.DEVNULL
            )


def _environment(home: Path, port: int) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AETHER_")}
    # A token must outlive its benchmark.
    return kept | {
        "AETHER_HOME": str(home),
        "AETHER_PORT": str(port),
        "AETHER_IDENTITY__ACCESS_TOKEN_S": "3600",
    }
