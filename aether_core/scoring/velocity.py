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

from math import cbrt, expm1, sqrt

WINDOW_SHORT_S = 300.0
"""Five minutes: card testing, and a stolen card that is emptied."""
WINDOW_LONG_S = 3600.0
"""An hour: the slower kind."""
WINDOW_HABIT_S = 14 * 86_400.0
"""Two weeks: the account's own rate, weekly rhythm included."""

# An honest account's rate swings with the hour of the day by this much: knowing it from more than
# five transactions makes the test no sharper (a gamma shape of 5 is a swing of ±45 %).
_SHAPE_MAX = 5.0

COUNT_MIN = 0.5
"""A window with less than this many earlier transactions holds no burst."""

# A habit known from n transactions is believed by sqrt(n / (n + 3)): one payment three days ago
# does not prove that three on one afternoon are wrong.
_HABIT_DOUBT = 3.0

# Above this z-score a transaction teaches the habit less and less, down to a twentieth: a burst of
# fraud does not become normal, a lasting change of pace still does.
_LEARN_Z = 2.0
_LEARN_MIN = 0.05


def habit_exposure(age_s: float) -> float:
    """Return the seconds that the habit covers for an account first seen `age_s` ago."""
    return -WINDOW_HABIT_S * expm1(-age_s / WINDOW_HABIT_S) + WINDOW_LONG_S * expm1(
        -age_s / WINDOW_LONG_S
    )


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
    shape = min(habit + 1.0, _SHAPE_MAX)
    ratio = cbrt(expected_count(habit, exposure_s, window_s) / count)
    a, k = 1.0 / (9.0 * shape), 1.0 / (9.0 * count)
    z = ((1.0 - k) - (1.0 - a) * ratio) / sqrt(ratio * ratio * a + k)
    return z * sqrt(habit / (habit + _HABIT_DOUBT))


def learning_weight(z_score: float) -> float:
    """Return how much of a transaction with this velocity enters the habit, 0.05 to 1."""
    if z_score <= _LEARN_Z:
        return 1.0
    share = _LEARN_Z / z_score
    return max(_LEARN_MIN, share * share)


def count_spread(expected: float, habit: float) -> float:
    """Return the standard deviation of a window's count around `expected`."""
    return sqrt(expected + expected * expected / min(habit + 1.0, _SHAPE_MAX))
