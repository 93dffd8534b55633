"""A retry is safe: the same key and body give the first answer, anything else is told apart.

A real gateway and writer. Concurrent twins, other bodies, other submitters and accounts, the
stream's server lost and its data with it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import pytest

from tests.api.calls import JSON, new_account, submit, transaction, wait_written
from tests.api.conftest import Served


def post(client: httpx.Client, key: str, **fields: object) -> httpx.Response:
    return client.post(
        "/transactions/", json=transaction(**fields), headers={"Idempotency-Key": key}
    )


def test_i03_the_same_request_gets_the_same_answer(customer: httpx.Client) -> None:
    first = post(customer, "same-1", occurred_at="2026-01-31T12:00:00Z")
    again = post(customer, "same-1", occurred_at="2026-01-31T12:00:00Z")
    assert first.status_code == again.status_code == 201
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]


def test_it_occurred_when_it_was_first_submitted(customer: httpx.Client) -> None:
    first = post(customer, "now-1").json()
    assert post(customer, "now-1").json() == first
    wait_written(customer, first["id"])
    assert post(customer, "now-1").json() == first


def test_the_same_thing_said_in_other_words_is_the_same(customer: httpx.Client) -> None:
    first = submit(customer, key="words-1", amount="12.30", metadata={"a": 1, "b": 2})
    spaced = b'{"amount":1.23e1,"metadata":{"a":1,"b":2},\n "location":null,'
    for body in (
        b'{"merchant":"Corner Bakery","currency":"EUR","amount":12.3,"metadata":{"b":2,"a":1}}',
        spaced + rb'"merchant":"\u0043orner Bakery", "currency":"EUR"}',
    ):
        answer = customer.post(
            "/transactions/", content=body, headers=JSON | {"Idempotency-Key": "words-1"}
        )
        assert answer.status_code == 201, answer.text
        assert answer.json()["id"] == first["id"]


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": "12.35"}, {"currency": "USD"}, {"merchant": "Other"}, {"location": "Here"},
        {"kind": "refund"}, {"occurred_at": "2026-01-31T12:00:00Z"}, {"description": "x"},
        {"metadata": {"a": 1}},
    ],
    ids=lambda changed: next(iter(changed)),
)  # fmt: skip
def test_another_body_under_the_same_key_is_refused(
    customer: httpx.Client, changed: dict[str, object]
) -> None:
    key = f"other-{next(iter(changed))}"
    first = submit(customer, key=key)
    answer = post(customer, key, **changed)
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/idempotency-key-reused"
    assert post(customer, key).json()["id"] == first["id"]


def test_i06_keys_belong_to_their_submitter(
    customer: httpx.Client, other_customer: httpx.Client
) -> None:
    mine = submit(customer, key="shared-1")
    theirs = post(other_customer, "shared-1", amount="99")
    assert theirs.status_code == 201
    assert "idempotency-replayed" not in theirs.headers
    assert theirs.json()["id"] != mine["id"]


def test_keys_belong_to_their_account(service: httpx.Client) -> None:
    one, two = (
        submit(service, key="accounts-1", account_id=account)["id"]
        for account in (new_account(), new_account())
    )
    assert one != two


def test_i01_without_a_key_every_request_counts(customer: httpx.Client) -> None:
    assert submit(customer)["id"] != submit(customer)["id"]


def test_i05_a_hundred_twins_at_once_are_one(served: Served) -> None:
    account = new_account()
    who = served.system.make_client()
    token = served.system.token_of(who)
    with httpx.Client(
        base_url=served.system.base_url,
        headers={"Authorization": f"Bearer {token}"},
        limits=httpx.Limits(max_connections=50),
        timeout=30,
    ) as client:
        with ThreadPoolExecutor(50) as pool:
            answers = list(
                pool.map(lambda _: post(client, "twins-1", account_id=account), range(100))
            )
        assert {answer.status_code for answer in answers} == {201}
        ids = {answer.json()["id"] for answer in answers}
        assert len(ids) == 1
        fresh = [a for a in answers if "idempotency-replayed" not in a.headers]
        assert len(fresh) == 1
        wait_written(client, ids.pop())
        rows = client.get("/transactions/", params={"account_id": account}).json()
        assert len(rows) == 1


def test_i03_a_key_outlives_the_streams_server_and_its_data(
    served: Served, customer: httpx.Client
) -> None:
    first = submit(customer, key="lost-1", occurred_at=datetime.now(UTC).isoformat())
    wait_written(customer, first["id"])
    served.valkey.kill()
    for data in (served.valkey.home / "valkey" / "appendonlydir").iterdir():
        data.unlink()
    served.valkey.start()

    def again() -> httpx.Response:
        return post(customer, "lost-1", occurred_at=first["occurred_at"])

    answers = [again()]
    # Until the gateway has agreed on the new stream it accepts nothing.
    while answers[-1].status_code == 503 and len(answers) < 300:
        assert int(answers[-1].headers["retry-after"]) >= 1
        answers.append(again())
    assert answers[-1].status_code == 201, answers[-1].text
    assert answers[-1].json()["id"] == first["id"]
    assert answers[-1].headers["idempotency-replayed"] == "true"
