"""Too much work in hand is refused before anything is accepted, says why, and loses nothing.

A real gateway without a writer, so that the backlog stays; then one that clears it away. Age,
length and memory are each brought to their limit by what really happens to a server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import redis

from tests.api.calls import submit, transaction, wait_written
from tests.conftest import ValkeyServer
from tests.running import RunningProcess, RunningSystem, running_system, wait_until

LIMITS = {
    "AETHER_STREAM__BACKLOG_MAX": "100",
    "AETHER_STREAM__BACKLOG_AGE_MAX_S": "4",
    "AETHER_STREAM__IDEMPOTENCY_WINDOW_S": "86400",
    "AETHER_STREAM__SHARD_COUNT": "1",
}
FORWARDED = {"X-Forwarded-For": "203.0.113.1"}


@pytest.fixture
def system(database_url: str, valkey: ValkeyServer, tmp_path: Path) -> Iterator[RunningSystem]:
    with running_system(
        database_url=database_url,
        redis_url=valkey.url,
        home=tmp_path / "home",
        writer_count=0,
        forecaster=False,
        environment=LIMITS,
    ) as running:
        yield running


@contextmanager
def a_writer(system: RunningSystem, home: Path) -> Iterator[None]:
    writer = RunningProcess("writer", "writer", home, system.environment)
    writer.start()
    try:
        yield
    finally:
        writer.stop()


def metric(client: httpx.Client, name: str, label: str = "") -> float:
    """Return the value of one sample."""
    text = client.get("/metrics").text
    found = re.search(rf"^{name}\{{process=\"\d+\"{re.escape(label)}\}} (\S+)$", text, re.MULTILINE)
    assert found, f"{name} is missing:\n{text}"
    return float(found[1])


def ready(client: httpx.Client) -> dict[str, object]:
    answer: dict[str, object] = client.get("/health/ready").json()
    return answer


def wait_refused(client: httpx.Client, reason: str) -> None:
    wait_until(lambda: ready(client)["backpressure"] == reason, f"a refusal for {reason}")
    answer = client.post("/transactions/", json=transaction())
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/backlog-full"
    assert int(answer.headers["retry-after"]) >= 2
    assert metric(client, "aether_backpressure", f',reason="{reason}"') == 1
    assert metric(client, "aether_backpressure_refusals_total", f',reason="{reason}"') >= 1


def test_age_length_and_memory(system: RunningSystem, valkey: ValkeyServer, tmp_path: Path) -> None:
    with system.http(system.make_user("customer")) as client:
        first = submit(client, key="first")
        wait_refused(client, "backlog_age")
        with a_writer(system, tmp_path / "home"):
            assert wait_written(client, first["id"])["id"] == first["id"]
        wait_until(lambda: ready(client)["backpressure"] is None, "acceptance")

        for number in range(100):
            submit(client, key=f"fill-{number}")
        wait_refused(client, "backlog_length")
        with a_writer(system, tmp_path / "home"):
            wait_until(lambda: ready(client)["backpressure"] is None, "acceptance")

            with redis.Redis.from_url(valkey.url) as server:
                used = server.info("memory")["used_memory"]
                # Nearly full, so that writers and feed still find room.
                server.config_set("maxmemory", int(used * 1.1))
                wait_refused(client, "memory")
                assert metric(client, "aether_stream_memory_max_bytes") == int(used * 1.1)
                server.config_set("maxmemory", "1gb")
            wait_until(lambda: ready(client)["backpressure"] is None, "acceptance")
            last = submit(client, key="last")
            wait_written(client, last["id"])
            # What was accepted before each refusal is there.
            assert len(client.get("/transactions/", params={"limit": 500}).json()) == 102


def test_the_memory_of_keys_is_shown(system: RunningSystem) -> None:
    with system.http(system.make_user("customer")) as client:
        for number in range(50):
            submit(client, key=f"key-{number}")

        def are_counted() -> bool:
            text = client.get("/metrics").text
            return "aether_idempotency_memory_forecast_bytes" in text and (
                metric(client, "aether_idempotency_keys") == 50
            )

        wait_until(are_counted, "the keys to be counted")
        assert 0 < metric(client, "aether_idempotency_key_bytes") <= 100
        for window in ("configured", "effective"):
            label = f',window="{window}"'
            assert metric(client, "aether_idempotency_window_seconds", label) == 86_400
        assert metric(client, "aether_idempotency_memory_bytes") > 0
        assert metric(client, "aether_durability", ',promise="fsync"') == 1


def test_the_promise_is_told_to_operators(system: RunningSystem, valkey: ValkeyServer) -> None:
    # The gateway looks again when it agrees on the streams anew: after the server was started.
    valkey.kill()
    valkey.start()
    with redis.Redis.from_url(valkey.url) as server:
        server.config_set("maxmemory-policy", "allkeys-lru")
    operator, customer = system.make_user("operator"), system.make_user("customer")
    with system.http(operator) as client, system.http() as anybody, system.http(customer) as other:
        other.post("/transactions/", json=transaction())

        def is_told() -> bool:
            other.post("/transactions/", json=transaction())
            return "none" in str(ready(client)["durability"])

        wait_until(is_told, "the promise to be stated")
        told = client.get("/health/ready", headers=FORWARDED).json()
        assert "allkeys-lru" in told["warnings"][0]
        for stranger in (anybody, other):
            seen = stranger.get("/health/ready", headers=FORWARDED).json()
            assert (seen["durability"], seen["warnings"]) == (None, [])
            assert set(seen["checks"]) == {"database", "stream", "shards"}
    assert "evicts keys" in system.gateway.log
