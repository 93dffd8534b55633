"""The live feed: everybody sees what is theirs, once, in order, also after an interruption.

Real processes and connections. Clients that come back, fall behind, sign out, or open too many;
roles; a feed that was lost; the gateway's end.
"""

from __future__ import annotations

import os
import signal
import socket
import time

import httpx
import pytest
import redis

from aether_core.stream.contract import FEED_KEY
from tests.api.calls import new_account, submit, transaction
from tests.api.conftest import Served
from tests.api.streams import following
from tests.running import wait_until


def publish(served: Served, kind: str, account: str, data: str) -> str:
    """Put an event into the feed, as a writer does."""
    client = redis.Redis.from_url(served.valkey.url)
    try:
        identifier = client.xadd(FEED_KEY, {"k": kind, "a": account, "d": data})
        assert isinstance(identifier, bytes)
        return identifier.decode()
    finally:
        client.close()


def account_of(client: httpx.Client) -> str:
    return str(client.get("/auth/me").json()["account_id"])


def test_a_submission_is_seen_when_it_is_written(
    customer: httpx.Client, analyst: httpx.Client
) -> None:
    with following(customer) as own, following(analyst) as all_of_them:
        hello = own.next()
        assert hello is not None
        assert hello.kind == "hello"
        assert hello.data["resumed"] is False
        assert all_of_them.next_of("hello")
        body = submit(customer)
        for feed in (own, all_of_them):
            event = feed.next_of("transaction")
            assert event.data["id"] == body["id"]
            assert event.data["status"] == "processed"
            assert event.id


def test_w06_it_is_neither_stored_nor_buffered(customer: httpx.Client) -> None:
    with customer.stream("GET", "/events") as response:
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-accel-buffering"] == "no"
        assert "content-length" not in response.headers


def test_b06_nobody_sees_what_is_not_theirs(
    served: Served, customer: httpx.Client, other_customer: httpx.Client, operator: httpx.Client
) -> None:
    mine, theirs = account_of(customer), account_of(other_customer)
    with following(customer) as feed, following(operator) as operators:
        feed.next_of("hello")
        operators.next_of("hello")
        publish(served, "transaction", theirs, '{"n":1}')
        publish(served, "alert", mine, '{"n":2}')
        publish(served, "batch", "", '{"committed":1}')
        publish(served, "transaction", mine, '{"n":3}')
        event = feed.next_of("transaction", "alert", "counters", "batch")
        assert (event.kind, event.data) == ("transaction", {"n": 3})
        # Operators see all transactions, and no alerts.
        seen = [operators.next_of("transaction", "alert").data["n"] for _ in range(2)]
        assert seen == [1, 3]


def test_b06_a_token_with_fewer_scopes_sees_less(
    served: Served, operator: httpx.Client, anybody: httpx.Client
) -> None:
    who = served.system.make_user("analyst")
    signed_in = anybody.post("/auth/login", json={"email": who.email, "password": who.password})
    narrowed = anybody.post(
        "/oauth/token",
        data={
            "grant_type": "refresh_token",
            "refresh_token": signed_in.json()["refresh_token"],
            "scope": "alerts:read",
        },
    ).json()
    headers = {"Authorization": f"Bearer {narrowed['access_token']}"}
    with httpx.Client(base_url=served.system.base_url, headers=headers) as client:
        mine = account_of(client)
        # What a client says that it saw last opens nothing either.
        start = publish(served, "batch", "", "{}")
        for last_id in (None, start):
            with following(client, last_id) as feed:
                feed.next_of("hello")
                publish(served, "transaction", mine, '{"n":1}')
                publish(served, "alert", mine, '{"n":2}')
                event = feed.next_of("transaction", "alert", "counters")
                assert (event.kind, event.data) == ("alert", {"n": 2})


def test_analysts_get_alerts_and_counters(served: Served, analyst: httpx.Client) -> None:
    with following(analyst) as feed:
        feed.next_of("hello")
        publish(served, "alert", new_account(), '{"n":1}')
        assert feed.next_of("alert").data == {"n": 1}
        first, second = feed.next_of("counters").data, feed.next_of("counters").data
        assert set(first) == {
            "backlog", "rate_per_second", "at", "committed_total", "flagged_total",
        }  # fmt: skip
        assert second["at"] > first["at"]


def test_counters_are_exact(served: Served, analyst: httpx.Client, service: httpx.Client) -> None:
    with following(analyst) as feed:
        before = feed.next_of("counters").data["committed_total"]
        service.post("/transactions/bulk", json=[transaction(account_id=new_account())] * 500)
        counters = feed.next_of("counters").data
        while counters["committed_total"] < before + 500:
            counters = feed.next_of("counters").data
        assert counters["committed_total"] == before + 500


def test_who_comes_back_gets_what_was_missed_and_nothing_twice(
    served: Served, customer: httpx.Client
) -> None:
    mine = account_of(customer)
    with following(customer) as feed:
        feed.next_of("hello")
        for n in range(3):
            publish(served, "transaction", mine, f'{{"n":{n}}}')
        assert [feed.next_of("transaction").data["n"] for _ in range(3)] == [0, 1, 2]
        last = feed.last_id
    for n in range(3, 8):
        publish(served, "transaction", mine, f'{{"n":{n}}}')
        publish(served, "transaction", new_account(), '{"n":-1}')
    with following(customer, last) as feed:
        hello = feed.next_of("hello")
        assert hello.data["resumed"] is True
        publish(served, "transaction", mine, '{"n":8}')
        assert [feed.next_of("transaction", "gap").data["n"] for _ in range(6)] == list(range(3, 9))


@pytest.mark.slow
def test_a_heartbeat_moves_the_last_id_on(served: Served, customer: httpx.Client) -> None:
    with following(customer) as feed:
        feed.next_of("hello")
        foreign = publish(served, "transaction", new_account(), "{}")
        started = time.monotonic()
        beat = feed.next_of("comment")
        assert time.monotonic() - started < 12
        assert beat.id is not None
        assert beat.id >= foreign
    with following(customer, beat.id) as feed:
        assert feed.next_of("hello").data["resumed"] is True


@pytest.mark.parametrize(
    "last_id", ["0-1", "1-1", "x", "-1", "1 OR 1=1", "9999999999999-0", "1" * 60, "1-1-1", "%"]
)
def test_w04_an_id_that_the_feed_does_not_reach_is_a_gap(
    served: Served, customer: httpx.Client, last_id: str
) -> None:
    publish(served, "transaction", account_of(customer), "{}")
    with following(customer, last_id) as feed:
        assert feed.next_of("hello").data["resumed"] is False
        gap = feed.next()
        assert gap is not None
        assert gap.kind == "gap"
        assert gap.data["reason"]
        # And then it goes on as usual.
        publish(served, "transaction", account_of(customer), '{"n":1}')
        assert feed.next_of("transaction").data == {"n": 1}


def test_w04_a_last_id_that_is_too_long_is_refused(customer: httpx.Client) -> None:
    assert customer.get("/events", headers={"Last-Event-ID": "1" * 65}).status_code == 422


def test_w01_w02_tokens_are_checked_at_first(anybody: httpx.Client, customer: httpx.Client) -> None:
    assert anybody.get("/events").status_code == 401
    token = customer.headers["authorization"].split()[1]
    assert anybody.get(f"/events?access_token={token}").status_code == 401


def test_w01_signing_out_ends_the_feed(served: Served) -> None:
    who = served.system.make_user()
    with served.sign_in(who) as client, following(client) as feed:
        feed.next_of("hello")
        assert client.post("/auth/logout").is_success
        started = time.monotonic()
        assert feed.ends()
        # Not by the next comment or the end of the token, which come later.
        assert time.monotonic() - started < 8


def test_w03_one_user_may_open_so_many(served: Served) -> None:
    with served.sign_in(served.system.make_user()) as client:
        open_feeds = [client.stream("GET", "/events") for _ in range(8)]
        try:
            for feed in open_feeds:
                assert feed.__enter__().status_code == 200
            answer = client.get("/events")
            assert answer.status_code == 429
            assert answer.json()["type"] == "/problems/too-many-streams"
        finally:
            for feed in open_feeds:
                feed.__exit__(None, None, None)
        # Those that have gone make room.
        wait_until(lambda: _can_follow(client), "room for another feed")


def _can_follow(client: httpx.Client) -> bool:
    with client.stream("GET", "/events") as response:
        return response.status_code == 200


def test_who_falls_behind_gets_a_gap_and_slows_nobody(
    served: Served, customer: httpx.Client, analyst: httpx.Client
) -> None:
    mine = account_of(customer)
    url = httpx.URL(served.system.base_url)
    with socket.socket() as slow, following(analyst) as quick:
        # Little room on the way, so that the client's own buffer fills.
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((url.host, url.port or 0))
        slow.sendall(
            b"GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n"
            % customer.headers["authorization"].encode()
        )
        assert b"200 OK" in slow.recv(1024)
        quick.next_of("hello")
        padding = "x" * 2_000
        client = redis.Redis.from_url(served.valkey.url)
        pipeline = client.pipeline(transaction=False)
        for n in range(6_000):
            data = f'{{"n":{n},"padding":"{padding}"}}'
            pipeline.xadd(FEED_KEY, {"k": "transaction", "a": mine, "d": data})
            if n % 200 == 199:
                pipeline.execute()
                # One that keeps up sees every one of them meanwhile.
                seen = [quick.next_of("transaction").data["n"] for _ in range(200)]
                assert seen == list(range(n - 199, n + 1))
        client.close()
        slow.settimeout(10)
        received = b""
        while b"event: gap" not in received:
            chunk = slow.recv(65536)
            assert chunk, "the feed ended without a gap"
            received = received[-100:] + chunk


def test_a_feed_that_was_lost_is_a_gap(served: Served, customer: httpx.Client) -> None:
    with following(customer) as feed:
        feed.next_of("hello")
        publish(served, "transaction", account_of(customer), '{"n":1}')
        feed.next_of("transaction")
        served.valkey.kill()
        for data in (served.valkey.home / "valkey" / "appendonlydir").iterdir():
            data.unlink()
        served.valkey.start()
        # Access fails closed while it cannot hear of revocations: the feed may have ended.
        deadline = time.monotonic() + 30
        event = feed.next()
        while event is not None and event.kind != "gap":
            assert time.monotonic() < deadline
            event = feed.next()
        last = feed.last_id
    wait_until(served.system.is_ready, "the gateway to be ready")
    with following(customer, last) as feed:
        feed.next_of("hello")
        # One gap for this client's absence, perhaps one more when the gateway notices the loss.
        kinds = []
        for _ in range(3):
            publish(served, "transaction", account_of(customer), '{"n":2}')
            kinds.append(feed.next_of("transaction", "gap").kind)
        assert kinds[-1] == "transaction"


def test_the_gateways_end_ends_the_feed(served: Served, customer: httpx.Client) -> None:
    gateway = served.system.gateway
    url = httpx.URL(served.system.base_url)
    # A client that takes nothing of its feed does not hold up the end.
    with socket.create_connection((url.host, url.port or 0)) as stuck, following(customer) as feed:
        stuck.sendall(
            b"GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n"
            % customer.headers["authorization"].encode()
        )
        assert b"200 OK" in stuck.recv(1024)
        feed.next_of("hello")
        account, padding = account_of(customer), "x" * 50_000
        for _ in range(200):
            publish(served, "transaction", account, f'{{"padding":"{padding}"}}')
            feed.next_of("transaction")
        started = time.monotonic()
        os.kill(gateway.pid, signal.SIGTERM)
        assert feed.ends()
        assert gateway.stop() == 0
        assert time.monotonic() - started < 5
    gateway.start()
    served.system.wait_ready()
