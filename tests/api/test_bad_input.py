"""Bad input changes nothing and says why: whatever is wrong is refused, named, and not stored.

Every case goes to a real gateway; afterwards nothing was accepted, and a good request sent straight
after succeeds. Cases follow the attack tables: amounts, currencies, texts, instants, metadata,
broken JSON, media types, sizes, identifiers, queries, keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.calls import JSON, submit, submitted_count, transaction

_AHEAD = (datetime.now(UTC) + timedelta(days=3)).isoformat()


def raw(**fields: str) -> bytes:
    """A body in which these fields stand as they are written here."""
    good = {name: json.dumps(value) for name, value in transaction().items()}
    members = ",".join(f'"{name}":{value}' for name, value in (good | fields).items())
    return f"{{{members}}}".encode()


def assert_problem(answer: httpx.Response, status: int | tuple[int, ...]) -> dict[str, Any]:
    """Check that an answer is a problem that gives nothing away, and return it."""
    allowed = (status,) if isinstance(status, int) else status
    assert answer.status_code in allowed, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"].startswith("/problems/")
    assert problem["title"]
    assert problem["status"] == answer.status_code
    for internal in ("Traceback", "SELECT", ".py", "aether_", "asyncpg", "msgspec", "pydantic"):
        assert internal not in answer.text
    return problem


def fields_of(problem: dict[str, Any]) -> set[str]:
    return {error["field"] for error in problem.get("errors", [])}


@pytest.fixture(autouse=True)
def _nothing_is_accepted(anybody: httpx.Client, customer: httpx.Client) -> Iterator[None]:
    before = submitted_count(anybody)
    yield
    assert submitted_count(anybody) == before
    submit(customer)


AMOUNTS = [
    "-1", "0", "-0", "0.0", "1e30", "1" + "0" * 30, "1" * 5000, "0.001", "1.005",
    "0.30000000000000004", "10000000000000.01", '"-1"', '"0"', '"-0.00"', '"0.00"', '"NaN"',
    '"Infinity"', '"-Infinity"', '"1,5"', '"1_000"', '"١٢"', '" 1"', '"1 "', '"+1"', '".5"', '"5."',
    '""', '"1e400"', '"0x10"', "true", "null", "[]", "{}", "[1]", '{"value":1}',
    '"' + "9" * 5000 + '"',
]  # fmt: skip


@pytest.mark.parametrize("amount", AMOUNTS, ids=lambda text: text[:24])
def test_m01_m02_m04_m05_amounts(customer: httpx.Client, amount: str) -> None:
    answer = customer.post("/transactions/", content=raw(amount=amount), headers=JSON)
    assert fields_of(assert_problem(answer, 422)) == {"amount"}


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "01", "1.", ".5", "+1", "0x1"])
def test_m02_what_is_no_json_number(customer: httpx.Client, literal: str) -> None:
    answer = customer.post("/transactions/", content=raw(amount=literal), headers=JSON)
    assert_problem(answer, 400)


@pytest.mark.parametrize(
    "currency",
    [
        "usd",
        "US",
        "USDT",
        "XXX",
        "XTS",
        "XAU",
        "  USD",
        "USD ",
        "\uff35\uff33\uff24",
        "DEM",
        "",
        840,
    ],
)
def test_m07_currencies(customer: httpx.Client, currency: object) -> None:
    answer = customer.post("/transactions/", json=transaction(currency=currency))
    assert fields_of(assert_problem(answer, 422)) == {"currency"}


def test_decimals_are_those_of_the_currency(customer: httpx.Client) -> None:
    for amount, currency in (("1.5", "JPY"), ("1.2345", "KWD"), ("1.234", "EUR")):
        answer = customer.post("/transactions/", json=transaction(amount=amount, currency=currency))
        assert fields_of(assert_problem(answer, 422)) == {"amount"}


TEXTS = [
    "", " ", "\t", "a\x00b", "a\nb", "a\rb", "\x1b[31mred", "\x1b]52;c;aGk=\x07", "\x9b31m",
    "a\x07", "a\x7f", "a\x08", "\u202eevil", "\u2066a\u2069", "zero\u200bwidth", "\u2028",
    "\ufeffa", "\ue000", "\U000e0001", "Z" + "\u0301" * 500, "\u0378", "x" * 141, "é" * 141,
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:24])
@pytest.mark.parametrize("field", ["merchant", "location"])
def test_t01_t03_t05_t09_texts(customer: httpx.Client, field: str, text: str) -> None:
    answer = customer.post("/transactions/", json=transaction(**{field: text}))
    problem = assert_problem(answer, 422)
    assert fields_of(problem) == {field}
    assert not text or len(text) < 2 or text not in answer.json()["detail"]


def test_texts_of_another_type(customer: httpx.Client) -> None:
    for value in (1, True, ["a"], {"a": 1}):
        answer = customer.post(
            "/transactions/", json=transaction(merchant=value, description=value)
        )
        assert fields_of(assert_problem(answer, 422)) == {"merchant", "description"}


@pytest.mark.parametrize(
    "raw_text",
    [r'"\ud800"', r'"\udc00\ud800"', r'"\u0000"', r'"\q"', '"\x01"', "'a'", '"a'],
)
def test_t01_broken_strings(customer: httpx.Client, raw_text: str) -> None:
    answer = customer.post("/transactions/", content=raw(merchant=raw_text), headers=JSON)
    assert_problem(answer, (400, 422))


INSTANTS = [
    "2026-01-01T00:00:00", "2026-01-01", "0001-01-01T00:00:00Z", "1999-12-31T23:59:59Z",
    "9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "2026-01-01T00:00:00+25:00",
    "2026-12-31T23:59:60Z", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "now", "",
    pytest.param(_AHEAD, id="days ahead"),
    1_700_000_000_000, 1_700_000_000, True, [],
]  # fmt: skip


@pytest.mark.parametrize("instant", INSTANTS, ids=str)
def test_m09_instants(customer: httpx.Client, instant: object) -> None:
    answer = customer.post("/transactions/", json=transaction(occurred_at=instant))
    assert fields_of(assert_problem(answer, 422)) == {"occurred_at"}


METADATA: list[object] = [
    {"__proto__": 1}, {"constructor": 1}, {"prototype": "x"}, {"": 1}, {"1a": 1}, {"a b": 1},
    {"a": 1.5}, {"a": [1]}, {"a": {"b": 1}}, {"a": 2**53}, {"a": -(2**70)}, {"a": "x" * 201},
    {"a": "b\x1b[0m"}, {"k" * 1_000: 1}, {f"k{n}": n for n in range(21)}, [], "a", 1,
]  # fmt: skip


@pytest.mark.parametrize("metadata", METADATA, ids=lambda value: str(value)[:30])
def test_t11_metadata(customer: httpx.Client, metadata: object) -> None:
    answer = customer.post("/transactions/", json=transaction(metadata=metadata))
    fields = fields_of(assert_problem(answer, 422))
    assert len(fields) == 1
    assert fields.pop().split(".")[0] == "metadata"


@pytest.mark.parametrize("account", ["", "a b", "ä", "-a", "x" * 65, "a/b", "a\x00", "a\n", 7])
def test_accounts(service: httpx.Client, account: object) -> None:
    answer = service.post("/transactions/", json=transaction(account_id=account))
    assert fields_of(assert_problem(answer, 422)) == {"account_id"}


def test_who_has_no_account_must_name_one(service: httpx.Client) -> None:
    answer = service.post("/transactions/", json=transaction())
    assert fields_of(assert_problem(answer, 422)) == {"account_id"}


@pytest.mark.parametrize("kind", ["", "Purchase", "payment", 1, []])
def test_kinds(customer: httpx.Client, kind: object) -> None:
    answer = customer.post("/transactions/", json=transaction(kind=kind))
    assert fields_of(assert_problem(answer, 422)) == {"kind"}


@pytest.mark.parametrize(
    "field", ["id", "user_id", "status", "score", "is_flagged", "created_at", "role", "amount "]
)
def test_r02_unknown_fields(customer: httpx.Client, field: str) -> None:
    answer = customer.post("/transactions/", json=transaction() | {field: "x"})
    problem = assert_problem(answer, 422)
    assert fields_of(problem) <= {field, "body"}


def test_every_wrong_field_is_named_at_once(customer: httpx.Client) -> None:
    answer = customer.post(
        "/transactions/",
        json={
            "amount": -1,
            "currency": "DEM",
            "merchant": "",
            "kind": "x",
            "occurred_at": "never",
            "location": "\x00",
            "metadata": {"a": 1.5},
            "surprise": 1,
        },
    )
    problem = assert_problem(answer, 422)
    assert fields_of(problem) == {
        "amount", "currency", "merchant", "kind", "occurred_at", "location", "metadata", "surprise",
    }  # fmt: skip


def test_missing_fields(customer: httpx.Client) -> None:
    answer = customer.post("/transactions/", json={})
    assert fields_of(assert_problem(answer, 422)) == {"amount", "merchant"}


BROKEN = [
    b"", b"{", b"[", b"nul", b"{'a':1}", b'{"amount":1,}', b"{}{}", b'{"amount":1} x', b"// c\n{}",
    b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b'{"merchant":"\xff","amount":1}', b"\x00",
    b'{"a":' * 10_000, b"[" * 30_000, b'{"amount":1,"merchant":' + b"[" * 20_000,
]  # fmt: skip


@pytest.mark.parametrize("body", BROKEN, ids=lambda body: repr(body[:16]))
@pytest.mark.parametrize("path", ["/transactions/", "/auth/login", "/transactions/bulk"])
def test_p01_p02_p04_broken_json(customer: httpx.Client, path: str, body: bytes) -> None:
    answer = customer.post(path, content=body, headers=JSON)
    problem = assert_problem(answer, (400, 415, 422))
    assert body[:8].decode("latin-1") not in problem["detail"] or len(body) < 4


@pytest.mark.parametrize("body", [b"null", b"[]", b"1", b'"a"', b"true"])
def test_p01_json_that_is_no_object(customer: httpx.Client, body: bytes) -> None:
    for path in ("/transactions/", "/auth/login"):
        assert_problem(customer.post(path, content=body, headers=JSON), 422)


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "",
        "application/json; charset=utf-7", "application/json; charset=utf-16", "application/xml",
        "application/json, text/plain", "application/jsonx", "application/problem+json",
        "application/json; charset=latin-1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/transactions/", "/auth/login", "/auth/register"])
def test_p10_media_types(customer: httpx.Client, path: str, content_type: str) -> None:
    request = customer.build_request("POST", path, content=b"{}")
    request.headers.pop("content-type", None)
    if content_type:
        request.headers["content-type"] = content_type
    assert_problem(customer.send(request), 415)


def test_utf_8_may_be_said(customer: httpx.Client) -> None:
    for content_type in ("application/json; charset=utf-8", 'application/json;charset="UTF-8"'):
        answer = customer.post(
            "/transactions/", content=b"{}", headers={"Content-Type": content_type}
        )
        assert_problem(answer, 422)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, gzip"])
def test_p09_compressed_bodies(customer: httpx.Client, encoding: str) -> None:
    answer = customer.post(
        "/transactions/", content=b"\x1f\x8b", headers=JSON | {"Content-Encoding": encoding}
    )
    assert_problem(answer, 415)


def test_p05_bodies_that_are_too_large(customer: httpx.Client) -> None:
    for path in ("/transactions/", "/auth/login"):
        answer = customer.post(path, content=b" " * 70_000, headers=JSON)
        assert_problem(answer, 413)
        assert answer.headers["connection"] == "close"


def test_p06_chunked_bodies_are_counted(customer: httpx.Client) -> None:
    answer = customer.post("/transactions/", content=iter([b" " * 1_000] * 100), headers=JSON)
    assert_problem(answer, 413)


@pytest.mark.parametrize("key", ["", "k" * 129, "k" * 1_000, "a b", "a\tb", "\x7f", "ä"])
def test_i02_idempotency_keys(customer: httpx.Client, key: str) -> None:
    answer = customer.post(
        "/transactions/",
        json=transaction(),
        headers=[(b"Idempotency-Key", key.encode())],
    )
    assert_problem(answer, 400)


def test_i02_two_idempotency_keys(customer: httpx.Client) -> None:
    answer = customer.post(
        "/transactions/",
        json=transaction(),
        headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")],
    )
    assert_problem(answer, 400)


IDENTIFIERS = [
    "00000000-0000-0000-0000-000000000000", "x", "1", "x" * 3_000, "%00", "a%0d%0ab",
    "01A20F74-DE55-7000-8000-0001849FA065", "{01a20f74-de55-7000-8000-0001849fa065}",
    "urn:uuid:01a20f74-de55-7000-8000-0001849fa065", "01a20f74de55700080000001849fa065",
    "01a20f74-de55-7000-8000-0001849fa065 ", "01a20f74-de55-4000-8000-0001849fa065",
    "ffffffff-ffff-7fff-bfff-ffffffffffff",
]  # fmt: skip


@pytest.mark.parametrize("identifier", IDENTIFIERS, ids=lambda text: text[:20])
def test_b02_identifiers(customer: httpx.Client, analyst: httpx.Client, identifier: str) -> None:
    assert_problem(customer.get(f"/transactions/{identifier}"), 404)
    assert_problem(analyst.get(f"/alerts/{identifier}"), 404)


QUERIES = [
    "limit=0", "limit=-1", "limit=1000000000", "limit=1.5", "limit=NaN", "limit=", "limit=501",
    "limit=5&limit=6", "surprise=1", "cursor=", "cursor=x", "cursor=%00", "cursor=AAAA",
    "cursor=" + "A" * 200, "currency=eur", "currency=EUR&currency=EUR", "decision=maybe",
    "is_flagged=perhaps", "amount_min=5", "amount_min=x&currency=EUR", "amount_max=-1&currency=EUR",
    "score_min=2", "score_min=nan", "since=yesterday", "since=2026-01-01T00:00:00",
    "until=1700000000", "merchant=%00", "merchant=%ff", "account_id=a%20b", "access_token=x",
    "&".join(f"x{n}=1" for n in range(200)),
]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES, ids=lambda text: text[:24])
def test_q01_q06_queries_of_lists(analyst: httpx.Client, query: str) -> None:
    if query == "merchant=%ff":
        # Not UTF-8: it is read as the replacement character, and finds nothing.
        assert analyst.get(f"/transactions/?{query}").json() == []
        return
    assert_problem(analyst.get(f"/transactions/?{query}"), 422)


@pytest.mark.parametrize(
    "path", ["/health", "/health/ready", "/alerts/", "/operations/pipeline", "/auth/me", "/metrics"]
)
def test_q06_unknown_parameters_are_refused_everywhere(admin: httpx.Client, path: str) -> None:
    assert_problem(admin.get(f"{path}?surprise=1"), 422)


def test_q06_a_query_with_a_submission(customer: httpx.Client) -> None:
    assert_problem(customer.post("/transactions/?dry_run=1", json=transaction()), 422)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/transactions/", "GET, HEAD, POST"),
        ("DELETE", "/transactions/", "GET, HEAD, POST"),
        ("OPTIONS", "/transactions/", "GET, HEAD, POST"),
        ("TRACE", "/health", "GET, HEAD"),
        ("POST", "/alerts/", "GET, HEAD"),
        ("GET", "/auth/login", "POST"),
    ],
)
def test_p14_methods(customer: httpx.Client, method: str, path: str, allowed: str) -> None:
    answer = customer.request(method, path)
    assert_problem(answer, 405)
    assert answer.headers["allow"] == allowed


def test_p14_method_overrides_are_ignored(customer: httpx.Client) -> None:
    answer = customer.get("/transactions/", headers={"X-HTTP-Method-Override": "DELETE"})
    assert answer.status_code == 200


def test_l07_addresses_that_do_not_exist(customer: httpx.Client) -> None:
    # The client would take a leading // for a host.
    twice = f"{customer.base_url}//transactions/"
    for path in ("/nope", "/transactions", twice, "/Transactions/", "/health/", "/docs"):
        assert_problem(customer.get(path), 404)
