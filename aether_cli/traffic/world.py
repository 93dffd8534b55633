"""Traffic: accounts, merchants and the payments between them, with some fraud; all invented.

In:   a seed and a few sizes.
Out:  payments in the order of time. The same seed gives the same payments on every machine.
Pure: no clock, no file, no global randomness.

Each account has a spending level of its own, a pace, hours of its own and a few favourite
merchants. Fraud comes in the four kinds that cards know: one payment far above the account's
level, a burst (small ones to test the card, then it is emptied), an account taken over for days,
and a compromised merchant whose honest-looking payments are not the holders' own.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from math import exp, log
from random import Random
from typing import Final

from aether_core.money import exponent_of, format_minor_units

# Shares of the accounts, and the size of an everyday payment in major units.
_CURRENCIES: Final = {
    "EUR": (0.62, 1.0),
    "USD": (0.18, 1.1),
    "GBP": (0.12, 0.85),
    "CHF": (0.05, 1.0),
    "JPY": (0.03, 160.0),
}
_PLACES: Final = (
    "Harbour", "Corner", "Northern", "Old", "Silver", "Garden", "Central", "Blue", "Mill", "River",
)  # fmt: skip
# What a payment costs in each trade, against the account's everyday payment.
_TRADES: Final = (
    ("Bakery", 0.5), ("Books", 0.8), ("Grocery", 1.05), ("Pharmacy", 0.8), ("Fuel", 1.2),
    ("Cinema", 0.75), ("Hardware", 1.3), ("Kitchen", 1.0), ("Travel", 2.6), ("Electronics", 2.3),
)  # fmt: skip

# Payments by hour of the day, for an account whose day is neither early nor late.
_HOURS: Final = (
    1, 1, 1, 1, 1, 2, 4, 8, 10, 9, 9, 11, 14, 12, 9, 9, 11, 14, 16, 14, 10, 7, 4, 2,
)  # fmt: skip
_WEEKDAYS: Final = (0.95, 0.9, 0.95, 1.0, 1.15, 1.25, 0.8)
"""Monday to Sunday."""

_FAVOURITE_COUNT = 6
_FAVOURITE_SHARE = 0.8

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment; `minor_units` of `currency`."""

    occurred_at: datetime
    account_id: str
    merchant: str
    minor_units: int
    currency: str
    is_fraud: bool = False

    @property
    def amount(self) -> str:
        """Exact decimal text."""
        return format_minor_units(self.minor_units, self.currency)


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody's habits. level: log of the everyday payment in major units; pace: a day."""

    id: str
    currency: str
    level: float
    spread: float
    pace: float
    hour_shift: int
    favourites: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Merchant:
    """Somewhere to pay. factor: what a payment there costs, against an everyday one."""

    name: str
    factor: float


class World:
    """All accounts and merchants, and the chance that moves them.

    name: what the accounts' ids begin with. The seed follows: accounts of two worlds are never
    the same, since their habits are not.
    """

    def __init__(
        self, seed: int, account_count: int, merchant_count: int, *, name: str = "acc"
    ) -> None:
        self.random = Random(seed)  # noqa: S311 - invented payments
        self._prefix = f"{name}{seed & 0xFFFF_FFFF:x}"
        self.merchants = [self._make_merchant(number) for number in range(merchant_count)]
        # A few merchants take most of the payments (Zipf's law).
        self._popularity = list(accumulate(1 / (rank + 3) for rank in range(merchant_count)))
        self.accounts = [self._make_account(number) for number in range(account_count)]

    def any_merchant(self) -> int:
        """Return a merchant, the popular ones more often."""
        (found,) = self.random.choices(range(len(self.merchants)), cum_weights=self._popularity)
        return found

    def merchant_for(self, account: Account) -> int:
        """Return where an account pays next: mostly at one of its favourites."""
        if self.random.random() < _FAVOURITE_SHARE:
            return self.random.choice(account.favourites)
        return self.any_merchant()

    def pay(
        self,
        account: Account,
        merchant: int,
        at: datetime,
        *,
        times: float = 1,
        fraud: bool = False,
    ) -> Payment:
        """Return a payment of an account at a merchant, `times` as large as it would be."""
        place = self.merchants[merchant]
        size = exp(account.level + self.random.gauss(0, account.spread)) * place.factor * times
        exponent = exponent_of(account.currency)
        return Payment(
            occurred_at=at,
            account_id=account.id,
            merchant=place.name,
            minor_units=max(1, round(self._priced(size) * 10**exponent)),
            currency=account.currency,
            is_fraud=fraud,
        )

    def some(self, mean: float) -> int:
        """Return a Poisson number."""
        # Knuth's way multiplies down to exp(-mean): fine for the few payments of one day.
        count, product, limit = 0, self.random.random(), exp(-mean)
        while product > limit:
            count += 1
            product *= self.random.random()
        return count

    def _priced(self, size: float) -> float:
        """Round some amounts as prices are: whole, or just below."""
        chance = self.random.random()
        if size < 2 or chance > 0.45:
            return size
        return round(size) - (0.01 if chance < 0.3 else 0.0)

    def _make_merchant(self, number: int) -> Merchant:
        trade, factor = self.random.choice(_TRADES)
        return Merchant(f"{self.random.choice(_PLACES)} {trade} {number + 1:03}", factor)

    def _make_account(self, number: int) -> Account:
        (currency,) = self.random.choices(
            list(_CURRENCIES), weights=[share for share, _ in _CURRENCIES.values()]
        )
        return Account(
            id=f"{self._prefix}-{number + 1:05}",
            currency=currency,
            level=self.random.gauss(log(28 * _CURRENCIES[currency][1]), 0.5),
            spread=self.random.uniform(0.25, 0.55),
            pace=self.random.lognormvariate(0.5, 0.6),
            hour_shift=round(self.random.gauss(0, 1.5)),
            favourites=tuple(self.any_merchant() for _ in range(_FAVOURITE_COUNT)),
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate. fraud_rate: share of fraudulent payments, about, 0 to 0.5."""

    seed: int
    account_count: int
    merchant_count: int
    day_count: int
    fraud_rate: float
    start: datetime


def simulate(plan: Plan) -> Iterator[Payment]:
    """Yield the payments of all days in the order of time."""
    world = World(plan.seed, plan.account_count, plan.merchant_count)
    fraudsters = _Fraudsters(world, plan.fraud_rate)
    # Bursts run over midnight: what lies beyond waits for its day.
    waiting: list[tuple[datetime, int, Payment]] = []
    number = 0
    for day in range(plan.day_count):
        begin = plan.start + timedelta(days=day)
        honest = [
            (account, at) for account in world.accounts for at in _instants(world, account, begin)
        ]
        honest.sort(key=lambda pair: pair[1])
        fraudsters.begin_day(begin)
        for account, at in honest:
            for payment in fraudsters.pass_on(account, at):
                heapq.heappush(waiting, (payment.occurred_at, number, payment))
                number += 1
            while waiting and waiting[0][0] <= at:
                yield heapq.heappop(waiting)[2]
    end = plan.start + timedelta(days=plan.day_count)
    while waiting and waiting[0][0] < end:
        yield heapq.heappop(waiting)[2]


def _instants(world: World, account: Account, begin: datetime) -> list[datetime]:
    """Return when an account pays on a day, to the second."""
    count = world.some(account.pace * _WEEKDAYS[begin.weekday()])
    hours = world.random.choices(range(24), weights=_HOURS, k=count)
    return [
        begin
        + timedelta(hours=(hour + account.hour_shift) % 24, seconds=world.random.randrange(3600))
        for hour in hours
    ]


class _Fraudsters:
    """Adds fraud of all kinds to honest payments, so that its share stays about as wanted."""

    def __init__(self, world: World, rate: float) -> None:
        self._world = world
        self._rate = rate
        self._owed = 0.0
        self._taken_over: dict[str, datetime] = {}
        self._compromised: dict[int, datetime] = {}

    def begin_day(self, begin: datetime) -> None:
        """End what is over; now and then take an account over or compromise a merchant."""
        random = self._world.random
        self._taken_over = {a: end for a, end in self._taken_over.items() if end > begin}
        self._compromised = {m: end for m, end in self._compromised.items() if end > begin}
        if self._rate and not self._taken_over:
            victim = random.choice(self._world.accounts)
            self._taken_over[victim.id] = begin + timedelta(days=random.randint(3, 9))
        if self._rate and not self._compromised:
            merchant = self._world.any_merchant()
            self._compromised[merchant] = begin + timedelta(days=random.randint(4, 14))

    def pass_on(self, account: Account, at: datetime) -> list[Payment]:
        """Return an honest payment, or what fraud makes of it, with any fraud beside it."""
        world, random = self._world, self._world.random
        self._owed += self._rate
        merchant = world.merchant_for(account)
        is_owed = self._owed >= 1
        if is_owed and account.id in self._taken_over and random.random() < 0.5:
            self._owed -= 1
            return [world.pay(account, merchant, at, times=5, fraud=True)]
        if is_owed and merchant in self._compromised and random.random() < 0.5:
            self._owed -= 1
            return [world.pay(account, merchant, at, fraud=True)]
        payments = [world.pay(account, merchant, at)]
        if self._owed >= 3 and random.random() < 0.2:
            payments.append(outlier(world, account, at + random.randint(1, 90) * _MINUTE))
            self._owed -= 1
        if self._owed >= 10 and random.random() < 0.2:
            found = burst(world, account, at + random.randint(1, 90) * _MINUTE, _MINUTE)
            payments += found
            self._owed -= len(found)
        return payments


def outlier(world: World, account: Account, at: datetime) -> Payment:
    """Return one fraudulent payment far above what the account usually pays."""
    times = world.random.uniform(15, 60)
    return world.pay(account, world.any_merchant(), at, times=times, fraud=True)


def burst(world: World, account: Account, at: datetime, pace: timedelta) -> list[Payment]:
    """Return a burst: small payments test the card, larger ones empty it; about one a `pace`."""
    payments = []
    count = world.random.randint(5, 10)
    for number in range(count):
        at += pace * world.random.uniform(0.3, 1.7)
        times = 0.15 if number < count // 2 else world.random.uniform(2, 6)
        payments.append(world.pay(account, world.any_merchant(), at, times=times, fraud=True))
    return payments
