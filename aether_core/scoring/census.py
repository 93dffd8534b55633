"""Census: what is paid in each currency over all shards, for shards that have seen little of it.

In:   the newest committed transactions of all shards.
Out:  a change that enters every shard's stream; from its place there on, the population of each
      currency that the shard knows less of than the census does is the census's.
Relies on `evidence` being kept of what looks suspicious, whichever version decides: a census does
not depend on the version.

Without it a system with eight shards learns eight times as slowly what is normal, and a currency
that is new to a shard begins there with its first amount, whatever that is.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log
from typing import Final, NamedTuple

import msgspec

from aether_core.scoring.fusion import LayerWeights, fused_log_odds, score_of
from aether_core.scoring.labels import unpack_evidence
from aether_core.scoring.population import AMOUNT_FORM, MEAN_MEMORY, CurrencyPopulation
from aether_core.scoring.state import ShardState
from aether_core.scoring.tails import Tail, prior_counts

CENSUS_MAX: Final = 40_000
"""Transactions that a census counts: about as many as a population remembers."""

_WEIGHTS = LayerWeights()


class Paid(NamedTuple):
    """What a census looks at of a transaction."""

    currency: str
    minor_units: int
    evidence: bytes | None


class CurrencyCensus(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Payments in one currency, weighed by the chance that they are honest."""

    mean: float
    """Of the logs of amounts; the bins are relative to it."""
    weight: float
    bins: dict[int, float]
    """Bin of `AMOUNT_FORM` → weight; without the empty ones."""


class Census(msgspec.Struct, frozen=True, array_like=True, tag="census", gc=False):
    """Payments of all shards, by currency."""

    currencies: dict[str, CurrencyCensus]


def take_census(payments: Iterable[Paid]) -> Census:
    """Count payments, in any order. Only differences of logarithms matter, as in scoring."""
    by_currency: dict[str, list[tuple[float, float]]] = {}
    for payment in payments:
        by_currency.setdefault(payment.currency, []).append(
            (log(payment.minor_units), _honesty(payment.evidence))
        )
    return Census({name: _of_currency(paid) for name, paid in sorted(by_currency.items())})


def adopt(state: ShardState, census: Census) -> None:
    """Let a shard take over the populations of which it has seen less itself."""
    currencies = state.population.currencies
    for name, found in census.currencies.items():
        own = currencies.get(name)
        if own is None or found.weight > own.tail.observations:
            currencies[name] = _population(found)


def _honesty(evidence: bytes | None) -> float:
    """Return the chance that a payment is honest, by weights that no label has moved."""
    if evidence is None:
        return 1.0
    return 1.0 - score_of(fused_log_odds(_WEIGHTS, *unpack_evidence(evidence)))


def _of_currency(paid: list[tuple[float, float]]) -> CurrencyCensus:
    weight = sum(honesty for _, honesty in paid)
    mean = (
        sum(amount * honesty for amount, honesty in paid) / weight if weight > 0.0 else paid[0][0]
    )
    bins: dict[int, float] = {}
    for amount, honesty in paid:
        place = AMOUNT_FORM.bin_of(amount - mean)
        bins[place] = bins.get(place, 0.0) + honesty
    return CurrencyCensus(mean, weight, dict(sorted(bins.items())))


def _population(found: CurrencyCensus) -> CurrencyPopulation:
    population = CurrencyPopulation(found.mean)
    population.count = min(found.weight, MEAN_MEMORY)
    counts = list(prior_counts(AMOUNT_FORM))
    for place, weight in found.bins.items():
        counts[place] += weight
    population.tail = Tail(AMOUNT_FORM, counts)
    return population
