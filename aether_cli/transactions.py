"""`aether transactions`: lists, follows and shows what is written, for people and for programs."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer

# What reaches the servers is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from collections.abc import Sequence

    from aether_core.database.connection import Session
    from aether_core.database.transactions import TransactionFilter
    from aether_core.transaction import TransactionView

_DECISIONS: Final = ("approve", "review", "decline")
_CSV_NAMES: Final = (
    "id", "created_at", "occurred_at", "account_id", "amount", "currency", "merchant", "kind",
    "location", "description", "decision", "score", "user_id",
)  # fmt: skip
_PAUSE_S: Final = 1.0
_LATE: Final = timedelta(seconds=30)
"""Shards are written side by side: one may be so much later than another."""
_AT_ONCE_MAX: Final = 10_000

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    group = typer.Typer(help="Transactions that are written.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(show)
    app.add_typer(group, name="transactions")


def list_(
    account: Annotated[str | None, typer.Option(help="Of one account.")] = None,
    merchant: Annotated[str | None, typer.Option(help="At one merchant.")] = None,
    currency: Annotated[str | None, typer.Option(help="In one currency, such as EUR.")] = None,
    decision: Annotated[str | None, typer.Option(help=f"{', '.join(_DECISIONS)}.")] = None,
    flagged: Annotated[
        bool | None, typer.Option("--flagged/--approved", help="Those to look at, or the others.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=_AT_ONCE_MAX, help="Most of them, the newest.")
    ] = 50,
    as_json: _Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on with what is written, until Ctrl-C.")
    ] = False,
) -> None:
    """List them, newest first; with --watch oldest first, and one JSON object a line."""
    from aether_core.database.transactions import TransactionFilter
    from aether_core.errors import InvalidInput

    if decision is not None and decision not in _DECISIONS:
        raise InvalidInput("decision", f"A decision is one of {', '.join(_DECISIONS)}.")
    which = TransactionFilter(
        account_id=account,
        merchant=merchant,
        currency=currency,
        decision=decision,
        is_flagged=flagged,
    )
    if watch:
        with suppress(KeyboardInterrupt):
            asyncio.run(_watch(which, limit, as_json=as_json, as_csv=as_csv))
        return
    _print(_find(which, limit), as_json=as_json, as_csv=as_csv)


def show(
    identifier: Annotated[UUID, typer.Argument(help="Its id.")], as_json: _Json = False
) -> None:
    """Show one with its score and reasons; `aether trace` shows its way."""
    from aether_cli.changes import change
    from aether_cli.printing import print_json
    from aether_core.database.transactions import find_transaction
    from aether_core.errors import NotFound

    async def work(connection: Session) -> TransactionView | None:
        return await find_transaction(connection, identifier)

    found = change(work)
    if found is None:
        raise NotFound("transaction among those that are written")
    if as_json:
        print_json(found)
        return
    _print_one(found)


def _find(which: TransactionFilter, limit: int) -> list[TransactionView]:
    from aether_cli.changes import change
    from aether_core.database.transactions import find_transactions

    async def work(connection: Session) -> list[TransactionView]:
        return await find_transactions(connection, which, limit)

    return change(work)


async def _watch(which: TransactionFilter, limit: int, *, as_json: bool, as_csv: bool) -> None:
    from dataclasses import replace

    from aether_cli.changes import running_settings
    from aether_cli.printing import print_csv, print_json_line
    from aether_cli.stores import check_migrated, open_database
    from aether_core.database.transactions import find_transactions

    if as_csv:
        print_csv(_CSV_NAMES, ())
    seen: dict[UUID, datetime] = {}
    async with open_database(running_settings()) as connection:
        await check_migrated(connection)
        found = await find_transactions(connection, which, limit)
        # What lies before the first page is not asked for.
        begin = found[-1].created_at if len(found) == limit else datetime.now(UTC) - _LATE
        while True:
            fresh = [one for one in reversed(found) if one.id not in seen]
            seen.update((one.id, one.created_at) for one in fresh)
            if as_csv:
                print_csv(_CSV_NAMES, map(_cells, fresh), has_header=False)
            for one in () if as_csv else fresh:
                if as_json:
                    print_json_line(one)
                else:
                    typer.echo(_line(one))
            if len(found) == _AT_ONCE_MAX:
                typer.echo(f"More than {_AT_ONCE_MAX:,} at once: some were left out.", err=True)
            await asyncio.sleep(_PAUSE_S)
            begin = max([begin, *(at - _LATE for at in seen.values())])
            seen = {one: at for one, at in seen.items() if at >= begin}
            newer = replace(which, since=begin)
            found = await find_transactions(connection, newer, _AT_ONCE_MAX)


def _print(found: Sequence[TransactionView], *, as_json: bool, as_csv: bool) -> None:
    from aether_cli.printing import print_csv, print_json

    if as_json:
        print_json(found)
    elif as_csv:
        print_csv(_CSV_NAMES, map(_cells, found))
    else:
        for one in found:
            typer.echo(_line(one))


def _cells(view: TransactionView) -> dict[str, Any]:
    import msgspec

    cells: dict[str, Any] = msgspec.to_builtins(view)
    return cells


def _line(view: TransactionView) -> str:
    from aether_core.plain_text import escape_controls

    score = "" if view.score is None else f"{view.score:.3f}"
    texts = (view.account_id, view.merchant)
    account, merchant = (escape_controls(text, 140) for text in texts)
    return (
        f"{view.created_at:%Y-%m-%d %H:%M:%S}  {view.id}  {view.decision or '':<8}{score:>5}"
        f"  {view.amount:>14} {view.currency}  {account:<16}  {merchant}"
    )


def _print_one(view: TransactionView) -> None:
    from aether_core.plain_text import escape_controls

    cells = _cells(view)
    for name in _CSV_NAMES:
        if cells[name] is not None:
            typer.echo(f"{name:<14}{escape_controls(str(cells[name]), 500)}")
    for name, value in (cells["metadata"] or {}).items():
        typer.echo(f"{'metadata':<14}{escape_controls(f'{name}: {value}', 500)}")
    for reason in view.reasons:
        typer.echo(f"{'reason':<14}{escape_controls(reason.text, 1_000)}")
