"""`aether alerts`: the queue on the command line, decided in the name of who runs it, and noted."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

from tests.cli.conftest import Installation
from tests.running import aether, clean_environment


async def add_alerts(installation: Installation, *merchants: str) -> list[str]:
    """Add alerts as writers do, each with a larger expected loss than the one before."""
    ids = [str(uuid4()) for _ in merchants]
    for number, (identifier, merchant) in enumerate(zip(ids, merchants, strict=True), 1):
        quoted = merchant.replace("'", "''")
        await installation.execute(
            "INSERT INTO alerts (id, transaction_id, shard, account_id, merchant,"
            " amount_minor_units, currency, score, decision, reasons, occurred_at, created_at,"
            " expected_loss, total_minor_units, last_occurred_at)"
            f" VALUES ('{identifier}', '{identifier}', 0, 'acc-{number}', E'{quoted}',"
            f" {number}00, 'EUR', 0.9, 'review', '[]', now(), now(), {number}, {number}00, now())"
        )
    return ids


def decide(installation: Installation, file: Path) -> subprocess.CompletedProcess[str]:
    """Call all alerts of a file fraud."""
    return subprocess.run(
        [sys.executable, "-m", "aether_cli", "alerts", "bulk", str(file), "--as", "fraud"],
        env=clean_environment(**installation.environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_alerts_are_worked_on_from_the_command_line(installation: Installation) -> None:
    small, large = await add_alerts(installation, "Corner Bakery", "Lux Watches")
    listed = json.loads(aether(installation, "alerts", "list", "--json"))
    assert [alert["id"] for alert in listed] == [large, small]
    assert large in aether(installation, "alerts", "take")
    assert "is taken" in aether(installation, "alerts", "take", small)
    assert "Nothing waits" in aether(installation, "alerts", "take")
    assert "is free" in aether(installation, "alerts", "release", small)
    aether(installation, "user", "add", "ada@example.com", "--role", "analyst")
    assert "ada@example.com" in aether(installation, "alerts", "assign", small, "ada@example.com")
    assert "may decide" in installation.fails("alerts", "assign", small, "bob@example.com")
    aether(installation, "alerts", "note", small, "Calls back on Monday")
    assert "not taken in this text" in installation.fails("alerts", "note", small, "a\x1bb")
    aether(installation, "alerts", "resolve", small, "--as", "fraud", "--note", "Confirmed")
    assert "one is older" not in aether(installation, "alerts", "reopen", small)
    shown = json.loads(aether(installation, "alerts", "show", small, "--json"))
    assert [change["action"] for change in shown["history"]] == [
        "reopen", "resolve", "note", "assign", "release", "take",
    ]  # fmt: skip
    assert all(c["actor"].endswith("(command line)") for c in shown["history"])
    assert "Calls back on Monday" in aether(installation, "alerts", "show", small)
    trail = json.loads(aether(installation, "audit", "list", "--subject", small, "--json"))
    assert [(e["action"], e["actor_kind"], e["details"]["version"]) for e in trail] == [
        (f"alert.{c['action']}", "command", c["version"]) for c in shown["history"]
    ]
    assert "There is no such alert" in installation.fails("alerts", "show", str(uuid4()))


async def test_a_file_of_alerts_is_decided_with_a_result_each(
    installation: Installation, tmp_path: Path
) -> None:
    ids = await add_alerts(installation, "One", "Two", "Three")
    aether(installation, "alerts", "resolve", ids[1], "--as", "legitimate")
    file = tmp_path / "ids.txt"
    file.write_text("\n".join([*ids, "", str(uuid4())]))
    done = decide(installation, file)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line.endswith("is resolved as fraud.") for line in lines] == [True, False, True, False]
    assert "already resolved as legitimate" in lines[1]
    file.write_text(f"{ids[0]}\nno id\n")
    assert "Line 2" in installation.fails("alerts", "bulk", str(file), "--as", "legitimate")
    assert "fraud or legitimate" in installation.fails("alerts", "resolve", ids[0], "--as", "x")
    resolved = json.loads(aether(installation, "alerts", "list", "--state", "resolved", "--json"))
    assert {alert["id"]: alert["resolution"] for alert in resolved} == {
        ids[0]: "fraud", ids[1]: "legitimate", ids[2]: "fraud",
    }  # fmt: skip


async def test_t07_a_list_holds_no_formula_and_no_control(installation: Installation) -> None:
    await add_alerts(installation, "=1+1", "\\x1b]0;x\\x07", "[red]x[/red]")
    printed = aether(installation, "alerts", "list", "--csv")
    assert printed.replace("\n", "").isprintable()
    rows = list(csv.DictReader(printed.splitlines()))
    assert [row["merchant"] for row in rows] == ["[red]x[/red]", "\\x1b]0;x\\x07", "'=1+1"]
    assert [row["expected_loss"] for row in rows] == ["3.0", "2.0", "1.0"]
    for form in ((), ("--json",)):
        assert aether(installation, "alerts", "list", *form).replace("\n", "").isprintable()


async def test_the_budget_says_from_which_score_on_alerts_are_within_it(
    installation: Installation,
) -> None:
    await add_alerts(installation, "Corner", "Harbour")
    said = aether(installation, "alerts", "budget")
    assert "budget: 30 an hour; raised: " in said
    assert "All 2 open alerts are within it." in said
    found = json.loads(aether(installation, "alerts", "budget", "--json"))
    assert (found["score_cut"], found["open_within"]) == (None, 2)
