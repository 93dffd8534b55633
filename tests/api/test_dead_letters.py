"""Dead letters over HTTP and by the command: seen with their bytes, replayed once, or discarded.

A real gateway and writer; entries of some accounts are refused by a constraint, as a constraint of
a later version might, until it is lifted.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from uuid import uuid4

import asyncpg
import httpx
import pytest
import redis

from aether_core.stream.contract import stream_key
from tests.api.calls import new_account, submit, wait_written
from tests.api.conftest import Served
from tests.running import Account, aether, clean_environment, wait_until

DEAD_LETTERS = "/operations/dead-letters"


@pytest.fixture(scope="module")
def someone(served: Served) -> Account:
    return served.system.make_user("customer")


@pytest.fixture(scope="module")
def refused(served: Served, operator: httpx.Client, someone: Account) -> list[str]:
    """Ids of three dead letters of one customer, the first with a key; they can be written now."""
    asyncio.run(_execute(served, "ADD CONSTRAINT unwritable CHECK (merchant <> 'M') NOT VALID"))
    with served.sign_in(someone) as client:
        ids = [submit(client, key, merchant="M")["id"] for key in ("order-1", None, None)]
    for identifier in ids:
        wait_until(
            lambda one=identifier: operator.get(f"{DEAD_LETTERS}/{one}").is_success,  # type: ignore[misc]
            "the dead letter",
        )
    asyncio.run(_execute(served, "DROP CONSTRAINT unwritable"))
    return ids


async def _execute(served: Served, change: str) -> None:
    connection = await asyncpg.connect(served.database_url)
    try:
        await connection.execute(f"ALTER TABLE transactions {change}")
    finally:
        await connection.close()


def test_one_is_shown_with_its_bytes_and_fields(operator: httpx.Client, refused: list[str]) -> None:
    listed = {letter["id"]: letter for letter in operator.get(DEAD_LETTERS).json()}
    assert set(refused) <= set(listed)
    opened = operator.get(f"{DEAD_LETTERS}/{refused[0]}").json()
    assert listed[refused[0]].items() <= opened.items()
    assert opened["state"] == "open"
    assert "unwritable" in opened["error"]
    assert opened["transaction"]["merchant"] == "M"
    assert opened["transaction"]["amount"] == "12.34"
    assert bytes.fromhex(opened["payload_hex"])
    assert opened["payload_text"].isascii()
    assert operator.get(f"{DEAD_LETTERS}/{refused[0][:-1]}").status_code == 404


def test_bytes_that_are_no_transaction_are_shown_too(
    served: Served, operator: httpx.Client
) -> None:
    shard = operator.get("/operations/pipeline").json()["shards"][0]
    client = redis.Redis.from_url(served.valkey.url)
    client.xadd(stream_key(shard["shard"]), {shard["incarnation"]: b"\x1b[2J\x00<b>"})
    client.close()

    def garbage() -> list[dict[str, str]]:
        letters: list[dict[str, str]] = operator.get(DEAD_LETTERS).json()
        return [letter for letter in letters if letter["payload"] == "G1sySgA8Yj4="]

    wait_until(lambda: bool(garbage()), "the dead letter")
    (letter,) = garbage()
    opened = operator.get(f"{DEAD_LETTERS}/{letter['id']}").json()
    assert opened["transaction"] is None
    assert opened["payload_text"] == "\\x1b[2J\\x00<b>"
    assert opened["payload_hex"] == "1b 5b 32 4a 00 3c 62 3e"
    done = operator.post(f"{DEAD_LETTERS}/{letter['id']}/discard")
    assert (done.status_code, done.json()["note"]) == (200, None)


def test_a_replayed_one_is_processed_under_a_new_id_that_the_old_one_leads_to(
    served: Served, operator: httpx.Client, someone: Account, refused: list[str]
) -> None:
    old = refused[0]
    path = f"{DEAD_LETTERS}/{old}/replay"
    done = operator.post(path)
    assert done.status_code == 200, done.text
    letter = done.json()
    new = letter["replayed_as"]
    assert letter["state"] == "replayed"
    assert "@" in letter["replayed_by"]
    assert done.headers["Location"] == f"/transactions/{new}"
    again = operator.post(path)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/dead-letter-settled")
    with served.sign_in(someone) as client:
        row = wait_written(client, old)
        answer = client.get(f"/transactions/{old}")
        assert answer.headers["Content-Location"] == f"/transactions/{new}"
        assert row["id"] == new
        assert row["merchant"] == "M"
        # The client that never heard of it repeats itself and learns the first id again.
        assert submit(client, "order-1", merchant="M")["id"] == old
        assert len([t for t in client.get("/transactions/").json() if t["merchant"] == "M"]) == 1
    replayed = operator.get(DEAD_LETTERS, params={"state": "replayed", "limit": 1})
    assert [one["id"] for one in replayed.json()] == [old]
    assert old not in {one["id"] for one in operator.get(DEAD_LETTERS).json()}
    assert operator.get("/operations/pipeline").json()["identity"]["holds"]


def test_a_discarded_one_is_gone_and_its_owner_is_told(
    served: Served,
    operator: httpx.Client,
    customer: httpx.Client,
    someone: Account,
    refused: list[str],
) -> None:
    path = f"{DEAD_LETTERS}/{refused[1]}"
    done = operator.post(f"{path}/discard", json={"note": "entered by hand"})
    assert done.status_code == 200, done.text
    assert (done.json()["state"], done.json()["note"]) == ("discarded", "entered by hand")
    assert operator.post(f"{path}/discard").status_code == 409
    assert operator.post(f"{path}/replay").status_code == 409
    assert operator.post(f"{path}/discard", json={"why": "?"}).status_code == 422
    with served.sign_in(someone) as client:
        gone = client.get(f"/transactions/{refused[1]}")
        assert (gone.status_code, gone.json()["type"]) == (410, "/problems/transaction-discarded")
    assert customer.get(f"/transactions/{refused[1]}").status_code == 404
    assert operator.get(path).json()["state"] == "discarded"


def test_the_command_does_the_same(
    served: Served, service: httpx.Client, refused: list[str]
) -> None:
    identifier = refused[2]
    listed = json.loads(aether(served.system, "dead-letters", "list", "--json"))
    assert identifier in {letter["id"] for letter in listed}
    assert identifier in aether(served.system, "dead-letters", "list")
    shown = aether(served.system, "dead-letters", "show", identifier)
    assert "unwritable" in shown
    assert "12.34 EUR" in shown
    printed = aether(served.system, "dead-letters", "replay", identifier)
    assert wait_written(service, identifier)["id"] in printed
    done = subprocess.run(
        [sys.executable, "-m", "aether_cli", "dead-letters", "discard", identifier],
        env=clean_environment(**served.system.environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("aether: This dead letter was already replayed by ")


def test_the_way_of_each_can_be_traced(
    served: Served, operator: httpx.Client, service: httpx.Client, refused: list[str]
) -> None:
    identifier = submit(service, account_id=new_account())["id"]
    wait_written(service, identifier)

    def is_published() -> bool:
        steps = operator.get(f"/operations/trace/{identifier}").json()["steps"]
        return bool(steps[-1]["name"] == "published")

    wait_until(is_published, "the publication to be noted")
    printed = aether(served.system, "trace", identifier)
    for word in ("accepted", "read", "scored", "committed", "published", " ms"):
        assert word in printed
    assert json.loads(aether(served.system, "trace", identifier, "--json"))["state"] == "processed"
    replayed = operator.get(f"/operations/trace/{refused[0]}").json()
    assert replayed["state"] == "replayed"
    assert f"It goes on as {replayed['replayed_as']}." in aether(served.system, "trace", refused[0])
    assert operator.get(f"/operations/trace/{uuid4()}").status_code == 404
    assert service.get(f"/operations/trace/{identifier}").status_code == 403


def test_changing_them_needs_its_own_scope(
    served: Served, operator: httpx.Client, analyst: httpx.Client, anybody: httpx.Client
) -> None:
    path = f"{DEAD_LETTERS}/{new_account()}"
    reader = served.system.make_client("operations:read")
    with served.sign_in(reader) as client:
        assert client.get(DEAD_LETTERS).status_code == 200
        for action in ("replay", "discard"):
            assert client.post(f"{path}/{action}").status_code == 403
            assert analyst.post(f"{path}/{action}").status_code == 403
            assert anybody.post(f"{path}/{action}").status_code == 401
            assert operator.post(f"{path}/{action}").status_code == 404
