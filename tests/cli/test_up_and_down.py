"""`aether up`, `status` and `down` on a real installation in a home of its own.

One command starts everything healthy, a second changes nothing, a killed supervisord is mended,
what cannot work is said in one sentence with nothing left running, and `down` leaves no process.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from aether_cli.postgres import BEHIND_GATEWAYS
from tests.running import (
    InstalledSystem,
    clean_environment,
    installed_system,
    processes_of,
    wait_until,
)

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[2]
EVERY_PROCESS = {"postgres", "valkey", "gateway:gateway-1", "writer:writer-1", "forecaster"}


@pytest.fixture
def system(tmp_path: Path) -> Iterator[InstalledSystem]:
    with installed_system(tmp_path / "home") as system:
        yield system
    assert processes_of(tmp_path) == {}


def supervisorctl(system: InstalledSystem, *arguments: str) -> str:
    done = subprocess.run(
        [Path(sys.executable).parent / "supervisorctl", "-c", CHECKOUT / "supervisord.conf",
         "-s", f"unix://{system.run_directory}/supervisor.sock", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_a_whole_life(system: InstalledSystem) -> None:
    """Up, healthy, up again, stopped and started by supervisorctl, down, and up on its data."""
    said = system.up()
    assert f"{system.base_url}/" in said
    assert "first@example.com" in said
    assert system.admin.password not in said
    with system.http(system.admin) as http:
        assert http.get("/auth/me").json()["role"] == "admin"

    status = system.status()
    assert status["healthy"], status
    assert set(status["parts"].values()) == {"ok"}
    assert {p["name"] for p in status["processes"] if p["state"] == "running"} == EVERY_PROCESS
    before = system.pids()
    # What clients send goes first: on a full machine the rest waits.
    nice = {name: psutil.Process(pid).nice() for name, pid in before.items()}
    assert nice["gateway:gateway-1"] == nice["valkey"]
    assert nice["writer:writer-1"] == nice["postgres"] == nice["valkey"] + BEHIND_GATEWAYS
    began = time.monotonic()
    assert "as before" in system.up()
    assert time.monotonic() - began < 10
    assert system.pids() == before

    assert "RUNNING" in supervisorctl(system, "status", "writer:writer-1")
    assert "own shard" in supervisorctl(system, "tail", "writer:writer-1")
    supervisorctl(system, "restart", "forecaster")
    wait_until(lambda: bool(system.status()["healthy"]), "health after a restart")
    assert system.pids()["forecaster"] != before["forecaster"]

    assert "takes effect after" in system.run("up", environment={"AETHER_PORT": "1024"}).stdout
    assert "Aether is down" in system.down()
    assert processes_of(system.home) == {}
    assert [path for path in system.home.rglob("*") if path.is_socket()] == []
    assert "Nothing runs" in system.down()
    assert system.run("status").returncode == 3

    assert "as before" in system.up()
    with system.http(system.admin) as http:
        assert http.get("/auth/me").is_success


def test_a_killed_supervisord_is_mended_and_its_processes_are_ended(
    system: InstalledSystem,
) -> None:
    system.up()
    before = system.pids()
    system.kill("supervisord")
    wait_until(lambda: system.status()["running"] is False, "supervisord to be gone")
    assert "up` starts afresh" in system.run("status").stdout
    # Copies of what still runs refuse, so that nothing works twice on one directory.
    valkey = system.run("run", "valkey", "--name", "valkey")
    assert valkey.returncode == 78
    assert "runs already" in valkey.stderr

    assert "left behind" in system.up()
    after = system.pids()
    assert not set(after.values()) & set(before.values())
    assert system.status()["healthy"]

    system.kill("supervisord")
    assert "Ended without supervisord: gateway-1" in system.down()
    assert processes_of(system.home) == {}


def test_two_installations_live_side_by_side(tmp_path: Path, system: InstalledSystem) -> None:
    with installed_system(tmp_path / "other") as other:
        system.up()
        other.up()
        assert set(system.pids().values()).isdisjoint(other.pids().values())
        other.down()
        assert processes_of(other.home) == {}
        assert system.status()["healthy"]


def test_a_taken_port_is_named_and_nothing_is_left(system: InstalledSystem) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = system.run("up", environment={"AETHER_PORT": str(port)})
    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr
    assert "AETHER_PORT=" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert processes_of(system.home) == {}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"AETHER_PORT": "none"}, "AETHER_PORT"),
        ({"AETHER_HOME": "/proc/aether"}, "Set AETHER_HOME to a directory that you may write"),
        ({"AETHER_HOST": "203.0.113.7"}, "Nothing can listen on 203.0.113.7"),
        ({"AETHER_HOST": "::1"}, "AETHER_HOST must be an IPv4 address"),
        ({"AETHER_DATABASE_URL": "mysql://SECRET"}, "AETHER_DATABASE_URL is not a usable URL"),
        (
            {"AETHER_DATABASE_URL": "postgresql://a:SECRET@127.0.0.1:1/aether"},
            "PostgreSQL at AETHER_DATABASE_URL cannot be reached",
        ),
        (
            {"AETHER_REDIS_URL": "redis://:SECRET@127.0.0.1:1/0"},
            "Valkey or Redis at AETHER_REDIS_URL cannot be reached",
        ),
        ({"AETHER_REDIS_URL": "valkey.example:6379"}, "AETHER_REDIS_URL is not a usable URL"),
        ({"AETHER_ADMIN_PASSWORD": "short"}, "AETHER_ADMIN_PASSWORD"),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_nothing_is_left(
    system: InstalledSystem, variables: dict[str, str], said: str
) -> None:
    done = system.run("up", environment=variables)
    assert done.returncode == 1, done.stdout
    assert said in done.stderr
    assert "SECRET" not in done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert processes_of(system.home) == {}


def test_a_failure_on_the_way_stops_what_was_started(system: InstalledSystem) -> None:
    """Another number of shards than the system has is found only by the running processes."""
    system.up()
    system.down()
    done = system.run("up", environment={"AETHER_STREAM__SHARD_COUNT": "3"})
    assert done.returncode == 1, done.stdout
    assert "the number is fixed when the system first starts" in done.stderr
    assert processes_of(system.home) == {}


@pytest.mark.parametrize("sign", ["supervisord.out", "supervisor.sock"])
def test_ended_on_the_way_it_leaves_nothing(system: InstalledSystem, sign: str) -> None:
    """As soon as supervisord is begun, which then has told nobody its id, and a moment later."""
    up = subprocess.Popen(
        [sys.executable, "-m", "aether_cli", "up"],
        env=clean_environment(**system.environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    places = (system.home / "log" / sign, system.run_directory / sign)
    wait_until(lambda: any(place.exists() for place in places), "supervisord")
    up.terminate()
    assert up.wait(120) == 128 + signal.SIGTERM
    assert processes_of(system.home) == {}


def test_several_gateways_share_the_port_and_restart_without_a_failed_request(
    tmp_path: Path,
) -> None:
    with installed_system(
        tmp_path / "home",
        AETHER_GATEWAY__PROCESS_COUNT="2",
        AETHER_WRITER__PROCESS_COUNT="2",
        AETHER_LOG_LEVEL="warning",
    ) as system:
        system.up()
        assert {"gateway:gateway-2", "writer:writer-2"} <= set(system.pids())
        payment = {"account_id": "a", "amount": "1.00", "currency": "EUR", "merchant": "Bakery"}
        statuses = []
        with system.http(system.make_client()) as kept_open:
            for name in ("gateway:gateway-1", "gateway:gateway-2"):
                before = system.pids()[name]
                restart = subprocess.Popen(
                    [Path(sys.executable).parent / "supervisorctl",
                     "-s", f"unix://{system.run_directory}/supervisor.sock", "restart", name],
                    stdout=subprocess.DEVNULL,
                )  # fmt: skip
                while restart.poll() is None:
                    # One client keeps its connection, as many others each come with a new one.
                    statuses.append(kept_open.post("/transactions/", json=payment).status_code)
                    health = httpx.get(f"{system.base_url}/health", timeout=20)
                    statuses.append(health.status_code)
                assert system.pids()[name] != before
        assert set(statuses) == {200, 201}


def test_l04_everything_is_private_and_listens_on_nothing_but_the_port(
    system: InstalledSystem,
) -> None:
    system.up()
    assert all(path.stat().st_mode & 0o077 == 0 for path in (system.home / "keys").iterdir())
    for private in ("keys", "log", "valkey", "postgres"):
        assert (system.home / private).stat().st_mode & 0o077 == 0, private
    assert (system.run_directory / "supervisor.sock").stat().st_mode & 0o077 == 0
    inodes = {
        link.readlink().name.removeprefix("socket:[").removesuffix("]")
        for pid in processes_of(system.home)
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink() and link.readlink().name.startswith("socket:[")
    }
    listening = {
        int(fields[1].rpartition(":")[2], 16)
        for table in ("tcp", "tcp6")
        for fields in (
            line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        )
        if fields[3] == "0A" and fields[9] in inodes
    }
    assert listening == {int(system.environment["AETHER_PORT"])}
