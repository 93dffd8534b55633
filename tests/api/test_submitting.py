"""A submission is taken exactly as it was meant, answered in full, and readable at once.

A real gateway and writer; what was answered is compared with what is read back before and after it
is written.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aether_api import schemas, schemas_alerts
from aether_core.alert import AlertView
from aether_core.money import EXPONENTS, MINOR_UNITS_MAX
from aether_core.transaction import TransactionView
from tests.api.calls import JSON, new_account, submit, transaction, wait_written


def test_the_answer_is_the_transaction(customer: httpx.Client) -> None:
    answer = customer.post(
        "/transactions/",
        json=transaction(
            location="Lisbon, PT",
            kind="refund",
            occurred_at="2018-04-01T02:11:44.5+02:00",
            description="für später 👩‍🚀",
            metadata={"till": 4, "contactless": True, "note": None, "shop.name": "ü"},
        ),
    )
    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["location"] == f"/transactions/{body['id']}"
    assert answer.headers["cache-control"] == "no-store"
    assert "idempotency-replayed" not in answer.headers
    me = customer.get("/auth/me").json()
    assert body["user_id"] == me["user_id"]
    assert body["account_id"] == me["account_id"]
    assert body["amount"] == "12.34"
    assert body["occurred_at"] == "2018-04-01T00:11:44.500000Z"
    assert body["status"] == "pending"
    assert body["is_flagged"] is False
    assert body["score"] is body["decision"] is None
    assert body["reasons"] == []
    schemas.Transaction.model_validate_json(answer.content)
    written = wait_written(customer, body["id"])
    changed = {"status", "score", "decision", "reasons", "is_flagged"}
    assert {k: v for k, v in written.items() if k not in changed} == {
        k: v for k, v in body.items() if k not in changed
    }
    assert 0 <= written["score"] <= 1
    assert written["decision"] in {"approve", "review", "decline"}


def test_defaults(customer: httpx.Client) -> None:
    answer = customer.post("/transactions/", json={"amount": "5", "merchant": "m"})
    body = answer.json()
    assert (body["currency"], body["kind"], body["amount"]) == ("USD", "purchase", "5.00")
    for name in ("location", "description", "metadata"):
        assert body[name] is None
    occurred = datetime.fromisoformat(body["occurred_at"])
    created = datetime.fromisoformat(body["created_at"])
    assert abs((created - occurred).total_seconds()) < 5


@pytest.mark.parametrize(
    ("literal", "currency", "amount"),
    [
        ("0.30", "EUR", "0.30"),
        ("12.340000", "EUR", "12.34"),
        ("1e2", "EUR", "100.00"),
        ("1.5E+1", "EUR", "15.00"),
        ("9007199254740.93", "EUR", "9007199254740.93"),
        ("123456789.12", "EUR", "123456789.12"),
        ("0.1", "KWD", "0.100"),
        ("500", "JPY", "500"),
        ("500.00", "JPY", "500"),
        ('"0.01"', "USD", "0.01"),
        ('"10000000000000"', "USD", "10000000000000.00"),
        ('"1\\u0032.5"', "USD", "12.50"),
    ],
)
def test_m04_m05_amounts_are_exact(
    customer: httpx.Client, literal: str, currency: str, amount: str
) -> None:
    body = f'{{"amount":{literal},"currency":"{currency}","merchant":"m"}}'
    answer = customer.post("/transactions/", content=body, headers=JSON)
    assert answer.status_code == 201, answer.text
    assert answer.json()["amount"] == amount
    assert wait_written(customer, answer.json()["id"])["amount"] == amount


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(units=st.integers(1, MINOR_UNITS_MAX), currency=st.sampled_from(sorted(EXPONENTS)))
def test_m05_no_amount_is_changed_by_a_hair(
    customer: httpx.Client, units: int, currency: str
) -> None:
    sent = Decimal(units).scaleb(-EXPONENTS[currency])
    body = f'{{"amount":{sent:f},"currency":"{currency}","merchant":"m"}}'
    answer = customer.post("/transactions/", content=body, headers=JSON)
    assert answer.status_code == 201, answer.text
    assert Decimal(answer.json()["amount"]) == sent


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>", "javascript:alert(1)", "{{7*7}}", "${jndi:ldap://x}", "=1+1",
        "'; DROP TABLE transactions;--", "日本語のお店", "مطعم", "Ünïcödé", "🏳️‍🌈",
        "x" * 140, "é" * 140, "a\u0301" * 5, "O'Brien & Söhne, \"Ltd\" \\ / %00",
    ],
)  # fmt: skip
def test_t06_t09_texts_come_back_as_they_were(customer: httpx.Client, text: str) -> None:
    body = submit(customer, merchant=text, description=text)
    assert body["merchant"] == text
    assert wait_written(customer, body["id"])["description"] == text


def test_a_service_may_submit_for_any_account(
    service: httpx.Client, customer: httpx.Client
) -> None:
    account = customer.get("/auth/me").json()["account_id"]
    body = submit(service, account_id=account)
    assert body["account_id"] == account
    # It is the account's, whoever submitted it.
    assert customer.get(f"/transactions/{body['id']}").status_code == 200


def test_b04_a_customer_may_name_only_their_own_account(customer: httpx.Client) -> None:
    own = customer.get("/auth/me").json()["account_id"]
    assert submit(customer, account_id=own)["account_id"] == own
    answer = customer.post("/transactions/", json=transaction(account_id=new_account()))
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"


def test_analysts_submit_nothing(analyst: httpx.Client) -> None:
    assert analyst.post("/transactions/", json=transaction()).status_code == 403


def test_nobody_submits_without_a_token(anybody: httpx.Client) -> None:
    answer = anybody.post("/transactions/", json=transaction())
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    answer = anybody.post("/transactions/", json=transaction(), headers={"Authorization": "x y"})
    assert answer.status_code == 401


def test_j17_two_authorization_headers_are_refused(customer: httpx.Client) -> None:
    token = customer.headers["authorization"]
    answer = httpx.post(
        f"{customer.base_url}/transactions/",
        json=transaction(),
        headers=[("Authorization", token), ("Authorization", token)],
    )
    assert answer.status_code == 401


def test_ids_are_in_the_order_of_acceptance(service: httpx.Client) -> None:
    account = new_account()
    ids = [submit(service, account_id=account)["id"] for _ in range(20)]
    assert ids == sorted(ids)


def names_of(kind: type[msgspec.Struct]) -> set[str]:
    return {field.name for field in msgspec.structs.fields(kind)}


def test_the_document_shows_what_is_sent() -> None:
    assert names_of(TransactionView) == set(schemas.Transaction.model_fields)
    assert names_of(AlertView) == set(schemas_alerts.Alert.model_fields)
