"""History: what clients asked for, and what they were told.

Each order is something that a client wants done once; each attempt is one request for it. What an
answer means is decided here, by what the gateway promises: 201 is durable; 4xx and a 503 that
says so accepted nothing; everything else is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeAlias
from uuid import UUID

import msgspec

_UNKNOWN_TYPE: Final = "/problems/outcome-unknown"


@dataclass(frozen=True, slots=True)
class Order:
    """A transaction that a client wants to be made once."""

    name: str
    """Unique; it travels as the description, so that every row can be traced to its order."""
    key: str | None
    """Idempotency-Key; None: without, so it is never sent again after an unknown outcome."""
    account_id: str
    amount: str
    currency: str
    merchant: str
    occurred_at: str | None = None
    is_valid: bool = True
    """False: the gateway must refuse it."""

    @property
    def body(self) -> bytes:
        """The request's body."""
        fields = {
            "amount": self.amount,
            "currency": self.currency,
            "merchant": self.merchant,
            "account_id": self.account_id,
            "description": self.name,
        }
        if self.occurred_at is not None:
            fields["occurred_at"] = self.occurred_at
        return msgspec.json.encode(fields)


class AckedView(msgspec.Struct, frozen=True):
    """What an acknowledgement says."""

    id: UUID
    amount: str
    currency: str
    merchant: str
    account_id: str
    description: str | None
    occurred_at: str | None
    created_at: str | None


@dataclass(frozen=True, slots=True)
class Acked:
    """201: it is durable."""

    view: AckedView
    is_replayed: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """4xx: nothing was accepted, and nothing ever will be."""

    status: int


@dataclass(frozen=True, slots=True)
class Declined:
    """503 that says that nothing was accepted: try again."""

    kind: str
    """The problem's type."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have happened or not."""

    reason: str


Outcome: TypeAlias = "Acked | Refused | Declined | Unknown"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request for an order."""

    order: Order
    outcome: Outcome


class _Problem(msgspec.Struct, frozen=True):
    type: str = ""


@dataclass(slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


@dataclass
class History:
    """All attempts since a system began."""

    orders: dict[str, Order] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    groups: list[list[Order]] = field(default_factory=list)
    """Orders that were sent together once, as all or none."""
    broken_promises: list[str] = field(default_factory=list)
    """Answers that the gateway must never give, whatever happens behind it."""

    def add(self, order: Order, outcome: Outcome) -> None:
        """Note an attempt and what came of it."""
        self.orders[order.name] = order
        self.attempts.append(Attempt(order, outcome))

    def note_answer(self, order: Order, answer: Answer) -> Outcome:
        """Note an attempt that was answered; return what the answer means."""
        outcome = self._meaning(order, answer)
        self.add(order, outcome)
        return outcome

    def _meaning(self, order: Order, answer: Answer) -> Outcome:
        if answer.status == 201:
            view = msgspec.json.decode(answer.body, type=AckedView)
            return Acked(view, answer.headers.get(b"idempotency-replayed") == b"true")
        if 400 <= answer.status < 500:
            if order.is_valid:
                self.broken_promises.append(f"{order.name}: {answer.status} {answer.body!r}")
            return Refused(answer.status)
        if answer.status != 503:
            self.broken_promises.append(f"{order.name}: {answer.status} {answer.body!r}")
            return Unknown(f"status {answer.status}")
        if b"retry-after" not in answer.headers:
            self.broken_promises.append(f"{order.name}: 503 without Retry-After: {answer.body!r}")
        try:
            kind = msgspec.json.decode(answer.body, type=_Problem).type
        except msgspec.DecodeError:
            kind = ""
        if kind in {_UNKNOWN_TYPE, ""}:
            return Unknown(f"503 {kind}")
        return Declined(kind)


def minor_units_of(amount: str, exponent: int) -> int:
    """Return an exact decimal amount as whole minor units, without the product's own code."""
    scaled = Decimal(amount).scaleb(exponent)
    assert scaled == scaled.to_integral_value(), amount
    return int(scaled)
