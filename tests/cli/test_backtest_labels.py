"""A backtest learns from labels when they are old enough, and never before; or not at all.

The command is run as a user runs it, on a file in which one shop is compromised from a day on: its
payments have ordinary amounts, so that only labels tell of them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.test_backtest import HEADER, run, scores_of

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 30
SHOPS = 5
COMPROMISED_DAY = 10


def write(file: Path, flipped_from: int = DAYS, name: str = "is_fraud") -> None:
    """Ten accounts pay twice a day; labels are the other way round from a day on."""
    lines = [HEADER.replace("is_fraud", name)]
    for number in range(DAYS * 20):
        day, place = divmod(number, 20)
        at = (START + timedelta(days=day, minutes=30 * place)).isoformat()
        shop = number % SHOPS
        is_fraud = (shop == 0 and day >= COMPROMISED_DAY) != (day >= flipped_from)
        amount = f"{20 + number % 7}.00"
        lines.append(f"t{number},{at},a{number * 7 % 10},shop{shop},{amount},EUR,{is_fraud:d}")
    file.write_text("\n".join(lines))


def scores(tmp_path: Path, name: str, *options: str) -> list[float]:
    out = tmp_path / f"{name}.scores"
    status, said = run(tmp_path / f"{name}.csv", "--out", out, *options)
    assert status == 0, said
    return [float(row["score"]) for row in scores_of(out)]


def at_the_shop(found: list[float], day: int) -> list[float]:
    return [found[number] for number in range(day * 20, day * 20 + 20) if number % SHOPS == 0]


def test_a_compromised_shop_is_known_when_its_first_labels_are_old_enough(tmp_path: Path) -> None:
    write(tmp_path / "a.csv")
    week, soon = scores(tmp_path, "a"), scores(tmp_path, "a", "--label-delay", "2d")
    blind = scores(tmp_path, "a", "--no-labels")
    assert max(at_the_shop(week, COMPROMISED_DAY + 6)) < 0.5
    # A spell that was seen a week ago may be over: four in five last longer, as far as is known.
    assert min(at_the_shop(week, COMPROMISED_DAY + 9)) > 0.6
    assert max(at_the_shop(soon, COMPROMISED_DAY + 1)) < 0.5
    assert min(at_the_shop(soon, COMPROMISED_DAY + 4)) > 0.7
    assert max(blind) < 0.5


def test_no_score_knows_a_label_of_the_last_seven_days(tmp_path: Path) -> None:
    write(tmp_path / "a.csv")
    write(tmp_path / "b.csv", flipped_from=15)
    one, other = scores(tmp_path, "a"), scores(tmp_path, "b")
    assert one[: 22 * 20] == other[: 22 * 20]
    assert one[22 * 20 + 1 :] != other[22 * 20 + 1 :], "from then on they are known"


def test_without_a_column_of_labels_nothing_is_missed(tmp_path: Path) -> None:
    write(tmp_path / "a.csv")
    write(tmp_path / "b.csv", name="something_else")
    assert scores(tmp_path, "b") == scores(tmp_path, "a", "--no-labels")


@pytest.mark.parametrize("span", ["7", "d", "-1d", "7w", ""])
def test_a_span_that_is_none_is_refused(tmp_path: Path, span: str) -> None:
    write(tmp_path / "a.csv")
    status, said = run(tmp_path / "a.csv", "--out", tmp_path / "out", "--label-delay", span)
    assert status != 0
    assert "no span" in said
