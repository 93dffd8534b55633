"""`Prefer: wait=N` answers once the transaction is written, and never waits in vain for news.

A real gateway and writer. The writer is frozen to see the wait end, and the feed is emptied behind
its back to see that news which never came are not needed.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import redis

from aether_api.prefer import wait_preference
from aether_core.stream.contract import FEED_KEY
from tests.api.calls import metric, new_account, transaction
from tests.api.conftest import Served
from tests.running import RunningProcess, free_port, wait_until

PATH = "/transactions/"


def submit(
    client: httpx.Client, prefer: str, key: str | None = None, account: str | None = None
) -> httpx.Response:
    headers = {"Prefer": prefer} | ({} if key is None else {"Idempotency-Key": key})
    answer = client.post(
        PATH, json=transaction(account_id=account or new_account()), headers=headers
    )
    assert answer.status_code == 201, answer.text
    return answer


@contextmanager
def frozen_writer(served: Served) -> Iterator[None]:
    (writer,) = served.system.writers
    os.kill(writer.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(writer.pid, signal.SIGCONT)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([b"wait=5"], 5),
        ([b'Wait = 7 ; x="a,b"'], 7),
        ([b'wait="3"'], 3),
        ([b"respond-async, wait=4"], 4),
        ([b'handling="a, wait=9", wait=2'], 2),
        ([b"return=minimal", b"wait=6"], 6),
        ([b"wait=2, wait=8"], 2),
        ([b"wait=0"], 0),
        ([b"wait=31"], 30),
        ([b"wait=999999999"], 30),
        ([b"wait"], None),
        ([b"wait="], None),
        ([b"wait=-1"], None),
        ([b"wait=1.5"], None),
        ([b"wait=1 2"], None),
        ([b"wait=\xff"], None),
        ([b"waiting=5"], None),
        ([b'"wait=5"'], None),
        ([b", ,wait=5,"], 5),
        ([b'"' * 30_000], None),
        ([b"a=" + b'"\\' * 15_000], None),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_preferences(fields: list[bytes], expected: int | None) -> None:
    assert wait_preference(fields, 30) == expected


def test_it_answers_with_what_was_decided(service: httpx.Client) -> None:
    began = time.monotonic()
    answer = submit(service, "wait=10", "k")
    assert time.monotonic() - began < 5
    assert answer.headers["preference-applied"] == "wait=10"
    body = answer.json()
    assert (body["status"], body["decision"]) == ("processed", "approve")
    assert 0 <= body["score"] <= 1
    assert service.get(answer.headers["location"]).json() == body


def test_without_it_nothing_is_waited_for(service: httpx.Client) -> None:
    answer = service.post(PATH, json=transaction(account_id=new_account()))
    assert answer.json()["status"] == "pending"
    for prefer in ("wait=x", "respond-async"):
        answer = submit(service, prefer)
        assert "preference-applied" not in answer.headers
        assert answer.json()["status"] == "pending"


def test_a_repetition_is_answered_with_what_is_known_by_now(service: httpx.Client) -> None:
    account = new_account()
    first = submit(service, "wait=10", "once", account).json()
    again = submit(service, "wait=10", "once", account)
    assert again.json() == first
    assert again.headers["idempotency-replayed"] == "true"
    # Twins wait for the same one.
    account = new_account()
    with ThreadPoolExecutor(8) as pool:
        twins = list(pool.map(lambda _: submit(service, "wait=10", "twin", account), range(8)))
    assert len({twin.content for twin in twins}) == 1
    assert twins[0].json()["status"] == "processed"


def test_after_a_while_it_is_pending(served: Served, service: httpx.Client) -> None:
    with frozen_writer(served):
        began = time.monotonic()
        answer = submit(service, "wait=1")
        assert 0.9 < time.monotonic() - began < 5
        assert answer.json()["status"] == "pending"
        assert answer.headers["preference-applied"] == "wait=1"
        assert submit(service, "wait=0").json()["status"] == "pending"


def test_many_wait_and_some_leave(served: Served, service: httpx.Client) -> None:
    with frozen_writer(served), ThreadPoolExecutor(40) as pool:
        leaving = [leave_waiting(served, service) for _ in range(20)]
        wait_until(lambda: waiting_count(served) == 20, "the first to come")
        staying = [pool.submit(submit, service, "wait=20") for _ in range(40)]
        wait_until(lambda: waiting_count(served) == 60, "all to come")
        for peer in leaving:
            peer.close()
        # Of those that left nothing stays behind, long before their time is over.
        wait_until(lambda: waiting_count(served) == 40, "those that left to be forgotten", 10)
        os.kill(served.system.writers[0].pid, signal.SIGCONT)
        bodies = [one.result().json() for one in staying]
    assert {body["status"] for body in bodies} == {"processed"}
    assert len({body["id"] for body in bodies}) == 40
    assert waiting_count(served) == 0


def waiting_count(served: Served) -> float:
    with served.sign_in() as client:
        return metric(client, "aether_submissions_waiting")


def leave_waiting(served: Served, client: httpx.Client) -> socket.socket:
    """Send a submission that waits, and do not wait for its answer."""
    url = httpx.URL(served.system.base_url)
    body = json.dumps(transaction(account_id=new_account())).encode()
    peer = socket.create_connection((url.host, url.port or 0), timeout=10)
    peer.sendall(
        b"POST /transactions/ HTTP/1.1\r\nHost: x\r\nPrefer: wait=25\r\nAuthorization: %b\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        % (client.headers["authorization"].encode(), len(body), body)
    )
    return peer


@contextmanager
def second_gateway(served: Served, token: str) -> Iterator[httpx.Client]:
    environment = served.system.environment | {"AETHER_PORT": str(free_port())}
    gateway = RunningProcess("gateway-2", "gateway", Path(environment["AETHER_HOME"]), environment)
    gateway.start()
    url = f"http://127.0.0.1:{environment['AETHER_PORT']}"
    try:
        with httpx.Client(base_url=url, timeout=30, headers={"Authorization": token}) as client:
            wait_until(lambda: is_ready(client), "the second gateway")
            yield client
    finally:
        gateway.stop()


def is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").is_success
    except httpx.TransportError:
        return False


@pytest.mark.slow
def test_news_that_never_come_are_not_needed(served: Served, service: httpx.Client) -> None:
    """The writer fails between its commit and the feed, which is no stream any more."""
    with (
        second_gateway(served, service.headers["authorization"]) as other,
        redis.Redis.from_url(served.valkey.url) as valkey,
    ):
        assert submit(other, "wait=10").json()["status"] == "processed"
        valkey.delete(FEED_KEY)
        valkey.set(FEED_KEY, "no stream")
        try:
            answer = submit(other, "wait=20")
        finally:
            valkey.delete(FEED_KEY)
        assert answer.json()["status"] == "processed"
        # The feed begins anew, and is followed again.
        assert submit(other, "wait=20").json()["status"] == "processed"
        assert submit(service, "wait=20").json()["status"] == "processed"
