"""Every endpoint refuses what is refused everywhere: the rows of the attack table that say so.

Each row is asked of every operation of the OpenAPI document, by somebody who may call it, so that
nothing but the attack is in the way. Whatever was refused is answered as a problem and has changed
nothing; a good request straight after is served. A new endpoint is asked without being named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.api.asking import CANARY, Asker, asking, nothing_changes
from tests.api.calls import JSON
from tests.api.conftest import Served
from tests.api.operations import Operation, operations
from tests.api.test_connections import all_of, connected

OPERATIONS = operations()
WITH_TOKEN = [one for one in OPERATIONS if one.needs_token]
WITH_JSON = [one for one in OPERATIONS if one.takes_json]
WITH_BODY = [one for one in OPERATIONS if one.media_types]
READING = [one for one in OPERATIONS if not one.changes and one.path != "/events"]
"""What answers at once and changes nothing, so that it may also succeed."""


@pytest.fixture(scope="module")
def asker(served: Served) -> Iterator[Asker]:
    with asking(served) as asker:
        yield asker


@pytest.fixture(autouse=True)
def _nothing_changes(
    asker: Asker, served: Served, anybody: httpx.Client, customer: httpx.Client
) -> Iterator[None]:
    with nothing_changes(served, anybody, customer):
        yield


def _written(pattern: str, encoding: str = "utf-8") -> bytes:
    """Return a body in which `$` is the canary in quotes."""
    return pattern.replace("$", f'"{CANARY}"').encode(encoding)


_BROKEN = {
    "nothing": b"",
    "space": b" \n",
    "invalid": _written("{$:"),
    "word": CANARY.encode(),
    "no end": _written("{$:$"),
    "trailing comma": _written("{$:$,}"),
    "comment": _written("{$:$}//"),
    "comment before": _written("/**/{$:$}"),
    "single quotes": _written("{$:$}").replace(b'"', b"'"),
    "two documents": _written("{$:$}{$:$}"),
    "NUL after": _written("{$:$}\0"),
    "name twice": _written('{"a":$,"a":$}'),
    "line break in a text": b'{"a":"%b\n"}' % CANARY.encode(),
}
_OF_ANOTHER_TYPE = {
    "null": b"null",
    "text": _written("$"),
    "number": b"4711",
    "true": b"true",
}
_NOT_UTF_8 = {
    "BOM": _written("\ufeff{$:$}"),
    "UTF-16 with BOM": _written("{$:$}", "utf-16"),
    "UTF-16 LE": _written("{$:$}", "utf-16-le"),
    "UTF-16 BE": _written("{$:$}", "utf-16-be"),
    "UTF-32 with BOM": _written("{$:$}", "utf-32"),
    "UTF-32 LE": _written("{$:$}", "utf-32-le"),
    "UTF-32 BE": _written("{$:$}", "utf-32-be"),
    "UTF-7": _written("{$:$}").replace(b"{", b"+AHs-"),
    "Latin-1": _written("{$:$}").replace(b"canary", b"can\xe4ry"),
    "invalid UTF-8": _written("{$:$}").replace(b"canary", b"\xc0\x80\xed\xa0\x80"),
}
_NO_NUMBERS = {
    literal: _written(f'{{"a":$,"amount":{literal}}}')
    for literal in ("NaN", "Infinity", "-Infinity", "nan", "1e999999", "0x1", "01", "+1", ".5")
}
_DEEP = {
    "arrays": b"[" * 60_000,
    "objects": b'{"a":' * 12_000,
    "closed arrays": b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "closed objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
}


@pytest.mark.parametrize("row", ["p01", "p02", "p04", "m02"])
def test_bodies_that_are_no_json(asker: Asker, row: str) -> None:
    bodies = {"p01": _BROKEN, "p02": _DEEP, "p04": _NOT_UTF_8, "m02": _NO_NUMBERS}[row]
    for operation in WITH_JSON:
        for name, body in bodies.items():
            if not body and not operation.needs_body:
                continue
            problem = asker.refused(asker.ask(operation, JSON, body), 400, 422)
            says_where = any(w in problem["detail"] for w in ("(byte ", "nested", "twice", "range"))
            assert says_where or problem["status"] == 422, (operation.name, name, problem)


def test_p01_json_of_another_type(asker: Asker) -> None:
    for operation in WITH_JSON:
        array = b"{}" if "bulk" in operation.path else _written("[$]")
        for body in (*_OF_ANOTHER_TYPE.values(), array):
            asker.refused(asker.ask(operation, JSON, body), 422)


def raw(
    served: Served,
    operation: Operation,
    *fields: bytes,
    method: bytes | None = None,
    target: bytes | None = None,
) -> tuple[int, bytes]:
    """Send a head as it stands; return the status and all of the answer."""
    line = (method or operation.method.encode()) + b" " + (target or operation.target.encode())
    with connected(served) as peer:
        peer.sendall(b"\r\n".join([line + b" HTTP/1.1", b"Host: x", *fields, b"", b""]))
        answer = all_of(peer)
    return int(answer.split(b" ", 2)[1]), answer


def refused_raw(served: Served, answered: tuple[int, bytes], *statuses: int) -> None:
    status, answer = answered
    assert status in statuses, answer[:500]
    assert b"content-type: application/problem+json" in answer
    assert b"connection: close" in answer


def test_p05_bodies_that_are_too_large_are_not_awaited(served: Served, asker: Asker) -> None:
    for operation in WITH_BODY:
        answered = raw(
            served,
            operation,
            b"Content-Type: " + operation.media_types[0].encode(),
            b"Content-Length: %d" % 10**11,
            *(
                f"{name}: {value}".encode()
                for name, value in asker.authorization(operation).items()
            ),
        )
        refused_raw(served, answered, 413)


def test_p09_compressed_bodies(asker: Asker) -> None:
    for operation in WITH_BODY:
        for encoding in ("gzip", "br", "deflate", "zstd", "gzip, gzip", "identity, gzip", "x"):
            headers = {"Content-Type": operation.media_types[0], "Content-Encoding": encoding}
            asker.refused(asker.ask(operation, headers, b"\x1f\x8b\x08\x00"), 415)


def test_p10_media_types(asker: Asker) -> None:
    foreign = [
        "", "text/plain", "multipart/form-data; boundary=x", "application/json; charset=utf-16",
        "application/json; charset=latin-1", "application/json, text/plain", "application/jsonx",
        "application/merge-patch+json", "text/json", "application/xml", "x",
    ]  # fmt: skip
    for operation in WITH_BODY:
        other = "application/json" if operation.takes_form else "application/x-www-form-urlencoded"
        for media_type in (*foreign, other):
            headers = {"Content-Type": media_type} if media_type else {}
            answer = asker.ask(operation, headers, b"{}")
            assert answer.status_code == 415, (operation.name, media_type)
            asker.refused(answer, 415)


def test_p12_heads_beyond_the_limits(served: Served) -> None:
    for operation in OPERATIONS:
        refused_raw(served, raw(served, operation, *(b"X-%d: a" % n for n in range(200))), 431)
        for field in (b"Cookie: a=", b"X: "):
            refused_raw(served, raw(served, operation, field + b"b" * 64_000), 431)
        for query in (b"?" + b"a" * 9_000, b"?" + b"a" * 100_000):
            target = operation.target.encode() + query
            refused_raw(served, raw(served, operation, target=target), 414, 431)


def test_p14_other_methods(served: Served, asker: Asker) -> None:
    methods_of: dict[str, set[str]] = {}
    for operation in OPERATIONS:
        methods_of.setdefault(operation.target, set()).add(operation.method)
    for operation in OPERATIONS:
        served_here = methods_of[operation.target]
        for method in {"TRACE", "PUT", "PATCH", "DELETE", "OPTIONS", "POST", "GET"} - served_here:
            answer = asker.ask(operation, method=method)
            if answer.status_code == 404:
                # Another address of the same form takes this method.
                continue
            asker.refused(answer, 405)
            allowed = set(answer.headers["allow"].split(", "))
            assert served_here <= allowed
            assert method not in allowed
        for wrong in (operation.method.lower().encode(), b"A" * 1_000, b"CONNECT"):
            answered = raw(served, operation, b"Connection: close", method=wrong)
            refused_raw(served, answered, 400, 405)


def test_p14_methods_are_not_overridden(asker: Asker) -> None:
    for operation in READING:
        plain = asker.ask(operation)
        for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
            answer = asker.ask(operation, {name: "DELETE"})
            assert answer.status_code == plain.status_code, operation.name
        asker.refused(asker.ask(operation, query="_method=DELETE"), 422)
        head = asker.ask(operation, method="HEAD")
        assert (head.status_code, head.content) == (plain.status_code, b"")


_REQUEST_ID = re.compile("[A-Za-z0-9._-]{1,64}")


def test_p15_what_a_client_names_cannot_break_a_line(served: Served, asker: Asker) -> None:
    for operation in OPERATIONS:
        for name in (f"{CANARY} x", f"{CANARY}%0d%0aX:y", f"{CANARY}\tx", CANARY * 9, '"><', "a/b"):
            answer = asker.ask(operation, {"X-Request-ID": name}, signed_in=False, query="x=1")
            assert _REQUEST_ID.fullmatch(answer.headers["x-request-id"])
            asker.refused(answer, 401, 422)
        answer = asker.ask(operation, query="a=%0d%0aSet-Cookie:%20a=b", signed_in=False)
        asker.refused(answer, 401, 422)
        assert "set-cookie" not in answer.headers
        refused_raw(served, raw(served, operation, b"X-Request-ID: a\rSet-Cookie: a=b"), 400)


def test_p19_only_one_expectation_is_met(asker: Asker) -> None:
    for operation in OPERATIONS:
        for expectation in ("x", "100-continue, x", "200-ok", ""):
            asker.refused(asker.ask(operation, {"Expect": expectation}), 417)


def test_p20_nothing_is_upgraded(asker: Asker) -> None:
    websocket = {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    for operation in OPERATIONS:
        for protocol in ("websocket", "h2c", "TLS/1.0"):
            headers = {"Upgrade": protocol, "Connection": "Upgrade", **websocket}
            answer = asker.ask(operation, headers, signed_in=False, query="x=1")
            assert "upgrade" not in answer.headers
            asker.refused(answer, 401, 422)


def test_q06_unknown_and_repeated_parameters(asker: Asker) -> None:
    for operation in OPERATIONS:
        body = b"{}" if operation.takes_json else b""
        headers = JSON if operation.takes_json else {}
        if operation.takes_form:
            headers = {"Content-Type": operation.media_types[0]}
        for query in ("surprise=1", "surprise", "=", "&".join(f"x{n}=1" for n in range(200))):
            asker.refused(asker.ask(operation, headers, body, query=query), 422)
        for name in operation.query:
            asker.refused(asker.ask(operation, headers, body, query=f"{name}=1&{name}=1"), 422)


def test_w07_no_page_of_somebody_else_reads_an_answer(asker: Asker) -> None:
    for operation in OPERATIONS:
        for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example"):
            asked = {"Access-Control-Request-Method": operation.method}
            preflight = asker.ask(operation, {"Origin": origin} | asked, method="OPTIONS")
            asker.refused(preflight, 405)
            answers = [
                preflight,
                asker.ask(operation, {"Origin": origin}, signed_in=False, query="x"),
            ]
            if operation in READING:
                answers.append(asker.ask(operation, {"Origin": origin, "Cookie": "a=b"}))
            for answer in answers:
                assert not [name for name in answer.headers if name.startswith("access-control")]


def test_w10_nobody_keeps_an_answer(asker: Asker) -> None:
    for operation in WITH_TOKEN:
        answers = [asker.ask(operation, signed_in=False)]
        if operation in READING:
            answers.append(asker.ask(operation))
        for answer in answers:
            assert answer.headers["cache-control"] == "no-store", operation.name


def test_l07_addresses_beside_those_that_are_served(asker: Asker) -> None:
    for operation in OPERATIONS:
        target = operation.target
        other = target[:-1] if target.endswith("/") else f"{target}/"
        beside = [other, f"/{target}", f"{target}//", f"/v1{target}"]
        if not operation.path.endswith("}"):
            # Otherwise it is somebody's id, and looked for.
            beside += [f"{target};a=b", f"{target}%00"]
        first = target.split("/")[1]
        beside.append(target.replace(first, first.upper(), 1))
        beside.append(target.replace("/", "/%2e/", 1))
        for path in beside:
            answer = asker.ask(operation, target=path)
            asker.refused(answer, 404, 405)
