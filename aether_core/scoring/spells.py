"""Spells of fraud at a merchant or on an account, as confirmed labels show them.

In:   labels (fraud or legitimate) with the time of the payment, which arrive days later.
Out:  the chance that the merchant or account is in such a spell at a given moment.
Relies on labels of one merchant in about the order of their payments; one out of order is weighed
without moving the clock.

Method: a filter with two states. A label moves the odds by its likelihood ratio, after what the
amount already explains has been taken out of it (explaining away): one fraud of an ordinary amount
says much about its merchant, one of an enormous amount little. Between labels the spell survives
as learnt from the spells that have ended: a life table with a gamma prior on each interval's hazard
(actuarial estimate; Kalbfleisch & Prentice, The Statistical Analysis of Failure Time Data, 2nd ed.,
sections 1.4 and 3.9). Before any spell has been seen its length is exponential.
"""

from __future__ import annotations

from math import exp

import msgspec

DAY_S = 86_400.0
_WIDTH_S = 2.0 * DAY_S
_INTERVALS = 32

# The prior hazard is believed as firmly as six days under observation in each interval.
_PRIOR_S = 6.0 * DAY_S

_CHANCE_MIN = 1e-5
_CHANCE_MAX = 0.9999
_IN_SPELL = 0.5
_FORGET_S = 60 * DAY_S


class SpellForm(msgspec.Struct, frozen=True):
    """What is believed before any label. calm: the chance of a spell; mean_s: its mean length."""

    calm: float
    mean_s: float


MERCHANT: SpellForm = SpellForm(calm=0.0035, mean_s=30 * DAY_S)
ACCOUNT: SpellForm = SpellForm(calm=0.002, mean_s=14 * DAY_S)


class Spell(msgspec.Struct, array_like=True):
    """One merchant's or account's filter; times are of payments, in seconds since 1970."""

    chance: float
    """After the last label."""
    at: float
    """Of the last payment with a label."""
    since: float
    """When the spell began."""
    fraud_count: int = 0
    legitimate_count: int = 0
    last_fraud_at: float = 0.0


class LifeTable(msgspec.Struct, array_like=True):
    """How long spells last: seconds under observation and ends, by age in intervals of two days."""

    form: SpellForm
    exposures: list[float] = msgspec.field(default_factory=lambda: [0.0] * _INTERVALS)
    ends: list[float] = msgspec.field(default_factory=lambda: [0.0] * _INTERVALS)
    hazards: list[float] = msgspec.field(default_factory=list)
    """Cumulative hazard at the beginning of each interval; made by `refresh`."""

    def refresh(self) -> None:
        """Let what was observed count."""
        prior_ends = _PRIOR_S / self.form.mean_s
        hazards = [0.0]
        for exposure, ends in zip(self.exposures, self.ends, strict=True):
            rate = (ends + prior_ends) / (exposure + _PRIOR_S)
            hazards.append(hazards[-1] + rate * _WIDTH_S)
        self.hazards = hazards

    def survival(self, age_s: float, later_s: float) -> float:
        """Return the chance that a spell of one age reaches another."""
        return exp(self._cumulative(age_s) - self._cumulative(later_s))

    def observe(self, age_s: float, later_s: float, *, has_ended: bool) -> None:
        """Learn that a spell of one age lasted until another, or ended somewhere between."""
        passed = max(later_s - age_s, 1.0)
        index = min(int(age_s / _WIDTH_S), _INTERVALS - 1)
        begin = age_s
        while begin < later_s:
            edge = (index + 1) * _WIDTH_S if index < _INTERVALS - 1 else later_s
            end = min(edge, later_s)
            # Nobody saw the end itself: it is spread over the gap, half of which was lived.
            self.exposures[index] += (end - begin) * (0.5 if has_ended else 1.0)
            if has_ended:
                self.ends[index] += (end - begin) / passed
            begin = end
            index = min(index + 1, _INTERVALS - 1)

    def _cumulative(self, age_s: float) -> float:
        place = age_s / _WIDTH_S
        index = int(place)
        if index >= _INTERVALS:
            index = _INTERVALS - 1
        here = self.hazards[index]
        return here + (self.hazards[index + 1] - here) * (place - index)


def chance_now(spell: Spell, table: LifeTable, at: float) -> float:
    """Return the chance of a spell at a moment, from the labels so far."""
    passed = at - spell.at
    chance = spell.chance
    if passed > 0.0:
        age = max(0.0, spell.at - spell.since)
        calm = table.form.calm
        chance = chance * table.survival(age, age + passed) + (1.0 - chance) * calm
    return min(max(chance, _CHANCE_MIN), _CHANCE_MAX)


def learn_label(
    spell: Spell, table: LifeTable, at: float, *, is_fraud: bool, in_spell: float, outside: float
) -> None:
    """Learn the label of a payment made at `at`.

    in_spell, outside: chance of fraud of this payment within and outside a spell.
    """
    before = spell.chance
    chance = chance_now(spell, table, at)
    if is_fraud:
        within, without = chance * in_spell, (1.0 - chance) * outside
        spell.fraud_count += 1
        spell.last_fraud_at = max(spell.last_fraud_at, at)
    else:
        within, without = chance * (1.0 - in_spell), (1.0 - chance) * (1.0 - outside)
        spell.legitimate_count += 1
    chance = min(max(within / (within + without), _CHANCE_MIN), _CHANCE_MAX)
    if before > _IN_SPELL and at > spell.at:
        age, later = max(0.0, spell.at - spell.since), max(0.0, at - spell.since)
        table.observe(age, later, has_ended=chance <= _IN_SPELL)
    if chance > _IN_SPELL >= before:
        spell.since = at
    spell.chance = chance
    spell.at = max(spell.at, at)


def is_forgotten(spell: Spell, at: float) -> bool:
    """Return whether a spell that is over was so long ago that nothing speaks for another."""
    return at - spell.last_fraud_at > _FORGET_S


def withdraw_label(spell: Spell, *, is_fraud: bool, in_spell: float, outside: float) -> None:
    """Take a label back: the odds move by the inverse of what it moved them by.

    What it taught the life table, if anything, stays: it is one observation among many.
    """
    if is_fraud:
        ratio = outside / in_spell
        spell.fraud_count -= 1
    else:
        ratio = (1.0 - outside) / max(1.0 - in_spell, _CHANCE_MIN)
        spell.legitimate_count = max(0, spell.legitimate_count - 1)
    within = spell.chance * ratio
    chance = within / (within + 1.0 - spell.chance)
    spell.chance = min(max(chance, _CHANCE_MIN), _CHANCE_MAX)
