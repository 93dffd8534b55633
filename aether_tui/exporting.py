"""Exporting: the rows of a table as CSV or JSON, in files that nobody else can read.

In:   frozen rows as they are shown, filtered and in their order.
Out:  bytes; and a file in the one directory that the command allows, never over another.
In CSV a text that a spreadsheet would run as a formula is led by an apostrophe (OWASP, "CSV
Injection"); amounts stay exact.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

Form = Literal["csv", "json"]

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.(csv|json)")


class NotExported(Exception):
    """Nothing was written; `str(error)` says why."""


def write_rows(rows: Sequence[msgspec.Struct], form: Form) -> bytes:
    """Write rows of one kind, every field of them."""
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(list(rows)), indent=2) + b"\n"
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    names = rows[0].__struct_fields__ if rows else ()
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in names])
    return text.getvalue().encode("utf-8")


def propose_name(table: str, now: datetime) -> str:
    """Return a file name that says what it holds and of when."""
    return f"{table}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.csv"


def save_rows(directory: Path, name: str, rows: Sequence[msgspec.Struct]) -> Path:
    """Write rows into a new file, its form by the end of its name. Raises NotExported."""
    if not _FILE_NAME.fullmatch(name):
        raise NotExported("A file is called like alerts.csv or alerts.json, without a directory.")
    form: Form = "json" if name.endswith(".json") else "csv"
    path = directory / name
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(file, "wb") as opened:
            opened.write(write_rows(rows, form))
    except FileExistsError as error:
        raise NotExported(f"{path} is there already.") from error
    except OSError as error:
        raise NotExported(f"{path} cannot be written: {error.strerror}.") from error
    return path


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if not isinstance(value, str):
        value = msgspec.json.encode(value).decode()
    if value.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
