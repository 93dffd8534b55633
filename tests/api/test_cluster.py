"""The whole path on a Valkey Cluster of three masters, unchanged: once, in order, and all of it.

Two gateways and two writers as real processes. Five thousand transactions with keys are submitted
over HTTP to both, and repeated; in between a master is killed and started on its data. Then every
key has one row, whatever was answered on the way, alerts are fed, and a revocation is heard.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.api.calls import new_account, submit, transaction, wait_written
from tests.api.streams import following
from tests.running import RunningProcess, RunningSystem, free_port, running_system, wait_until
from tests.valkeys import Valkey, running_cluster

COUNT = 5_000
PART = 50
KILL_AFTER = 1_500


@dataclass
class Clustered:
    """A running system on a cluster, with a second gateway."""

    system: RunningSystem
    masters: list[Valkey]
    database_url: str
    other_url: str

    def keep_writers_running(self) -> None:
        """Start what ended with its server again, as supervisord does."""
        for writer in self.system.writers:
            if not writer.is_running():
                writer.start()


@pytest.fixture
def clustered(database_url: str, tmp_path: Path) -> Iterator[Clustered]:
    with running_cluster(tmp_path / "cluster") as masters:
        # As many addresses as one likes: any of them tells the others.
        redis_url = ",".join(master.url for master in masters[:2])
        with running_system(
            database_url=database_url,
            redis_url=redis_url,
            home=tmp_path / "home",
            writer_count=2,
            forecaster=False,
        ) as system:
            port = free_port()
            variables = system.environment | {"AETHER_PORT": str(port)}
            other = RunningProcess("gateway-2", "gateway", tmp_path / "home", variables)
            system.processes.append(other)
            other.start()
            found = Clustered(system, masters, database_url, f"http://127.0.0.1:{port}")
            wait_until(lambda: _is_ready(found.other_url), "the second gateway")
            yield found


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=5).is_success
    except httpx.TransportError:
        return False


@dataclass
class Ledger:
    """What was acknowledged: the id of each key, the same one however often it is asked."""

    ids: dict[str, str] = field(default_factory=dict)
    replayed: int = 0
    refused: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, items: list[dict[str, str]], answer: httpx.Response) -> list[dict[str, str]]:
        """Note the results; return the items that must be sent again."""
        left = []
        with self._lock:
            if answer.status_code == 503:
                self.refused += len(items)
                return items
            assert answer.status_code == 200, answer.text
            for item, result in zip(items, answer.json(), strict=True):
                if "id" in result:
                    key = item["idempotency_key"]
                    assert self.ids.setdefault(key, result["id"]) == result["id"]
                    self.replayed += result.get("replayed", False)
                else:
                    assert result["problem"]["status"] == 503, result
                    self.refused += 1
                    left.append(item)
        return left


def make_items() -> list[dict[str, str]]:
    accounts = [new_account() for _ in range(100)]
    return [
        {
            "account_id": accounts[number % len(accounts)],
            "amount": f"{1 + number % 90}.{number % 100:02}",
            "currency": "EUR",
            "merchant": "Corner Bakery",
            "occurred_at": "2026-01-31T12:00:00Z",
            "idempotency_key": f"cluster-{number}",
        }
        for number in range(COUNT)
    ]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def test_the_whole_path_on_a_cluster(clustered: Clustered, stack: ExitStack) -> None:
    system, ledger = clustered.system, Ledger()
    token = system.token_of(system.make_client())
    headers = {"Authorization": f"Bearer {token}"}
    clients = [
        stack.enter_context(httpx.Client(base_url=url, headers=headers, timeout=30))
        for url in (system.base_url, clustered.other_url)
    ]
    items = make_items()
    parts = [items[start : start + PART] for start in range(0, COUNT, PART)]
    chance = random.Random(4)  # noqa: S311 - repeatable
    repeated = [chance.sample(items, PART) for _ in range(20)]

    def send(number: int, part: list[dict[str, str]]) -> None:
        left = part
        for attempt in range(1_000):
            # Each attempt at the other gateway: a key is known to both.
            client = clients[(number + attempt) % 2]
            left = ledger.take(left, client.post("/transactions/bulk", json=left))
            if not left:
                return
        pytest.fail("a part was refused for ever")

    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(send, number, part) for number, part in enumerate(parts)]
        wait_until(lambda: len(ledger.ids) > KILL_AFTER, "the first of them")
        victim = clustered.masters[1]
        victim.kill()
        before = ledger.refused
        wait_until(lambda: ledger.refused > before, "a refusal: a third of the shards is away")
        told = httpx.get(f"{system.base_url}/health/ready", timeout=10)
        assert told.json()["checks"]["stream"] == "ok for 2 of 3 servers"
        victim.start()
        clustered.keep_writers_running()
        for future in sent:
            future.result(120)
        again = [pool.submit(send, number, part) for number, part in enumerate(repeated)]
        for future in again:
            future.result(60)
    assert len(ledger.ids) == len(set(ledger.ids.values())) == COUNT
    assert ledger.replayed >= len(repeated) * PART

    def are_written() -> bool:
        clustered.keep_writers_running()
        return len(asyncio.run(_rows(clustered.database_url))) >= COUNT

    wait_until(are_written, "all of them to be written")
    rows = asyncio.run(_rows(clustered.database_url))
    assert sorted(rows) == sorted(ledger.ids.values())
    # Every master had its share of the shards, and none has entries left.
    assert all(master.command("DBSIZE") for master in clustered.masters)
    with system.http(system.make_user("operator")) as operator:
        wait_until(lambda: _is_drained(operator), "the identity to hold")
    _all_or_none_is_for_one_server(clients[0])
    _alerts_are_fed(clustered, clients)
    _a_revocation_is_heard(clustered)


def _all_or_none_is_for_one_server(client: httpx.Client) -> None:
    atomic = {"on_error": "atomic"}
    account = new_account()
    together = client.post(
        "/transactions/bulk", params=atomic, json=[transaction(account_id=account)] * 20
    )
    assert len(together.json()) == 20
    apart = client.post(
        "/transactions/bulk",
        params=atomic,
        json=[transaction(account_id=new_account()) for _ in range(20)],
    )
    assert apart.status_code == 422
    assert apart.json()["type"] == "/problems/cannot-be-together"


async def _rows(database_url: str) -> list[str]:
    connection = await asyncpg.connect(database_url)
    try:
        return [str(row["id"]) for row in await connection.fetch("SELECT id FROM transactions")]
    finally:
        await connection.close()


def _is_drained(operator: httpx.Client) -> bool:
    answer = operator.get("/operations/pipeline")
    if answer.status_code != 200:
        return False
    identity = answer.json()["identity"]
    assert identity["committed"] + identity["backlog"] == COUNT, identity
    return bool(identity["holds"] and identity["backlog"] == 0)


def _alerts_are_fed(clustered: Clustered, clients: list[httpx.Client]) -> None:
    """An alert that one gateway's submission raises is on the other's feed."""
    analyst = clustered.system.make_user("analyst")
    with httpx.Client(base_url=clustered.other_url, timeout=30) as client:
        client.headers["Authorization"] = f"Bearer {clustered.system.token_of(analyst)}"
        with following(client) as feed:
            feed.next_of("hello")
            account = new_account()
            for number in range(30):
                submit(clients[0], account_id=account, amount=f"{10 + number % 3}.50")
            odd = submit(clients[0], account_id=account, amount="98765.43")
            assert wait_written(clients[0], odd["id"])["is_flagged"]
            event = feed.next_of("alert")
            while event.data["id"] != odd["id"]:
                event = feed.next_of("alert")


def _a_revocation_is_heard(clustered: Clustered) -> None:
    customer = clustered.system.make_user("customer")
    token = clustered.system.token_of(customer)
    headers = {"Authorization": f"Bearer {token}"}
    path = f"{clustered.other_url}/transactions/"
    assert httpx.get(path, headers=headers, timeout=30).status_code == 200
    done = httpx.post(f"{clustered.system.base_url}/auth/logout", headers=headers, timeout=30)
    assert done.status_code == 200
    wait_until(
        lambda: httpx.get(path, headers=headers, timeout=30).status_code == 401,
        "the other gateway to refuse a revoked token",
        deadline_s=2,
    )
