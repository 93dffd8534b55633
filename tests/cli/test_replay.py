"""A replayed file is in PostgreSQL exactly once, in each account's order, whatever stops it.

The command runs as a process against a real gateway and writer. It is interrupted, its gateway is
killed, it is started again; then rows are counted.
"""

from __future__ import annotations

import asyncio
import csv
import json
import random
import signal
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from aether_cli.traffic.payment_files import COLUMNS, writing
from aether_cli.traffic.world import Plan, simulate
from tests.running import (
    RunningSystem,
    aether,
    clean_environment,
    wait_until,
)


def make_file(path: Path, *, days: int = 4, seed: int = 1) -> list[list[str]]:
    """Write invented payments; return their fields."""
    plan = Plan(seed, 120, 30, days, 0.01, datetime(2026, 1, 5, tzinfo=UTC))
    rows = [
        [
            f"T{number}",
            f"{payment.occurred_at:%Y-%m-%dT%H:%M:%SZ}",
            payment.account_id,
            payment.merchant,
            payment.amount,
            payment.currency,
            str(int(payment.is_fraud)),
        ]
        for number, payment in enumerate(simulate(plan))
    ]
    write_rows(path, rows)
    return rows


def write_rows(path: Path, rows: list[list[str]], columns: tuple[str, ...] = COLUMNS) -> None:
    with writing(path) as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def replay(system: RunningSystem, path: Path, *options: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(aether(system, "replay", str(path), "--json", *options))
    return facts


def start_replay(system: RunningSystem, path: Path, *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "aether_cli", "replay", str(path), "--json", *options],
        env=clean_environment(**system.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def query(system: RunningSystem, statement: str) -> list[asyncpg.Record]:
    async def ask() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(system.environment["AETHER_DATABASE_URL"])
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    return asyncio.run(ask())


def count(system: RunningSystem) -> int:
    return int(query(system, "SELECT count(*) FROM transactions")[0][0])


def assert_written_once_in_order(system: RunningSystem, rows: list[list[str]]) -> None:
    """Each row once, and each account's in the order of the file."""
    by_account: dict[str, list[tuple[str, str, str]]] = {}
    for _, occurred_at, account, merchant, amount, currency, _ in rows:
        del currency
        by_account.setdefault(account, []).append((occurred_at, merchant, amount))
    found: dict[str, list[tuple[str, str, str]]] = {}
    for row in query(
        system,
        "SELECT account_id,"
        " to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
        " merchant, CASE currency WHEN 'JPY' THEN amount_minor_units::text"
        " ELSE to_char(amount_minor_units / 100.0, 'FM9999999990.00') END"
        " FROM transactions ORDER BY id",
    ):
        found.setdefault(row[0], []).append((row[1], row[2], row[3]))
    assert found == by_account


def test_a_file_is_replayed_once_and_a_second_run_doubles_nothing(
    system: RunningSystem, tmp_path: Path
) -> None:
    path = tmp_path / "payments.csv"
    rows = make_file(path)
    facts = replay(system, path)
    assert facts["accepted"] == facts["written"] == facts["lines"] == len(rows)
    assert facts["replayed"] == facts["refused"] == 0
    assert facts["refused_file"] is None
    assert facts["flagged"] == query(system, "SELECT count(*) FROM alert_transactions")[0][0]
    assert facts["transactions_per_s"] > 0
    assert 0 < facts["latency_ms_p50"] <= facts["latency_ms_p99"]
    assert_written_once_in_order(system, rows)

    # The same content under another name, and compressed, is still the same file.
    again = tmp_path / "again.csv.gz"
    write_rows(again, rows)
    facts = replay(system, again)
    assert (facts["accepted"], facts["replayed"]) == (0, len(rows))
    assert facts["written"] == len(rows)
    assert count(system) == len(rows)


def test_an_interrupted_replay_goes_on_and_doubles_nothing(
    system: RunningSystem, tmp_path: Path
) -> None:
    path = tmp_path / "payments.csv"
    rows = make_file(path)
    # Four days in some ten seconds: there is time to interrupt it.
    process = start_replay(system, path, "--speed", "35000")
    wait_until(lambda: count(system) > len(rows) // 10, "a tenth to be written")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    stopped = json.loads(output)
    assert 0 < stopped["accepted"] < len(rows)
    assert b"nothing is doubled" in errors

    facts = replay(system, path)
    assert facts["accepted"] + facts["replayed"] == facts["written"] == len(rows)
    assert facts["replayed"] >= stopped["accepted"]
    assert_written_once_in_order(system, rows)


def test_a_killed_gateway_is_waited_for_and_nothing_is_lost_or_doubled(
    system: RunningSystem, tmp_path: Path
) -> None:
    path = tmp_path / "payments.csv.gz"
    rows = make_file(path)
    process = start_replay(system, path, "--speed", "60000")
    wait_until(lambda: count(system) > len(rows) // 10, "a tenth to be written")
    system.gateway.kill()
    system.gateway.start()
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    facts = json.loads(output)
    assert facts["accepted"] + facts["replayed"] == facts["written"] == len(rows)
    assert facts["retries"] > 0
    assert_written_once_in_order(system, rows)


def test_refused_lines_go_to_a_file_that_can_be_mended_and_replayed(
    system: RunningSystem, tmp_path: Path
) -> None:
    path = tmp_path / "payments.csv"
    good = make_file(path, days=1)
    bad = [
        ["B1", "2026-01-05T10:00:00Z", "acc-1", "m", "0.00", "EUR", "0"],
        ["B2", "2026-01-05T10:00:00Z", "acc-1", "m", "1.005", "EUR", "0"],
        ["B3", "2026-01-05T10:00:00Z", "acc-1", "m", "1", "ZZZ", "0"],
        ["B4", "yesterday", "acc-1", "m", "1", "EUR", "0"],
        ["B5", "2026-01-05T10:00:00Z", "not an account", "", "1", "EUR", "0"],
        ["B6", "too short"],
    ]
    write_rows(path, good[:5] + bad + good[5:])
    facts = replay(system, path)
    assert facts["accepted"] == facts["written"] == len(good)
    assert facts["refused"] == len(bad)
    refused = tmp_path / "payments.csv.refused.csv"
    assert facts["refused_file"] == str(refused)
    with refused.open() as file:
        found = {int(row[0]): row[1:] for row in list(csv.reader(file))[1:]}
    assert sorted(found) == list(range(7, 13))
    for line, fields in zip(range(7, 13), bad, strict=True):
        assert found[line][1:] == fields
    for line, words in {7: "amount", 8: "decimals", 9: "currency", 10: "occurred_at"}.items():
        assert words in found[line][0]
    assert "account_id" in found[11][0]
    assert "merchant" in found[11][0]
    assert "2 fields" in found[12][0]

    with refused.open() as file:
        mended = [row for row in csv.DictReader(file) if row["transaction_id"] == "B1"]
    write_rows(refused, [[*mended[0].values()]], tuple(mended[0]))
    text = refused.read_text().replace("0.00", "5.00")
    refused.write_text(text)
    assert replay(system, refused)["accepted"] == 1


def test_speed_lets_payments_pass_as_they_happened(system: RunningSystem, tmp_path: Path) -> None:
    path = tmp_path / "payments.csv"
    at = "2026-01-05T10:00:{:02}Z"
    write_rows(path, [[f"T{s}", at.format(s), f"acc-{s}", "m", "1", "EUR", "0"] for s in range(21)])
    began = time.monotonic()
    facts = replay(system, path, "--speed", "10")
    assert facts["accepted"] == 21
    assert 2.0 <= facts["seconds"] <= time.monotonic() - began


def test_own_client_is_kept_private_and_made_anew_when_the_database_forgot_it(
    system: RunningSystem, tmp_path: Path
) -> None:
    path = tmp_path / "payments.csv"
    rows = make_file(path, days=1)
    replay(system, path)
    kept = Path(system.environment["AETHER_HOME"]) / "keys" / "replay.client.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    before = kept.read_text()
    kept.write_text(json.dumps({"client_id": "client_0", "client_secret": "gone"}))
    replay(system, path)
    assert kept.read_text() != before
    assert count(system) == 2 * len(rows), "keys are each client's own"


def test_given_credentials_are_used_and_wrong_ones_end_it(
    system: RunningSystem, tmp_path: Path
) -> None:
    path = tmp_path / "payments.csv"
    rows = make_file(path, days=1)
    client = system.make_client()
    options = ("--client-id", client.client_id, "--url", system.base_url, "--client-secret")
    assert replay(system, path, *options, client.client_secret)["written"] == len(rows)
    process = start_replay(system, path, *options, "wrong")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"refuses these client credentials" in errors


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("a,b\n1,2\n", (), "has no column occurred_at"),
        ("", (), "has no column"),
        (None, (), "cannot be read"),
        (
            ",".join(COLUMNS) + "\n",
            ("--url", "http://127.0.0.1:1"),
            "not this installation's gateway",
        ),
        (",".join(COLUMNS) + "\n", ("--url", "ftp://x"), "not this installation's gateway"),
        (",".join(COLUMNS) + "\n", ("--client-id", "x"), "Give both"),
    ],
)
def test_what_cannot_be_replayed_is_said_in_one_line(
    tmp_path: Path, content: str | None, options: tuple[str, ...], words: str
) -> None:
    path = tmp_path / "file.csv"
    if content is not None:
        path.write_text(content)
    done = subprocess.run(
        [sys.executable, "-m", "aether_cli", "replay", str(path), *options],
        env=clean_environment(AETHER_HOME=str(tmp_path / "home")),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cut_gzip_file_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "payments.csv.gz"
    make_file(path, days=1)
    data = path.read_bytes()
    path.write_bytes(data[: random.Random(1).randrange(100, len(data) - 100)])  # noqa: S311
    done = subprocess.run(
        [sys.executable, "-m", "aether_cli", "replay", str(path)],
        env=clean_environment(AETHER_HOME=str(tmp_path / "home")),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot be read" in done.stderr


def test_the_demo_plays_payments_that_are_written(system: RunningSystem) -> None:
    said = aether(system, "demo", "--seconds", "3", "--rate", "60", "--seed", "1")
    accepted = int(said.split()[0].replace(",", ""))
    assert accepted > 60
    wait_until(lambda: count(system) == accepted, "the demo's payments to be written")
