"""Bulk: a result for each item in its order, each on its own, in either form.

A real gateway and writer; single lines that are broken, keys that repeat, limits, and connections
that end in the middle.
"""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from typing import Any

import httpx
import pytest

from tests.api.calls import JSON, new_account, transaction, wait_written
from tests.api.conftest import Served

PATH = "/transactions/bulk"
LINES = {"Content-Type": "application/x-ndjson"}


def as_lines(items: list[dict[str, Any]]) -> bytes:
    return b"\n".join(json.dumps(item).encode() for item in items)


def results_of(answer: httpx.Response, *, is_complete: bool = True) -> list[dict[str, Any]]:
    """Return the results of the items, after checking that they and the summary are in order."""
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"].startswith("application/json"):
        found: list[dict[str, Any]] = answer.json()
    else:
        found = [json.loads(line) for line in answer.text.splitlines()]
        summary = found.pop()
        counts = Counter(
            "refused" if "problem" in result else "replayed" if "replayed" in result else "accepted"
            for result in found
        )
        assert summary["complete"] is is_complete
        assert all(
            summary[f"{name}_count"] == counts[name] for name in ("accepted", "replayed", "refused")
        )
        assert summary["received_count"] == len(found) - (not is_complete)
    assert [result["index"] for result in found] == list(range(len(found)))
    assert all(("id" in result) != ("problem" in result) for result in found)
    return found


@contextmanager
def posting(
    served: Served, client: httpx.Client, headers: dict[str, str]
) -> Iterator[socket.socket]:
    """Begin a bulk request whose body comes in chunks."""
    url = httpx.URL(served.system.base_url)
    with socket.create_connection((url.host, url.port or 0), timeout=30) as peer:
        peer.sendall(
            b"POST /transactions/bulk HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            b"Authorization: %b\r\nContent-Type: %b\r\n\r\n"
            % (client.headers["authorization"].encode(), headers["Content-Type"].encode())
        )
        yield peer


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def read_chunk(answer: BufferedReader) -> bytes:
    data = answer.read(int(answer.readline(), 16))
    answer.readline()
    return data


def items_of(account: str, count: int) -> list[dict[str, Any]]:
    return [
        transaction(account_id=account, amount=str(n + 1), idempotency_key=f"{account}-{n}")
        for n in range(count)
    ]


@pytest.mark.parametrize("is_lines", [True, False])
def test_each_item_has_its_result(service: httpx.Client, *, is_lines: bool) -> None:
    account = new_account()
    items = items_of(account, 1_000)
    answer = (
        service.post(PATH, content=as_lines(items), headers=LINES)
        if is_lines
        else service.post(PATH, json=items)
    )
    results = results_of(answer)
    ids = [result["id"] for result in results]
    assert len(set(ids)) == 1_000
    for number in (0, 500, 999):
        assert wait_written(service, ids[number])["amount"] == f"{number + 1}.00"
    # All of it again changes nothing.
    again = results_of(service.post(PATH, content=as_lines(items), headers=LINES))
    assert [result["id"] for result in again] == ids
    assert all(result["replayed"] for result in again)


def test_one_bad_item_harms_no_other(service: httpx.Client) -> None:
    account = new_account()
    lines = [
        json.dumps(transaction(account_id=account)),
        "{broken",
        json.dumps(transaction(account_id=account, amount="0", currency="DEM")),
        "",
        "[]",
        json.dumps(transaction(account_id=account, merchant="x" * 70_000)),
        json.dumps(transaction(account_id=account, idempotency_key="k k")),
        "\r",
        json.dumps(transaction(account_id=account)) + "\r",
    ]
    results = results_of(service.post(PATH, content="\n".join(lines).encode(), headers=LINES))
    statuses = [result.get("problem", {}).get("status", 201) for result in results]
    assert statuses == [201, 400, 422, 422, 413, 422, 201]
    fields = {error["field"] for error in results[2]["problem"]["errors"]}
    assert fields == {"amount", "currency"}


def test_a_key_that_comes_twice_in_one_request(service: httpx.Client) -> None:
    account = new_account()
    item = transaction(account_id=account, idempotency_key="twice")
    results = results_of(service.post(PATH, json=[item, item, item | {"amount": "1"}]))
    assert results[0]["id"] == results[1]["id"]
    assert "replayed" not in results[0]
    assert results[1]["replayed"] is True
    assert results[2]["problem"]["type"] == "/problems/idempotency-key-reused"


def test_a_customer_submits_for_their_own_account(customer: httpx.Client) -> None:
    results = results_of(
        customer.post(PATH, json=[transaction(), transaction(account_id=new_account())])
    )
    assert "id" in results[0]
    assert results[1]["problem"]["status"] == 403


def test_who_may_not_submit_may_not_in_bulk(analyst: httpx.Client, anybody: httpx.Client) -> None:
    assert analyst.post(PATH, json=[transaction()]).status_code == 403
    assert anybody.post(PATH, json=[transaction()]).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{}", 422), (b"null", 422), (b'[{"amount":1}', 400), (b"[1,]", 400),
        (b"[] x", 400), (b"[" * 100_000, 400),
    ],
    ids=lambda value: repr(value)[:16],
)  # fmt: skip
def test_a_broken_array_is_refused_as_a_whole(
    service: httpx.Client, body: bytes, status: int
) -> None:
    answer = service.post(PATH, content=body, headers=JSON)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_nothing_is_taken_of_an_empty_array(service: httpx.Client) -> None:
    assert service.post(PATH, json=[]).json() == []
    assert service.post(PATH).status_code == 400


def test_the_header_is_not_for_many(service: httpx.Client) -> None:
    answer = service.post(PATH, json=[], headers={"Idempotency-Key": "k"})
    assert answer.status_code == 400


def test_lines_may_arrive_in_any_pieces(service: httpx.Client) -> None:
    account = new_account()
    body = as_lines(items_of(account, 50)) + b"\n"

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 97):
            yield body[start : start + 97]

    results = results_of(service.post(PATH, content=pieces(), headers=LINES))
    assert len(results) == 50


@pytest.mark.parametrize("is_lines", [True, False])
def test_all_or_none(service: httpx.Client, *, is_lines: bool) -> None:
    # Accounts of several shards.
    items = [
        transaction(account_id=new_account(), amount=str(n + 1), idempotency_key=f"all-{n}")
        for n in range(30)
    ]

    def send(items: list[dict[str, Any]], on_error: str = "atomic") -> httpx.Response:
        sent = {"content": as_lines(items), "headers": LINES} if is_lines else {"json": items}
        return service.post(PATH, params={"on_error": on_error}, **sent)

    wrong = send([*items[:29], items[29] | {"amount": "0", "merchant": ""}])
    assert wrong.status_code == 422
    assert {e["field"] for e in wrong.json()["errors"]} == {"29.amount", "29.merchant"}
    other = results_of(send([items[7] | {"amount": "77"}], "continue"))
    reused = send(items)
    assert reused.status_code == 422
    assert reused.json()["type"] == "/problems/idempotency-key-reused"
    assert " 7 " in reused.json()["detail"]
    # Of neither attempt was anything taken; the third is whole, with a twin in it.
    items[7] |= {"amount": "77"}
    results = results_of(send([*items, items[3]]))
    assert [n for n, result in enumerate(results) if "replayed" in result] == [7, 30]
    assert (results[7]["id"], results[30]["id"]) == (other[0]["id"], results[3]["id"])
    assert wait_written(service, results[29]["id"])["amount"] == "30.00"
    again = results_of(send(items))
    assert [result["id"] for result in again] == [result["id"] for result in results[:30]]
    assert all(result["replayed"] for result in again)


def test_what_cannot_be_all_or_none(service: httpx.Client, customer: httpx.Client) -> None:
    atomic = {"on_error": "atomic"}
    assert service.post(PATH, params=atomic, json=[]).json() == []
    item = transaction(account_id=new_account())
    too_many = service.post(PATH, params=atomic, json=[item] * 1_001)
    assert too_many.status_code == 422
    assert "1000" in too_many.json()["detail"]
    assert service.post(PATH, params={"on_error": "stop"}, json=[]).status_code == 422
    assert customer.post(PATH, params=atomic, json=[transaction(), item]).status_code == 403
    assert service.post(PATH, params=atomic, content=b"[{]", headers=JSON).status_code == 400


def test_results_come_while_the_body_still_arrives(served: Served, service: httpx.Client) -> None:
    item = json.dumps(transaction(account_id=new_account())).encode() + b"\n"
    with posting(served, service, LINES) as peer:
        answer = peer.makefile("rb")
        for number in range(3):
            peer.sendall(chunk(item))
            if number == 0:
                while answer.readline() != b"\r\n":
                    pass
            result = json.loads(read_chunk(answer))
            assert result["index"] == number
            assert "id" in result
        peer.sendall(chunk(b""))
        summary = json.loads(read_chunk(answer))
        assert (summary["complete"], summary["accepted_count"]) == (True, 3)
        assert read_chunk(answer) == b""


@pytest.mark.parametrize("ending", [b"]", b",", b"] x", b",]", b',{"amount":'])
def test_a_long_array_is_taken_up_to_where_it_breaks(service: httpx.Client, ending: bytes) -> None:
    account = new_account()
    items = [
        transaction(account_id=account, description="x" * 500, idempotency_key=f"k{n}")
        for n in range(2_000)
    ]
    body = b"[" + b", ".join(json.dumps(item).encode() for item in items) + ending
    results = results_of(service.post(PATH, content=body, headers=JSON))
    assert all("id" in result for result in results[:2_000])
    if ending == b"]":
        assert len(results) == 2_000
        return
    assert len(results) == 2_001
    assert results[-1]["problem"]["type"] == "/problems/malformed-request"


def test_a_line_that_may_be_cut_is_not_taken(served: Served, service: httpx.Client) -> None:
    account = new_account()
    first, cut = as_lines(items_of(account, 2)).split(b"\n")
    url = httpx.URL(served.system.base_url)
    with socket.create_connection((url.host, url.port or 0), timeout=10) as peer:
        peer.sendall(
            b"POST /transactions/bulk HTTP/1.1\r\nHost: x\r\n"
            b"Authorization: %s\r\nContent-Type: application/x-ndjson\r\n"
            b"Content-Length: 100000\r\n\r\n" % service.headers["authorization"].encode()
        )
        peer.sendall(first + b"\n" + cut)
    # The next request with these keys shows which of the two was taken.
    results = results_of(service.post(PATH, content=first + b"\n" + cut, headers=LINES))
    assert "replayed" not in results[1]
