"""The express lane answers as the route does, and only what is usual takes it.

Each submission is sent twice to a real gateway: once as most clients send it, and once with a
header that makes it unusual. What differs is what must: ids, instants, the request's id.
"""

from __future__ import annotations

import json
import re
import socket
from typing import Any

import httpx
import pytest

from tests.api.calls import metric, new_account, transaction
from tests.api.conftest import Served
from tests.api.test_connections import connected

_ITS_OWN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}|\d{4}-\d\d-\d\dT[0-9:.]+Z")
UNUSUAL = {"Prefer": "something-unheard-of"}
EXPRESS = "aether_submissions_express_total"


def essence(answer: httpx.Response) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Return an answer without what differs each time."""
    headers = {name: _ITS_OWN.sub("*", value) for name, value in answer.headers.items()}
    del headers["x-request-id"]
    headers.pop("date", None)
    headers.pop("content-length", None)  # an instant may end in zeros
    body = json.loads(_ITS_OWN.sub("*", answer.text))
    body.pop("request_id", None)
    return answer.status_code, headers, body


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (transaction(), None),
        (transaction(merchant="Café Ü", location="Lisbon, PT", metadata={"till": 4}), None),
        (transaction(occurred_at="2026-01-31T12:00:00+02:00", kind="refund"), None),
        (transaction(amount="0.00"), None),
        (transaction(merchant=None), None),
        (transaction(role="admin"), None),
        (transaction(account_id="not an account"), None),
        (transaction(), "not a key"),
        (["a list"], None),
    ],
)
def test_it_answers_as_the_route_does(service: httpx.Client, body: Any, key: str | None) -> None:  # noqa: ANN401 - JSON
    if isinstance(body, dict):
        body = {"account_id": new_account()} | body
    headers = {} if key is None else {"Idempotency-Key": key}
    usual = service.post("/transactions/", json=body, headers=headers)
    unusual = service.post("/transactions/", json=body, headers=headers | UNUSUAL)
    assert essence(usual) == essence(unusual)


def test_keys_are_remembered_across_both_ways(service: httpx.Client) -> None:
    body = transaction(account_id=new_account())
    key = {"Idempotency-Key": "both-ways"}
    first = service.post("/transactions/", json=body, headers=key)
    again = [service.post("/transactions/", json=body, headers=key | h) for h in ({}, UNUSUAL)]
    assert [a.json()["id"] for a in again] == [first.json()["id"]] * 2
    assert essence(again[0]) == essence(again[1])
    other = body | {"amount": "1.00"}
    refused = [service.post("/transactions/", json=other, headers=key | h) for h in ({}, UNUSUAL)]
    assert refused[0].status_code == 422
    assert essence(refused[0]) == essence(refused[1])


def test_only_what_is_usual_takes_it(service: httpx.Client, operator: httpx.Client) -> None:
    body = transaction(account_id=new_account())
    before = metric(operator, EXPRESS)
    assert service.post("/transactions/", json=body, headers=UNUSUAL).status_code == 201
    assert metric(operator, EXPRESS) == before
    assert service.post("/transactions/", json=body).status_code == 201
    assert metric(operator, EXPRESS) == before + 1


def test_a_customer_may_write_to_their_own_account_only(customer: httpx.Client) -> None:
    assert customer.post("/transactions/", json=transaction()).status_code == 201
    foreign = transaction(account_id=new_account())
    assert customer.post("/transactions/", json=foreign).status_code == 403


def test_a_token_that_ended_is_refused_at_once(served: Served) -> None:
    with served.sign_in(served.system.make_user("customer")) as client:
        assert client.post("/transactions/", json=transaction()).status_code == 201
        assert client.post("/auth/logout").status_code == 200
        assert client.post("/transactions/", json=transaction()).status_code == 401


def raw(service: httpx.Client, *fields: str, amount: str = "1.00") -> bytes:
    body = json.dumps(transaction(account_id="raw", amount=amount)).encode()
    lines = [
        "POST /transactions/ HTTP/1.1",
        "Host: x",
        f"Authorization: {service.headers['Authorization']}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *fields,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answers(peer: socket.socket, count: int) -> list[tuple[bytes, dict[str, Any]]]:
    """Read so many answers from a connection: head and body of each."""
    received = b""
    found: list[tuple[bytes, dict[str, Any]]] = []
    while len(found) < count:
        head, end, rest = received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if end and length and len(rest) >= int(length[1]):
            found.append((head, json.loads(rest[: int(length[1])])))
            received = rest[int(length[1]) :]
            continue
        chunk = peer.recv(65536)
        assert chunk, received
        received += chunk
    return found


def test_requests_in_one_piece_are_answered_in_their_order(
    served: Served, service: httpx.Client
) -> None:
    with connected(served) as peer:
        requests = [raw(service, amount=f"{n}.00") for n in range(1, 6)]
        peer.sendall(b"".join(requests) + b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        *created, health = answers(peer, 6)
        assert [body["amount"] for _, body in created] == [f"{n}.00" for n in range(1, 6)]
        assert health[1] == {"status": "Aether is running"}


def test_a_request_in_many_pieces_is_one(served: Served, service: httpx.Client) -> None:
    with connected(served) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in re.findall(rb"(?s).{1,7}", raw(service)):
            peer.sendall(piece)
        ((head, body),) = answers(peer, 1)
        assert head.startswith(b"HTTP/1.1 201 ")
        assert body["amount"] == "1.00"


def test_a_connection_that_shall_be_closed_is(served: Served, service: httpx.Client) -> None:
    with connected(served) as peer:
        peer.sendall(raw(service, "Connection: close"))
        ((head, _),) = answers(peer, 1)
        assert head.startswith(b"HTTP/1.1 201 ")
        assert b"connection: close" in head
        assert peer.recv(1) == b""


def test_a_body_that_never_comes_harms_nobody(served: Served, service: httpx.Client) -> None:
    with connected(served) as peer:
        peer.sendall(raw(service)[:-5])
        assert service.post("/transactions/", json=transaction(account_id="x")).status_code == 201
