"""A server that is away gives 503, never a lie, and the gateway recovers without a restart.

Real processes: Valkey is killed as by a crash, PostgreSQL is cut off and another one is missing at
the start; what was acknowledged is there afterwards, once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time

import asyncpg
import httpx

from aether_core.settings import Settings
from tests.api.calls import new_account, transaction
from tests.api.conftest import Served
from tests.api.identity.gateways import running_gateway
from tests.conftest import ValkeyServer
from tests.running import wait_until


def post(client: httpx.Client, account: str, key: str) -> httpx.Response:
    return client.post(
        "/transactions/",
        json=transaction(account_id=account, occurred_at="2026-01-31T12:00:00Z"),
        headers={"Idempotency-Key": key},
    )


def listed(client: httpx.Client, account: str) -> list[str]:
    answer = client.get("/transactions/", params={"account_id": account, "limit": 500})
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()]


def assert_unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"] == "application/problem+json"
    for internal in ("redis", "valkey", "postgres", "asyncpg", ".sock", "Errno"):
        assert internal not in answer.text.lower()


def test_i10_l01_a_killed_stream_server(served: Served, service: httpx.Client) -> None:
    account = new_account()
    acknowledged: dict[str, str] = {}
    unknown: list[str] = []
    for number in range(60):
        if number == 20:
            served.valkey.kill()
        if number == 30:
            served.valkey.start()
        key = f"kill-{number}"
        answer = post(service, account, key)
        if answer.status_code == 201:
            acknowledged[key] = answer.json()["id"]
        else:
            assert_unavailable(answer)
            unknown.append(key)
    assert set(unknown) >= {f"kill-{number}" for number in range(20, 30)}
    wait_until(served.system.is_ready, "the gateway to be ready")
    # A retry of everything with the same keys: the first answers, and the missing ones now.
    for key in [*acknowledged, *unknown]:
        answer = post(service, account, key)
        assert answer.status_code == 201, answer.text
        assert acknowledged.setdefault(key, answer.json()["id"]) == answer.json()["id"]
    wait_until(lambda: len(listed(service, account)) >= 60, "all of them to be written")
    assert sorted(listed(service, account)) == sorted(acknowledged.values())


def test_l01_everything_says_so_while_the_stream_is_away(
    served: Served, service: httpx.Client, operator: httpx.Client, anybody: httpx.Client
) -> None:
    served.valkey.kill()
    try:
        assert_unavailable(post(service, new_account(), "away"))
        assert_unavailable(service.get("/transactions/stream/length"))
        # Nobody is believed while revocations cannot be heard of: it fails closed.
        wait_until(
            lambda: service.get("/transactions/").status_code == 503, "access to fail closed"
        )
        assert_unavailable(operator.get("/operations/pipeline"))
        assert_unavailable(operator.get("/events"))
        ready = anybody.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["checks"]["stream"] == "not available"
        assert anybody.get("/health/live").status_code == 200
        assert "aether_up{" in anybody.get("/metrics").text
    finally:
        served.valkey.start()
    wait_until(served.system.is_ready, "the gateway to be ready")
    wait_until(lambda: post(service, new_account(), "back").status_code == 201, "a submission")


def test_a_frozen_stream_server_is_an_unknown_outcome(
    served: Served, service: httpx.Client
) -> None:
    account = new_account()
    assert post(service, account, "frozen-0").status_code == 201
    os.kill(served.valkey.process.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        answer = post(service, account, "frozen-1")
        assert_unavailable(answer)
        assert time.monotonic() - began < 15
    finally:
        os.kill(served.valkey.process.pid, signal.SIGCONT)
    wait_until(
        lambda: post(service, account, "frozen-1").status_code == 201, "the retry to be taken"
    )
    wait_until(lambda: len(listed(service, account)) == 2, "both to be written")


async def _end_connections(database_url: str, allow: str) -> None:
    """Forbid or allow connections to a database, and end those that are open."""
    name = database_url.split("@/")[1].split("?")[0]
    connection = await asyncpg.connect(database_url.replace(f"@/{name}?", "@/postgres?"))
    try:
        await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {allow}')
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
        )
    finally:
        await connection.close()


def test_l01_intake_goes_on_while_the_database_is_away(
    served: Served, service: httpx.Client, anybody: httpx.Client
) -> None:
    account = new_account()
    asyncio.run(_end_connections(served.database_url, "false"))
    try:
        accepted = []
        for number in range(20):
            answer = post(service, account, f"away-{number}")
            assert answer.status_code == 201, answer.text
            accepted.append(answer.json()["id"])
        assert_unavailable(service.get("/transactions/"))
        assert_unavailable(service.get(f"/transactions/{accepted[0]}"))
        ready = anybody.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["checks"]["database"] == "not available"
    finally:
        asyncio.run(_end_connections(served.database_url, "true"))
    for writer in served.system.writers:
        # A writer ends when it loses its database; supervisord would start it again.
        if not writer.is_running():
            writer.start()
    wait_until(served.system.is_ready, "the gateway to be ready")
    wait_until(lambda: len(listed(service, account)) == 20, "all of them to be written")
    assert sorted(listed(service, account)) == sorted(accepted)


async def test_a_gateway_may_start_before_its_servers(
    settings: Settings, valkey: ValkeyServer
) -> None:
    valkey.kill()
    async with running_gateway(settings) as gateway:
        assert (await gateway.http.get("/health/ready")).status_code == 503
        assert (await gateway.http.get("/health/live")).status_code == 200
        await asyncio.to_thread(valkey.start)
        answer = await gateway.http.get("/health/ready")
        deadline = time.monotonic() + 30
        while answer.status_code != 200 and time.monotonic() < deadline:
            answer = await gateway.http.get("/health/ready")
        assert answer.json()["checks"] == {"database": "ok", "stream": "ok", "shards": "ok"}


async def test_i03_a_key_holds_on_another_process_and_after_a_restart(
    settings: Settings, valkey: ValkeyServer
) -> None:
    body = transaction(occurred_at="2026-01-31T12:00:00Z")
    async with running_gateway(settings) as one, running_gateway(settings) as two:
        user = await one.make_user("customer")
        token = (await one.login(user))["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "everywhere-1"}
        first = await one.http.post("/transactions/", json=body, headers=headers)
        assert first.status_code == 201, first.text
        elsewhere = await two.http.post("/transactions/", json=body, headers=headers)
        assert elsewhere.json() == first.json()
        assert elsewhere.headers["idempotency-replayed"] == "true"
    valkey.kill()
    await asyncio.to_thread(valkey.start)
    # Every process and the stream's server have begun anew; nothing is in PostgreSQL yet.
    async with running_gateway(settings) as three:
        answer = await three.http.post("/transactions/", json=body, headers=headers)
        deadline = time.monotonic() + 30
        while answer.status_code == 503 and time.monotonic() < deadline:
            answer = await three.http.post("/transactions/", json=body, headers=headers)
        assert answer.json() == first.json()
        assert answer.headers["idempotency-replayed"] == "true"
