"""The scores against fraud that is known: how well they rank it, what they mean, how fast they are.

The payments are simulated by a published method (`handbook.py`), or read from AETHER_FRAUD_FILE, a
file as `aether backtest transactions` takes it. The first half of the days is for learning, the
second is measured. Rows a second are of processor time, so that a busy machine matters less. Beside
the scores stand what people reach for first: the z-score of the amount among all and per account,
online as well.
"""

from __future__ import annotations

import csv
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

from aether_cli.backtesting.payments import Payment, PaymentFile
from aether_cli.backtesting.run import Wishes, backtest_payments
from aether_core.scoring import Thresholds
from bench.handbook import Plan, write_payments
from bench.ranking import Scored, auc_and_precision, calibration, card_precision
from bench.results import Result, at_least

_DAY_MS = 86_400_000
_RATE_MIN = 30_000.0

Payments = list[Payment]


@dataclass(frozen=True)
class Rivals:
    """The measured half of the payments, each with a score of each kind.

    known: with labels seven days late. blind: without any. rate: rows a second, with labels.
    """

    known: list[Scored]
    blind: list[Scored]
    own_z: list[Scored]
    common_z: list[Scored]
    rate: float


def measure() -> Rivals:
    """Score the payments in every way."""
    with _file() as path:
        payments = [line for line in PaymentFile(path).lines() if isinstance(line, Payment)]
        known, rate = _backtest(path, payments, labels=True)
        blind, _ = _backtest(path, payments, labels=False)
    own_z = _measured(payments, _own_z(payments))
    return Rivals(known, blind, own_z, _measured(payments, _common_z(payments)), rate)


def run() -> list[Result]:
    """Measure fraud_*: with labels seven days late, without any, and rows a second."""
    rivals = measure()
    known, rate = rivals.known, rivals.rate
    own, everybody = auc_and_precision(rivals.own_z), auc_and_precision(rivals.common_z)
    _show_calibration(known)
    auc, precision = auc_and_precision(known)
    blind_auc, blind_precision = auc_and_precision(rivals.blind)
    return [
        at_least("fraud_auc_blind", blind_auc, "", 1.0, max(own[0], everybody[0])),
        at_least("fraud_ap_blind", blind_precision, "", 1.0, max(own[1], everybody[1])),
        at_least("fraud_auc", auc, "", 0.85),
        at_least("fraud_ap", precision, "", 0.60),
        at_least("fraud_cp20", card_precision(known, 20), "", 0.0),
        at_least("fraud_rate", rate, "rows/s", _RATE_MIN),
    ]


@contextmanager
def _file() -> Iterator[Path]:
    given = os.environ.get("AETHER_FRAUD_FILE")
    if given:
        yield Path(given)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "payments.csv"
        write_payments(path, Plan(seed=int(os.environ.get("AETHER_FRAUD_SEED", "0"))))
        yield path


def _backtest(path: Path, payments: Payments, *, labels: bool) -> tuple[list[Scored], float]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "scores.csv"
        wishes = Wishes(
            file=path,
            out=out,
            thresholds=Thresholds(),
            label_delay_ms=7 * _DAY_MS if labels else None,
        )
        began = time.process_time()
        backtest_payments(wishes, lambda _: None, lambda *_: None)
        seconds = time.process_time() - began
        with out.open(encoding="utf-8", newline="") as text:
            scores = [float(row["score"]) for row in csv.DictReader(text)]
    return _measured(payments, scores), len(payments) / seconds


def _measured(payments: Payments, scores: list[float]) -> list[Scored]:
    """Return the second half of the days."""
    first, last = payments[0].occurred_at_ms // _DAY_MS, payments[-1].occurred_at_ms // _DAY_MS
    begin = last - (last - first + 1) // 2 + 1
    return [
        Scored(payment.occurred_at_ms // _DAY_MS, payment.account_id, score, bool(payment.label))
        for payment, score in zip(payments, scores, strict=True)
        if payment.occurred_at_ms // _DAY_MS >= begin
    ]


def _common_z(payments: Payments) -> list[float]:
    return _z_scores(payments, ["" for _ in payments])


def _own_z(payments: Payments) -> list[float]:
    return _z_scores(payments, [payment.account_id for payment in payments])


def _z_scores(payments: Payments, groups: list[str]) -> list[float]:
    """Return how many standard deviations each amount lies above its group's mean so far."""
    known: dict[str, tuple[int, float, float]] = {}
    scores = []
    for payment, group in zip(payments, groups, strict=True):
        amount = float(payment.minor_units)
        count, mean, squares = known.get(group, (0, 0.0, 0.0))
        spread = sqrt(squares / (count - 1)) if count > 1 else 0.0
        scores.append((amount - mean) / spread if spread else 0.0)
        step = (amount - mean) / (count + 1)
        known[group] = (count + 1, mean + step, squares + (amount - mean) * (amount - mean - step))
    return scores


def _show_calibration(scored: list[Scored]) -> None:
    print("score               payments  mean score  share of fraud")
    for low, high, count, mean, share in calibration(scored):
        print(f"{low:5.2f} to {min(high, 1.0):5.2f}  {count:14,}  {mean:10.3f}  {share:14.3f}")
