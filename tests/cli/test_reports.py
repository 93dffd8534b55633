"""`aether transactions`, `pipeline` and `forecast` print what the screens show, for programs too.

A real system; what is printed is compared with what its gateway answers.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from tests.api.calls import submit, wait_written
from tests.running import RunningSystem, aether, clean_environment

HOSTILE = '=cmd|"x"'


def written(service: httpx.Client, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return wait_written(service, submit(service, **{"account_id": "acc-1", **fields})["id"])


def test_transactions_are_listed_and_shown(system: RunningSystem, service: httpx.Client) -> None:
    first = written(service, account_id="acc-1", merchant="Corner Bakery", metadata={"order": 7})
    second = written(service, account_id="acc-2", merchant=HOSTILE, amount="99.50")

    def listed(*options: str) -> list[str]:
        found = json.loads(aether(system, "transactions", "list", *options, "--json"))
        return [one["id"] for one in found]

    assert listed() == [second["id"], first["id"]]
    assert listed("--limit", "1") == [second["id"]]
    assert listed("--account", "acc-1") == [first["id"]]
    assert listed("--decision", "decline") == listed("--flagged") == []
    assert "A decision is one of" in fails(system, "transactions", "list", "--decision", "x")

    rows = list(csv.DictReader(io.StringIO(aether(system, "transactions", "list", "--csv"))))
    assert [row["amount"] for row in rows] == ["99.50", "12.34"]
    # No spreadsheet takes it for a formula.
    assert rows[0]["merchant"] == f"'{HOSTILE}"
    lines = aether(system, "transactions", "list").splitlines()
    assert [line.split()[2] for line in lines] == [second["id"], first["id"]]

    shown = aether(system, "transactions", "show", first["id"])
    assert "order: 7" in shown
    assert (
        json.loads(aether(system, "transactions", "show", first["id"], "--json"))["id"]
        == (first["id"])
    )
    missing = "0199c1f2-7c1d-7000-8000-1c0004d2a1b3"
    assert "There is no such transaction" in fails(system, "transactions", "show", missing)


@pytest.mark.parametrize("form", ["--json", "--csv", None])
def test_what_is_written_is_followed(
    system: RunningSystem, service: httpx.Client, form: str | None
) -> None:
    expected = [written(service)["id"] for _ in range(3)]
    options = () if form is None else (form,)
    with watching(system, "transactions", "list", "--limit", "2", *options) as process:
        assert process.stdout is not None
        if form == "--csv":
            assert process.stdout.readline().startswith('"id","created_at"')
        found = [process.stdout.readline()]
        expected += [written(service)["id"] for _ in range(3)]
        found += [process.stdout.readline() for _ in range(4)]
    places = {"--json": lambda line: json.loads(line)["id"], "--csv": lambda line: line[1:37]}
    ids = [places.get(form or "", lambda line: line.split()[2])(line) for line in found]
    assert ids == expected[1:]


def test_the_pipeline_is_shown_and_followed(system: RunningSystem, service: httpx.Client) -> None:
    for _ in range(3):
        written(service)
    found = json.loads(aether(system, "pipeline", "--json"))
    with system.http(system.make_user("operator")) as operator:
        answered = operator.get("/operations/pipeline").json()
    assert found["identity"] == answered["identity"]
    assert found["identity"]["committed"] == 3
    assert [s["position"] for s in found["shards"]] == [s["position"] for s in answered["shards"]]
    assert "accepted 3 = committed 3 + dead letters 0 + backlog 0" in aether(system, "pipeline")
    with watching(system, "pipeline", "--watch", "--json") as process:
        assert process.stdout is not None
        looks = [json.loads(process.stdout.readline()) for _ in range(2)]
    assert looks[0]["at"] < looks[1]["at"]
    assert [look["identity"]["holds"] for look in looks] == [True, True]


def test_a_pipeline_that_lost_entries_ends_with_status_1(
    system: RunningSystem, service: httpx.Client, database_url: str
) -> None:
    written(service)
    asyncio.run(_execute(database_url, "UPDATE positions SET committed_count = 0"))
    assert "1 are missing" in run(system, "pipeline").stdout
    assert run(system, "pipeline", "--json").returncode == 1


def test_a_forecast_is_printed(system: RunningSystem, database_url: str) -> None:
    assert "points of history" in aether(system, "forecast")
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=30)
    asyncio.run(
        _execute(
            database_url,
            "INSERT INTO load_buckets SELECT $1::timestamptz + i * interval '1 minute', 0, 'EUR',"
            " 100 + i % 5, 0, 0, 100000, 0 FROM generate_series(0, 29) AS i",
            minute,
        )
    )
    found = json.loads(aether(system, "forecast", "--json"))
    with system.http(system.make_user("operator")) as operator:
        assert found.keys() == operator.get("/analytics/forecast").json().keys()
    assert found["data_points_analyzed"] == 30
    assert aether(system, "forecast", "--csv").splitlines() == ['"at","mean","lower","upper"']


class watching:  # noqa: N801 - it reads as a word
    """A command that goes on until Ctrl-C, which ends it in good order."""

    def __init__(self, system: RunningSystem, *words: str) -> None:
        words = words if "--watch" in words else (*words, "--watch")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "aether_cli", *words],
            env=clean_environment(**system.environment, PYTHONUNBUFFERED="1"),
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> subprocess.Popen[str]:
        return self._process

    def __exit__(self, *_: object) -> None:
        os.kill(self._process.pid, signal.SIGINT)
        try:
            assert self._process.wait(30) == 0
        finally:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()


def run(system: RunningSystem, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aether_cli", *words],
        env=clean_environment(**system.environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def fails(system: RunningSystem, *words: str) -> str:
    done = run(system, *words)
    assert done.returncode == 1, done.stdout
    return done.stderr


async def _execute(url: str, statement: str, *values: object) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement, *values)
    finally:
        await connection.close()
