"""Proves that rows leave the console exactly as they are, and nothing else is ever written."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from aether_tui.exporting import NotExported, save_rows, write_rows
from tests.running import Account, RunningSystem
from tests.tui.driving import Traffic, new_merchant, signed_in
from tests.tui.rows import transaction


def test_amounts_are_exact_and_formulas_are_texts() -> None:
    rows = [
        transaction(1, amount="-12345678901234567.89", merchant="=HYPERLINK(1)"),
        transaction(2, amount="0.10", merchant='a "b", c'),
        transaction(3, merchant="+49 30 1"),
    ]
    (first, second, third) = csv.DictReader(io.StringIO(write_rows(rows, "csv").decode()))
    assert first["amount"] == "-12345678901234567.89"
    assert first["merchant"] == "'=HYPERLINK(1)"
    assert (second["amount"], second["merchant"]) == ("0.10", 'a "b", c')
    assert third["merchant"] == "'+49 30 1"
    assert first["created_at"].endswith("Z")
    # JSON is read by programs: there a text is what it is.
    assert json.loads(write_rows(rows, "json"))[0]["merchant"] == "=HYPERLINK(1)"
    assert write_rows([], "csv") == b"\r\n"


@pytest.mark.parametrize("name", ["../x.csv", "/x/x.csv", ".x.csv", "x.sh", "x", "a b.csv", ""])
def test_only_files_of_the_one_directory_are_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotExported, match="without a directory"):
        save_rows(tmp_path / "exports", name, [transaction()])
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_over_or_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "there.csv").write_text("mine")
    (tmp_path / "link.csv").symlink_to(tmp_path / "elsewhere")
    for name in ("there.csv", "link.csv"):
        with pytest.raises(NotExported, match="is there already"):
            save_rows(tmp_path, name, [transaction()])
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()
    assert save_rows(tmp_path, "new.json", [transaction()]).stat().st_mode & 0o777 == 0o600


async def test_the_rows_that_are_shown_are_exported(
    system: RunningSystem, traffic: Traffic, analyst: Account, tmp_path: Path
) -> None:
    merchant = new_merchant()
    ids = await traffic.send(merchant, amounts=("1.10", "2.20"))
    async with signed_in(system, analyst, exports=tmp_path) as console:
        await console.press("2")
        await console.sees(merchant)
        await console.press("slash", *merchant, "enter", "e")
        await console.sees("Export?", "2 rows")
        console.fill("#reason", "feed.json")
        await console.press("enter", "enter")
        await console.sees("Exported")
    rows = json.loads((tmp_path / "feed.json").read_text())
    assert [(row["id"], row["amount"]) for row in rows] == list(
        zip(ids, ("1.10", "2.20"), strict=True)
    )


async def test_without_a_directory_nothing_is_offered(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    merchant = new_merchant()
    await traffic.send(merchant)
    async with signed_in(system, analyst) as console:
        await console.press("2")
        await console.sees(merchant)
        await console.press("e")
        await console.sees_no("Export?")
