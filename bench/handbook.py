"""Simulated card payments by a published method, to be scored.

Method: the transaction data simulator of Y.-A. Le Borgne, W. Siblini, B. Lebichot and G. Bontempi,
"Reproducible Machine Learning for Credit Card Fraud Detection: Practical Handbook", 2022, chapter
3. Customers and terminals lie at random on a square; a customer pays at terminals within a radius,
with an amount and a frequency of their own. Frauds are of three kinds: every amount over 220; every
payment at a terminal for 28 days after it is compromised; for 14 days after a customer's card is
leaked a third of their payments, five times as large. The numbers of compromised terminals and
customers a day are scaled with the numbers of terminals and customers.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

_START = datetime(2026, 1, 1, tzinfo=UTC)
_DAY_S = 86_400
_RADIUS = 5.0
_LARGE = 220.0
_TERMINAL_DAYS, _CUSTOMER_DAYS = 28, 14
_TERMINALS_A_DAY, _CUSTOMERS_A_DAY = 2 / 10_000, 3 / 5_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is simulated."""

    customers: int = 1_000
    terminals: int = 2_000
    days: int = 90
    seed: int = 0


@dataclass(slots=True)
class _Payment:
    at_s: int
    customer: int
    terminal: int
    amount: float
    is_fraud: bool = False


def write_payments(path: Path, plan: Plan) -> int:
    """Write a file for `aether backtest transactions`; return its number of payments."""
    chance = np.random.default_rng(plan.seed)
    payments = sorted(_honest(plan, chance), key=lambda one: (one.at_s, one.customer))
    _add_fraud(payments, plan, chance)
    with path.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(
            ("transaction_id", "occurred_at", "account_id", "merchant_id", "amount", "currency",
             "is_fraud")
        )  # fmt: skip
        for number, one in enumerate(payments):
            at = (_START + timedelta(seconds=one.at_s)).isoformat()
            writer.writerow(
                (f"t{number}", at, f"c{one.customer}", f"t{one.terminal}", f"{one.amount:.2f}",
                 "EUR", int(one.is_fraud))
            )  # fmt: skip
    return len(payments)


def _honest(plan: Plan, chance: np.random.Generator) -> list[_Payment]:
    terminals = chance.uniform(0, 100, (plan.terminals, 2))
    payments = []
    for customer in range(plan.customers):
        place = chance.uniform(0, 100, 2)
        mean = chance.uniform(5, 100)
        rate = chance.uniform(0, 4)
        near = np.flatnonzero(np.hypot(*(terminals - place).T) < _RADIUS)
        if not len(near):
            continue
        for day in range(plan.days):
            for at in chance.normal(_DAY_S / 2, 20_000, chance.poisson(rate)):
                if not 0 < at < _DAY_S:
                    continue
                amount = chance.normal(mean, mean / 2)
                if amount < 0:
                    amount = chance.uniform(0, mean * 2)
                payments.append(
                    _Payment(
                        day * _DAY_S + int(at), customer, int(chance.choice(near)),
                        max(0.01, round(float(amount), 2)),
                    )
                )  # fmt: skip
    return payments


def _add_fraud(payments: list[_Payment], plan: Plan, chance: np.random.Generator) -> None:
    for one in payments:
        one.is_fraud = one.amount > _LARGE
    by_terminal: dict[int, list[_Payment]] = {}
    by_customer: dict[int, list[_Payment]] = {}
    for one in payments:
        by_terminal.setdefault(one.terminal, []).append(one)
        by_customer.setdefault(one.customer, []).append(one)
    for day in range(plan.days):
        for terminal in _some(plan.terminals, _TERMINALS_A_DAY, chance):
            for one in _within(by_terminal.get(terminal, []), day, _TERMINAL_DAYS):
                one.is_fraud = True
        for customer in _some(plan.customers, _CUSTOMERS_A_DAY, chance):
            of_customer = _within(by_customer.get(customer, []), day, _CUSTOMER_DAYS)
            count = len(of_customer) // 3
            for index in chance.choice(len(of_customer), count, replace=False) if count else ():
                of_customer[index].amount = round(of_customer[index].amount * 5, 2)
                of_customer[index].is_fraud = True


def _some(count: int, share: float, chance: np.random.Generator) -> list[int]:
    return [int(one) for one in chance.integers(0, count, chance.poisson(count * share))]


def _within(payments: list[_Payment], day: int, days: int) -> list[_Payment]:
    return [one for one in payments if day * _DAY_S <= one.at_s < (day + days) * _DAY_S]
