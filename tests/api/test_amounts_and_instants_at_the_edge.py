"""Amounts, instants, texts and maps at the edge: what was acknowledged is what is stored.

A real gateway and writer. Each value is looked up in PostgreSQL itself, not only through the
gateway that answered: to the last digit, in UTC, and in sums that no 64-bit integer holds.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
import httpx
import pytest

from aether_core.money import EXPONENTS, MINOR_UNITS_MAX
from tests.api.calls import JSON, new_account, submit, transaction, wait_written
from tests.api.conftest import Served
from tests.running import wait_until


def stored(served: Served, identifier: str) -> asyncpg.Record:
    """Return a transaction's row."""

    async def fetch() -> asyncpg.Record:
        connection = await asyncpg.connect(served.database_url, timeout=10)
        try:
            row = await connection.fetchrow("SELECT * FROM transactions WHERE id = $1", identifier)
        finally:
            await connection.close()
        assert row is not None
        return row

    return asyncio.run(fetch())


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
def test_m04_the_largest_amount_is_taken_and_one_unit_more_is_not(
    served: Served, customer: httpx.Client, currency: str
) -> None:
    unit = Decimal(1).scaleb(-EXPONENTS[currency])
    largest = MINOR_UNITS_MAX * unit
    body = submit(customer, amount=f"{largest:f}", currency=currency)
    assert Decimal(body["amount"]) == largest
    wait_written(customer, body["id"])
    assert stored(served, body["id"])["amount_minor_units"] == MINOR_UNITS_MAX
    answer = customer.post(
        "/transactions/", json=transaction(amount=f"{largest + unit:f}", currency=currency)
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["amount"]


@pytest.mark.parametrize(
    ("literal", "minor_units"),
    [
        # Where a binary fraction would round: neither may lose or win a cent on the way.
        ("123456789.12", 12_345_678_912),
        ("9007199254740.93", 900_719_925_474_093),
        ("0.29", 29),
        ("1.15", 115),
        ("4.35", 435),
        ("1005e-2", 1_005),
        ('"8.2"', 820),
    ],
)
def test_m05_the_row_holds_what_was_acknowledged(
    served: Served, customer: httpx.Client, literal: str, minor_units: int
) -> None:
    body = f'{{"amount":{literal},"currency":"EUR","merchant":"m"}}'
    answer = customer.post("/transactions/", content=body, headers=JSON)
    assert answer.status_code == 201, answer.text
    acknowledged = answer.json()
    assert Decimal(acknowledged["amount"]) == Decimal(minor_units).scaleb(-2)
    assert wait_written(customer, acknowledged["id"])["amount"] == acknowledged["amount"]
    assert stored(served, acknowledged["id"])["amount_minor_units"] == minor_units


@pytest.mark.parametrize(
    ("instant", "utc"),
    [
        ("2000-01-01T00:00:00Z", "2000-01-01T00:00:00+00:00"),
        ("2016-02-29T23:59:59.999999-12:00", "2016-03-01T11:59:59.999999+00:00"),
        ("2020-01-01T00:30:00+14:00", "2019-12-31T10:30:00+00:00"),
    ],
)
def test_m09_old_instants_are_stored_in_utc(
    served: Served, customer: httpx.Client, instant: str, utc: str
) -> None:
    body = submit(customer, occurred_at=instant)
    expected = datetime.fromisoformat(utc)
    assert body["occurred_at"].endswith("Z")
    assert datetime.fromisoformat(body["occurred_at"]) == expected
    # Tables are cut by acceptance, so that there is a part for it however old it is.
    wait_written(customer, body["id"])
    assert stored(served, body["id"])["occurred_at"] == expected


def test_m09_a_clock_that_is_a_little_fast_is_forgiven(
    served: Served, customer: httpx.Client
) -> None:
    ahead = datetime.now(UTC) + timedelta(seconds=20)
    body = submit(customer, occurred_at=ahead.isoformat())
    wait_written(customer, body["id"])
    assert stored(served, body["id"])["occurred_at"] == ahead


def test_m10_sums_beyond_64_bits_are_exact(
    served: Served, service: httpx.Client, analyst: httpx.Client, operator: httpx.Client
) -> None:
    """One account receives more minor units than a 64-bit integer holds."""
    count = 2**63 // MINOR_UNITS_MAX + 2
    account = new_account()
    # A currency without decimals: its amounts are its minor units.
    amount = str(MINOR_UNITS_MAX)

    def volume() -> tuple[Decimal, int]:
        answer = analyst.get("/analytics/summary")
        assert answer.status_code == 200, answer.text
        for row in answer.json()["volume"]:
            if row["currency"] == "VUV":
                return Decimal(row["amount"]), row["count"]
        return Decimal(0), 0

    def is_idle() -> bool:
        answer = operator.get("/transactions/stream/length")
        return bool(answer.json()["transactions_in_queue"] == 0)

    wait_until(is_idle, "earlier transactions to be written")
    before, count_before = volume()
    # One a minute: the point is the sum, not how quickly it came.
    start = datetime.now(UTC) - timedelta(minutes=count)
    lines = "\n".join(
        json.dumps(
            transaction(
                amount=amount,
                currency="VUV",
                account_id=account,
                kind="deposit",
                occurred_at=(start + timedelta(minutes=number)).isoformat(),
            )
        )
        for number in range(count)
    )
    answer = service.post(
        "/transactions/bulk",
        content=lines,
        headers={"Content-Type": "application/x-ndjson"},
        timeout=60,
    )
    assert json.loads(answer.text.splitlines()[-1])["accepted_count"] == count
    wait_until(lambda: volume()[1] == count_before + count, "all of them to be counted")
    total = volume()[0] - before
    assert total == count * MINOR_UNITS_MAX
    assert total > 2**63
    # Nothing else stumbles over it: pages, the forecast, the pipeline's own account.
    for client, path in (
        (analyst, f"/transactions/?account_id={account}&limit=500"),
        (analyst, "/analytics/forecast"),
        (analyst, f"/alerts/?account_id={account}"),
        (operator, "/operations/pipeline"),
    ):
        assert client.get(path).status_code == 200, path


def test_t01_one_nul_in_a_batch_spares_its_neighbours(
    service: httpx.Client, customer: httpx.Client
) -> None:
    account = new_account()
    good = transaction(account_id=account)
    items = [good, good | {"merchant": "a\x00b"}, good | {"description": "\x00"}, good]
    items += [good | {"metadata": {"note": "a\x00"}}, good | {"location": "\x00"}, good]
    answer = service.post("/transactions/bulk", json=items)
    results = answer.json()
    assert [("id" in result) for result in results] == [
        True,
        False,
        False,
        True,
        False,
        False,
        True,
    ]
    assert all(result["problem"]["status"] == 422 for result in results if "problem" in result)
    for result in results:
        if "id" in result:
            assert wait_written(service, result["id"])["status"] == "processed"
    assert len(service.get("/transactions/", params={"account_id": account}).json()) == 3


@pytest.mark.parametrize("character", ["x", "é", "界", "🏳"], ids=["1", "2", "3", "4"])
@pytest.mark.parametrize(("field", "length"), [("merchant", 140), ("location", 140)])
def test_t09_lengths_are_counted_in_characters_whatever_their_bytes(
    served: Served, customer: httpx.Client, field: str, length: int, character: str
) -> None:
    body = submit(customer, **{field: character * length})
    wait_written(customer, body["id"])
    assert stored(served, body["id"])[field] == character * length
    answer = customer.post("/transactions/", json=transaction(**{field: character * (length + 1)}))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    "text",
    ["Pay\u0440al", "👩‍👩‍👧‍👦", "❤\ufe0f", "e\u0301\u0302\u0303"],
    ids=["homoglyph", "joined emoji", "variation selector", "three marks"],
)
def test_t05_what_people_write_is_kept_as_it_is(
    served: Served, customer: httpx.Client, text: str
) -> None:
    body = submit(customer, merchant=text)
    assert body["merchant"] == text
    wait_written(customer, body["id"])
    assert stored(served, body["id"])["merchant"] == text


@pytest.mark.parametrize(
    ("metadata", "status"),
    [
        ({f"k{number}": number for number in range(20)}, 201),
        ({f"k{number}": number for number in range(10_000)}, 413),
        ({"k" * 1_000_000: 1}, 413),
        ({f"k{number}": number for number in range(3_000)}, 422),
        ({"k" * 50_000: 1}, 422),
    ],
    ids=["20 keys", "10 000 keys", "a key of 1 MB", "3 000 keys", "a key of 50 kB"],
)
def test_t11_a_map_is_bounded_in_keys_and_in_bytes(
    customer: httpx.Client, metadata: dict[str, int], status: int
) -> None:
    answer = customer.post("/transactions/", json=transaction(metadata=metadata))
    assert answer.status_code == status, answer.text[:200]
    if status != 201:
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.content) < 2_000
