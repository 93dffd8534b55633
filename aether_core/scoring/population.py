"""What everybody pays: the amounts of a currency, and how far accounts stray from their own.

In:   every amount that was scored, in order.
Out:  the population's mean log amount, and the tables that amounts are held against.
Relies on the tables moving at fixed places of the stream only (`Population.seen`), so that batches
and restarts change no score.

Values are relative to the first amount of their currency: its scale does not matter.
"""

from __future__ import annotations

from typing import Final

from aether_core.scoring.tails import Tail, TailForm

AMOUNT_FORM: Final = TailForm(low=-12.0, width=0.05, bins=480, centre=0.0, scale=1.2)
OWN_FORM: Final = TailForm(low=-8.0, width=0.1, bins=280, centre=0.0, scale=1.0, is_floor=True)

_REFRESH_FIRST = 16
_REFRESH_EVERY = 1024
"""Transactions between two refreshes; in the beginning the number of them doubles."""

MEAN_MEMORY: Final = 20_000.0
"""Payments after which the mean of a population moves by no less than one in so many."""


class CurrencyPopulation:
    """Amounts in one currency: log of the first, running mean of logs, and their tail."""

    __slots__ = ("anchor", "count", "mean", "tail")

    def __init__(self, anchor: float) -> None:
        self.anchor = anchor
        self.mean = anchor
        self.count = 0.0
        self.tail = Tail(AMOUNT_FORM)

    def learn(self, log_amount: float, weight: float) -> None:
        """Count an amount."""
        self.count = min(self.count + 1.0, MEAN_MEMORY)
        self.mean += (log_amount - self.mean) * weight / self.count
        self.tail.add(log_amount - self.anchor, weight)


class Population:
    """All currencies, and the residuals of all accounts' amounts in standard deviations."""

    __slots__ = ("currencies", "own", "refresh_at", "seen")

    def __init__(self) -> None:
        self.currencies: dict[str, CurrencyPopulation] = {}
        self.own = Tail(OWN_FORM)
        self.seen = 0
        self.refresh_at = _REFRESH_FIRST

    def of(self, currency: str, log_amount: float) -> CurrencyPopulation:
        """Return a currency's population, which begins with this amount if there is none."""
        found = self.currencies.get(currency)
        if found is None:
            found = self.currencies[currency] = CurrencyPopulation(log_amount)
        return found

    def count_one(self) -> bool:
        """Count a transaction; return whether the tables have just been refreshed."""
        self.seen += 1
        if self.seen < self.refresh_at:
            return False
        self.refresh_at = self.seen + min(self.seen, _REFRESH_EVERY)
        self.own.refresh()
        for currency in self.currencies.values():
            currency.tail.refresh()
        return True
