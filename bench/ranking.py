"""How well scores rank fraud before the rest: AUC, average precision, card precision, calibration.

Card precision at k: each day the k accounts with the highest scores are looked at; an account found
on a day with fraud is left out from then on (Handbook, chapter 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple


class Scored(NamedTuple):
    """One payment: its day, its account, what was said and what was true."""

    day: int
    account: str
    score: float
    is_fraud: bool


def auc_and_precision(scored: Sequence[Scored]) -> tuple[float, float]:
    """Return the area under the ROC curve (ties count half) and the average precision."""
    by_score: dict[float, list[int]] = {}
    for one in scored:
        counts = by_score.setdefault(one.score, [0, 0])
        counts[one.is_fraud] += 1
    frauds = sum(counts[1] for counts in by_score.values())
    others = len(scored) - frauds
    found = passed = 0
    area = precision = 0.0
    for score in sorted(by_score, reverse=True):
        legitimate, fraud = by_score[score]
        area += legitimate * (found + fraud / 2)
        found += fraud
        passed += legitimate
        precision += fraud * found / (found + passed)
    return area / (frauds * others), precision / frauds


def card_precision(scored: Iterable[Scored], k: int) -> float:
    """Return the mean share of the k accounts looked at each day that had fraud that day."""
    days: dict[int, dict[str, tuple[float, bool]]] = {}
    for one in scored:
        of_day = days.setdefault(one.day, {})
        score, is_fraud = of_day.get(one.account, (0.0, False))
        of_day[one.account] = max(score, one.score), is_fraud or one.is_fraud
    known: set[str] = set()
    shares = []
    for day in sorted(days):
        waiting = [
            (-score, account, is_fraud)
            for account, (score, is_fraud) in days[day].items()
            if account not in known
        ]
        hits = {account for _, account, is_fraud in sorted(waiting)[:k] if is_fraud}
        known |= hits
        shares.append(len(hits) / k)
    return sum(shares) / len(shares)


def calibration(
    scored: Iterable[Scored], edges: Sequence[float] = (0, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 1.01)
) -> list[tuple[float, float, int, float, float]]:
    """Return for each interval of scores: its edges, payments, mean score, share of fraud."""
    rows = []
    kept = list(scored)
    for low, high in pairwise(edges):
        within = [one for one in kept if low <= one.score < high]
        if within:
            mean = sum(one.score for one in within) / len(within)
            share = sum(one.is_fraud for one in within) / len(within)
            rows.append((low, high, len(within), mean, share))
    return rows
