"""What a version of scoring would have cost, and what it would have caught.

In:   the flagged payments of a file and its frauds, as they are scored, in order.
Out:  alerts, money caught and missed, hours of work.
Flagged payments become alerts as they do live: one joins the alert of its account and currency
within the time that a burst lasts. What analysts decide meanwhile is not played.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from aether_core.money import format_minor_units

if TYPE_CHECKING:
    from aether_cli.backtesting.payments import Payment

_HOUR_MS: Final = 3_600_000


class Money(msgspec.Struct, frozen=True):
    """Frauds of one currency, in its major units."""

    currency: str
    caught: str
    missed: str


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What a file would have come to. precision, recall: of payments; None without labels."""

    hours: float
    """From the first payment to the last."""
    alert_count: int
    alerts_per_hour: float
    analyst_hours: float
    labelled_flagged_count: int
    fraud_count: int
    caught_count: int
    precision: float | None
    recall: float | None
    money: list[Money]


class Pricing:
    """Adds a file up."""

    def __init__(self, joins_within_s: int, minutes_per_alert: float) -> None:
        self._apart_ms = joins_within_s * 1000
        self._minutes = minutes_per_alert
        self._first_ms: int | None = None
        self._last_ms = 0
        self._bursts: dict[tuple[str, str], tuple[int, int]] = {}
        self._alerts = 0
        self._labelled_flagged = 0
        self._frauds: Counter[bool] = Counter()
        self._money: dict[str, Counter[bool]] = {}

    def span(self, at_ms: int) -> None:
        """Note that there was a payment."""
        if self._first_ms is None:
            self._first_ms = at_ms
        self._last_ms = at_ms

    def add(self, payment: Payment, *, is_flagged: bool) -> None:
        """Count a payment that is flagged, or a fraud."""
        if is_flagged:
            self._join(payment)
            self._labelled_flagged += payment.label is not None
        if payment.label:
            self._frauds[is_flagged] += 1
            of_currency = self._money.setdefault(payment.currency, Counter())
            of_currency[is_flagged] += payment.minor_units

    def price(self) -> Price:
        """Return the sums."""
        first = self._last_ms if self._first_ms is None else self._first_ms
        hours = max(self._last_ms - first, 1) / _HOUR_MS
        caught, frauds = self._frauds[True], self._frauds.total()
        return Price(
            hours=hours,
            alert_count=self._alerts,
            alerts_per_hour=self._alerts / hours,
            analyst_hours=self._alerts * self._minutes / 60.0,
            labelled_flagged_count=self._labelled_flagged,
            fraud_count=frauds,
            caught_count=caught,
            precision=caught / self._labelled_flagged if self._labelled_flagged else None,
            recall=caught / frauds if frauds else None,
            money=[
                Money(
                    currency,
                    format_minor_units(of_currency[True], currency),
                    format_minor_units(of_currency[False], currency),
                )
                for currency, of_currency in sorted(self._money.items())
            ],
        )

    def _join(self, payment: Payment) -> None:
        key, at_ms = (payment.account_id, payment.currency), payment.occurred_at_ms
        begin, end = self._bursts.get(key, (at_ms, -1))
        if end < 0 or not begin - self._apart_ms <= at_ms <= end + self._apart_ms:
            self._alerts += 1
            begin = end = at_ms
        self._bursts[key] = (begin, max(end, at_ms))
