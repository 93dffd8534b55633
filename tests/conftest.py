"""Real servers for every test: PostgreSQL and Valkey as `aether run` starts them.

One PostgreSQL serves the whole session and gives each test a database of its own, copied from a
migrated template; each test that asks for it gets a Valkey of its own. Every process is ended by
its id.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import redis
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr

from aether_cli.embedded import resolve_servers
from aether_core.database import migrations
from aether_core.settings import Settings
from tests.running import RunningSystem, end_process, running_system, start_server, wait_until

# A shell that runs the tests in the background makes them, and all that they start, deaf to Ctrl-C;
# some of them press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long examples take to make says something of the machine, not of the code: the first texts in
# a clean checkout take seconds on a busy one.
hypothesis_settings.register_profile(
    "aether", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("aether")

# Whole files that fit models, drive whole systems, or take a second and more for each test:
# `make quick` leaves them out.
SLOW_FILES = frozenset(
    {
        "api/identity/test_administration.py",
        "api/identity/test_audit_entries.py",
        "api/identity/test_audit_list.py",
        "api/identity/test_device_flow.py",
        "api/identity/test_feeds_end.py",
        "api/identity/test_other_origins.py",
        "api/identity/test_own_sign_ins.py",
        "api/identity/test_refresh_rotation.py",
        "api/identity/test_revocation.py",
        "api/identity/test_second_factor.py",
        "api/identity/test_service_clients.py",
        "api/identity/test_sign_in.py",
        "api/identity/test_tokens_attacks.py",
        "api/identity/test_trusted_proxies.py",
        "api/test_backpressure.py",
        "api/test_cluster.py",
        "api/test_dead_letters.py",
        "api/test_events.py",
        "api/test_every_endpoint.py",
        "api/test_every_endpoint_needs_a_token.py",
        "api/test_group_commit.py",
        "api/test_labels.py",
        "api/test_looking_back.py",
        "api/test_operations.py",
        "api/test_outages.py",
        "api/test_scoring_versions.py",
        "api/test_suppressions.py",
        "cli/test_alerts.py",
        "cli/test_audit.py",
        "cli/test_labels.py",
        "cli/test_replay.py",
        "cli/test_reports.py",
        "cli/test_reports_of_the_past.py",
        "cli/test_scoring.py",
        "cli/test_sight.py",
        "cli/test_suppressions.py",
        "cli/test_users_and_clients.py",
        "core/forecasting/test_finding_anomalies.py",
        "core/forecasting/test_forecasting_load.py",
        "core/stream/test_cluster.py",
        "core/stream/test_durability.py",
        "core/stream/test_idempotency_memory.py",
        "end_to_end/test_readme.py",
        "faults/test_proxy.py",
        "tui/test_compositing.py",
        "tui/test_deciding_alerts.py",
        "tui/test_exporting.py",
        "tui/test_forecast_screen.py",
        "tui/test_hostile_texts.py",
        "tui/test_live_transactions.py",
        "tui/test_palettes.py",
        "tui/test_pipeline_screen.py",
        "tui/test_real_terminal.py",
        "tui/test_reconnecting.py",
        "tui/test_rewinding.py",
        "tui/test_signing_in.py",
        "tui/test_small_terminals.py",
        "tui/test_snapshots.py",
        "tui/test_staying_signed_in.py",
        "tui/test_system_screen.py",
        "tui/test_triage.py",
        "worker/test_alerts_as_they_were.py",
        "worker/test_census_in_the_stream.py",
        "worker/test_forecaster.py",
        "worker/test_incidents.py",
        "worker/test_labels_in_the_stream.py",
        "worker/test_lost_entries.py",
        "worker/test_recording_minutes.py",
        "worker/test_replaying_dead_letters.py",
        "worker/test_restarts_and_batches.py",
        "worker/test_sharing_shards.py",
    }
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).as_posix() in SLOW_FILES:
            item.add_marker(pytest.mark.slow)


@dataclass(frozen=True)
class PostgresServer:
    """A running PostgreSQL whose database `template` is migrated to head."""

    url: str

    def url_of(self, database: str) -> str:
        """Return the URL of one of its databases."""
        return self.url.replace("@/aether?", f"@/{database}?")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(prefix="aether-pg-") as directory:
        home = Path(directory)
        home.chmod(0o755)
        process = start_server("postgres", home)
        try:
            database_url = resolve_servers(Settings(home=home)).database_url
            assert database_url is not None
            server = PostgresServer(database_url.get_secret_value())
            wait_until(lambda: _postgres_answers(server.url, process, home), "PostgreSQL")
            asyncio.run(_execute(server.url, "CREATE DATABASE template"))
            migrations.upgrade(server.url_of("template"))
            yield server
        finally:
            end_process(process)


@pytest.fixture
async def database_url(postgres: PostgresServer) -> AsyncIterator[str]:
    name = f"test_{os.urandom(6).hex()}"
    await _execute(postgres.url, f"CREATE DATABASE {name} TEMPLATE template")
    yield postgres.url_of(name)
    await _execute(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


@dataclass
class ValkeyServer:
    """A Valkey that a test may kill and start again on the same data."""

    home: Path
    process: subprocess.Popen[bytes]
    url: str

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        """Start it on what is in its directory, and wait until it answers."""
        self.process = start_server("valkey", self.home)
        self.wait()

    def wait(self) -> None:
        """Wait until it answers."""
        wait_until(lambda: _valkey_answers(self), "Valkey")


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    with tempfile.TemporaryDirectory(prefix="aether-vk-") as directory:
        home = Path(directory)
        redis_url = resolve_servers(Settings(home=home)).redis_url
        assert redis_url is not None
        server = ValkeyServer(home, start_server("valkey", home), redis_url.get_secret_value())
        try:
            server.wait()
            yield server
        finally:
            end_process(server.process)


@pytest.fixture
def redis_url(valkey: ValkeyServer) -> str:
    return valkey.url


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "home",
        database_url=SecretStr(database_url),
        redis_url=SecretStr(redis_url),
    )


@pytest.fixture(name="running_system")
def a_running_system(
    database_url: str, valkey: ValkeyServer, tmp_path: Path
) -> Iterator[RunningSystem]:
    """Gateway, a writer and the forecaster over this test's own servers."""
    with running_system(
        database_url=database_url, redis_url=valkey.url, home=tmp_path / "home"
    ) as system:
        yield system


def _postgres_answers(url: str, process: subprocess.Popen[bytes], home: Path) -> bool:
    if process.poll() is not None:
        pytest.fail((home / "postgres.log").read_text()[-2000:])
    try:
        asyncio.run(_execute(url, "SELECT 1"))
    except (OSError, asyncpg.PostgresError):
        return False
    return True


def _valkey_answers(server: ValkeyServer) -> bool:
    if server.process.poll() is not None:
        pytest.fail((server.home / "valkey.log").read_text()[-2000:])
    client = redis.Redis.from_url(server.url)
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
