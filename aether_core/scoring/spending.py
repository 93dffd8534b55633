"""How much an account spends in a day and in a week, against its own habit.

In:   the account's payments in its first currency, in order.
Out:  how unusual it is what the payments before this one came to; the habit, learnt.
Relies on the caller to cap what it learns at what is usual: a single large payment is the amount
detector's business, this one's is what several come to.

Method: decayed sums, as the counts in `velocity`. The habit is what has left the week of a month's
sum. Divided by the size-weighted mean amount (sum of squares over sum) a sum becomes a number of
payments of that size, whose Poisson count has the sum's mean and variance: the two-moment
approximation of a compound Poisson (N. L. Bowers et al., Actuarial Mathematics, 2nd ed., section
12.5). That number is tested like any other count.
"""

from __future__ import annotations

import struct
from math import exp, expm1, sqrt
from typing import Final, NamedTuple

from aether_core.scoring.velocity import (
    WINDOW_DAY_S,
    WINDOW_HABIT_S,
    excess_surprise,
    predictive_z,
)

WINDOW_WEEK_S: Final = WINDOW_HABIT_S / 2
WINDOW_MONTH_S: Final = WINDOW_HABIT_S * 2
"""Four weeks."""

SPENDING: Final = struct.Struct("<5d")
"""One account: decayed sums of a day, a week and a month, and of squares over the month, in minor
units of its first currency; when the first payment in them was made (s), 0 before there is one."""

FRESH: Final = SPENDING.pack(0.0, 0.0, 0.0, 0.0, 0.0)

# What people spend swings more than how often they pay: a gamma shape of 4 is a swing of ±50 %.
_SHAPE_MAX: Final = 4.0

# Payments of the usual size: fewer are no habit, or no spending spree.
_HABIT_MIN: Final = 4.0
_COUNT_MIN: Final = 3.0
_HABIT_DOUBT: Final = 3.0


# A window is tested from twice what the habit leads one to expect: at least this share of a habit
# that covers as much as one can.
_TESTED_FROM: Final = 2.0
_DAY_SHARE_MIN: Final = _TESTED_FROM * WINDOW_DAY_S / (WINDOW_MONTH_S - WINDOW_WEEK_S)
_WEEK_SHARE_MIN: Final = _TESTED_FROM * WINDOW_WEEK_S / (WINDOW_MONTH_S - WINDOW_WEEK_S)


class Spent(NamedTuple):
    """An account's sums as they stood before a payment, and how long they had been kept."""

    day: float
    week: float
    month: float
    squares: float
    age_s: float

    def later(self, passed_s: float) -> Spent:
        """Return what is left of them after some seconds."""
        month = exp(-passed_s / WINDOW_MONTH_S)
        return Spent(
            self.day * exp(-passed_s / WINDOW_DAY_S),
            self.week * exp(-passed_s / WINDOW_WEEK_S),
            self.month * month,
            self.squares * month,
            self.age_s + passed_s,
        )


class Spree(NamedTuple):
    """The more unusual window: what was spent in it, what was expected, and how it was tested."""

    z_score: float
    spent: float
    expected: float
    window_s: float
    known: float
    """Payments of the usual size that the expectation rests on."""
    size: float
    """Minor units of such a payment."""

    @property
    def spread(self) -> float:
        """The standard deviation of what is spent around what is expected."""
        shape = min(self.known + 1.0, _SHAPE_MAX)
        return sqrt(self.expected * self.size + self.expected * self.expected / shape)


def judge_spending(
    spendings: bytearray,
    place: int,
    minor_units: float,
    passed_s: float,
    by_day: float,
    by_habit: float,
    newest: float,
) -> tuple[float, float, tuple[float, float, float, float, float]]:
    """Return the z-score of what was spent before a payment, its surprise, and `Spent`; learn it.

    place: of the account in the buffer. minor_units: what of the payment is learnt; 0 for one in
    another currency, against which nothing is held. passed_s: since the account's payment before.
    by_day, by_habit: exp(-abs(passed_s) / window) of a day and of `velocity.WINDOW_HABIT_S`.
    newest: when the account's newest payment was made (s).
    """
    day, week, month, squares, since = SPENDING.unpack_from(spendings, place)
    at = newest + min(passed_s, 0.0)
    since = at if since == 0.0 else min(since, at)
    # A week is half the habit's window, a month twice that.
    by_week, by_month = by_habit * by_habit, sqrt(by_habit)
    spent = day * by_day, week * by_week, month * by_month, squares * by_month, newest - since
    if passed_s >= 0.0:
        day, week, month, squares, _ = spent
        by_day = by_week = by_month = 1.0
    # One that comes late weighs what its own moment still weighs, tested and learnt.
    SPENDING.pack_into(
        spendings, place, day + minor_units * by_day, week + minor_units * by_week,
        month + minor_units * by_month, squares + minor_units * minor_units * by_month, since,
    )  # fmt: skip
    z_score = score_spending(*spent) if minor_units else 0.0
    return z_score, excess_surprise(z_score), spent


def score_spending(day: float, week: float, month: float, squares: float, age_s: float) -> float:
    """Return the z-score of the more unusual window; zero without a habit or a spree."""
    habit = month - week
    # Most accounts are told from here, before the exposure of a habit has to be known.
    if (day < _DAY_SHARE_MIN * habit and week < _WEEK_SHARE_MIN * habit) or (
        habit * month < _HABIT_MIN * squares or habit <= 0.0
    ):
        return 0.0
    exposure = habit_exposure(age_s)
    if exposure <= 0.0:
        return 0.0
    doubled = _TESTED_FROM * habit / exposure
    if day < doubled * WINDOW_DAY_S and week < doubled * WINDOW_WEEK_S:
        return 0.0
    return find_spree(Spent(day, week, month, squares, age_s)).z_score


def find_spree(spent: Spent) -> Spree:
    """Return the more unusual window of an account that has a habit."""
    size = spent.squares / spent.month
    habit = spent.month - spent.week
    known = habit / size
    per_second = (habit + size) / habit_exposure(spent.age_s)
    found = Spree(0.0, spent.week, per_second * WINDOW_WEEK_S, WINDOW_WEEK_S, known, size)
    for sum_, window_s in ((spent.day, WINDOW_DAY_S), (spent.week, WINDOW_WEEK_S)):
        count = sum_ / size
        if count >= _COUNT_MIN:
            expected = per_second * window_s
            doubt = sqrt(known / (known + _HABIT_DOUBT))
            z_score = doubt * predictive_z(count, expected / size, known + 1.0, _SHAPE_MAX)
            if z_score > found.z_score:
                found = Spree(z_score, sum_, expected, window_s, known, size)
    return found


def habit_exposure(age_s: float) -> float:
    """Return the seconds that the habit covers of an account whose sums are so old."""
    return -WINDOW_MONTH_S * expm1(-age_s / WINDOW_MONTH_S) + WINDOW_WEEK_S * expm1(
        -age_s / WINDOW_WEEK_S
    )
