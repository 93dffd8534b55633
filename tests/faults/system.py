"""System: gateways and writers as real processes, with clients before and an oracle beside them.

A test breaks something, under load or at one message; `settle` heals everything, lets clients
finish what they began and waits until all is quiet; then the oracle judges. One system serves
many tests in turn, since each leaves it healed.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit
from uuid import UUID

import httpx
import pytest

from aether_core.database.connection import connect
from aether_core.database.positions import find_positions
from aether_core.identity.clients import create_client
from aether_core.settings import StreamSettings
from aether_core.stream.connection import open_redis
from aether_core.stream.contract import FEED_KEY, shard_of, stream_key
from aether_core.stream.publisher import Accepted, StreamPublisher, Submission
from aether_core.transaction import transaction_id
from tests.conftest import ValkeyServer
from tests.faults.client import Clients, Mix
from tests.faults.console import Console
from tests.faults.history import Acked, History, Order, Outcome
from tests.faults.nodes import Node, database_url_through, links_of, redis_url_through
from tests.faults.oracle import Expectation, Oracle, Verdict, Violation
from tests.faults.proxy import Link
from tests.faults.rules import Rule
from tests.faults.servers import PostgresServer
from tests.faults.stage import Stage
from tests.running import RunningProcess, ServiceClient, free_port, wait_until
from tests.worker.test_poison import POISON

T = TypeVar("T")

SHARD_COUNT = 3
SCOPES = ("transactions:write_any", "transactions:read_any", "alerts:read", "operations:read")

QUIET_S = 60.0
"""Liveness: so long after healing everything must be written. A writer that was cut off without a
word notices it after its statement timeout, and waits up to 5 s before it tries again."""

FRESH_S = 3.0
"""Liveness: how long after healing a client may have to repeat a fresh request."""

# Small and quick, so that many batches, snapshots and rebalancings fall into a few seconds.
_SETTINGS = {
    "AETHER_STREAM__SHARD_COUNT": str(SHARD_COUNT),
    "AETHER_STREAM__TIMEOUT_S": "2",
    "AETHER_WRITER__BATCH_SIZE_MAX": "40",
    "AETHER_WRITER__IDLE_WAIT_MS": "100",
    "AETHER_WRITER__REBALANCE_S": "0.2",
    "AETHER_WRITER__SNAPSHOT_ENTRIES": "100",
    "AETHER_WRITER__STATEMENT_TIMEOUT_S": "3",
    "AETHER_WRITER__FEED_TRANSACTIONS_PER_S": "20",
    "AETHER_IDENTITY__BCRYPT_COST": "4",
    "AETHER_IDENTITY__ACCESS_TOKEN_S": "3600",
    "AETHER_GATEWAY__DATABASE_CONNECTION_COUNT_MAX": "4",
}


class FaultSystem:
    """Everything that runs, and all who look at it."""

    def __init__(
        self,
        *,
        stage: Stage,
        valkey: ValkeyServer,
        database_url: str,
        home: Path,
        postgres: PostgresServer | None = None,
        seed: int = 0,
        gateway_count: int = 2,
        writer_count: int = 2,
        launcher: tuple[str, ...] = ("aether_cli",),
        patience_s: float = QUIET_S,
    ) -> None:
        """postgres: the server behind `database_url`, when tests may crash it.

        launcher: starts the processes; `tests.faults.planted` has those that plant bugs.
        patience_s: how long after healing everything may take to be written.
        """
        self.stage = stage
        self.valkey = valkey
        self.postgres = postgres
        self.database_url = database_url
        self.home = home
        self.seed = seed
        self.history = History()
        self._launcher = launcher
        self._patience_s = patience_s
        self._letters: set[UUID] = set()
        self._secrets: set[str] = set()
        self._log_places: dict[str, int] = {}
        self._revoked = ""
        self._extra_links: list[Link] = []
        self._guests: list[Node] = []
        self.gateways = [self._make("gateway", n + 1) for n in range(gateway_count)]
        self.writers = [self._make("writer", n + 1) for n in range(writer_count)]
        ports = [("127.0.0.1", node.port or 0) for node in self.gateways]
        self.clients = Clients(ports, self.history, seed)
        self.console = Console(ports, database_url)
        self.oracle = Oracle(database_url, valkey.url, self.history, self.console, SHARD_COUNT)
        self._console_task: concurrent.futures.Future[None] | None = None

    @property
    def nodes(self) -> list[Node]:
        """All processes."""
        return [*self.gateways, *self.writers, *self._guests]

    # --- begin and end ---

    def open(self) -> None:
        """Start everything; clients and console sign in."""
        self.home.mkdir(parents=True, exist_ok=True)
        for node in self.nodes:
            node.start()
        self._wait_ready()
        service = self.stage.run(self._add_client())
        self._secrets.add(service.client_secret)
        token = self._sign_in(service)
        self._secrets.add(token)
        self.clients.token = self.console.token = token
        self._revoked = self._make_revoked_token()
        # A feed that never held anything cannot tell a console that it has missed nothing.
        self.accepted(self.order())
        wait_until(lambda: self.valkey_command("XLEN", FEED_KEY) != 0, "the first event")
        self._console_task = self.stage.start(self.console.run())
        self.stage.run(_within(self.console.is_open.wait(), 20))

    def close(self) -> None:
        """End everything by its id."""
        if self._console_task is not None:
            self._console_task.cancel()
        self._mend_links()
        running = [node for node in self.nodes if node.process.is_running()]
        for node in running:
            node.process.signal(signal.SIGTERM)
        for node in running:
            try:
                node.stop(20)
            except subprocess.TimeoutExpired:
                node.kill()
        for node in self.nodes:
            for link in node.links:
                link.close()
        for link in self._extra_links:
            link.close()

    def add_writer(self) -> Node:
        """Start one more writer; it leaves with `remove`."""
        node = self._make("writer", len(self.writers) + 1)
        self.writers.append(node)
        node.start()
        return node

    def add_gateway(self, listener: socket.socket) -> Node:
        """Start one more gateway on a socket that it inherits; it leaves with `remove`."""
        node = self._make("gateway", 10 + len(self._guests), stdin=listener.fileno())
        self._guests.append(node)
        node.start()
        return node

    def remove(self, node: Node) -> None:
        """Let go of a node that was added and has ended."""
        (self._guests if node in self._guests else self.writers).remove(node)
        for link in node.links:
            link.close()

    def begin_run(self, seed: int) -> None:
        """Let what follows, clients included, depend on a seed of its own."""
        self.seed = seed
        self.clients.reseed(seed)

    # --- faults ---

    def watch(self, rule: Rule, nodes: list[Node]) -> Rule:
        """Let a rule watch all links of these nodes; it strikes where its message comes first."""
        for node in nodes:
            for link in node.links:
                link.watch(rule)
        return rule

    def struck(self, rule: Rule) -> Node:
        """Wait for a rule and return the node on whose link it struck."""
        rule.wait()
        return next(node for node in self.nodes if rule.link in node.links)

    def release(self, rule: Rule) -> None:
        """Let what a rule holds pass."""
        assert rule.link is not None
        rule.link.release(rule)

    def cut(self, rule: Rule) -> None:
        """Break the connection that a rule holds."""
        assert rule.link is not None
        rule.link.cut_at(rule)

    def hold_lock(self, table: str, seconds: float) -> None:
        """Hold a table's strongest lock, as an operator's statement might."""
        self.stage.run(self._hold_lock(table, seconds))

    def link_before(self, gateway: Node) -> Link:
        """Put a link between clients and a gateway; it closes with the system."""
        link = Link(self.stage, f"client to {gateway.name}", ("127.0.0.1", gateway.port or 0))
        self._extra_links.append(link)
        return link

    # --- clients ---

    @contextmanager
    def load(
        self, rate: float = 150, mix: Mix | None = None, port: int | None = None
    ) -> Iterator[None]:
        """Keep clients sending for as long as the context lasts.

        port: where all gateways are reached; None: each at its own.
        """
        stop = self.stage.run(_make_event())
        task = self.stage.start(self.clients.load(rate, mix or Mix(), stop, port))
        try:
            yield
        finally:
            self.stage.run(_set(stop))
            task.result(60)

    def send(
        self, order: Order, gateway: int = 0, port: int | None = None
    ) -> concurrent.futures.Future[Outcome]:
        """Send one order; the outcome can be waited for."""
        return self.stage.start(self.clients.submit(order, gateway, port))

    def submit(self, order: Order, gateway: int = 0) -> Outcome:
        """Send one order and return its outcome."""
        return self.send(order, gateway).result(30)

    def accepted(self, order: Order, gateway: int = 0) -> Acked:
        """Send one order, which must be accepted."""
        outcome = self.submit(order, gateway)
        assert isinstance(outcome, Acked), outcome
        return outcome

    def wait_acked(self, count: int) -> None:
        """Wait until so many more orders are acknowledged."""
        end = len(self.history.attempts)

        def enough() -> bool:
            new = self.history.attempts[end:]
            return sum(isinstance(attempt.outcome, Acked) for attempt in new) >= count

        wait_until(enough, f"{count} acknowledgements")

    def order(self, **changes: object) -> Order:
        """Make an order with a key."""
        return self.clients.make_order(None, **changes)

    def append(self, account_id: str, payload: bytes, *, is_poison: bool = True) -> UUID:
        """Append whatever bytes, as only a broken or hostile gateway could; return its id."""
        identifier = self.stage.run(self._append(account_id, payload))
        if is_poison:
            self._letters.add(identifier)
        return identifier

    def append_poison(self, count: int = 1) -> list[UUID]:
        """Append entries that cannot be transactions, or that PostgreSQL refuses."""
        kinds = list(POISON.values())
        return [
            self.append(f"account-{number}", kinds[number % len(kinds)]) for number in range(count)
        ]

    # --- looking ---

    def rows_of(self, order: Order) -> list[UUID]:
        """Return the ids of an order's rows."""
        rows = self.query("SELECT id FROM transactions WHERE description = $1", order.name)
        return [UUID(str(row)) for row in rows]

    def query(self, statement: str, *values: object) -> list[object]:
        """Ask PostgreSQL directly; return the first column."""
        return self.stage.run(self._query(statement, *values))

    def valkey_command(self, *command: str | int) -> object:
        """Ask Valkey directly."""
        return self.stage.run(self._command(*command))

    def backlog(self) -> int:
        """Return how many entries wait to be written or trimmed."""
        lengths = [self.valkey_command("XLEN", stream_key(n)) for n in range(SHARD_COUNT)]
        return sum(length for length in lengths if isinstance(length, int))

    # --- healing and judging ---

    def wait_shared_out(self) -> None:
        """Wait until the writers that are wanted own all shards."""
        wait_until(self._is_shared_out, "the shards to be shared out")

    def heal(self) -> list[Violation]:
        """Undo every fault, start what does not run. Returns who ended by themselves."""
        self._mend_links()
        self.valkey.process.send_signal(signal.SIGCONT)
        if self.valkey.process.poll() is not None:
            self.valkey.start()
        self.valkey_command("CONFIG", "SET", "maxmemory", "1gb")
        if self.postgres is not None:
            self.postgres.wait()
        violations = []
        for node in self.nodes:
            if not node.process.is_running():
                if not node.was_ended:
                    log = node.process.log[-1500:]
                    violations.append(Violation("I8", f"{node.name} ended by itself: {log}"))
                if node.is_wanted:
                    node.start()
        return violations

    def drain(self) -> None:
        """Let the writers write everything, whatever becomes of the gateways meanwhile."""
        for node in self.writers:
            for link in node.links:
                link.heal()
            if not node.process.is_running():
                node.start()
        wait_until(self._is_quiet, "everything to be written", QUIET_S)

    def settle(self) -> list[Violation]:
        """Heal everything, let clients finish, wait until all is written. Returns what failed."""
        violations = self.heal()
        healed_at = time.monotonic()
        assert self._console_task is not None
        if self._console_task.done():
            self._console_task.result()  # raises what ended it
        try:
            self._wait_ready()
        except pytest.fail.Exception as error:
            return [*violations, Violation("I8", f"not ready after healing: {error}")]
        unfinished = self.stage.run(self.clients.finish(), 120)
        if unfinished:
            names = [order.name for order in unfinished[:5]]
            violations.append(
                Violation("I8", f"{len(unfinished)} orders are not accepted after healing: {names}")
            )
        for place in range(len(self.gateways)):
            order = self.order()
            try:
                wait_until(lambda: isinstance(self.submit(order, place), Acked), "", FRESH_S)  # noqa: B023
            except pytest.fail.Exception:
                violations.append(Violation("I8", f"nothing new is accepted within {FRESH_S} s"))
        left = self._patience_s - (time.monotonic() - healed_at)
        try:
            wait_until(self._is_quiet, "everything to be written", max(left, 5))
            wait_until(self._is_shared_out, "the shards to be shared out", self._patience_s)
        except pytest.fail.Exception as error:
            noise = self.stage.run(self.oracle.noise())
            violations.append(Violation("I8", f"not quiet after healing: {error}; {noise}"))
        with suppress(pytest.fail.Exception):  # the oracle names the alerts that are missing
            wait_until(
                lambda: self.stage.run(self.oracle.has_shown_everything()),
                "the console",
                min(10, self._patience_s),
            )
        return violations

    def judge(self, expectation: Expectation | None = None) -> Verdict:
        """Settle, then let the oracle compare everything."""
        violations = self.settle()
        expected = expectation or Expectation(writer_count=0)
        expected = replace(
            expected,
            writer_count=sum(node.is_wanted for node in self.writers),
            letters=frozenset(self._letters),
        )
        verdict = self.stage.run(self.oracle.check(expected), 120)
        violations += self._check_revocation()
        violations += self._check_logs()
        verdict.violations[:0] = violations
        return verdict

    def all_is_well(self, expectation: Expectation | None = None) -> Verdict:
        """Judge, and fail with every violation, the seed and the commit."""
        verdict = self.judge(expectation)
        if verdict.violations:
            listed = "\n  ".join(str(violation) for violation in verdict.violations)
            pytest.fail(
                f"seed {self.seed}, commit {commit()}: {len(verdict.violations)} violations of"
                f" {verdict.acked} acknowledged\n  {listed}\n  logs are in {self.home}"
            )
        return verdict

    # --- beneath ---

    def _make(self, role: str, number: int, stdin: int = subprocess.DEVNULL) -> Node:
        name = f"{role}-{number}"
        to_valkey, to_postgres = links_of(
            self.stage, name, self.valkey.url, self.database_url, self.home / "links"
        )
        port = free_port() if role == "gateway" else None
        variables = _SETTINGS | {
            "AETHER_HOME": str(self.home),
            "AETHER_REDIS_URL": redis_url_through(self.valkey.url, to_valkey),
            "AETHER_DATABASE_URL": database_url_through(self.database_url, to_postgres),
        }
        if port is not None:
            variables["AETHER_PORT"] = str(port)
        process = RunningProcess(
            name, role, self.home, variables, launcher=self._launcher, stdin=stdin
        )
        return Node(process, to_valkey, to_postgres, port)

    def _mend_links(self) -> None:
        for node in self.nodes:
            for link in node.links:
                link.heal()
            if node.is_frozen:
                node.thaw()
        for link in self._extra_links:
            link.heal()

    def _wait_ready(self) -> None:
        def ready() -> bool:
            for node in self.nodes:
                if node.is_wanted:
                    node.process.check()
            return all(_is_ready(node) for node in self.gateways)

        wait_until(ready, "the gateways to be ready", QUIET_S)

    def _is_quiet(self) -> bool:
        return not self.stage.run(self.oracle.noise())

    def _is_shared_out(self) -> bool:
        wanted = sum(node.is_wanted for node in self.writers)
        return self.stage.run(self.oracle.is_shared_out(wanted))

    def _sign_in(self, service: ServiceClient) -> str:
        answer = httpx.post(
            f"http://127.0.0.1:{self.gateways[0].port}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(service.client_id, service.client_secret),
            timeout=30,
        )
        assert answer.is_success, answer.text
        return str(answer.json()["access_token"])

    def _make_revoked_token(self) -> str:
        base = f"http://127.0.0.1:{self.gateways[0].port}"
        account = {"email": "left@example.com", "password": f"pass {os.urandom(9).hex()}"}
        self._secrets.add(account["password"])
        with httpx.Client(base_url=base, timeout=30) as client:
            assert client.post("/auth/register", json=account).status_code == 201
            token = str(client.post("/auth/login", json=account).json()["access_token"])
            headers = {"Authorization": f"Bearer {token}"}
            assert client.get("/transactions/", headers=headers).status_code == 200
            assert client.post("/auth/logout", headers=headers).status_code == 200
        self._secrets.add(token)
        return token

    def _check_revocation(self) -> list[Violation]:
        violations = []
        for place, node in enumerate(self.gateways):
            answer = self.stage.run(self.clients.ask("/transactions/", self._revoked, place))
            if answer.status != 401:
                violations.append(
                    Violation("I10", f"{node.name} answers {answer.status} to a revoked token")
                )
        return violations

    def _check_logs(self) -> list[Violation]:
        """Look for secrets in what the logs have gained."""
        known = {
            unquote(part)
            for url in (self.database_url, self.valkey.url)
            if (part := urlsplit(url).password)
        } | self._secrets
        violations = []
        for path in sorted(self.home.glob("*.log")):
            with path.open(errors="replace") as file:
                file.seek(self._log_places.get(path.name, 0))
                text = file.read()
                self._log_places[path.name] = file.tell()
            if any(secret in text for secret in known):
                violations.append(Violation("I11", f"{path.name} contains a secret"))
            if "Task exception was never" in text or "was never awaited" in text:
                violations.append(Violation("I12", f"{path.name} tells of a forgotten task"))
        return violations

    async def _add_client(self) -> ServiceClient:
        connection = await connect(self.database_url, statement_timeout_s=10, name="test")
        try:
            made = await create_client(connection, f"faults-{os.urandom(4).hex()}", list(SCOPES))
        finally:
            await connection.close()
        return ServiceClient(made.client.id, made.secret)

    async def _append(self, account_id: str, payload: bytes) -> UUID:
        connection = await connect(self.database_url, statement_timeout_s=10, name="test")
        redis = open_redis(self.valkey.url, timeout_s=5)
        publisher = StreamPublisher(redis, StreamSettings())
        try:
            shard = shard_of(account_id, SHARD_COUNT)
            incarnations = {p.shard: p.incarnation for p in await find_positions(connection)}
            outcomes = await publisher.append({shard: [Submission(payload)]}, incarnations)
            (outcome,) = outcomes[shard]
            assert isinstance(outcome, Accepted), outcome
            return transaction_id(*outcome.id, shard, outcome.incarnation)
        finally:
            await publisher.close()
            await redis.aclose()
            await connection.close()

    async def _query(self, statement: str, *values: object) -> list[object]:
        connection = await connect(self.database_url, statement_timeout_s=20, name="test")
        try:
            return [row[0] for row in await connection.fetch(statement, *values)]
        finally:
            await connection.close()

    async def _hold_lock(self, table: str, seconds: float) -> None:
        connection = await connect(self.database_url, statement_timeout_s=20, name="test")
        try:
            async with connection.transaction():
                await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
                await asyncio.sleep(seconds)
        finally:
            connection.terminate()

    async def _command(self, *command: str | int) -> object:
        redis = open_redis(self.valkey.url, timeout_s=10)
        try:
            return await redis.execute_command(*command)
        finally:
            await redis.aclose()


def some(values: Sequence[T], count: int) -> Sequence[T]:
    """Return the first few of a test's cases, or all of them when AETHER_FAULTS_LONG is set."""
    return values if os.environ.get("AETHER_FAULTS_LONG") else values[:count]


def commit() -> str:
    """Return the commit of the checkout, with a mark when files differ from it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"


def _is_ready(node: Node) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{node.port}/health/ready", timeout=5).is_success
    except httpx.TransportError:
        return False


async def _within(awaitable: object, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await awaitable  # type: ignore[misc]


async def _make_event() -> asyncio.Event:
    return asyncio.Event()


async def _set(event: asyncio.Event) -> None:
    event.set()
