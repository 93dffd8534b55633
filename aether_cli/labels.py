"""`aether labels`: what became known of transactions that raised no alert, as by chargebacks.

In the name of who runs the command, and noted in the audit trail.
"""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import typer

# What reaches the servers is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from aether_core.database.connection import Session

_COLUMNS: Final = ("transaction_id", "resolution")
_NONE: Final = "none"
_TOGETHER: Final = 500
"""Labels of one database transaction: nobody else labels or decides meanwhile."""


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    group = typer.Typer(
        help="What became known of transactions that raised no alert.", no_args_is_help=True
    )
    group.command()(add)
    group.command("import")(import_)
    app.add_typer(group, name="labels")


def add(
    identifier: Annotated[UUID, typer.Argument(help="The transaction's id.")],
    resolution: Annotated[
        str, typer.Option("--as", help="fraud or legitimate; none takes the label back.")
    ],
    note: Annotated[str | None, typer.Option(help="Why, for colleagues.")] = None,
) -> None:
    """Label one transaction."""
    from aether_api.fields import DESCRIPTION_LENGTH_MAX, check_text

    text = None if note is None else check_text("note", note, DESCRIPTION_LENGTH_MAX)
    (outcome,) = _label([(identifier, _checked(resolution))], text)
    typer.echo(f"{identifier}: {outcome}")
    if outcome not in _DONE:
        raise typer.Exit(1)


def import_(
    file: Annotated[
        str, typer.Argument(help="A CSV with transaction_id and resolution; - is standard input.")
    ],
    note: Annotated[str | None, typer.Option(help="Where they come from.")] = None,
) -> None:
    """Label all transactions of a file, as of a processor's chargebacks.

    The file is read whole before anything is done; importing it again changes nothing.
    """
    from aether_api.fields import DESCRIPTION_LENGTH_MAX, check_text

    text = None if note is None else check_text("note", note, DESCRIPTION_LENGTH_MAX)
    wanted = _read(file)
    counts: Counter[str] = Counter()
    for begin in range(0, len(wanted), _TOGETHER):
        part = wanted[begin : begin + _TOGETHER]
        for (identifier, _), outcome in zip(part, _label(part, text), strict=True):
            if outcome in _DONE:
                counts[outcome] += 1
            else:
                counts["refused"] += 1
                typer.echo(f"{identifier}: {outcome}", err=True)
    typer.echo(", ".join(f"{counts[name]:,} {name}" for name in (*_DONE, "refused")))
    if counts["refused"]:
        raise typer.Exit(1)


_DONE: Final = ("labelled", "unchanged")


def _label(wanted: list[tuple[UUID, str | None]], note: str | None) -> list[str]:
    """Return what became of each: one of _DONE, or why it was refused."""
    from aether_cli import changes
    from aether_cli.stores import operator_name
    from aether_core.database.labels import audit_details, label_transaction
    from aether_core.errors import LabelledByAlert, NotFound

    async def work(connection: Session) -> list[str]:
        outcomes, entries = [], []
        for identifier, resolution in wanted:
            try:
                done = await label_transaction(
                    connection, identifier, resolution, note=note, by=operator_name()
                )
            except (NotFound, LabelledByAlert) as error:
                outcomes.append(str(error))
                continue
            outcomes.append(_DONE[0] if done.is_changed else _DONE[1])
            if done.is_changed:
                entries.append((str(identifier), audit_details(done.label)))
        # The trail's entries last: from the first on, nobody else adds any.
        for subject, details in entries:
            await changes.note(connection, "transaction.label", subject, details)
        return outcomes

    return changes.change(work)


def _read(file: str) -> list[tuple[UUID, str | None]]:
    from aether_cli.input_files import read_text
    from aether_core.errors import InvalidInput

    reader = csv.DictReader(read_text(file).splitlines())
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise InvalidInput("file", f"The file has no column {missing[0]}; nothing was done.")
    wanted = []
    for row in reader:
        try:
            wanted.append((UUID(row["transaction_id"]), _checked(row["resolution"])))
        except (ValueError, TypeError, AttributeError, InvalidInput) as error:
            raise InvalidInput(
                "file", f"Line {reader.line_num} is no label; nothing was done."
            ) from error
    return wanted


def _checked(resolution: str) -> str | None:
    from aether_core.alert import RESOLUTIONS
    from aether_core.errors import InvalidInput

    if resolution == _NONE:
        return None
    if resolution not in RESOLUTIONS:
        raise InvalidInput("as", f"A label is {', '.join(RESOLUTIONS)} or {_NONE}.")
    return resolution
