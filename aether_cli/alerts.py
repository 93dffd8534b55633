"""`aether alerts`: lists, shows and decides fraud alerts, in the name of who runs the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from aether_cli.past import AtOption, read_at

# What reaches the servers is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from aether_core.alert import AlertChange, AlertView
    from aether_core.database.connection import Session
    from aether_core.database.triage import By, Triaged
    from aether_core.settings import Settings

_HISTORY_COUNT_MAX = 1_000
_STATES = ("waiting", "open", "taken", "resolved")
_ORDERS = ("expected_loss", "newest")
_CSV_NAMES = (
    "id", "state", "expected_loss", "score", "decision", "amount", "currency", "account_id",
    "merchant", "created_at", "transaction_count", "total_amount", "assignee", "taken_by",
    "taken_until", "resolution", "resolved_by", "resolved_at", "note", "version",
)  # fmt: skip

_Id = Annotated[UUID, typer.Argument(help="Its id.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_As = Annotated[str, typer.Option("--as", help="fraud or legitimate.")]
_Why = Annotated[str | None, typer.Option("--note", help="Why, for colleagues.")]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    group = typer.Typer(help="Fraud alerts and what becomes of them.", no_args_is_help=True)
    group.command("list")(list_)
    for command in (budget, show, take, release, assign, note, resolve, reopen, bulk):
        group.command()(command)
    app.add_typer(group, name="alerts")


def list_(
    state: Annotated[str, typer.Option(help=f"{', '.join(_STATES)}.")] = "waiting",
    order: Annotated[
        str | None, typer.Option(help="expected_loss, or newest as for resolved ones.")
    ] = None,
    account: Annotated[str | None, typer.Option(help="Of one account.")] = None,
    merchant: Annotated[str | None, typer.Option(help="Of one merchant.")] = None,
    assignee: Annotated[str | None, typer.Option(help="Given to one analyst.")] = None,
    decision: Annotated[str | None, typer.Option(help="review or decline.")] = None,
    score_min: Annotated[
        float | None, typer.Option(min=0, max=1, help="Of at least this score: see `budget`.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most of them.")] = 50,
    as_json: _Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")] = False,
    at: AtOption = None,
) -> None:
    """List them; those that wait, open or taken, by expected loss unless something else is said."""
    from aether_cli.changes import change
    from aether_cli.printing import print_json
    from aether_core.database.alerts import AlertFilter, find_alerts
    from aether_core.database.past_alerts import find_past_alerts
    from aether_core.errors import InvalidInput

    past = read_at(at)
    wanted = order or ("newest" if state == "resolved" else "expected_loss")
    if state not in _STATES:
        raise InvalidInput("state", f"A state is one of {', '.join(_STATES)}.")
    if wanted not in _ORDERS or (state == "resolved" and wanted != "newest"):
        raise InvalidInput("order", "An order is expected_loss or, as of resolved ones, newest.")
    which = AlertFilter(
        status="open" if state == "waiting" else None,
        state=None if state == "waiting" else state,
        account_id=account,
        merchant=merchant,
        assignee=assignee,
        decision=decision,
        score_min=score_min,
        by_expected_loss=wanted == "expected_loss",
    )

    async def work(connection: Session) -> list[AlertView]:
        if past is not None:
            return await find_past_alerts(connection, past, which, limit)
        return await find_alerts(connection, which, limit)

    found = change(work)
    if as_json:
        print_json(found)
    elif as_csv:
        _print_csv(found)
    else:
        _print_table(found)


def budget(as_json: _Json = False) -> None:
    """Say how many alerts an hour there may be, and from which score on they are within that."""
    from aether_cli.changes import change, running_settings
    from aether_cli.printing import print_json
    from aether_core.database.budget import Budget, find_budget

    settings = running_settings()

    async def work(connection: Session) -> Budget:
        return await find_budget(connection, settings.alerts.budget_per_hour)

    found = change(work, settings)
    if as_json:
        print_json(found)
        return
    wanted = f"{found.budget_per_hour:g} an hour" if found.budget_per_hour else "none"
    typer.echo(
        f"budget: {wanted}; raised: {found.raised_per_hour:.1f} an hour over the last"
        f" {found.window_hours} hours"
    )
    if found.score_cut is None:
        typer.echo(f"All {found.open_within:,} open alerts are within it.")
    else:
        typer.echo(
            f"From score {found.score_cut:.4f} on alerts are within it: {found.open_within:,} open"
            f" ones; {found.open_below:,} are below."
        )


def show(identifier: _Id, as_json: _Json = False, at: AtOption = None) -> None:
    """Show one with its reasons and what people did to it."""
    from aether_cli.changes import change
    from aether_cli.printing import print_json
    from aether_core.database.alerts import find_alert
    from aether_core.database.past_alerts import find_past_alert
    from aether_core.database.triage import find_history
    from aether_core.errors import NotFound

    past = read_at(at)

    async def work(connection: Session) -> tuple[AlertView, list[AlertChange]]:
        alert = await (
            find_alert(connection, identifier)
            if past is None
            else find_past_alert(connection, identifier, past)
        )
        if alert is None:
            raise NotFound("alert")
        # What was done since then raised the version.
        before = None if past is None else alert.version + 1
        return alert, await find_history(
            connection, identifier, before=before, limit=_HISTORY_COUNT_MAX
        )

    alert, history = change(work)
    if as_json:
        print_json({"alert": alert, "history": history})
        return
    _print_alert(alert, history)


def take(
    identifier: Annotated[
        UUID | None, typer.Argument(help="Its id; without it the next one of the queue.")
    ] = None,
) -> None:
    """Take one: nobody else decides it until it is released or the time is over."""
    from aether_cli.triage import act, take_the_next
    from aether_core.database.triage import take_alert

    if identifier is None:
        alert = take_the_next()
        if alert is None:
            typer.echo("Nothing waits that nobody has.")
            return
    else:
        known = identifier

        async def work(connection: Session, by: By, settings: Settings) -> Triaged:
            return await take_alert(connection, known, by, lock_s=settings.alerts.lock_s)

        alert = act(work)
    typer.echo(f"{alert.id} is taken until {alert.taken_until:%Y-%m-%d %H:%M:%S %Z}.")


def release(identifier: _Id) -> None:
    """Give one that you have taken back to the queue."""
    from aether_cli.triage import act
    from aether_core.database.triage import release_alert

    async def work(connection: Session, by: By, _settings: Settings) -> Triaged:
        return await release_alert(connection, identifier, by)

    typer.echo(f"{act(work).id} is free.")


def assign(
    identifier: _Id,
    email: Annotated[
        str | None, typer.Argument(help="Who may decide alerts; without it: nobody.")
    ] = None,
) -> None:
    """Say whose one is: it is left out when others take the next one."""
    from aether_cli.triage import act
    from aether_core.database.triage import assign_alert

    async def work(connection: Session, by: By, _settings: Settings) -> Triaged:
        return await assign_alert(connection, identifier, by, assignee=email)

    alert = act(work)
    typer.echo(f"{alert.id} is assigned to {alert.assignee or 'nobody'}.")


def note(
    identifier: _Id, text: Annotated[str, typer.Argument(help="Up to 500 characters.")]
) -> None:
    """Add a note for colleagues."""
    from aether_cli.triage import act
    from aether_core.database.triage import note_alert

    checked = _checked(text)

    async def work(connection: Session, by: By, _settings: Settings) -> Triaged:
        return await note_alert(connection, identifier, by, note=checked)

    typer.echo(f"{act(work).id} is noted.")


def resolve(
    identifiers: Annotated[list[UUID], typer.Argument(help="Their ids.")],
    resolution: _As,
    why: _Why = None,
) -> None:
    """Decide alerts."""
    _resolve_each(identifiers, resolution, why)


def bulk(
    file: Annotated[str, typer.Argument(help="A file with an id a line; - is standard input.")],
    resolution: _As,
    why: _Why = None,
) -> None:
    """Decide all alerts of a file alike."""
    from aether_cli.input_files import read_text
    from aether_core.errors import InvalidInput

    identifiers = []
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if line.strip():
            try:
                identifiers.append(UUID(line.strip()))
            except ValueError as error:
                raise InvalidInput("file", f"Line {number} is no id; nothing was done.") from error
    _resolve_each(identifiers, resolution, why)


def reopen(identifier: _Id) -> None:
    """Take back a resolution that is not old."""
    from aether_cli.triage import act
    from aether_core.database.triage import reopen_alert

    async def work(connection: Session, by: By, settings: Settings) -> Triaged:
        return await reopen_alert(connection, identifier, by, window_s=settings.alerts.reopen_s)

    typer.echo(f"{act(work).id} is open.")


def _resolve_each(identifiers: list[UUID], resolution: str, why: str | None) -> None:
    from aether_cli.triage import act
    from aether_core.alert import RESOLUTIONS
    from aether_core.database.triage import resolve_alert
    from aether_core.errors import AlertConflict, InvalidInput, NotFound

    if resolution not in RESOLUTIONS:
        raise InvalidInput("as", f"A resolution is {' or '.join(RESOLUTIONS)}.")
    text = None if why is None else _checked(why)
    refused_count = 0
    for identifier in dict.fromkeys(identifiers):

        async def work(
            connection: Session, by: By, _settings: Settings, identifier: UUID = identifier
        ) -> Triaged:
            return await resolve_alert(connection, identifier, by, resolution=resolution, note=text)

        try:
            act(work)
        except (NotFound, AlertConflict) as error:
            refused_count += 1
            typer.echo(f"{identifier}: {error}")
        else:
            typer.echo(f"{identifier} is resolved as {resolution}.")
    if refused_count:
        raise typer.Exit(1)


def _checked(text: str) -> str:
    from aether_api.fields import DESCRIPTION_LENGTH_MAX, check_text

    return check_text("note", text, DESCRIPTION_LENGTH_MAX)


def _print_csv(found: list[AlertView]) -> None:
    import msgspec

    from aether_cli.printing import print_csv

    print_csv(_CSV_NAMES, map(msgspec.to_builtins, found))


def _print_table(found: list[AlertView]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from aether_core.plain_text import escape_controls

    table = Table(
        "id", "state", "loss", "score", "amount", "account", "merchant", "whose", box=None
    )
    table.columns[0].no_wrap = True  # an id in two lines is of no use
    for alert in found:
        whose = alert.taken_by or alert.assignee or alert.resolved_by or ""
        texts = (f"{alert.amount} {alert.currency}", alert.account_id, alert.merchant, whose)
        table.add_row(
            str(alert.id),
            alert.resolution or alert.state,
            f"{alert.expected_loss:.4g}",
            f"{alert.score:.3f}",
            # Anybody's text: never markup, never a terminal's commands.
            *(Text(escape_controls(text, 254)) for text in texts),
        )
    Console().print(table)


def _print_alert(alert: AlertView, history: list[AlertChange]) -> None:
    from aether_core.plain_text import escape_controls

    lines = [
        ("id", f"{alert.id}, version {alert.version}"),
        ("state", alert.resolution or alert.state),
        ("taken by", alert.taken_by or "nobody"),
        ("assignee", alert.assignee or "nobody"),
        ("score", f"{alert.score:.3f}, {alert.decision}; expected loss {alert.expected_loss:.4g}"),
        ("account", alert.account_id),
        ("amount", f"{alert.amount} {alert.currency} at {alert.merchant}"),
        (
            "in all",
            f"{alert.total_amount} {alert.currency} in {alert.transaction_count} transactions",
        ),
        ("raised", alert.created_at.isoformat()),
        *(("reason", reason.text) for reason in alert.reasons),
    ]
    for change in history:
        what = change.resolution or change.assignee or ""
        words = (change.action, what, change.note or "")
        text = f"{change.actor}: {' '.join(filter(None, words))}"
        lines.append((f"{change.at:%Y-%m-%d %H:%M:%S}", text))
    for name, text in lines:
        typer.echo(f"{name:<20}{escape_controls(text, 1_000)}")
