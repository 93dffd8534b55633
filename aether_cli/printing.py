"""What commands print for programs: JSON and CSV, of which no text can give a terminal an order."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import typer

from aether_core.plain_text import spreadsheet_cell


def print_json(value: object) -> None:
    """Print something as JSON that people can read; in ASCII."""
    typer.echo(json.dumps(msgspec.to_builtins(value), indent=2))


def print_json_line(value: object) -> None:
    """Print something as one line of JSON, at once: for `--watch`."""
    sys.stdout.write(json.dumps(msgspec.to_builtins(value)) + "\n")
    sys.stdout.flush()


def print_csv(
    names: Sequence[str], rows: Iterable[Mapping[str, object]], *, has_header: bool = True
) -> None:
    """Print these columns of rows as CSV without formulas; nothing where there is no value."""
    writer = csv.writer(sys.stdout, quoting=csv.QUOTE_ALL, lineterminator="\n")
    if has_header:
        writer.writerow(names)
    for row in rows:
        writer.writerow([spreadsheet_cell("" if row[n] is None else str(row[n])) for n in names])
    sys.stdout.flush()
