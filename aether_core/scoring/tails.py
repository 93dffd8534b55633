"""How far out a value lies among all that were seen: the surprise of its upper tail.

In:   values of one kind (log amounts of a currency, or residuals of all accounts).
Out:  the surprise of a value, -log of the share of earlier values that are at least as large.
Relies on the owner to call `refresh` at fixed places of the stream: between two of them surprises
come from the same table, whatever has been added since.

Method: a histogram with a heavy-tailed prior (Student t, 5 degrees of freedom) worth a few dozen
observations, so that a tail that nobody has seen yet is small but not zero. No shape is assumed
beyond that: amounts of one population are log-normal, of another normal, and both are learnt.
Between the edges of bins the log tail is linear, so a larger value never surprises less.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from math import log

import msgspec

_PRIOR_COUNT = 50.0
_FREEDOM = 5.0

_MEMORY = 50_000.0
"""Observations after which the older half is given half the weight: habits of a population move."""


class TailForm(msgspec.Struct, frozen=True):
    """Where a histogram lies: lower edge, width and number of bins; centre and scale of its prior.

    All in the unit of the values (natural logarithms, or standard deviations).
    """

    low: float
    width: float
    bins: int
    centre: float
    scale: float
    is_floor: bool = False
    """Whether what the prior finds surprising stays so, however often it is seen. Without this a
    patient attacker teaches a young population that anything is normal."""

    def bin_of(self, value: float) -> int:
        """Return the bin that a value falls into; the outermost ones take what lies beyond."""
        return min(max(int((value - self.low) / self.width), 0), self.bins - 1)


class Tail:
    """A histogram of values, and the surprise of each of its bins' lower edges."""

    __slots__ = ("_last", "_low", "_width", "counts", "form", "surprises")

    def __init__(
        self, form: TailForm, counts: list[float] | None = None, table: list[float] | None = None
    ) -> None:
        """Begin afresh, or go on with the parts of an earlier one."""
        self.form = form
        # Copies, since these are read for every transaction.
        self._low, self._width, self._last = form.low, form.width, form.bins - 1
        self.counts = list(prior_counts(form)) if counts is None else counts
        self.surprises: list[float] = table or []
        if table is None:
            self.refresh()

    def parts(self) -> tuple[list[float], list[float]]:
        """Return what a later one can go on with: counts, and the table as of the last refresh."""
        return self.counts, self.surprises

    def surprise(self, value: float) -> float:
        """Return -log of the value's upper tail; 0 for the smallest, never infinite."""
        place = (value - self._low) / self._width
        if place <= 0.0:
            return 0.0
        if place >= self._last:
            return self.surprises[self._last]
        index = int(place)
        here = self.surprises[index]
        return here + (self.surprises[index + 1] - here) * (place - index)

    def add(self, value: float, weight: float) -> None:
        """Count a value; it is felt from the next `refresh` on."""
        index = int((value - self._low) / self._width)
        if index < 0:
            index = 0
        elif index > self._last:
            index = self._last
        self.counts[index] += weight

    def refresh(self) -> None:
        """Let what was added count."""
        if sum(self.counts) > _MEMORY:
            prior = prior_counts(self.form)
            self.counts = [(c + p) / 2 for c, p in zip(self.counts, prior, strict=True)]
        found = _surprises(self.counts)
        if self.form.is_floor:
            found = list(map(max, found, _prior_surprises(self.form)))
        self.surprises = found

    @property
    def observations(self) -> int:
        """How many values were counted, without the prior's."""
        return max(0, round(sum(self.counts) - _PRIOR_COUNT))

    def value_at(self, surprise: float) -> float:
        """Return the lower edge of the first bin with at least this surprise."""
        form = self.form
        for index, found in enumerate(self.surprises):
            if found >= surprise:
                return form.low + index * form.width
        return form.low + form.bins * form.width


@cache
def prior_counts(form: TailForm) -> tuple[float, ...]:
    """Return what a histogram holds before it has seen anything."""
    shape = -(_FREEDOM + 1.0) / 2.0
    density = []
    for index in range(form.bins):
        deviation = (form.low + (index + 0.5) * form.width - form.centre) / form.scale
        density.append((1.0 + deviation * deviation / _FREEDOM) ** shape)
    scale = _PRIOR_COUNT / sum(density)
    return tuple(one * scale for one in density)


def _surprises(counts: Sequence[float]) -> list[float]:
    tail = list(accumulate(reversed(counts)))
    total = tail[-1]
    return [log(total / share) for share in reversed(tail)]


@cache
def _prior_surprises(form: TailForm) -> list[float]:
    return _surprises(prior_counts(form))
