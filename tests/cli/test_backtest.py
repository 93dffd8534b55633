"""A backtest scores every good line of a file from the lines before it, and names the bad ones.

The command is run as a user runs it, on files that the tests write.
"""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aether_cli.main import build

HEADER = "transaction_id,occurred_at,account_id,merchant_id,amount,currency,is_fraud"


def run(*arguments: object) -> tuple[int, str]:
    """Return the exit status of a backtest, and all that it said."""
    words = ["backtest", "transactions", *map(str, arguments)]
    done = CliRunner().invoke(build(), words)
    return done.exit_code, f"{done.output}{done.exception or ''}"


def scores_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def payments(count: int) -> list[str]:
    """Lines of one account that pays about 20.00 a day; the last pays 50 times as much."""
    lines = [
        f"t{day},2026-01-{day + 1:02}T{day % 24:02}:00:00Z,acc,shop,{20 + day % 3}.00,EUR,0"
        for day in range(count)
    ]
    return [*lines, f"t{count},2026-01-{count + 1:02}T12:00:00Z,acc,shop,1000.00,EUR,1"]


def test_lines_are_scored_in_order_and_the_unusual_one_is_flagged_with_its_reason(
    tmp_path: Path,
) -> None:
    file, out = tmp_path / "payments.csv.gz", tmp_path / "scores.csv"
    with gzip.open(file, "wt", encoding="utf-8") as text:
        text.write("\n".join([HEADER, *payments(25)]))
    status, said = run(file, "--out", out)
    assert status == 0, said
    rows = scores_of(out)
    assert [row["transaction_id"] for row in rows] == [f"t{number}" for number in range(26)]
    assert [row["flagged"] for row in rows] == ["0"] * 25 + ["1"]
    assert "1,000.00 EUR" in rows[-1]["reasons"]
    assert all(0.0 <= float(row["score"]) <= 1.0 for row in rows)


def test_what_comes_later_changes_no_score(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.csv", tmp_path / "cut.csv"
    lines = [HEADER, *payments(20), *payments(25)[20:]]
    whole.write_text("\n".join(lines))
    cut.write_text("\n".join(lines[:15]))
    for file in (whole, cut):
        assert run(file, "--out", file.with_suffix(".scores"))[0] == 0
    before = scores_of(cut.with_suffix(".scores"))
    assert scores_of(whole.with_suffix(".scores"))[: len(before)] == before


BAD_LINES = {
    "amount: ": "b,2026-01-02T00:00:00Z,acc,shop,0.00,EUR,0",
    "amount: The amount must be a decimal": "b,2026-01-02T00:00:00Z,acc,shop,1O.00,EUR,0",
    "2 decimals": "b,2026-01-02T00:00:00Z,acc,shop,1.001,EUR,0",
    "currency: ": "b,2026-01-02T00:00:00Z,acc,shop,1.00,euro,0",
    "occurred_at: ": "b,2026-01-02T00:00:00,acc,shop,1.00,EUR,0",
    "no instant": "b,yesterday,acc,shop,1.00,EUR,0",
    "is_fraud: 'perhaps'": "b,2026-01-02T00:00:00Z,acc,shop,1.00,EUR,perhaps",
    "letters": "b,2026-01-02T00:00:00Z,,shop,1.00,EUR,0",
    "6 fields where the header has 7": "b,2026-01-02T00:00:00Z,acc,shop,1.00,EUR",
}


@pytest.mark.parametrize("reason", BAD_LINES)
def test_a_bad_line_is_named_and_left_out_or_the_file_refused(tmp_path: Path, reason: str) -> None:
    file, out = tmp_path / "payments.csv", tmp_path / "scores.csv"
    good = payments(2)
    file.write_text("\n".join([HEADER, good[0], BAD_LINES[reason], *good[1:]]))
    status, said = run(file, "--out", out, "--strict")
    assert status != 0
    assert "line 3" in said
    assert reason in said
    assert not list(tmp_path.glob("*scores*")), "nothing is left of a refused run"
    status, said = run(file, "--out", out)
    assert status == 0, said
    assert "line 3 is left out" in said
    assert reason in said
    assert "1 left out" in said
    assert [row["transaction_id"] for row in scores_of(out)] == ["t0", "t1", "t2"]


def test_amounts_are_read_exactly_whatever_their_form(tmp_path: Path) -> None:
    file, out = tmp_path / "payments.csv", tmp_path / "scores.csv"
    forms = ["20.00", "20", "20.0", "20.000", "2e1"]
    texts = {}
    for form in forms:
        last = f"x,2026-01-25T00:00:00Z,acc,shop,{form},EUR,0"
        file.write_text("\n".join([HEADER, *payments(20)[:20], last]))
        assert run(file, "--out", out)[0] == 0
        texts[form] = scores_of(out)[-1]["score"]
    assert len(set(texts.values())) == 1, texts


def test_a_file_that_holds_no_payments_is_refused(tmp_path: Path) -> None:
    file, out = tmp_path / "payments.csv", tmp_path / "scores.csv"
    file.write_text("a,b\n1,2\n")
    status, said = run(file, "--out", out)
    assert status != 0
    assert "has no column transaction_id" in said
    status, said = run(tmp_path / "nothing.csv", "--out", out)
    assert status != 0
    assert "cannot be read" in said
    assert not out.exists()


def test_it_says_what_a_version_would_cost_and_catch(tmp_path: Path) -> None:
    file, out = tmp_path / "payments.csv", tmp_path / "scores.csv"
    lines = [HEADER, *payments(25)]
    # Twice as much a minute later: the same burst, so one alert; and a fraud that nobody can see.
    lines.append("t26,2026-01-26T12:01:00Z,acc,shop,2000.00,EUR,1")
    lines.append("t27,2026-01-27T12:00:00Z,acc,shop,20.00,EUR,1")
    file.write_text("\n".join(lines))
    status, said = run(file, "--out", out, "--minutes-per-alert", "30", "--json")
    assert status == 0, said
    price = json.loads(said)["price"]
    assert (price["alert_count"], price["analyst_hours"]) == (1, 0.5)
    assert (price["fraud_count"], price["caught_count"]) == (3, 2)
    assert (price["precision"], price["recall"]) == (1.0, 2 / 3)
    assert price["money"] == [{"currency": "EUR", "caught": "3000.00", "missed": "20.00"}]
    assert price["hours"] == pytest.approx(26 * 24 + 12)

    status, said = run(file, "--out", out, "--emphasis", "amount=0", "--emphasis", "population=0")
    assert status == 0, said
    assert "frauds: 0 of 3 flagged (0.0%)" in said
    assert "0.00 EUR caught, 3020.00 missed" in said
    status, said = run(file, "--out", out, "--review-min", "0.0001", "--decline-min", "1")
    assert "frauds: 3 of 3 flagged" in said
    assert "28 flagged" in said


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--review-min", "0.9", "--decline-min", "0.8"), "at least what is reviewed"),
        (("--emphasis", "everything=1"), "A detector is one of"),
        (("--emphasis", "amount"), "no detector and factor"),
        (("--emphasis", "amount=nan"), "An emphasis is"),
    ],
)
def test_what_no_version_may_say_is_refused(
    tmp_path: Path, words: tuple[str, ...], reason: str
) -> None:
    file = tmp_path / "payments.csv"
    file.write_text("\n".join([HEADER, *payments(2)]))
    status, said = run(file, "--out", tmp_path / "scores.csv", *words)
    assert status != 0
    assert reason in said
