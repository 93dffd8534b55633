"""`aether dead-letters`: lists, shows, replays and discards what could not be written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import typer

# What reaches the servers is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from aether_core.database.connection import Session
    from aether_core.database.dead_letters import KeptLetter, LetterState
    from aether_core.settings import Settings

_T = TypeVar("_T")
_STATES = ("open", "replayed", "discarded", "all")

_Id = Annotated[UUID, typer.Argument(help="Its id.")]
_Ids = Annotated[list[UUID], typer.Argument(help="Their ids.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    group = typer.Typer(help="Accepted entries that could not be written.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(show)
    group.command()(replay)
    group.command()(discard)
    app.add_typer(group, name="dead-letters")


def list_(
    state: Annotated[str, typer.Option(help=f"{', '.join(_STATES)}.")] = "open",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most of them, newest first.")] = 50,
    as_json: _Json = False,
) -> None:
    """List them, newest first; those that wait for somebody."""
    from aether_core.database.dead_letters import find_dead_letters
    from aether_core.dead_letter import view_of_letter
    from aether_core.errors import InvalidInput

    if state not in _STATES:
        raise InvalidInput("state", f"A state is one of {', '.join(_STATES)}.")
    wanted = _state(state)

    async def work(_settings: Settings, connection: Session) -> list[KeptLetter]:
        return await find_dead_letters(connection, state=wanted, before=None, limit=limit)

    found = _run(work)
    if as_json:
        _print_json([view_of_letter(letter) for letter in found])
        return
    _print_table(found)


def show(identifier: _Id, as_json: _Json = False) -> None:
    """Show one with its bytes, and with its fields where they can be read."""
    from aether_core.database.dead_letters import find_dead_letter
    from aether_core.dead_letter import open_letter
    from aether_core.errors import NotFound

    async def work(_settings: Settings, connection: Session) -> KeptLetter | None:
        return await find_dead_letter(connection, identifier)

    letter = _run(work)
    if letter is None:
        raise NotFound("dead letter")
    if as_json:
        _print_json(open_letter(letter))
        return
    _print_letter(letter)


def replay(identifiers: _Ids) -> None:
    """Let entries try again, each once: they are appended anew and get another id."""
    from aether_cli.stores import open_stream, operator, operator_name
    from aether_core.database.audit import add_audit_entry
    from aether_core.stream.replaying import replay_dead_letter

    async def work(settings: Settings, connection: Session) -> None:
        async def note(replayed: KeptLetter) -> None:
            await add_audit_entry(
                connection,
                action="dead_letter.replay",
                actor=operator(),
                subject=str(replayed.id),
                details={"replayed_as": str(replayed.replayed_as)},
            )

        async with open_stream(settings) as redis:
            for identifier in identifiers:
                letter = await replay_dead_letter(
                    redis,
                    connection,
                    identifier,
                    replayed_by=operator_name(),
                    settings=settings.stream,
                    note_act=note,
                )
                typer.echo(f"{identifier} was replayed as {letter.replayed_as}.")

    _run(work)


def discard(
    identifiers: _Ids,
    note: Annotated[str | None, typer.Option(help="Why, for colleagues.")] = None,
) -> None:
    """Give entries up for good; they stay listed among the discarded, with their bytes."""
    from aether_cli.stores import operator, operator_name
    from aether_core.database.audit import add_audit_entry
    from aether_core.database.dead_letters import discard_dead_letter

    async def work(_settings: Settings, connection: Session) -> None:
        for identifier in identifiers:
            async with connection.transaction():
                await discard_dead_letter(
                    connection, identifier, discarded_by=operator_name(), note=note
                )
                await add_audit_entry(
                    connection,
                    action="dead_letter.discard",
                    actor=operator(),
                    subject=str(identifier),
                    details={"note": note or ""},
                )
            typer.echo(f"{identifier} was discarded.")

    _run(work)


def _state(text: str) -> LetterState | None:
    states: dict[str, LetterState] = {
        "open": "open",
        "replayed": "replayed",
        "discarded": "discarded",
    }
    return states.get(text)


def _run(work: Callable[[Settings, Session], Awaitable[_T]]) -> _T:
    from aether_cli.embedded import resolve_servers
    from aether_cli.stores import check_migrated, open_database
    from aether_cli.supervisor import load_running_settings

    async def run() -> _T:
        settings = resolve_servers(load_running_settings())
        async with open_database(settings) as connection:
            await check_migrated(connection)
            return await work(settings, connection)

    return asyncio.run(run())


def _print_json(value: object) -> None:
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


def _print_table(found: list[KeptLetter]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("id", "set aside", "shard", "state", "error")
    for column in table.columns[:2]:
        column.no_wrap = True  # an id in two lines is of no use
    for letter in found:
        table.add_row(
            str(letter.id),
            f"{letter.created_at:%Y-%m-%d %H:%M:%S}",
            str(letter.shard),
            letter.state,
            # It may quote somebody's text: never markup, never a terminal's commands.
            Text(ascii(letter.error)[1:-1]),
        )
    Console().print(table)


def _print_letter(letter: KeptLetter) -> None:
    from aether_core.dead_letter import open_letter

    opened = open_letter(letter)
    lines = [
        ("id", str(opened.id)),
        ("shard", f"{opened.shard}, incarnation {opened.incarnation}, entry {opened.entry}"),
        ("set aside", opened.created_at.isoformat()),
        ("error", ascii(opened.error)[1:-1]),
        ("state", opened.state),
    ]
    if letter.state == "open" and letter.replay_began_at is not None:
        lines.append(("", "a replay has begun and its end is not known: replay it again"))
    if opened.replayed_at is not None:
        lines.append(("replayed", f"{opened.replayed_at.isoformat()} by {opened.replayed_by}"))
        lines.append(("as", str(opened.replayed_as)))
    if opened.discarded_at is not None:
        lines.append(("discarded", f"{opened.discarded_at.isoformat()} by {opened.discarded_by}"))
        lines.append(("note", ascii(opened.note)[1:-1] if opened.note else "none"))
    if opened.transaction is not None:
        view = opened.transaction
        lines += [
            ("account", ascii(view.account_id)[1:-1]),
            ("amount", f"{view.amount} {ascii(view.currency)[1:-1]}"),
            ("merchant", ascii(view.merchant)[1:-1]),
            ("occurred", view.occurred_at.isoformat()),
        ]
    lines += [("bytes", opened.payload_text), ("hex", opened.payload_hex)]
    for name, text in lines:
        typer.echo(f"{name:<11}{text}")
