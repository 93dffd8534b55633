"""Invented payments are valid, in order, the same for the same seed, and hold the fraud asked for.

The command is run as a user runs it; what it is made of is pure and is called directly.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from aether_cli.main import build
from aether_cli.traffic.lively import Due, flow
from aether_cli.traffic.payment_files import COLUMNS, inspect, read_rows
from aether_cli.traffic.world import Payment, Plan, World, simulate
from aether_core.money import parse_minor_units

START = datetime(2026, 1, 5, tzinfo=UTC)


def plan(**changes: float) -> Plan:
    usual: dict[str, float] = {
        "seed": 1,
        "accounts": 60,
        "merchants": 30,
        "days": 14,
        "fraud": 0.02,
    }
    wanted = usual | changes
    return Plan(
        seed=int(wanted["seed"]),
        account_count=int(wanted["accounts"]),
        merchant_count=int(wanted["merchants"]),
        day_count=int(wanted["days"]),
        fraud_rate=wanted["fraud"],
        start=START,
    )


def run(*arguments: str) -> str:
    done = CliRunner().invoke(build(), ["simulate", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    accounts=st.integers(1, 40),
    merchants=st.integers(1, 20),
    days=st.integers(1, 5),
    fraud=st.floats(0, 0.5),
)
def test_any_plan_gives_valid_payments_in_the_order_of_time(
    seed: int, accounts: int, merchants: int, days: int, fraud: float
) -> None:
    payments = list(
        simulate(plan(seed=seed, accounts=accounts, merchants=merchants, days=days, fraud=fraud))
    )
    assert payments == sorted(payments, key=lambda payment: payment.occurred_at)
    for payment in payments:
        assert START <= payment.occurred_at < START + timedelta(days=days)
        assert parse_minor_units(payment.amount, payment.currency) == payment.minor_units


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    options = ("--accounts", "50", "--days", "5")
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        run(str(tmp_path / f"{name}.csv.gz"), *options, "--seed", seed)
    run(str(tmp_path / "a.csv"), *options, "--seed", "7")
    first, second, other = ((tmp_path / f"{name}.csv.gz").read_bytes() for name in "abc")
    assert first == second
    assert first != other
    assert gzip.decompress(first) == (tmp_path / "a.csv").read_bytes()


def test_the_file_has_the_columns_of_the_public_data_and_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "payments.csv"
    said = run(str(path), "--accounts", "50", "--days", "5", "--fraud-rate", "0.05")
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert f"{len(rows):,} payments" in said
    assert len({row["transaction_id"] for row in rows}) == len(rows)
    assert {row["is_fraud"] for row in rows} == {"0", "1"}
    found = inspect(path)
    assert (found.row_count, found.columns) == (len(rows), COLUMNS)
    assert [row.number for row in read_rows(path)] == list(range(2, len(rows) + 2))


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1])
def test_the_share_of_fraud_is_about_what_was_asked_for(rate: float) -> None:
    payments = list(simulate(plan(fraud=rate, accounts=200, days=30)))
    share = sum(payment.is_fraud for payment in payments) / len(payments)
    assert share == pytest.approx(rate, abs=0.1 * rate + 0.003)


def test_fraud_is_of_several_kinds() -> None:
    payments = list(simulate(plan(accounts=300, merchants=60, days=30)))
    fraud = [payment for payment in payments if payment.is_fraud]
    by_account = Counter(payment.account_id for payment in fraud)
    by_merchant = Counter(payment.merchant for payment in fraud)
    honest = Counter(payment.merchant for payment in payments if not payment.is_fraud)
    assert any(count >= 5 for count in by_account.values()), "no burst, nobody taken over"
    assert any(count == 1 for count in by_account.values())
    # A compromised merchant stands out by its share of fraud, not by its amounts.
    assert any(count >= 4 and count > 0.1 * honest[name] for name, count in by_merchant.items())


def test_days_and_weeks_have_a_rhythm_and_accounts_their_favourites() -> None:
    payments = list(simulate(plan(accounts=200, days=28, fraud=0)))
    hours = Counter(payment.occurred_at.hour for payment in payments)
    assert hours[18] > 4 * hours[4]
    weekdays = Counter(payment.occurred_at.weekday() for payment in payments)
    assert weekdays[5] > 1.2 * weekdays[6]
    own = Counter(payment.merchant for payment in payments if payment.account_id == "acc1-00001")
    assert sum(count for _, count in own.most_common(6)) > 0.6 * own.total()


def test_accounts_of_two_seeds_are_never_the_same() -> None:
    first, second = ({account.id for account in World(seed, 50, 10).accounts} for seed in (1, -2))
    assert len(first) == len(second) == 50
    assert not first & second


def until(payments: Iterator[Due], seconds: float) -> list[Due]:
    return list(takewhile(lambda due: due.at_s < seconds, payments))


def test_live_traffic_keeps_its_rate_and_comes_in_order() -> None:
    dues = until(flow(World(3, 150, 40), 20.0, 0.01), 1_800)
    assert [due.at_s for due in dues] == sorted(due.at_s for due in dues)
    # Surges come on top.
    assert 18 * 1_800 < len(dues) < 27 * 1_800
    fraud = sum(due.payment.is_fraud for due in dues)
    assert fraud == pytest.approx(0.01 * len(dues), rel=0.25)


def test_live_traffic_is_the_same_for_the_same_seed() -> None:
    def payments() -> list[Payment]:
        return [due.payment for due in until(flow(World(5, 50, 20), 10.0, 0.05), 60)]

    assert payments() == payments()


def test_live_fraud_spares_accounts_that_have_no_habits_yet() -> None:
    seen: Counter[str] = Counter()
    for due in until(flow(World(6, 50, 20), 20.0, 0.05), 300):
        if due.payment.is_fraud:
            assert seen[due.payment.account_id] >= 10
        else:
            seen[due.payment.account_id] += 1
