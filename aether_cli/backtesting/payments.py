"""Payments of a file, checked line by line as the gateway checks a submission.

In:   a CSV file, plain or gzip, with the columns `transaction_id,occurred_at,account_id,
      merchant_id,amount,currency[,is_fraud]` in any order; others are left alone.
Out:  payments and bad lines in the order of the file, one at a time.
Written for speed: the usual form of an amount is read directly, every other one by the exact
parser.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple, TextIO, TypeAlias

from aether_cli.traffic.payment_files import NEEDED, open_text
from aether_core.errors import InvalidInput
from aether_core.money import EXPONENTS, parse_minor_units

_NEEDED: Final = ("transaction_id", *NEEDED)
_LABEL: Final = "is_fraud"
_LABELS: Final = {
    "": None,
    "0": False, "0.0": False, "false": False, "legitimate": False,
    "1": True, "1.0": True, "true": True, "fraud": True,
}  # fmt: skip
_NAME_LENGTH_MAX = 200
_CENTS = frozenset(currency for currency, exponent in EXPONENTS.items() if exponent == 2)
_CENT_DIGITS_MAX = 15
_NO_INSTANT = datetime.min  # noqa: DTZ901 - that it has no time zone is its meaning
_LOOK = 0x3FF


class Payment(NamedTuple):
    """One line that can be scored. label: None where the file says nothing."""

    transaction_id: str
    occurred_at_ms: int
    account_id: str
    merchant: str
    minor_units: int
    currency: str
    label: bool | None


class BadLine(NamedTuple):
    """One line that cannot be scored; `number` is where it ends, the header being line 1."""

    number: int
    reason: str


Line: TypeAlias = "Payment | BadLine"


@dataclass(slots=True)
class PaymentFile:
    """A payment file that is read once, from front to back."""

    path: Path
    byte_count: int = field(init=False)
    read_count: int = field(init=False, default=0)
    """Bytes of the file that have been read so far, compressed as they are."""

    def __post_init__(self) -> None:
        try:
            self.byte_count = self.path.stat().st_size
        except OSError as error:
            raise _unreadable(self.path, error) from error

    def lines(self) -> Iterator[Line]:
        """Yield what the file holds. Raises InvalidInput when it is no payment file."""
        try:
            with open_text(self.path) as text:
                reader = csv.reader(text)
                parser = _Parser(self.path, next(reader, []))
                for number, fields in enumerate(reader):
                    if not number & _LOOK:
                        self.read_count = _position(text)
                    if fields:
                        yield parser.parse(fields, reader.line_num)
        except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
            raise _unreadable(self.path, error) from error
        self.read_count = self.byte_count


class _Parser:
    """Turns the fields of a line into a payment; knows where each column stands."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        missing = [name for name in _NEEDED if name not in columns]
        if missing:
            raise InvalidInput(
                "file", f"{path} has no column {', '.join(missing)}; is it a payment file?"
            )
        self._width = len(columns)
        self._choose = itemgetter(*(columns.index(name) for name in _NEEDED))
        self._label = columns.index(_LABEL) if _LABEL in columns else None

    def parse(self, fields: list[str], number: int) -> Line:
        if len(fields) != self._width:
            return BadLine(
                number, f"it has {len(fields)} fields where the header has {self._width}"
            )
        identifier, at, account, merchant, amount, currency = self._choose(fields)
        try:
            moment = datetime.fromisoformat(at)
            # Exact: a float of seconds keeps microseconds for centuries.
            at_ms = round(moment.timestamp() * 1_000_000) // 1000
        except (ValueError, OverflowError):
            moment = _NO_INSTANT
        if moment.tzinfo is None:
            return BadLine(number, f"occurred_at: {at!r:.60} is no instant with a time zone")
        try:
            minor_units = _minor_units_of(amount, currency)
        except InvalidInput as error:
            return BadLine(number, f"{error.field}: {error.detail}")
        label = None
        if self._label is not None:
            text = fields[self._label]
            try:
                label = _LABELS[text] if text in _LABELS else _LABELS[text.strip().lower()]
            except KeyError:
                return BadLine(number, f"is_fraud: {text!r:.60} is no label")
        if not (
            0 < len(identifier) <= _NAME_LENGTH_MAX
            and 0 < len(account) <= _NAME_LENGTH_MAX
            and 0 < len(merchant) <= _NAME_LENGTH_MAX
        ):
            return BadLine(
                number,
                f"transaction_id, account_id and merchant_id have 1 to {_NAME_LENGTH_MAX} letters",
            )
        return Payment(identifier, at_ms, account, merchant, minor_units, currency, label)


def _minor_units_of(amount: str, currency: str) -> int:
    """Return exact minor units, as `parse_minor_units` does, and the usual form sooner."""
    digits = amount[:-3] + amount[-2:]
    if (
        amount[-3:-2] == "."
        and currency in _CENTS
        and len(digits) < _CENT_DIGITS_MAX
        and digits.isascii()
        and digits.isdecimal()
    ):
        minor_units = int(digits)
        if minor_units:
            return minor_units
    return parse_minor_units(amount, currency)


def _position(text: TextIO) -> int:
    """Return how many bytes of the file have been read."""
    buffer = text.buffer
    raw = getattr(buffer, "fileobj", buffer)
    return int(raw.tell())


def _unreadable(path: Path, error: Exception) -> InvalidInput:
    return InvalidInput("file", f"{path} cannot be read: {error}")
