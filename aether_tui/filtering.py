"""Filter: the small language of the filter line, read into tests of rows.

In:   `decision:review amount:>1000 account:acc42 merchant:"café" since:15m !currency:EUR words`
Out:  a Filter, or FilterNotUnderstood with a sentence for the person who types.
Terms are joined by "and"; `!` turns one round. Field names come from a fixed list, so what is
typed never becomes anything but a comparison.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, Literal, TypeVar

from aether_tui.instants import read_age
from aether_tui.values import Alert, AuditEntry, Transaction

_RowT = TypeVar("_RowT")
_Value = str | Decimal | float | bool | datetime | None

_COMPARISONS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
    "": operator.eq,
}
_NUMBER = re.compile(r"(>=|<=|>|<|=|)(.+)")


class FilterNotUnderstood(ValueError):
    """The text is not a filter; `str(error)` says why."""


@dataclass(frozen=True)
class Field(Generic[_RowT]):
    """Something that a filter may ask of a row."""

    kind: Literal["text", "number", "yes or no", "age"]
    read: Callable[[_RowT], _Value]
    is_searched: bool = False
    """Words without a field's name are looked for in it."""
    values: tuple[str, ...] = ()
    """What it may be, where that is known: for completion."""


_DECISIONS = ("approve", "review", "decline", "pending")
_KINDS = ("purchase", "transfer", "withdrawal", "deposit", "refund")
_AGES = ("15m", "1h", "24h")
_ACTIONS = (
    "session.begin",
    "session.fail",
    "alert.resolve",
    "dead_letter.replay",
    "user.role",
    "client.add",
    "key.rotate",
    "process.restart",
    "command.run",
)

TRANSACTION_FIELDS: Mapping[str, Field[Transaction]] = {
    "id": Field("text", lambda t: t.id, is_searched=True),
    "account": Field("text", lambda t: t.account_id, is_searched=True),
    "merchant": Field("text", lambda t: t.merchant, is_searched=True),
    "amount": Field("number", lambda t: read_decimal(t.amount)),
    "currency": Field("text", lambda t: t.currency, is_searched=True),
    "decision": Field(
        "text", lambda t: t.decision or "pending", is_searched=True, values=_DECISIONS
    ),
    "status": Field("text", lambda t: t.status, values=("pending", "processed")),
    "score": Field("number", lambda t: t.score),
    "kind": Field("text", lambda t: t.kind, is_searched=True, values=_KINDS),
    "location": Field("text", lambda t: t.location, is_searched=True),
    "description": Field("text", lambda t: t.description, is_searched=True),
    "flagged": Field("yes or no", lambda t: t.is_flagged, values=("yes", "no")),
    "since": Field("age", lambda t: t.created_at, values=_AGES),
}
ALERT_FIELDS: Mapping[str, Field[Alert]] = {
    "id": Field("text", lambda a: a.id, is_searched=True),
    "account": Field("text", lambda a: a.account_id, is_searched=True),
    "merchant": Field("text", lambda a: a.merchant, is_searched=True),
    "amount": Field("number", lambda a: read_decimal(a.amount)),
    "currency": Field("text", lambda a: a.currency, is_searched=True),
    "decision": Field("text", lambda a: a.decision, is_searched=True, values=_DECISIONS),
    "resolution": Field(
        "text", lambda a: a.resolution, is_searched=True, values=("fraud", "legitimate")
    ),
    "taken": Field("text", lambda a: a.taken_by, is_searched=True),
    "assignee": Field("text", lambda a: a.assignee, is_searched=True),
    "loss": Field("number", lambda a: a.expected_loss),
    "note": Field("text", lambda a: a.note, is_searched=True),
    "score": Field("number", lambda a: a.score),
    "since": Field("age", lambda a: a.created_at, values=_AGES),
}

AUDIT_FIELDS: Mapping[str, Field[AuditEntry]] = {
    "actor": Field("text", lambda e: e.actor_name, is_searched=True),
    "action": Field("text", lambda e: e.action, is_searched=True, values=_ACTIONS),
    "subject": Field("text", lambda e: e.subject, is_searched=True),
    "outcome": Field("text", lambda e: e.outcome, values=("success", "failure")),
    "address": Field("text", lambda e: e.address, is_searched=True),
    "request": Field("text", lambda e: e.request_id, is_searched=True),
    "kind": Field("text", lambda e: e.actor_kind, values=("user", "client", "command", "system")),
    "since": Field("age", lambda e: e.at, values=_AGES),
}


@dataclass(frozen=True)
class Filter(Generic[_RowT]):
    """Tests that a row must all pass. Without any it lets everything through."""

    tests: tuple[Callable[[_RowT], bool], ...] = ()

    def matches(self, row: _RowT) -> bool:
        """Whether the row is shown."""
        return all(test(row) for test in self.tests)


def parse_filter(
    text: str, fields: Mapping[str, Field[_RowT]], clock: Callable[[], datetime] | None = None
) -> Filter[_RowT]:
    """Read what was typed. Raises FilterNotUnderstood.

    clock: from when ages count; this machine's, if none is given.
    """
    return Filter(tuple(_test(term, fields, clock or _present) for term in _terms(text)))


def _present() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class _Term:
    name: str | None
    value: str
    is_negated: bool


def _terms(text: str) -> Iterator[_Term]:
    """Split at spaces outside quotes; a quoted text is taken as it stands."""
    for word in _words(text):
        is_negated = word.startswith("!")
        body = word.removeprefix("!")
        name, colon, value = body.partition(":")
        if not colon or '"' in name:
            name, value = "", body
        value = value.replace('"', "")
        if not value:
            if name or is_negated:
                raise FilterNotUnderstood(f"What should {word} be compared with?")
            continue
        yield _Term(name.lower() or None, value, is_negated)


def _words(text: str) -> Iterator[str]:
    word, is_quoted = "", False
    for character in text:
        if character == '"':
            is_quoted = not is_quoted
        if character.isspace() and not is_quoted:
            if word:
                yield word
            word = ""
        else:
            word += character
    if is_quoted:
        raise FilterNotUnderstood('A quote " is not closed.')
    if word:
        yield word


def _test(
    term: _Term, fields: Mapping[str, Field[_RowT]], clock: Callable[[], datetime]
) -> Callable[[_RowT], bool]:
    if term.name is None:
        test = _word_test(term.value, fields)
    else:
        field = fields.get(term.name)
        if field is None:
            raise FilterNotUnderstood(_unknown(term.name, fields))
        if field.kind == "age":
            test = _age_test(term.name, term.value, field, clock)
        else:
            test = _FIELD_TESTS[field.kind](term.name, term.value, field)
    return (lambda row: not test(row)) if term.is_negated else test


def _unknown(name: str, fields: Mapping[str, Field[_RowT]]) -> str:
    close = difflib.get_close_matches(name, fields, n=1, cutoff=0.5)
    if close:
        return f"There is no field {name} (did you mean {close[0]}?)."
    return f"There is no field {name}. There are {', '.join(fields)}."


def _word_test(word: str, fields: Mapping[str, Field[_RowT]]) -> Callable[[_RowT], bool]:
    wanted = word.casefold()
    searched = [field.read for field in fields.values() if field.is_searched]
    return lambda row: any(wanted in str(read(row) or "").casefold() for read in searched)


def _text_test(_: str, value: str, field: Field[_RowT]) -> Callable[[_RowT], bool]:
    wanted = value.casefold()
    if wanted.startswith("="):
        return lambda row: str(field.read(row) or "").casefold() == wanted[1:]
    return lambda row: wanted in str(field.read(row) or "").casefold()


def _number_test(name: str, value: str, field: Field[_RowT]) -> Callable[[_RowT], bool]:
    match = _NUMBER.fullmatch(value)
    wanted = read_decimal(match[2]) if match else None
    if match is None or wanted is None:
        raise FilterNotUnderstood(f"{name} needs a number, as in {name}:>0.9 or {name}:1000.")
    compare = _COMPARISONS[match[1]]

    def test(row: _RowT) -> bool:
        number = field.read(row)
        return number is not None and compare(Decimal(str(number)), wanted)

    return test


def _flag_test(name: str, value: str, field: Field[_RowT]) -> Callable[[_RowT], bool]:
    if value.lower() not in {"yes", "no", "true", "false"}:
        raise FilterNotUnderstood(f"{name} is yes or no.")
    wanted = value.lower() in {"yes", "true"}
    return lambda row: bool(field.read(row)) is wanted


def _age_test(
    name: str, value: str, field: Field[_RowT], clock: Callable[[], datetime]
) -> Callable[[_RowT], bool]:
    age = read_age(value)
    if age is None:
        raise FilterNotUnderstood(f"{name} needs an age, as in {name}:90s, {name}:15m, {name}:2h.")

    def test(row: _RowT) -> bool:
        at = field.read(row)
        return isinstance(at, datetime) and at >= clock() - age

    return test


_FIELD_TESTS: Mapping[str, Callable[[str, str, Field[Any]], Callable[[Any], bool]]] = {
    "text": _text_test,
    "number": _number_test,
    "yes or no": _flag_test,
}


def read_decimal(text: str) -> Decimal | None:
    """Return the finite number that a text is, if it is one."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
