"""Asking every operation: by somebody who may, so that nothing but the attack is in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import httpx

from aether_core.identity.roles import SCOPES
from tests.api.calls import submit, submitted_count
from tests.api.conftest import Served
from tests.api.operations import Operation
from tests.api.test_bad_input import assert_problem

CANARY = "canary-4711"
"""Stands in what is refused, and must not come back."""

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

Headers = dict[str, str] | list[tuple[str, str]] | tuple[()]


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
        headers: Headers = (),
        content: bytes | None = None,
        *,
        method: str | None = None,
        target: str | None = None,
        query: str = "",
        signed_in: bool = True,
    ) -> httpx.Response:
        """Send a request with these headers, and with those of somebody who may."""
        given = list(headers.items()) if isinstance(headers, dict) else list(headers)
        given += self.authorization(operation).items() if signed_in else []
        # Whole, since a client would take a leading // for a host.
        address = f"{self._http.base_url}{target or operation.target}"
        request = self._http.build_request(
            method or operation.method,
            f"{address}?{query}" if query else address,
            content=content,
            headers=given,
        )
        if not any(name.lower() == "content-type" for name, _ in given):
            request.headers.pop("content-type", None)
        return self._http.send(request)

    def refused(self, answer: httpx.Response, *statuses: int) -> dict[str, Any]:
        """Check that a request was refused, without echo, and that the next is served."""
        problem = assert_problem(answer, statuses)
        assert CANARY not in answer.text
        assert self._http.get("/health").status_code == 200
        return problem


@contextmanager
def asking(served: Served) -> Iterator[Asker]:
    """Sign in an admin, and a service that may do everything that services may."""
    person, service = served.system.make_user("admin"), served.system.make_client(*SCOPES)
    tokens = {True: served.system.token_of(person), False: served.system.token_of(service)}
    with served.sign_in() as http:
        yield Asker(http, tokens)


@contextmanager
def nothing_changes(
    served: Served, anybody: httpx.Client, customer: httpx.Client
) -> Iterator[None]:
    """Check that the system is afterwards as before, and serves a good submission."""
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
