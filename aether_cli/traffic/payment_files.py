"""Payment files: CSV, plain or gzip, as `aether simulate` writes and `aether replay` reads them.

The columns are those of the public fraud data sets: transaction_id, occurred_at, account_id,
merchant_id, amount, currency, is_fraud. A reader needs five of them; what else there is it leaves.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TextIO, TypeAlias

import msgspec

from aether_core.errors import InvalidInput

COLUMNS: Final = (
    "transaction_id",
    "occurred_at",
    "account_id",
    "merchant_id",
    "amount",
    "currency",
    "is_fraud",
)
NEEDED: Final = ("occurred_at", "account_id", "merchant_id", "amount", "currency")

_Bytes: TypeAlias = "io.BufferedReader | io.BufferedWriter | gzip.GzipFile"

_GZIP_MAGIC = b"\x1f\x8b"
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file; `number` is the line where it ends, the header being line 1."""

    number: int
    occurred_at: str
    account_id: str
    merchant: str
    amount: str
    currency: str
    fields: tuple[str, ...]
    """All of its fields, as they stand in the file."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no row."""

    number: int
    reason: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a first look at a file tells."""

    digest: str
    """Of the content, compressed or not; names the file's lines wherever it lies."""
    row_count: int
    columns: tuple[str, ...]


def inspect(path: Path) -> Inspection:
    """Read a file once. Raises InvalidInput when it cannot be replayed."""
    digest = hashlib.blake2b(digest_size=12)
    try:
        with _open_bytes(path) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        with open_text(path) as text:
            reader = csv.reader(text)
            columns = tuple(next(reader, ()))
            missing = [name for name in NEEDED if name not in columns]
            if missing:
                raise InvalidInput(
                    "file", f"{path} has no column {', '.join(missing)}; is it a payment file?"
                )
            row_count = sum(1 for fields in reader if fields)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput("file", f"{path} cannot be read: {error}") from error
    return Inspection(digest.hexdigest(), row_count, columns)


def read_rows(path: Path) -> Iterator[Row | Malformed]:
    """Yield the lines of an inspected file in order; empty ones are left out."""
    with open_text(path) as text:
        reader = csv.reader(text)
        columns = next(reader)
        places = [columns.index(name) for name in NEEDED]
        for fields in reader:
            if not fields:
                continue
            if len(fields) != len(columns):
                yield Malformed(
                    reader.line_num,
                    f"It has {len(fields)} fields where the header has {len(columns)}.",
                    tuple(fields),
                )
                continue
            occurred_at, account_id, merchant, amount, currency = (fields[i] for i in places)
            yield Row(
                reader.line_num, occurred_at, account_id, merchant, amount, currency, tuple(fields)
            )


def instant_of(row: Row) -> datetime | None:
    """Return when a row's payment occurred; None when that is no instant with a zone."""
    try:
        instant = msgspec.convert(row.occurred_at, datetime)
    except msgspec.ValidationError:
        return None
    return None if instant.tzinfo is None else instant


@contextmanager
def writing(path: Path) -> Iterator[TextIO]:
    """Write text to a file, compressed when its name ends in .gz; the same text, the same bytes."""
    with path.open("wb") as raw:
        if path.suffix == ".gz":
            # No name and no time in the header: they would differ from run to run.
            with gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed, _as_text(packed) as text:
                yield text
        else:
            with _as_text(raw) as text:
                yield text


@contextmanager
def _open_bytes(path: Path) -> Iterator[_Bytes]:
    with path.open("rb") as raw:
        is_packed = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        if is_packed:
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield unpacked
        else:
            yield raw


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a payment file, compressed or not, for `csv.reader`."""
    # utf-8-sig: spreadsheets put a mark before the first column's name.
    with _open_bytes(path) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        yield text


def _as_text(file: _Bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(file, "utf-8", newline="")
