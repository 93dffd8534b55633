"""What does not exist cannot be guessed or misused: exports, callbacks, fits on request, ids.

A real gateway and writer, and the committed interface: neighbours of an id are asked for, names
that an export might have are tried, and lists are read whole by many at once while others submit.
"""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.api.calls import JSON, new_account, submit, transaction, wait_written

DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[2] / "frontend" / "openapi.json").read_text()
)
OPERATIONS = [
    (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


def fields_of(schema: object) -> set[str]:
    """Return every property's name in a schema, references followed."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            reference = part.get("$ref")
            if isinstance(reference, str) and reference not in seen:
                seen.add(reference)
                waiting.append(DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]])
            found |= set(part.get("properties", {}))
            waiting += part.values()
    return found


def test_l05_no_request_names_an_address_that_the_gateway_would_call() -> None:
    taken = {
        name
        for _path, _method, operation in OPERATIONS
        for name in fields_of(operation.get("requestBody", {}))
        | {parameter["name"] for parameter in operation.get("parameters", [])}
    }
    assert {"amount", "limit", "grant_type"} <= taken
    calling = ("url", "uri", "callback", "webhook", "host", "endpoint", "proxy")
    assert [name for name in taken if any(word in name.lower() for word in calling)] == []
    assert not any("callbacks" in operation for _path, _method, operation in OPERATIONS)
    assert "webhooks" not in DOCUMENT


@pytest.mark.parametrize("field", ["webhook_url", "callback_url", "redirect_uri", "notify"])
@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/", "http://169.254.169.254/latest", "file:///etc/passwd"]
)
def test_l05_an_address_in_a_submission_is_refused(
    customer: httpx.Client, field: str, address: str
) -> None:
    answer = customer.post("/transactions/", json=transaction() | {field: address})
    assert answer.status_code == 422
    assert address not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/exports/1", "/export", "/transactions/export", "/transactions.csv", "/transactions/1.csv",
        "/audit/export", "/audit.csv", "/export.csv", "/download/transactions.csv",
        "/static/export.csv", "/assets/audit.csv", "/alerts/export", "/exports/../exports/1",
    ],
)  # fmt: skip
def test_b07_no_export_lies_under_a_name(admin: httpx.Client, path: str) -> None:
    # Exports are made by a command on the server's own machine and never kept by the gateway.
    answer = admin.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert not any("export" in documented for documented in DOCUMENT["paths"])


def test_q04_no_forecast_is_made_on_request(customer: httpx.Client) -> None:
    for query in ("horizon=1000000000", "horizon=-1", "minutes=10", "order=9,9,9"):
        answer = customer.get(f"/analytics/forecast?{query}")
        assert answer.status_code == 422, query
    first = customer.get("/analytics/forecast")
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: customer.get("/analytics/forecast"), range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["analyzed_at"] for answer in answers} == {first.json()["analyzed_at"]}
    # The gateway could not if it would: it has not loaded what fits models.
    loaded = subprocess.run(
        [sys.executable, "-c", "import aether_api.app, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.split()
    assert "aether_api.app" in loaded
    assert not {"statsmodels", "scipy", "pmdarima"} & set(loaded)


def test_q05_every_list_is_bounded() -> None:
    lists = 0
    for path, method, operation in OPERATIONS:
        content = operation["responses"].get("200", {}).get("content", {})
        if method != "get" or content.get("application/json", {}).get("schema", {}).get("type") != (
            "array"
        ):
            continue
        lists += 1
        limits = [p["schema"] for p in operation.get("parameters", []) if p["name"] == "limit"]
        assert limits or path == "/keys/", path
        assert all(limit["maximum"] <= 500 for limit in limits), path
    assert lists >= 5


def test_q05_many_who_read_everything_do_not_starve_intake(
    service: httpx.Client, analyst: httpx.Client
) -> None:
    account = new_account()
    items = [transaction(account_id=account) for _ in range(1_000)]
    results = service.post("/transactions/bulk", json=items, timeout=60).json()
    wait_written(service, results[-1]["id"])
    wanted = {result["id"] for result in results}

    def read_everything(_: int) -> set[str]:
        found: set[str] = set()
        page = f"/transactions/?account_id={account}&limit=100"
        while page:
            answer = analyst.get(page, timeout=30)
            assert answer.status_code == 200, answer.text
            found |= {row["id"] for row in answer.json()}
            page = answer.links.get("next", {}).get("url", "")
        return found

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(read_everything, number) for number in range(8)]
        # As long as anybody reads, submissions are taken.
        while not all(reader.done() for reader in readers):
            submit(service, account_id=new_account())
        for reader in readers:
            assert reader.result() >= wanted


def test_l08_neighbours_of_an_id_give_nothing_away(
    customer: httpx.Client, other_customer: httpx.Client
) -> None:
    """Places next to one's own are another's or nobody's: both are answered alike."""
    mine = submit(customer)["id"]
    theirs = submit(other_customer)["id"]
    wait_written(other_customer, theirs)
    wait_written(customer, mine)
    answers = set()
    for step in (*range(-8, 0), *range(1, 9), *(2**power for power in range(4, 62, 6))):
        for near in (mine, theirs):
            identifier = str(UUID(int=UUID(near).int + step))
            answer = customer.get(f"/transactions/{identifier}", headers={"X-Request-ID": "r"})
            assert answer.status_code == 404
            answers.add(answer.text.replace(identifier, "ID"))
    answer = customer.get(f"/transactions/{theirs}", headers={"X-Request-ID": "r"})
    assert answer.status_code == 404
    answers.add(answer.text.replace(theirs, "ID"))
    assert len(answers) == 1
    assert customer.get(f"/transactions/{mine}").status_code == 200


def test_i07_a_key_on_two_endpoints_is_two_requests(service: httpx.Client) -> None:
    """A key belongs to submissions: elsewhere it is ignored, whatever was done under it."""
    account = new_account()
    key = {"Idempotency-Key": f"two-{account}"}
    first = service.post("/transactions/", json=transaction(account_id=account), headers=key)
    assert first.status_code == 201
    listed = service.get("/transactions/stream/length", headers=key)
    assert listed.status_code == 200
    assert "idempotency-replayed" not in listed.headers
    found = service.get(f"/transactions/{first.json()['id']}", headers=key)
    assert found.json()["id"] == first.json()["id"]
    again = service.post("/transactions/", json=transaction(account_id=account), headers=key)
    assert again.json()["id"] == first.json()["id"]
    # A bulk request takes its keys with its items, and says so; they are the same submissions.
    bulk = service.post(
        "/transactions/bulk", json=[transaction(account_id=account)], headers=JSON | key
    )
    assert bulk.status_code == 400
    item = transaction(account_id=account, idempotency_key=key["Idempotency-Key"])
    (result,) = service.post("/transactions/bulk", json=[item]).json()
    assert result["id"] == first.json()["id"]
    assert result["replayed"] is True
