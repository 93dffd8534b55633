"""Every process is killed once under load, and no acknowledged transaction is lost or doubled.

A system that `aether up` started takes the payments of a simulated file over HTTP while kill -9
hits the writer, the gateway, Valkey, the forecaster and PostgreSQL, one after the other. A client
repeats what was not acknowledged with the same Idempotency-Key, as every good client does. At the
end PostgreSQL holds exactly what was acknowledged, each transaction once and to the last digit.
"""

from __future__ import annotations

import asyncio
import csv
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from aether_cli.embedded import resolve_servers
from aether_core.money import format_minor_units
from aether_core.settings import Settings
from tests.running import InstalledSystem, ServiceClient, installed_system, wait_until

pytestmark = pytest.mark.slow

KILLED = ("writer:writer-1", "gateway:gateway-1", "valkey", "forecaster", "postgres")
CLIENT_COUNT = 6
ACKED_BETWEEN_KILLS = 200
RETRIED_S_MAX = 90.0


@dataclass(frozen=True)
class Acknowledged:
    """What the gateway answered, and what was asked for."""

    key: str
    body: dict[str, str]
    transaction_id: UUID


@dataclass
class Load:
    """Clients that submit payments until they are told to stop."""

    base_url: str
    token: str
    payments: Iterator[dict[str, str]]
    acknowledged: list[Acknowledged] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    unknown_count: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def submit_until_stopped(self) -> None:
        try:
            with httpx.Client(base_url=self.base_url, timeout=20) as http:
                http.headers["Authorization"] = f"Bearer {self.token}"
                while not self.stop.is_set():
                    with self.lock:
                        payment = next(self.payments, None)
                    if payment is None:
                        self.troubles.append("the simulated file is too short")
                        return
                    self._submit(http, payment)
        except Exception as error:
            self.troubles.append(repr(error))
            raise

    def _submit(self, http: httpx.Client, payment: dict[str, str]) -> None:
        key = str(uuid4())
        body = {
            "account_id": payment["account_id"],
            "merchant": payment["merchant_id"],
            "amount": payment["amount"],
            "currency": payment["currency"],
            "occurred_at": payment["occurred_at"],
        }
        deadline = time.monotonic() + RETRIED_S_MAX
        pause_s = 0.02
        while True:
            answer = self._try(http, key, body)
            if answer is not None and answer.status_code == httpx.codes.CREATED:
                transaction_id = UUID(answer.json()["id"])
                with self.lock:
                    self.acknowledged.append(Acknowledged(key, body, transaction_id))
                return
            if answer is not None and answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                self.troubles.append(f"{answer.status_code}: {answer.text}")
                return
            if time.monotonic() > deadline:
                self.troubles.append(f"not accepted within {RETRIED_S_MAX:.0f} s")
                return
            time.sleep(pause_s)  # a client's back-off, not a wait of the test
            pause_s = min(pause_s * 2, 0.5)

    def _try(self, http: httpx.Client, key: str, body: dict[str, str]) -> httpx.Response | None:
        """Send it once; None when the outcome is unknown."""
        try:
            return http.post("/transactions/", json=body, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            with self.lock:
                self.unknown_count += 1
            return None


@dataclass(frozen=True)
class Row:
    """A row of `transactions`."""

    id: UUID
    account_id: str
    merchant: str
    amount: str
    currency: str
    is_flagged: bool


def test_nothing_acknowledged_is_lost_or_doubled(tmp_path: Path) -> None:
    with installed_system(tmp_path / "home") as system:
        system.up()
        client = system.make_client()
        file = tmp_path / "payments.csv"
        arguments = ("--accounts", "40", "--days", "1500", "--fraud-rate", "0.05")
        assert system.run("simulate", str(file), *arguments).returncode == 0
        with file.open() as text:
            load = Load(system.base_url, system.token_of(client), iter(csv.DictReader(text)))
            kill_everything_under(load, system)

        wait_until(lambda: system.status()["backlog"] == 0, "the backlog to be written")
        assert load.troubles == []
        check_replays(load, system)
        wait_until(lambda: system.status()["backlog"] == 0, "the backlog to be written")
        rows, alerts = asyncio.run(read_database(system))
        check_rows(load, rows)
        assert len(alerts) == len(set(alerts)), "an alert was doubled"
        assert set(alerts) == {row.id for row in rows if row.is_flagged}
        assert alerts, "the load holds no fraud: nothing was proved of alerts"
        check_pipeline(load, system)
        check_logs(system, client)


def kill_everything_under(load: Load, system: InstalledSystem) -> None:
    """Kill each process once, each time after some more transactions were acknowledged."""

    def more_acknowledged(before: int) -> bool:
        assert load.troubles == []
        return len(load.acknowledged) >= before + ACKED_BETWEEN_KILLS

    def healthy_with_another(name: str, pid: int) -> bool:
        return bool(system.status()["healthy"]) and system.pids()[name] != pid

    with ThreadPoolExecutor(CLIENT_COUNT) as pool:
        for _client in range(CLIENT_COUNT):
            pool.submit(load.submit_until_stopped)
        try:
            for name in KILLED:
                before = len(load.acknowledged)
                wait_until(lambda b=before: more_acknowledged(b), f"load before {name} dies")  # type: ignore[misc]
                pid = system.pids()[name]
                system.kill(name)
                wait_until(
                    lambda n=name, p=pid: healthy_with_another(n, p),  # type: ignore[misc]
                    f"health after {name} died",
                )
            before = len(load.acknowledged)
            wait_until(lambda: more_acknowledged(before), "load after the last kill")
        finally:
            load.stop.set()


def check_replays(load: Load, system: InstalledSystem) -> None:
    """A repeated request gets the first answer's id, also after everything died once."""
    step = max(1, len(load.acknowledged) // 100)
    with httpx.Client(base_url=system.base_url, timeout=20) as http:
        http.headers["Authorization"] = f"Bearer {load.token}"
        for one in load.acknowledged[::step]:
            again = http.post("/transactions/", json=one.body, headers={"Idempotency-Key": one.key})
            assert again.status_code == httpx.codes.CREATED, again.text
            assert again.headers["Idempotency-Replayed"] == "true"
            assert UUID(again.json()["id"]) == one.transaction_id


async def read_database(system: InstalledSystem) -> tuple[list[Row], list[UUID]]:
    """Return all transactions and the transactions of all alerts, past the gateway."""
    url = resolve_servers(Settings(home=system.home)).database_url
    assert isinstance(url, SecretStr)
    connection = await asyncpg.connect(url.get_secret_value())
    try:
        rows = await connection.fetch(
            "SELECT id, account_id, merchant, amount_minor_units, currency, decision"
            " FROM transactions"
        )
        alerts = await connection.fetch("SELECT transaction_id FROM alert_transactions")
    finally:
        await connection.close()
    found = [
        Row(
            id=row["id"],
            account_id=row["account_id"],
            merchant=row["merchant"],
            amount=format_minor_units(row["amount_minor_units"], row["currency"]),
            currency=row["currency"],
            is_flagged=row["decision"] != "approve",
        )
        for row in rows
    ]
    return found, [alert["transaction_id"] for alert in alerts]


def check_rows(load: Load, rows: list[Row]) -> None:
    """PostgreSQL holds exactly what was acknowledged, to the last digit."""
    by_id = {row.id: row for row in rows}
    assert len(by_id) == len(rows)
    acknowledged = {one.transaction_id: one.body for one in load.acknowledged}
    assert len(acknowledged) == len(load.acknowledged), "two requests got one id"
    assert by_id.keys() - acknowledged.keys() == set(), "written without an acknowledgement"
    assert acknowledged.keys() - by_id.keys() == set(), "acknowledged and lost"
    for transaction_id, body in acknowledged.items():
        row = by_id[transaction_id]
        assert row.account_id == body["account_id"]
        assert row.merchant == body["merchant"]
        assert (row.amount, row.currency) == (body["amount"], body["currency"])


def check_pipeline(load: Load, system: InstalledSystem) -> None:
    """Entries ever added = committed + dead letters + backlog, as operators are shown it."""
    with system.http(system.admin) as http:
        identity = http.get("/operations/pipeline").json()["identity"]
    assert identity["holds"] is True, identity
    assert identity["difference"] == 0
    assert identity["dead_letters"] == 0
    assert identity["committed"] == len(load.acknowledged)
    assert all(process["state"] != "fatal" for process in system.status()["processes"])


def check_logs(system: InstalledSystem, client: ServiceClient) -> None:
    """No secret that went through the system is in any log."""
    secrets = [system.admin.password, client.client_secret]
    secrets += [path.read_text() for path in (system.home / "keys").glob("*.password")]
    for log in (system.home / "log").iterdir():
        text = log.read_text(errors="replace")
        assert not [secret for secret in secrets if secret in text], log.name
