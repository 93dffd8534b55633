"""A bulk request of 300,000 lines costs no memory, whatever its client does; refusals are told.

A gateway and a writer as real processes, with limits that a test can reach. The client sends
everything before it reads anything, as most do, so that the results must wait somewhere; or leaves
in the middle. With the writer frozen the backlog fills up within a request.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.api.calls import new_account, submitted_count, transaction
from tests.api.test_bulk import LINES, PATH, results_of
from tests.conftest import ValkeyServer
from tests.running import RunningSystem, running_system, wait_until

COUNT = 300_000
BACKLOG_MAX = 60_000
UNREAD_S = 24.0
GROWTH_MB_MAX = 40
"""The body has 30 MB, its results 17; a gateway that held them would need several times as much."""


@pytest.fixture
def system(database_url: str, valkey: ValkeyServer, tmp_path: Path) -> Iterator[RunningSystem]:
    with running_system(
        database_url=database_url,
        redis_url=valkey.url,
        home=tmp_path / "home",
        forecaster=False,
        environment={
            "AETHER_GATEWAY__BULK_ITEM_COUNT_MAX": str(COUNT),
            "AETHER_STREAM__BACKLOG_MAX": str(BACKLOG_MAX),
        },
    ) as running:
        yield running


def memory_mb(pid: int) -> float:
    """Return a process's own share of memory."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("there is no such line")


class Watch(threading.Thread):
    """Looks at a process's memory until it is told to end."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._ended = threading.Event()
        self.peak_mb = 0.0

    def run(self) -> None:
        while not self._ended.wait(0.05):
            # A test that has failed ends the process before this.
            with suppress(FileNotFoundError, ProcessLookupError):
                self.peak_mb = max(self.peak_mb, memory_mb(self._pid))

    def end(self) -> float:
        self._ended.set()
        self.join()
        return self.peak_mb


@contextmanager
def posting(system: RunningSystem, token: str, length: int) -> Iterator[socket.socket]:
    url = httpx.URL(system.base_url)
    # The time for all of it: small machines take minutes for half a million.
    with socket.create_connection((url.host, url.port or 0), timeout=600) as peer:
        peer.sendall(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: {LINES['Content-Type']}\r\nContent-Length: {length}\r\n\r\n".encode()
        )
        yield peer


def read_answer(peer: socket.socket) -> httpx.Response:
    """Read a whole answer in chunks."""
    with peer.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        headers = []
        while line := stream.readline().strip():
            name, _, value = line.partition(b":")
            headers.append((name, value.strip()))
        body = b""
        while size := int(stream.readline(), 16):
            body += stream.read(size)
            stream.readline()
    return httpx.Response(
        status, headers=[h for h in headers if h[0] != b"transfer-encoding"], content=body
    )


def count_rows(database_url: str, prefix: str) -> int:
    async def ask() -> int:
        connection = await asyncpg.connect(database_url)
        try:
            return int(
                await connection.fetchval(
                    "SELECT count(*) FROM transactions WHERE starts_with(account_id, $1)", prefix
                )
            )
        finally:
            await connection.close()

    return asyncio.run(ask())


def has_results_waiting(pid: int) -> bool:
    """Whether it holds a file of results that were not read yet."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if "/spool/" in str(link.readlink()):
                return True
    return False


def body_of(prefix: str, count: int) -> bytes:
    return b"".join(
        b'{"account_id":"%b-%d","amount":"1.25","currency":"EUR","merchant":"Corner Bakery"}\n'
        % (prefix.encode(), n % 1_000)
        for n in range(count)
    )


@pytest.mark.slow
def test_memory_stays_the_same(system: RunningSystem, database_url: str) -> None:
    token = system.token_of(system.make_client())
    pid = system.gateway.pid
    prefix = new_account()
    warm = body_of(f"{prefix}w", 20_000)
    with posting(system, token, len(warm)) as peer:
        peer.sendall(warm)
        read_answer(peer)
    before_mb = memory_mb(pid)
    watch = Watch(pid)
    watch.start()
    body = body_of(f"{prefix}a", COUNT + 1)
    with posting(system, token, len(body)) as peer:
        # Everything is taken although nothing is read.
        began = time.monotonic()
        peer.sendall(body)
        assert has_results_waiting(pid)
        # Longer than other clients may leave an answer in the network's buffers.
        wait_until(lambda: time.monotonic() > began + UNREAD_S, "time to pass")
        answer = read_answer(peer)
    results = results_of(answer, is_complete=False)
    assert len({result["id"] for result in results[:-1]}) == COUNT
    assert results[-1]["problem"]["status"] == 422
    # Of one that leaves in the middle nothing stays behind but what it sent.
    with posting(system, token, len(body)) as peer:
        peer.sendall(body_of(f"{prefix}b", 100_000))
        wait_until(lambda: has_results_waiting(pid), "results to wait")
    wait_until(lambda: not has_results_waiting(pid), "the file to be gone")
    peak_mb = watch.end()
    assert peak_mb - before_mb < GROWTH_MB_MAX, f"{before_mb:.0f} MB grew to {peak_mb:.0f} MB"
    wait_until(lambda: count_rows(database_url, f"{prefix}a") >= COUNT, "the rows", 120)
    assert count_rows(database_url, f"{prefix}a") == COUNT
    assert count_rows(database_url, f"{prefix}b") <= 100_000


@pytest.mark.slow
def test_a_gateway_that_ends_says_how_far_it_came(system: RunningSystem, database_url: str) -> None:
    token = system.token_of(system.make_client())
    prefix = new_account()
    body = body_of(prefix, 100_000)
    half = len(body) // 2
    with posting(system, token, len(body)) as peer:
        peer.sendall(body[:half])
        with system.http() as client:
            wait_until(lambda: submitted_count(client) > 0, "something to be taken")
        system.gateway.signal(signal.SIGTERM)
        wait_until(lambda: '"Shutting down"' in system.gateway.log, "the end to begin")
        peer.sendall(body[half:])
        results = results_of(read_answer(peer), is_complete=False)
    wait_until(lambda: not system.gateway.is_running(), "the gateway to end")
    assert system.gateway.stop() == 0
    assert 0 < len(results) < 100_000
    assert results[-1]["problem"]["status"] == 503
    # What has an id is written, and nothing else.
    wait_until(lambda: count_rows(database_url, prefix) >= len(results) - 1, "the rows")
    assert count_rows(database_url, prefix) == len(results) - 1


@pytest.mark.slow
def test_what_is_refused_in_the_middle_may_be_sent_again(
    system: RunningSystem, database_url: str
) -> None:
    account = new_account()
    items = [
        transaction(account_id=account, idempotency_key=f"k{n}") for n in range(BACKLOG_MAX + 2_000)
    ]
    lines = [json.dumps(item).encode() for item in items]
    (writer,) = system.writers
    with system.http(system.make_client()) as client:
        os.kill(writer.pid, signal.SIGSTOP)
        try:
            answer = client.post(PATH, content=b"\n".join(lines), headers=LINES)
        finally:
            os.kill(writer.pid, signal.SIGCONT)
        first = results_of(answer)
        refused = [result["index"] for result in first if "problem" in result]
        assert 0 < len(refused) < len(lines)
        for index in refused:
            problem = first[index]["problem"]
            assert problem["type"] == "/problems/backlog-full"
            assert problem["retry_after_s"] > 0
        left = refused
        for _ in range(100):
            answer = client.post(PATH, content=b"\n".join(lines[n] for n in left), headers=LINES)
            left = [left[result["index"]] for result in results_of(answer) if "problem" in result]
            if not left:
                break
        assert not left
        # All of it once more: every line has its row by now, or is about to.
        again = results_of(client.post(PATH, content=b"\n".join(lines), headers=LINES))
        assert all(result["replayed"] for result in again)
    wait_until(lambda: count_rows(database_url, account) >= len(lines), "the rows")
    assert count_rows(database_url, account) == len(lines)
