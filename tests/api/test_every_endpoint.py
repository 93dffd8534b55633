"""Every endpoint refuses what is refused everywhere: the rows of the attack table that say so.

Each row is asked of every operation of the OpenAPI document, by somebody who may call it, so that
nothing but the attack is in the way. Whatever was refused is answered as a problem and has changed
nothing; a good request straight after is served. A new endpoint is asked without being named here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pytest

from aether_core.identity.roles import SCOPES
from tests.api.calls import JSON, submit, submitted_count
from tests.api.conftest import Served
from tests.api.operations import Operation, operations
from tests.api.test_bad_input import assert_problem

_CANARY = "canary-4711"
"""Stands in what is refused, and must not come back."""

OPERATIONS = operations()
WITH_TOKEN = [one for one in OPERATIONS if one.needs_token]
WITH_JSON = [one for one in OPERATIONS if one.takes_json]

# What a request could change in the database before it was refused, apart from what the writer
# writes meanwhile of other tests' transactions.
_TABLES = (
    "users",
    "clients",
    "signing_keys",
    "sessions",
    "refresh_tokens",
    "device_authorizations",
    "revocations",
    "dead_letters",
)

Headers = dict[str, str] | list[tuple[str, str]]


class Asker:
    """Asks operations as somebody who may, and checks that a good request is served straight after.

    One connection each for the attack and for the good request would hide what the attack does to
    its own: they share one, for as long as the gateway leaves it open.
    """

    def __init__(self, http: httpx.Client, tokens: dict[bool, str]) -> None:
        self._http = http
        self._tokens = tokens
        """By whether it is a person's."""

    def authorization(self, operation: Operation) -> dict[str, str]:
        """Return the header of somebody who may call an operation."""
        if not operation.needs_token:
            return {}
        return {"Authorization": f"Bearer {self._tokens[operation.policy.is_for_people]}"}

    def ask(
        self,
        operation: Operation,
        headers: Headers = (),  # type: ignore[assignment]
        content: bytes | None = None,
        *,
        method: str | None = None,
        query: str = "",
        signed_in: bool = True,
    ) -> httpx.Response:
        """Send a request with these headers, and with those of somebody who may."""
        given = list(headers.items()) if isinstance(headers, dict) else list(headers)
        given += self.authorization(operation).items() if signed_in else []
        target = operation.target + (f"?{query}" if query else "")
        request = self._http.build_request(
            method or operation.method, target, content=content, headers=given
        )
        if not any(name.lower() == "content-type" for name, _ in given):
            request.headers.pop("content-type", None)
        return self._http.send(request)

    def refused(self, answer: httpx.Response, *statuses: int) -> dict[str, Any]:
        """Check that a request was refused, without echo, and that the next is served."""
        problem = assert_problem(answer, statuses)
        assert _CANARY not in answer.text
        assert self._http.get("/health").status_code == 200
        return problem


@pytest.fixture(scope="module")
def http(served: Served) -> Iterator[httpx.Client]:
    with served.sign_in() as client:
        yield client


@pytest.fixture(scope="module")
def asker(served: Served, http: httpx.Client) -> Asker:
    person = served.system.token_of(served.system.make_user("admin"))
    # A service that may do everything services may.
    return Asker(
        http,
        {True: person, False: served.system.token_of(served.system.make_client(*SCOPES))},
    )


@pytest.fixture(autouse=True)
def _nothing_changes(
    served: Served, anybody: httpx.Client, customer: httpx.Client
) -> Iterator[None]:
    # Signed in before the first look.
    before = asyncio.run(_state(served.database_url)), submitted_count(anybody)
    yield
    assert (asyncio.run(_state(served.database_url)), submitted_count(anybody)) == before
    submit(customer)


async def _state(database_url: str) -> dict[str, str]:
    """Return a digest of each table."""
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        return {
            table: await connection.fetchval(
                f"SELECT md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM {table} t"
            )
            for table in _TABLES
        }
    finally:
        await connection.close()


def _written(pattern: str, encoding: str = "utf-8") -> bytes:
    """Return a body in which `$` is the canary in quotes."""
    return pattern.replace("$", f'"{_CANARY}"').encode(encoding)


_BROKEN = {
    "nothing": b"",
    "space": b" \n",
    "invalid": _written("{$:"),
    "word": _CANARY.encode(),
    "no end": _written("{$:$"),
    "trailing comma": _written("{$:$,}"),
    "comment": _written("{$:$}//"),
    "comment before": _written("/**/{$:$}"),
    "single quotes": _written("{$:$}").replace(b'"', b"'"),
    "two documents": _written("{$:$}{$:$}"),
    "NUL after": _written("{$:$}\0"),
    "name twice": _written('{"a":$,"a":$}'),
    "line break in a text": b'{"a":"%b\n"}' % _CANARY.encode(),
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
