"""Bulk: several orders in one request, and what each was told.

In:   orders; the bytes of `POST /transactions/bulk`'s answer, whole or broken off.
Out:  the request's body, and for each order the answer that it would have got alone. An id counts
      as an acknowledgement also when the answer breaks off after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from tests.faults.history import Acked, AckedView, Answer, History, Order, Outcome, Unknown

MEDIA_TYPE = "application/x-ndjson"
PATH = "/transactions/bulk"
PATH_ATOMIC = "/transactions/bulk?on_error=atomic"


class _Line(msgspec.Struct, frozen=True):
    """One result, or the summary at the end."""

    index: int = -1
    id: UUID | None = None
    replayed: bool = False
    problem: msgspec.Raw = msgspec.Raw(b"")
    complete: bool | None = None


class _Problem(msgspec.Struct, frozen=True):
    status: int
    retry_after_s: int | None = None


def body_of(orders: Sequence[Order]) -> bytes:
    """Return the body that asks for all of these, an object a line."""
    return b"\n".join(_line_of(order) for order in orders)


def note_results(history: History, orders: Sequence[Order], answer: Answer) -> list[Outcome]:
    """Note an attempt for each order; return what the answer means for them."""
    if answer.status != 200:
        return [history.note_answer(order, answer) for order in orders]
    # What follows the last line end was cut off in its middle.
    lines = [msgspec.json.decode(line, type=_Line) for line in answer.body.split(b"\n")[:-1]]
    is_complete = bool(lines) and lines[-1].complete is True
    results = {line.index: line for line in lines if line.complete is None}
    if is_complete and results.keys() != set(range(len(orders))):
        history.broken_promises.append(f"bulk: {len(results)} results for {len(orders)} items")
    return [_note(history, order, results.get(n)) for n, order in enumerate(orders)]


def _note(history: History, order: Order, line: _Line | None) -> Outcome:
    outcome: Outcome
    if line is None:
        outcome = Unknown("no result")
    elif line.id is not None:
        outcome = Acked(_view_of(order, line.id), line.replayed)
    else:
        raw = bytes(line.problem)
        problem = msgspec.json.decode(raw, type=_Problem)
        headers = {} if problem.retry_after_s is None else {b"retry-after": b"1"}
        return history.note_answer(order, Answer(problem.status, headers, raw))
    history.add(order, outcome)
    return outcome


def _line_of(order: Order) -> bytes:
    if order.key is None:
        return order.body
    return order.body[:-1] + b',"idempotency_key":' + msgspec.json.encode(order.key) + b"}"


def _view_of(order: Order, identifier: UUID) -> AckedView:
    """An item's result says no more than its id: it stands for what was asked for."""
    return AckedView(
        id=identifier,
        amount=order.amount,
        currency=order.currency,
        merchant=order.merchant,
        account_id=order.account_id,
        description=order.name,
        occurred_at=order.occurred_at,
        created_at=None,
    )
