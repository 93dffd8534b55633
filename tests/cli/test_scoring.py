"""`aether scoring`: a version is made, runs in shadow, decides, and is taken back, by hand."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from aether_cli.main import build
from tests.cli.conftest import Installation


def run(installation: Installation, *words: str) -> tuple[bool, str]:
    """Return whether a command ends well, and all that it says."""
    done = CliRunner().invoke(build(), words, env=installation.environment)
    return done.exit_code == 0, f"{done.output}{done.exception or ''}"


def aether(installation: Installation, *words: str) -> str:
    ends_well, said = run(installation, *words)
    assert ends_well, said
    return said


def refusal(installation: Installation, *words: str) -> str:
    ends_well, said = run(installation, *words)
    assert not ends_well
    return said


def test_a_version_is_promoted_and_taken_back(installation: Installation) -> None:
    def said(*words: str) -> str:
        return aether(installation, "scoring", *words)

    assert "version 0 · review from 0.7 · decline from 0.95" in said("show")
    made = json.loads(
        said("add", "--review-min", "0.6", "--emphasis", "velocity=0.5", "--note", "[b]a", "--json")
    )
    number = str(made["number"])
    assert (made["review_min"], made["decline_min"]) == (0.6, 0.95)
    assert made["emphasis"] == {"velocity": 0.5}
    assert made["created_by"].endswith("(command line)")
    assert "never run in shadow" in refusal(installation, "scoring", "promote", number)
    assert "no such run in shadow" in refusal(installation, "scoring", "compare", number)
    assert "in shadow: version" in said("shadow", number)
    assert "0 transactions" in said("compare", number)
    assert json.loads(said("compare", number, "--json"))["resolved"] == []
    assert "has ended" in said("end-shadow")
    assert "Nothing ran" in said("end-shadow")
    assert "live: version" in said("promote", number)
    # What is not said of the next is as in the live one.
    following = json.loads(said("add", "--decline-min", "0.9", "--json"))
    assert (following["review_min"], following["emphasis"]) == (0.6, {"velocity": 0.5})
    assert "velocity 0.5 · [b]a" in said("show")
    states = [one["state"] for one in json.loads(said("list", "--json"))]
    assert states == ["draft", "live"]
    assert "draft" in said("list")

    assert "is live, not 77" in refusal(installation, "scoring", "rollback", "77")
    assert "live: version 0" in said("rollback", number)
    assert "nothing to go back to" in refusal(installation, "scoring", "rollback", "0")
    runs = json.loads(said("show", "--json"))["runs"]
    assert [(run["role"], run["number"]) for run in runs] == [
        ("live", 0), ("live", int(number)), ("shadow", int(number)),
    ]  # fmt: skip
    trail = json.loads(aether(installation, "audit", "list", "--subject", number, "--json"))
    assert [entry["action"] for entry in trail] == [
        "scoring.promote", "scoring.end_shadow", "scoring.shadow", "scoring.add",
    ]  # fmt: skip


def test_a_backtest_takes_a_kept_version(installation: Installation, tmp_path: Path) -> None:
    version = json.loads(aether(installation, "scoring", "add", "--review-min", "0.0001", "--json"))
    file = tmp_path / "payments.csv"
    file.write_text(
        "transaction_id,occurred_at,account_id,merchant_id,amount,currency\n"
        "t1,2026-01-01T00:00:00Z,acc,shop,20.00,EUR\n"
    )
    said = aether(
        installation, "backtest", "transactions", str(file), "--out", str(tmp_path / "out.csv"),
        "--version", str(version["number"]),
    )  # fmt: skip
    assert "1 flagged" in said
    assert "alerts: 1 in" in said
    assert "no such scoring version" in refusal(
        installation,
        "backtest",
        "transactions",
        str(file),
        "--out",
        str(tmp_path / "out.csv"),
        "--version",
        "99",
    )


def test_what_makes_no_sense_is_refused(installation: Installation) -> None:
    def fails(*words: str) -> str:
        return refusal(installation, "scoring", *words)

    assert "A threshold is 0 to 1" in fails("add", "--review-min", "1.5")
    assert "A detector is one of" in fails("add", "--emphasis", "everything=1")
    assert "no such scoring version" in fails("shadow", "999999")
