"""How many transactions an account makes in a short time, against its own habit.

In:   decayed counts of an account's transactions, as they stood before the one that is tested.
Out:  a z-score of the count in each window.
Relies on `occurred_at`, not on the time of arrival: a backlog or a replay looks no faster than it
was.

Method: a count decays as exp(-age / window), so one number holds a whole window. The habit is the
difference of two such counts, one over two weeks and one over the longest tested window: a
transaction enters it only as it leaves that window, so a burst is never part of the baseline that
it is tested against. Both count and habit come with their exposure (the time that they cover), so
an account that has been here for a minute is compared with that minute.

With the habit's rate known only from `a` transactions, the chance of at least k more in a window is
the tail of an F distribution with 2k and 2a degrees of freedom (the predictive of a Poisson count
with a gamma rate). Paulson's cube-root approximation turns it into a normal deviate (E. Paulson,
"An approximate normalization of the analysis of variance distribution", Annals of Mathematical
Statistics 13, 1942); it also holds for the fractional counts that decay leaves.
"""

from __future__ import annotations

from math import cbrt, erfc, expm1, log, sqrt

WINDOW_SHORT_S = 300.0
"""Five minutes: card testing, and a stolen card that is emptied."""
WINDOW_LONG_S = 3600.0
"""An hour: the slower kind."""
WINDOW_DAY_S = 86_400.0
"""A day: amounts split into many, and payments that drip out of an account."""
WINDOW_HABIT_S = 14 * 86_400.0
"""Two weeks: the account's own rate, weekly rhythm included."""

# An honest account's rate swings with the hour of the day by this much: knowing it from more than
# five transactions makes the test no sharper (a gamma shape of 5 is a swing of ±45 %).
_SHAPE_MAX = 5.0

COUNT_MIN = 0.5
"""A window with less than this many earlier transactions holds no burst."""
DAY_COUNT_MIN = 4.0
"""The same of a day."""
_HABIT_MIN = 0.5
"""With less than half a payment older than an hour an account has no habit yet."""

# A habit known from n transactions is believed by sqrt(n / (n + 3)): one payment three days ago
# does not prove that three on one afternoon are wrong.
_HABIT_DOUBT = 3.0

_Z_MAX = 35.0
_SQRT_HALF = sqrt(0.5)

# Above this z-score a transaction teaches the habit less and less, down to a twentieth: a burst of
# fraud does not become normal, a lasting change of pace still does.
_LEARN_Z = 2.0
_LEARN_MIN = 0.05


def habit_exposure(age_s: float, window_s: float = WINDOW_LONG_S) -> float:
    """Return the seconds that the habit before a window covers, of an account seen `age_s` ago."""
    return -WINDOW_HABIT_S * expm1(-age_s / WINDOW_HABIT_S) + window_s * expm1(-age_s / window_s)


def habit_before_day(long: float, day: float, habit: float) -> float:
    """Return what of the habit is older than a day.

    habit: what is older than the long window. What lies between the two counts in full here, so a
    burst in the last day is never part of what it is held against.
    """
    return max(0.0, habit - max(0.0, day - long))


def expected_count(habit: float, exposure_s: float, window_s: float) -> float:
    """Return the transactions expected in a window, one added to the habit for what is unseen."""
    return (habit + 1.0) * window_s / exposure_s


def score_count(count: float, habit: float, exposure_s: float, window_s: float) -> float:
    """Return the z-score of `count` earlier transactions in a window.

    count: decayed count before the tested transaction. habit: decayed count of the baseline.
    exposure_s: seconds that the habit covers. Zero when there is no burst or no habit yet.
    """
    if count < COUNT_MIN or exposure_s <= 0.0 or habit <= 0.0:
        return 0.0
    expected = expected_count(habit, exposure_s, window_s)
    return predictive_z(count, expected, habit + 1.0) * sqrt(habit / (habit + _HABIT_DOUBT))


def predictive_z(
    count: float, expected: float, known: float, shape_max: float = _SHAPE_MAX
) -> float:
    """Return the normal deviate of a count whose rate is known from so many, by Paulson's formula.

    known: what the expected count rests on; the more, the sharper the test, up to `shape_max`.
    """
    a, k = 1.0 / (9.0 * min(known, shape_max)), 1.0 / (9.0 * count)
    ratio = cbrt(expected / count)
    return ((1.0 - k) - (1.0 - a) * ratio) / sqrt(ratio * ratio * a + k)


def judge_burst(
    short: float, long: float, day: float, habit: float, age_s: float
) -> tuple[float, float]:
    """Return the z-score of the most unusual of the windows, and its surprise.

    short, long, day: decayed counts of earlier transactions. habit: that of the baseline, of what
    is older than the long window. age_s: seconds since the account was first seen.
    """
    z_score = 0.0
    if habit < _HABIT_MIN:
        return z_score, NO_BURST
    if long >= COUNT_MIN:
        exposure = habit_exposure(age_s)
        z_score = max(
            score_count(short, habit, exposure, WINDOW_SHORT_S),
            score_count(long, habit, exposure, WINDOW_LONG_S),
        )
    # Most accounts pay more often than every other day: the test is for those who do so by far.
    if day >= DAY_COUNT_MIN:
        before = habit_before_day(long, day, habit)
        z_score = max(
            z_score,
            score_count(day, before, habit_exposure(age_s, WINDOW_DAY_S), WINDOW_DAY_S),
        )
    return z_score, excess_surprise(z_score)


def burst_surprise(z_score: float) -> float:
    """Return -log of the chance of so large a z-score."""
    return -log(0.5 * erfc(min(z_score, _Z_MAX) * _SQRT_HALF))


NO_BURST = burst_surprise(0.0)
"""Surprise of a window with nothing unusual in it."""


def excess_surprise(z_score: float) -> float:
    """Return the surprise of a z-score; less than expected is nothing unusual."""
    return burst_surprise(z_score) if z_score > 0.0 else NO_BURST


def learning_weight(z_score: float) -> float:
    """Return how much of a transaction with this velocity enters the habit, 0.05 to 1."""
    if z_score <= _LEARN_Z:
        return 1.0
    share = _LEARN_Z / z_score
    return max(_LEARN_MIN, share * share)


def count_spread(expected: float, habit: float) -> float:
    """Return the standard deviation of a window's count around `expected`."""
    return sqrt(expected + expected * expected / min(habit + 1.0, _SHAPE_MAX))
