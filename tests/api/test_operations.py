"""Operations: the pipeline's identity holds and is seen to fail when entries are lost.

A real gateway and writer; entries are removed from the stream behind their backs.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from uuid import UUID

import asyncpg
import httpx
import redis

from aether_core.stream.contract import parse_entry_id, stream_key
from aether_core.transaction import place_of
from tests.api.calls import new_account, submit, transaction, wait_written
from tests.api.conftest import Served
from tests.running import clean_environment, wait_until


def test_the_identity_holds_while_work_is_done(
    service: httpx.Client, operator: httpx.Client
) -> None:
    accounts = [new_account() for _ in range(20)]
    for _ in range(10):
        items = [transaction(account_id=account) for account in accounts] * 20
        service.post("/transactions/bulk", json=items)
        found = operator.get("/operations/pipeline").json()
        assert found["identity"]["holds"], found
        assert found["identity"]["difference"] == 0

    def is_done() -> bool:
        return bool(operator.get("/operations/pipeline").json()["identity"]["backlog"] == 0)

    wait_until(is_done, "the backlog to be written")
    found = operator.get("/operations/pipeline").json()
    identity = found["identity"]
    assert identity["entries_added"] == identity["committed"] >= 4_000
    assert len(found["shards"]) == 8
    for shard in found["shards"]:
        assert shard["entries_added"] == shard["committed"] + shard["dead_letters"]
        assert shard["oldest_seconds"] is None
    assert found["committed_per_second"] >= 0


def test_the_backlog_is_counted(
    served: Served, service: httpx.Client, operator: httpx.Client
) -> None:
    (writer,) = served.system.writers
    writer.stop()
    try:
        account = new_account()
        for _ in range(5):
            submit(service, account_id=account)
        found = operator.get("/operations/pipeline").json()
        assert found["identity"]["backlog"] == 5
        assert found["identity"]["holds"]
        (shard,) = (shard for shard in found["shards"] if shard["backlog"])
        assert shard["oldest_seconds"] >= 0
    finally:
        writer.start()


def test_what_cannot_be_written_is_listed(
    served: Served, service: httpx.Client, operator: httpx.Client
) -> None:
    good = submit(service, account_id=new_account())
    shard = next(s for s in operator.get("/operations/pipeline").json()["shards"])
    client = redis.Redis.from_url(served.valkey.url)
    client.xadd(stream_key(shard["shard"]), {shard["incarnation"]: b"\x00not a transaction"})
    client.close()

    def is_listed() -> bool:
        return bool(operator.get("/operations/dead-letters").json())

    wait_until(is_listed, "the dead letter")
    letter = operator.get("/operations/dead-letters").json()[0]
    assert letter["shard"] == shard["shard"]
    assert letter["payload"] == "AG5vdCBhIHRyYW5zYWN0aW9u"
    assert letter["error"]
    assert wait_written(service, good["id"])
    identity = operator.get("/operations/pipeline").json()["identity"]
    assert identity["dead_letters"] >= 1
    assert identity["holds"]


def test_an_accepted_transaction_that_cannot_be_written_is_still_found(
    served: Served, service: httpx.Client, operator: httpx.Client
) -> None:
    (writer,) = served.system.writers
    writer.stop()
    try:
        body = submit(service, account_id=new_account())
        place = place_of(UUID(body["id"]))
        assert place is not None
        asyncio.run(_make_unwritable(served.database_url, body["account_id"]))
    finally:
        writer.start()

    def is_listed() -> bool:
        letters = operator.get("/operations/dead-letters").json()
        return body["id"] in {letter["id"] for letter in letters}

    wait_until(is_listed, "the dead letter")
    assert service.get(f"/transactions/{body['id']}").json() == body


async def _make_unwritable(database_url: str, account: str) -> None:
    """Let rows of one account be refused, as a constraint of a later version might."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(
            "ALTER TABLE transactions ADD CONSTRAINT unwritable"
            f" CHECK (account_id <> '{account}') NOT VALID"
        )
    finally:
        await connection.close()


def test_only_operators_see_it(
    customer: httpx.Client, analyst: httpx.Client, anybody: httpx.Client, admin: httpx.Client
) -> None:
    for path in ("/operations/pipeline", "/operations/dead-letters"):
        assert customer.get(path).status_code == 403
        assert analyst.get(path).status_code == 403
        assert anybody.get(path).status_code == 401
        assert admin.get(path).status_code == 200


def test_r06_metrics_are_for_this_machine_and_for_operators(
    anybody: httpx.Client, operator: httpx.Client, customer: httpx.Client
) -> None:
    text = anybody.get("/metrics").text
    for name in (
        "aether_http_responses_total", "aether_submissions_total", "aether_backlog",
        "aether_committed_total", "process_resident_memory_bytes",
    ):  # fmt: skip
        assert f"# TYPE {name} " in text
    # What a proxy on this machine passes on does not come from this machine.
    passed_on = {"X-Forwarded-For": "203.0.113.7"}
    assert anybody.get("/metrics", headers=passed_on).status_code == 401
    assert customer.get("/metrics", headers=passed_on).status_code == 403
    assert operator.get("/metrics", headers=passed_on).status_code == 200


def test_r07_health_is_for_everybody_and_tells_little(anybody: httpx.Client) -> None:
    assert anybody.get("/health").json() == {"status": "Aether is running"}
    assert anybody.get("/health/live").status_code == 200
    ready = anybody.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json()["checks"] == {"database": "ok", "stream": "ok", "shards": "ok"}
    assert anybody.head("/health/ready").content == b""


def test_entries_that_were_lost_are_seen(served: Served, operator: httpx.Client) -> None:
    (writer,) = served.system.writers
    writer.stop()
    try:
        with served.sign_in(served.system.make_client()) as service:
            submit(service, account_id=new_account())
        before = operator.get("/operations/pipeline").json()
        (shard,) = (shard for shard in before["shards"] if shard["backlog"])
        client = redis.Redis.from_url(served.valkey.url)
        client.execute_command("XTRIM", stream_key(shard["shard"]), "MAXLEN", 0)
        client.close()
        after = operator.get("/operations/pipeline").json()
        assert not after["identity"]["holds"]
        assert after["identity"]["difference"] == 1
        # Another test may have left a dead letter in the same shard: that one is accounted for.
        lossy = [
            s["shard"]
            for s in after["shards"]
            if s["entries_added"] != s["committed"] + s["dead_letters"] + s["backlog"]
        ]
        assert lossy == [shard["shard"]]
    finally:
        writer.start()

    def is_recorded() -> bool:
        return bool(operator.get("/operations/pipeline").json()["lost"])

    # The writer names it: it lies between what it had written and whatever comes next.
    wait_until(is_recorded, "the loss to be recorded")
    (lost,) = operator.get("/operations/pipeline").json()["lost"]
    assert (lost["shard"], lost["entries"], lost["is_exact"]) == (shard["shard"], 1, True)
    assert parse_entry_id(lost["after"]) < parse_entry_id(lost["before"])
    number = shard["shard"]
    metrics = operator.get("/metrics").text
    assert re.search(f'aether_stream_lost_entries{{.*shard="{number}"}} 1', metrics)
    # The command says so, too, and fails until somebody knows of it.
    done = verify(served)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"shard {number} has lost 1 entries between {lost['after']} and" in done.stdout
    done = verify(served, "--acknowledge", "a test", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["holds"]
    assert [one["note"] for one in found["lost"]] == ["a test"]
    assert operator.get("/operations/pipeline").json()["identity"]["holds"]


def test_tables_that_disagree_are_told_of(served: Served, service: httpx.Client) -> None:
    written = wait_written(service, submit(service, account_id=new_account())["id"])
    asyncio.run(_execute(served, f"DELETE FROM transactions WHERE id = '{written['id']}'"))
    done = verify(served)
    assert done.returncode == 1
    assert "WRONG rows are as many as were committed: shard " in done.stdout
    assert done.stdout.count("WRONG") == 1


def verify(served: Served, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aether_cli", "verify", *options],
        env=clean_environment(**served.system.environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def _execute(served: Served, statement: str) -> None:
    connection = await asyncpg.connect(served.database_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
