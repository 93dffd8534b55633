"""Running systems: a gateway and a writer as real processes over servers of their own.

Tests of a module share one, and the modules of `_SHARING` one between them: they use accounts of
their own and look only at those.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from aether_cli.embedded import resolve_servers
from aether_core.settings import Settings
from tests.api import documented
from tests.conftest import PostgresServer, ValkeyServer, _execute
from tests.running import (
    Account,
    RunningSystem,
    ServiceClient,
    end_process,
    running_system,
    start_server,
)


@dataclass(frozen=True)
class Served:
    """A running system with its servers and signed-in clients."""

    system: RunningSystem
    valkey: ValkeyServer
    database_url: str

    def sign_in(self, who: Account | ServiceClient | None = None) -> httpx.Client:
        """Return a client that knows what is documented; the caller closes it."""
        client = self.system.http(who)
        client.event_hooks = {"response": [documented.check]}
        return client


_SHARING = frozenset(
    {
        "test_access_matrix",
        "test_amounts_and_instants_at_the_edge",
        "test_alert_triage",
        "test_bad_input",
        "test_bulk",
        "test_dashboard_files",
        "test_documentation",
        "test_every_endpoint",
        "test_every_endpoint_needs_a_token",
        "test_express_lane",
        "test_idempotency",
        "test_names_once",
        "test_nothing_to_guess",
        "test_standard_clients",
        "test_submitting",
    }
)


@pytest.fixture(scope="session")
def shared_system(postgres: PostgresServer) -> Iterator[Served]:
    with serving(postgres) as served:
        yield served


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest, postgres: PostgresServer) -> Iterator[Served]:
    if request.module.__name__.rpartition(".")[2] in _SHARING:
        yield request.getfixturevalue("shared_system")
        return
    with serving(postgres) as served:
        yield served


@contextmanager
def serving(postgres: PostgresServer) -> Iterator[Served]:
    """Run a gateway and a writer on a database and a Valkey of their own."""
    name = f"test_{os.urandom(6).hex()}"
    asyncio.run(_execute(postgres.url, f"CREATE DATABASE {name} TEMPLATE template"))
    with tempfile.TemporaryDirectory(prefix="aether-gw-") as directory:
        home = Path(directory)
        redis_url = resolve_servers(Settings(home=home)).redis_url
        assert redis_url is not None
        valkey = ValkeyServer(home, start_server("valkey", home), redis_url.get_secret_value())
        try:
            valkey.wait()
            database_url = postgres.url_of(name)
            with running_system(
                database_url=database_url,
                redis_url=valkey.url,
                home=home / "home",
                forecaster=False,
            ) as system:
                yield Served(system, valkey, database_url)
        finally:
            end_process(valkey.process)
            asyncio.run(_execute(postgres.url, f"DROP DATABASE {name} WITH (FORCE)"))


def _signed_in(served: Served, role: str) -> Iterator[httpx.Client]:
    with served.sign_in(served.system.make_user(role)) as client:
        yield client


@pytest.fixture(scope="module")
def anybody(served: Served) -> Iterator[httpx.Client]:
    with served.sign_in() as client:
        yield client


@pytest.fixture(scope="module")
def customer(served: Served) -> Iterator[httpx.Client]:
    yield from _signed_in(served, "customer")


@pytest.fixture(scope="module")
def other_customer(served: Served) -> Iterator[httpx.Client]:
    yield from _signed_in(served, "customer")


@pytest.fixture(scope="module")
def analyst(served: Served) -> Iterator[httpx.Client]:
    yield from _signed_in(served, "analyst")


@pytest.fixture(scope="module")
def operator(served: Served) -> Iterator[httpx.Client]:
    yield from _signed_in(served, "operator")


@pytest.fixture(scope="module")
def admin(served: Served) -> Iterator[httpx.Client]:
    yield from _signed_in(served, "admin")


@pytest.fixture(scope="module")
def service(served: Served) -> Iterator[httpx.Client]:
    with served.sign_in(served.system.make_client()) as client:
        yield client
