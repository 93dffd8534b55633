"""Attacks: how fraudsters pay, as sequences of payments, to be played against a running system.

In:   a crowd's account and a moment.
Out:  the payments of one attack, in order, and how many of them may pass before the first is
      flagged; or those of a merchant's customers, of which the first are labelled.
Kinds are those of the field: card testing, bust-out, account takeover, structuring, slow drip,
merchant compromise.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

CROWD_ACCOUNTS: Final = 240
CROWD_DAYS: Final = 30
ATTACK_DAYS: Final = 15

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

_MERCHANTS: Final = 20


@dataclass(frozen=True, slots=True)
class AttackPayment:
    """One payment as the gateway takes it."""

    account_id: str
    merchant: str
    amount: Decimal
    occurred_at: datetime

    def body(self) -> dict[str, str]:
        """Return the submission."""
        return {
            "account_id": self.account_id,
            "merchant": self.merchant,
            "amount": f"{self.amount:.2f}",
            "currency": "EUR",
            "occurred_at": self.occurred_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Attack:
    """A kind of attack. passed_max: payments that may pass before the first one is flagged."""

    name: str
    passed_max: int
    play: Callable[[str, datetime], list[AttackPayment]]


def crowd(begin: datetime, *, seed: int = 1) -> Iterator[AttackPayment]:
    """Yield a month of accounts that pay about 25 a day, in order of time."""
    chance = random.Random(seed)  # noqa: S311 - a seed, no secret
    for day in range(CROWD_DAYS):
        for number in range(CROWD_ACCOUNTS):
            at = begin + day * DAY + number * DAY / CROWD_ACCOUNTS
            amount = Decimal(max(1, round(100 * chance.lognormvariate(3.2, 0.5)))) / 100
            merchant = f"Shop {chance.randrange(_MERCHANTS)}"
            yield AttackPayment(f"crowd-{number}", merchant, amount, at)


def crowd_begin(now: datetime) -> datetime:
    """Return when a crowd begins whose month is over, with time for attacks, by now."""
    return now.astimezone(UTC).replace(microsecond=0) - (CROWD_DAYS + ATTACK_DAYS) * DAY


def _card_testing(account: str, begin: datetime) -> list[AttackPayment]:
    return [
        AttackPayment(account, f"Donations {i}", Decimal("1.00"), begin + i * timedelta(seconds=4))
        for i in range(30)
    ]


def _bust_out(account: str, begin: datetime) -> list[AttackPayment]:
    return [
        AttackPayment(account, "Jeweller", Decimal("2500.00"), begin + i * HOUR) for i in range(3)
    ]


def _takeover(account: str, begin: datetime) -> list[AttackPayment]:
    return [
        AttackPayment(account, f"Electronics {i}", Decimal("150.00"), begin + i * 8 * HOUR)
        for i in range(8)
    ]


def _structuring(account: str, begin: datetime) -> list[AttackPayment]:
    return [
        AttackPayment(account, "Vouchers", Decimal("95.00"), begin + i * HOUR) for i in range(16)
    ]


ATTACKS: Final = (
    Attack("card_testing", 14, _card_testing),
    Attack("bust_out", 0, _bust_out),
    Attack("takeover", 5, _takeover),
    Attack("structuring", 12, _structuring),
)
"""Those that show by themselves."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A merchant whose customers' cards are charged by somebody else; it shows through labels."""

    name: str
    amount: Decimal
    apart: timedelta

    def play(self, accounts: Sequence[str], begin: datetime) -> list[AttackPayment]:
        """Return one payment of each account there."""
        return [
            AttackPayment(account, f"Merchant of {self.name}", self.amount, begin + i * self.apart)
            for i, account in enumerate(accounts)
        ]


LEAKS: Final = (
    Leak("merchant_compromise", Decimal("25.00"), HOUR),
    Leak("slow_drip", Decimal("9.90"), 18 * HOUR),
)
