"""Why a transaction was found unusual, in sentences that an analyst can act on.

In:   what the detectors saw, and the baselines as they stood before.
Out:  one reason for each detector that moved the score, the strongest first.
Relies on being called for few transactions: it is written for people, not for speed. Numbers are
those that were tested; the bound of a passing amount is found with the score's own functions, so
it holds to the unit.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from math import ceil, exp, log
from statistics import NormalDist

from aether_core.scoring.clearing import (
    Seen,
    burst_passes_after,
    merchant_passes_after,
    passing_amount,
)
from aether_core.scoring.decision import Reason
from aether_core.scoring.fusion import CALM, DETECTORS, fuse, weigh
from aether_core.scoring.novelty import REPEATED_WITHIN_S
from aether_core.scoring.rush import WINDOW_RUSH_S, expected_rush
from aether_core.scoring.spells import DAY_S, Spell, chance_now
from aether_core.scoring.spending import WINDOW_MONTH_S, find_spree
from aether_core.scoring.velocity import (
    WINDOW_DAY_S,
    WINDOW_HABIT_S,
    WINDOW_LONG_S,
    WINDOW_SHORT_S,
    count_spread,
    expected_count,
    habit_before_day,
    habit_exposure,
    score_count,
)

CONTRIBUTION_MIN = 0.2
"""A detector without which the log-odds would be lower by less than this is no reason."""

_NOVELTY_TOLD_MIN = log(20.0)

_NORMAL = NormalDist()


def reasons_for(seen: Seen) -> tuple[Reason, ...]:
    """Return a reason for each detector that moved the score, the strongest first."""
    passing = _passing(seen)
    words: dict[str, Callable[[Seen, float], Reason]] = {
        "amount": partial(_amount_reason, passing),
        "population": partial(_population_reason, passing),
        "takeover": _takeover_reason,
        "merchant": _merchant_reason,
        "account": _account_reason,
        "velocity": _velocity_reason,
        "merchant_velocity": _rush_reason,
        "novelty": _novelty_reason,
        "repetition": _repetition_reason,
    }
    found = []
    for detector, describe in words.items():
        contribution = _contribution(seen, DETECTORS[detector])
        if contribution >= CONTRIBUTION_MIN and not _is_hardly_new(detector, seen):
            found.append(describe(seen, contribution))
    return tuple(sorted(found, key=lambda reason: -reason.contribution))


def _is_hardly_new(detector: str, seen: Seen) -> bool:
    """Whether a novelty is one of the account's every day: it counts, but tells nobody anything."""
    return detector == "novelty" and seen.evidence.novelty < _NOVELTY_TOLD_MIN


def _contribution(seen: Seen, field: str) -> float:
    """Return how much lower the log-odds would be, had the detector seen the ordinary."""
    calm = min(getattr(CALM, field), getattr(seen.evidence, field))
    without = fuse(weigh(seen.evidence._replace(**{field: calm}), seen.weights))
    return seen.log_odds - without


def _amount_reason(passing: str, seen: Seen, contribution: float) -> Reason:
    usual = exp(seen.expected)
    above = exp(seen.expected + seen.spread)
    count = seen.baseline[0]
    text = (
        f"{_money(seen, seen.minor_units)} is {seen.minor_units / usual:,.1f} times the "
        f"{_money(seen, round(usual))} that is usual for this account "
        f"({_earlier(count)} in {seen.currency}). {passing}"
    )
    unit = float(10**seen.exponent)
    return Reason(
        detector="amount",
        text=text.rstrip(),
        observed=seen.minor_units / unit,
        expected=usual / unit,
        spread=(above - usual) / unit,
        observations=int(count),
        z_score=_deviate(seen.evidence.own),
        contribution=contribution,
    )


def _population_reason(passing: str, seen: Seen, contribution: float) -> Reason:
    tail = seen.population.tail
    unit = float(10**seen.exponent)
    usual = exp(seen.population.mean)
    upper = exp(seen.population.anchor + tail.value_at(log(100.0)))
    share = exp(-seen.evidence.population)
    text = (
        f"{_share(share)} of all amounts in {seen.currency} are this large; "
        f"99 in 100 stay under {_money(seen, round(upper))}. {passing}"
    )
    return Reason(
        detector="population",
        text=text.rstrip(),
        observed=seen.minor_units / unit,
        expected=usual / unit,
        spread=max(0.0, upper - usual) / unit,
        observations=tail.observations,
        z_score=_deviate(seen.evidence.population),
        contribution=contribution,
    )


def _takeover_reason(seen: Seen, contribution: float) -> Reason:
    count = seen.baseline[0]
    return Reason(
        detector="takeover",
        text=(
            "Earlier payments of the last weeks were already larger than this account's habit "
            f"({_earlier(count)} in {seen.currency}). Ask the account holder whether they are "
            "theirs."
        ),
        observed=exp(seen.evidence.hands),
        expected=1.0,
        spread=0.0,
        observations=int(count),
        z_score=0.0,
        contribution=contribution,
        window_s=14 * DAY_S,
    )


def _merchant_reason(seen: Seen, contribution: float) -> Reason:
    spell = seen.merchant or Spell(0.0, seen.at, seen.at)
    chance = chance_now(spell, seen.state.merchant_lives, seen.at)
    text = (
        f"{_times(spell.fraud_count)} confirmed as fraud at this merchant, the last made "
        f"{_span(seen.at - spell.last_fraud_at)} before this one: the merchant is compromised with "
        f"a chance of {chance:.0%}. {_passing_after(seen, merchant_passes_after(seen))}"
    )
    return _label_reason("merchant", text, spell, contribution, seen)


def _account_reason(seen: Seen, contribution: float) -> Reason:
    spell = seen.account or Spell(0.0, seen.at, seen.at)
    chance = chance_now(spell, seen.state.account_lives, seen.at)
    text = (
        f"{_times(spell.fraud_count)} confirmed as fraud on this account, the last made "
        f"{_span(seen.at - spell.last_fraud_at)} before this one: it is in other hands with a "
        f"chance of {chance:.0%}."
    )
    return _label_reason("account", text, spell, contribution, seen)


def _label_reason(
    detector: str, text: str, spell: Spell, contribution: float, seen: Seen
) -> Reason:
    return Reason(
        detector=detector,
        text=text.rstrip(),
        observed=float(spell.fraud_count),
        expected=0.0,
        spread=0.0,
        observations=spell.fraud_count + spell.legitimate_count,
        z_score=0.0,
        contribution=contribution,
        window_s=max(0.0, seen.at - spell.since),
    )


def _velocity_reason(seen: Seen, contribution: float) -> Reason:
    if seen.spree_z > seen.velocity_z:
        return _spree_reason(seen, contribution)
    hourly, daily = habit_exposure(seen.age_s), habit_exposure(seen.age_s, WINDOW_DAY_S)
    before_day = habit_before_day(seen.long, seen.day, seen.habit)
    by_window = [
        (score_count(count, habit, exposure, window_s), count, habit, exposure, window_s, words)
        for count, habit, exposure, window_s, words in (
            (seen.short, seen.habit, hourly, WINDOW_SHORT_S, "five minutes"),
            (seen.long, seen.habit, hourly, WINDOW_LONG_S, "hour"),
            (seen.day, before_day, daily, WINDOW_DAY_S, "day"),
        )
    ]
    _, count, habit, exposure, window_s, words = max(by_window)
    expected = expected_count(habit, exposure, window_s)
    # The tested count is of the earlier ones; people count this one too.
    observed = count + 1.0
    text = (
        f"About {ceil(observed - 0.05)} transactions within the last {words}, where this account "
        f"makes about {_rate(habit / exposure * DAY_S)} "
        f"({_earlier(habit)} known from the last {_span(min(seen.age_s, WINDOW_HABIT_S))}). "
        f"{_passing_after(seen, burst_passes_after(seen))}"
    )
    return Reason(
        detector="velocity",
        text=text.rstrip(),
        observed=observed,
        expected=expected,
        spread=count_spread(expected, habit),
        observations=round(habit),
        z_score=seen.velocity_z,
        contribution=contribution,
        window_s=window_s,
    )


def _spree_reason(seen: Seen, contribution: float) -> Reason:
    spree = find_spree(seen.spent)
    unit = float(10**seen.exponent)
    window = "day" if spree.window_s == WINDOW_DAY_S else "week"
    text = (
        f"About {_money(seen, round(spree.spent))} in the last {window} before this payment, where "
        f"this account spends about {_money(seen, round(spree.expected))} "
        f"({_earlier(spree.known)} of its usual size known from the last "
        f"{_span(min(seen.spent.age_s, WINDOW_MONTH_S))}). "
        f"{_passing_after(seen, burst_passes_after(seen))}"
    )
    return Reason(
        detector="velocity",
        text=text.rstrip(),
        observed=spree.spent / unit,
        expected=spree.expected / unit,
        spread=spree.spread / unit,
        observations=round(spree.known),
        z_score=spree.z_score,
        contribution=contribution,
        window_s=spree.window_s,
    )


def _rush_reason(seen: Seen, contribution: float) -> Reason:
    rush = seen.state.rushes[seen.merchant_name]
    form = seen.state.rush_form
    part = "" if form.shards == 1 else f", of one part in {form.shards} of all,"
    # This payment is counted already; people count it too.
    text = (
        f"About {ceil(rush.count)} accounts{part} within the last quarter of an hour at this "
        f"merchant, where {ceil(rush.peak)} were the most on {_days(rush.days)} before. Stolen "
        "cards are tried like this: ask the merchant."
    )
    return Reason(
        detector="merchant_velocity",
        text=text,
        observed=rush.count,
        expected=rush.peak,
        spread=count_spread(expected_rush(rush, form), rush.days),
        observations=int(rush.days),
        z_score=_deviate(seen.evidence.rush),
        contribution=contribution,
        window_s=WINDOW_RUSH_S,
    )


def _novelty_reason(seen: Seen, contribution: float) -> Reason:
    one_in = exp(min(seen.evidence.novelty, 20.0))
    count = seen.baseline[0]
    return Reason(
        detector="novelty",
        text=(
            f"About 1 in {one_in:,.0f} of this account's payments is so new to it, by merchant, "
            f"place and hour ({_earlier(count)} in {seen.currency}). A merchant that it has paid "
            "before would not be."
        ),
        observed=one_in,
        expected=1.0,
        spread=0.0,
        observations=int(count),
        z_score=_deviate(seen.evidence.novelty),
        contribution=contribution,
    )


def _repetition_reason(seen: Seen, contribution: float) -> Reason:
    one_in = exp(min(seen.evidence.repetition, 20.0))
    return Reason(
        detector="repetition",
        text=(
            "The same amount at the same merchant again and again, less than ten minutes apart: "
            f"of this account, 1 in {one_in:,.0f} payments or fewer. Another amount, or ten "
            "minutes later, would be no repetition."
        ),
        observed=one_in,
        expected=1.0,
        spread=0.0,
        observations=int(seen.baseline[0]),
        z_score=_deviate(seen.evidence.repetition),
        contribution=contribution,
        window_s=REPEATED_WITHIN_S,
    )


def _days(count: float) -> str:
    return "the day" if count < 2.0 else f"{count:,.0f} days"


def _passing(seen: Seen) -> str:
    bound = passing_amount(seen)
    return "" if bound is None else f"It would pass at or under {_money(seen, bound)}."


def _passing_after(seen: Seen, passed_s: float | None) -> str:
    if passed_s is None:
        return ""
    # Up to the next minute, so that what is promised holds.
    moment = datetime.fromtimestamp(ceil((seen.at + passed_s) / 60) * 60, UTC)
    return f"Without others it would pass after {moment:%Y-%m-%d %H:%M} UTC."


def _deviate(surprise: float) -> float:
    """Return the normal deviate with this upper tail."""
    return -_NORMAL.inv_cdf(min(max(exp(-surprise), 1e-300), 1.0 - 1e-12))


def _money(seen: Seen, minor_units: int) -> str:
    """Return exact text such as `1,234.50 EUR`."""
    whole, rest = divmod(minor_units, 10**seen.exponent)
    fraction = f".{rest:0{seen.exponent}d}" if seen.exponent else ""
    return f"{whole:,}{fraction} {seen.currency}"


def _share(share: float) -> str:
    if share >= 0.01:
        return f"{share:.0%}"
    return f"1 in {round(1 / share):,}"


def _times(count: int) -> str:
    return "1 payment was" if count == 1 else f"{count:,} payments were"


def _earlier(count: float) -> str:
    number = round(count)
    return "1 earlier payment" if number == 1 else f"{number:,} earlier payments"


def _rate(per_day: float) -> str:
    """Return a rate in the unit that reads best."""
    if per_day >= 2 * 1440:
        return f"{per_day / 1440:,.1f} a minute"
    if per_day >= 2 * 24:
        return f"{per_day / 24:,.1f} an hour"
    if per_day >= 1:
        return f"{per_day:,.1f} a day"
    return f"{per_day * 7:,.1f} a week"


def _span(age_s: float) -> str:
    """Return a time in the unit that reads best."""
    for unit, name in ((DAY_S, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if age_s >= 2 * unit:
            return f"{age_s / unit:.0f} {name}"
    return f"{max(age_s, 0.0):.0f} seconds"
