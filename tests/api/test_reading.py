"""Reading: pages without a slip, filters as asked, and only for those to whom it belongs.

A real gateway and writer; every filter is compared with the same question asked of the full list.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.calls import new_account, submit, wait_written
from tests.running import wait_until


def pages(client: httpx.Client, **query: Any) -> Iterator[list[dict[str, Any]]]:  # noqa: ANN401
    """Follow the Link headers from the first page to the last."""
    answer = client.get("/transactions/", params=query)
    while True:
        assert answer.status_code == 200, answer.text
        yield answer.json()
        if "next" not in answer.links:
            return
        answer = client.get(answer.links["next"]["url"])


@pytest.fixture(scope="module")
def account(service: httpx.Client) -> str:
    """An account with 40 written transactions of two currencies and four merchants."""
    account = new_account()
    for number in range(40):
        last = submit(
            service,
            account_id=account,
            amount=str(number + 1),
            currency=("EUR", "JPY")[number % 2],
            merchant=f"Shop {number % 4}",
        )
    wait_written(service, last["id"])
    return account


def test_pages_hold_everything_once_and_newest_first(service: httpx.Client, account: str) -> None:
    found = list(pages(service, account_id=account, limit=7))
    assert [len(page) for page in found] == [7, 7, 7, 7, 7, 5]
    ids = [row["id"] for page in found for row in page]
    assert len(set(ids)) == 40
    assert ids == sorted(ids, reverse=True)


def test_a_last_page_that_is_full_has_no_next(service: httpx.Client, account: str) -> None:
    found = list(pages(service, account_id=account, limit=20))
    assert [len(page) for page in found] == [20, 20]


def test_what_arrives_meanwhile_moves_nothing(service: httpx.Client) -> None:
    account = new_account()
    for _ in range(10):
        last = submit(service, account_id=account)
    wait_written(service, last["id"])
    walk = pages(service, account_id=account, limit=3)
    seen = [row["id"] for row in next(walk)]
    newer = submit(service, account_id=account)
    wait_written(service, newer["id"])
    seen += [row["id"] for page in walk for row in page]
    assert len(seen) == len(set(seen)) == 10
    assert newer["id"] not in seen


@pytest.mark.parametrize(
    ("query", "keeps"),
    [
        ({"currency": "JPY"}, lambda row: row["currency"] == "JPY"),
        ({"merchant": "Shop 3"}, lambda row: row["merchant"] == "Shop 3"),
        (
            {"currency": "EUR", "amount_min": "7", "amount_max": "21.00"},
            lambda row: row["currency"] == "EUR" and 7 <= float(row["amount"]) <= 21,
        ),
        (
            {"currency": "JPY", "amount_min": "30"},
            lambda row: row["currency"] == "JPY" and int(row["amount"]) >= 30,
        ),
        ({"is_flagged": "false"}, lambda row: not row["is_flagged"]),
        ({"is_flagged": "true"}, lambda row: row["is_flagged"]),
        ({"decision": "approve"}, lambda row: row["decision"] == "approve"),
        ({"score_min": "0.05"}, lambda row: row["score"] >= 0.05),
        ({"since": "2000-01-01T00:00:00Z"}, lambda _: True),
        ({"until": "2000-01-01T00:00:00Z"}, lambda _: False),
        ({"merchant": "Shop 1", "currency": "EUR"}, lambda _: False),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_filters(
    service: httpx.Client,
    account: str,
    query: dict[str, str],
    keeps: Any,  # noqa: ANN401
) -> None:
    everything = [row for page in pages(service, account_id=account) for row in page]
    assert len(everything) == 40
    found = [row for page in pages(service, account_id=account, limit=3, **query) for row in page]
    assert found == [row for row in everything if keeps(row)]


def test_since_and_until_meet_without_a_gap(service: httpx.Client, account: str) -> None:
    rows = [row for page in pages(service, account_id=account) for row in page]
    middle = rows[20]["created_at"]
    newer = [r for p in pages(service, account_id=account, since=middle) for r in p]
    older = [r for p in pages(service, account_id=account, until=middle) for r in p]
    assert newer + older == rows
    assert rows[20] in newer


def test_a_cursor_belongs_to_its_filters(service: httpx.Client, account: str) -> None:
    answer = service.get("/transactions/", params={"account_id": account, "limit": 5})
    url = httpx.URL(answer.links["next"]["url"])
    cursor = url.params["cursor"]
    for query in (
        {"cursor": cursor},
        {"cursor": cursor, "account_id": account, "currency": "EUR"},
        {"cursor": cursor[:-1] + ("A" if cursor[-1] != "A" else "B"), "account_id": account},
    ):
        refused = service.get("/transactions/", params=query)
        assert refused.status_code == 422
        assert refused.json()["type"] == "/problems/invalid-cursor"
    # How many a page holds may change on the way.
    again = service.get(
        "/transactions/", params={"cursor": cursor, "account_id": account, "limit": 500}
    )
    assert len(again.json()) == 35


def test_b01_a_customer_sees_only_their_own(
    customer: httpx.Client, other_customer: httpx.Client
) -> None:
    mine = submit(customer)
    theirs = submit(other_customer)
    wait_written(customer, mine["id"])
    wait_written(other_customer, theirs["id"])
    listed = {row["id"] for page in pages(customer) for row in page}
    assert mine["id"] in listed
    assert theirs["id"] not in listed
    other_account = theirs["account_id"]
    assert customer.get("/transactions/", params={"account_id": other_account}).status_code == 403
    # Nor through a cursor that somebody else was given.
    for _ in range(2):
        wait_written(other_customer, submit(other_customer)["id"])
    cursor = httpx.URL(other_customer.get("/transactions/?limit=1").links["next"]["url"]).params[
        "cursor"
    ]
    stolen = customer.get("/transactions/", params={"cursor": cursor, "limit": 50})
    assert theirs["id"] not in {row["id"] for row in stolen.json()}


def test_b01_anothers_transaction_looks_like_none(
    customer: httpx.Client, other_customer: httpx.Client
) -> None:
    theirs = submit(other_customer)["id"]
    never = f"{theirs[:-1]}{'0' if theirs[-1] != '0' else '1'}"

    def answer_to(identifier: str) -> str:
        answer = customer.get(f"/transactions/{identifier}", headers={"X-Request-ID": "r"})
        assert answer.status_code == 404
        return answer.text.replace(identifier, "ID")

    pending = answer_to(theirs)
    wait_written(other_customer, theirs)
    assert pending == answer_to(theirs) == answer_to(never)


def test_analysts_and_operators_see_all(
    analyst: httpx.Client, operator: httpx.Client, customer: httpx.Client
) -> None:
    mine = submit(customer)
    for client in (analyst, operator):
        assert wait_written(client, mine["id"])["id"] == mine["id"]
        rows = client.get("/transactions/", params={"account_id": mine["account_id"]}).json()
        assert mine["id"] in {row["id"] for row in rows}


def test_an_accepted_transaction_is_found_before_it_is_written(
    served: Any,  # noqa: ANN401 - the fixture's own type lives in conftest
    customer: httpx.Client,
    other_customer: httpx.Client,
) -> None:
    (writer,) = served.system.writers
    writer.stop()
    try:
        body = submit(customer, metadata={"a": 1}, description="not yet written")
        found = customer.get(f"/transactions/{body['id']}")
        assert found.status_code == 200
        assert found.json() == body
        assert other_customer.get(f"/transactions/{body['id']}").status_code == 404
        # A neighbouring place, another shard or another incarnation hold nothing.
        for digit in (-1, -9, -13):
            other = list(body["id"])
            other[digit] = "0" if other[digit] != "0" else "1"
            assert customer.get(f"/transactions/{''.join(other)}").status_code == 404
        length = customer.get("/transactions/stream/length").json()
        assert length["transactions_in_queue"] >= 1
        assert length["oldest_seconds"] >= 0
        assert (
            sum(shard["backlog"] for shard in length["shards"]) == (length["transactions_in_queue"])
        )
    finally:
        writer.start()
    assert wait_written(customer, body["id"])["status"] == "processed"
    wait_until(
        lambda: customer.get("/transactions/stream/length").json()["transactions_in_queue"] == 0,
        "the backlog to be written",
    )
    assert customer.get("/transactions/stream/length").json()["oldest_seconds"] is None
