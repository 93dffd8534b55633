"""Systems to break: one for each file of tests, over servers of their own.

`AETHER_FAULTS_SEED` repeats a run's random choices.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.servers import PostgresServer, running_postgres, running_valkey
from tests.faults.stage import Stage
from tests.faults.system import FaultSystem


@pytest.fixture(scope="session")
def seed() -> int:
    return int(os.environ.get("AETHER_FAULTS_SEED", "1"))


@pytest.fixture(scope="session")
def fault_postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module", name="shared")
def a_shared_system(
    fault_postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> Iterator[FaultSystem]:
    """Two gateways and two writers over a PostgreSQL and a Valkey that may be crashed."""
    stage = Stage()
    database_url = fault_postgres.make_database()
    with running_valkey() as valkey:
        system = FaultSystem(
            stage=stage,
            valkey=valkey,
            postgres=fault_postgres,
            database_url=database_url,
            home=short_home(tmp_path_factory),
            seed=seed,
        )
        try:
            system.open()
            yield system
        finally:
            system.close()
            stage.close()
    fault_postgres.drop_database(database_url)


@pytest.fixture
def faults(shared: FaultSystem) -> FaultSystem:
    """The file's system, healed whatever the test before did to it."""
    shared.heal()
    return shared


def short_home(factory: pytest.TempPathFactory) -> Path:
    """Return a directory whose sockets' paths are short enough."""
    return factory.mktemp("f")
