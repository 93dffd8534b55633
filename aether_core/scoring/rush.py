"""Is a merchant overrun: many accounts paying there within minutes, as when stolen cards are tried?

In:   the merchant's payments, in order.
Out:  the surprise of how many accounts have just paid there, and the merchant's record, learnt.
Relies on nothing but this shard's accounts: a merchant's customers are spread over all shards, and
each holds its own part against its own past and against its part of what any merchant is allowed.

Method: a decayed count of payments, of which those of one account in a row count once, against the
largest such count of any earlier day. A noon rush thus has a noon rush to be held against. The tail
is that of a Poisson count with a gamma rate (`velocity`), the rate known the better the more days
there have been. What a day has seen is learnt when it is over, so an attack is never part of what
it is held against.
"""

from __future__ import annotations

from functools import cache
from math import exp
from typing import Final, NamedTuple

import msgspec

from aether_core.scoring.spells import DAY_S
from aether_core.scoring.velocity import NO_BURST, excess_surprise, predictive_z

WINDOW_RUSH_S: Final = 900.0
"""A quarter of an hour."""

MERCHANTS_MAX: Final = 50_000
"""Merchants that a shard remembers; the one that it has known longest makes way."""

_COUNT_MIN = 20.0
DAYS_MIN: Final = 3.0
"""Earlier days without which nothing is known of a merchant."""
_ALWAYS: Final = 10.0
"""So many more than ever may come to any merchant: an opening, a sale."""
_PEAK_MEMORY_DAYS = 14.0


class RushForm(NamedTuple):
    """What counts in one shard of so many."""

    shards: int
    count_min: float
    """A smaller count is no rush."""
    always: float
    """So many more than its own peak may come to any merchant."""


@cache
def rush_form(shards: int) -> RushForm:
    """Return what counts in each of so many shards."""
    return RushForm(shards, _COUNT_MIN / shards, _ALWAYS / shards)


class Rush(msgspec.Struct, array_like=True):
    """One merchant, as far as it is known.

    last: its latest payment (s). count: as it was then. day: that payment's number of the day.
    today, peak: the largest count of that day, and of earlier ones. days: how many of those there
    were. payer: the account that paid last.
    """

    last: float
    count: float
    day: int
    today: float
    peak: float
    days: float
    payer: int


def judge_rush(
    rushes: dict[str, Rush], form: RushForm, merchant: str, at: float, payer: int
) -> float:
    """Return the surprise of how many accounts have just paid at a merchant, then count this one.

    payer: a number of the account's own. Several payments of one account in a row count once: its
    own velocity is tested.
    """
    known = rushes.get(merchant)
    if known is None:
        if len(rushes) >= MERCHANTS_MAX:
            del rushes[next(iter(rushes))]
        rushes[merchant] = Rush(at, 1.0, int(at // DAY_S), 1.0, 0.0, 0.0, payer)
        return NO_BURST
    count, weight = known.count, 1.0
    if at >= known.last:
        count *= exp((known.last - at) / WINDOW_RUSH_S)
        known.last = at
        if at >= (known.day + 1) * DAY_S:
            _begin_day(known, int(at // DAY_S))
    else:
        # One that comes late weighs what its own moment still weighs, tested and learnt.
        weight = exp((at - known.last) / WINDOW_RUSH_S)
    surprise = NO_BURST
    if count * weight >= form.count_min and known.days >= DAYS_MIN:
        surprise = _surprise(known, form, count * weight)
    if payer != known.payer:
        known.payer = payer
        count += weight
        if count > known.today:
            known.today = count
    known.count = count
    return surprise


def _begin_day(known: Rush, day: int) -> None:
    """Learn what the last day has seen."""
    fading = exp((known.day - day) / _PEAK_MEMORY_DAYS)
    known.peak = max(known.peak * fading, known.today)
    known.days += 1.0
    known.day, known.today = day, 0.0


def expected_rush(known: Rush, form: RushForm) -> float:
    """Return the count that an earlier day's largest leads one to expect at most."""
    return known.peak + form.always


def _surprise(known: Rush, form: RushForm, count: float) -> float:
    """Return -log of the chance of so large a count."""
    return excess_surprise(predictive_z(count, expected_rush(known, form), known.days))
