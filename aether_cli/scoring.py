"""`aether scoring`: versions of scoring are made, run in shadow, decide, and are taken back.

In the name of who runs the command, and noted in the audit trail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

# What reaches the servers is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aether_core.database.connection import Session
    from aether_core.database.shadows import Comparison
    from aether_core.database.versions import KeptVersion, Run

_Done = TypeVar("_Done", "KeptVersion", "KeptVersion | None")

_RUNS_SHOWN: Final = 20
_NUMBER_MAX: Final = 2**63 - 1

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Number = Annotated[int, typer.Argument(min=1, max=_NUMBER_MAX, help="The version's number.")]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    group = typer.Typer(
        help="Versions of what scoring is set to: run one in shadow, promote it, roll it back.",
        no_args_is_help=True,
    )
    group.command()(show)
    group.command("list")(list_)
    group.command()(add)
    group.command()(shadow)
    group.command("end-shadow")(end_shadow)
    group.command()(compare)
    group.command()(promote)
    group.command()(rollback)
    app.add_typer(group, name="scoring")


def show(as_json: _Json = False) -> None:
    """Show what decides, what runs beside it, and what did before."""
    from aether_cli.changes import change, running_settings
    from aether_cli.printing import print_json
    from aether_core.database.versions import (
        find_live_version,
        find_present,
        find_runs,
        find_version,
    )

    settings = running_settings()

    async def work(connection: Session) -> tuple[KeptVersion, KeptVersion | None, list[Run]]:
        beside = (await find_present(connection)).get("shadow")
        return (
            await find_live_version(connection, settings.scoring.thresholds()),
            None if beside is None else await find_version(connection, beside.number),
            await find_runs(connection, limit=_RUNS_SHOWN),
        )

    live, beside, runs = change(work, settings)
    if as_json:
        print_json({"live": live, "shadow": beside, "runs": runs})
        return
    typer.echo(f"live    {_line(live)}")
    typer.echo(f"shadow  {'nothing' if beside is None else _line(beside)}")
    for run in runs:
        until = "now" if run.ended_at is None else f"{run.ended_at:%Y-%m-%d %H:%M}"
        typer.echo(
            f"  {run.role:<7}{run.number:>4}  {run.began_at:%Y-%m-%d %H:%M} to {until:<16}"
            f"  {_safe(run.began_by)}"
        )


def list_(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most of them, newest first.")] = 50,
    as_json: _Json = False,
) -> None:
    """List the versions that somebody made."""
    from aether_cli.changes import change
    from aether_cli.printing import print_json
    from aether_core.database.versions import find_versions

    async def work(connection: Session) -> list[KeptVersion]:
        return await find_versions(connection, before=None, limit=limit)

    found = change(work)
    if as_json:
        print_json(found)
        return
    for version in found:
        typer.echo(f"{version.state:<7} {_line(version)}")


def add(
    review_min: Annotated[
        float | None, typer.Option(help="Score from which a transaction goes to review.")
    ] = None,
    decline_min: Annotated[
        float | None, typer.Option(help="Score from which it is declined.")
    ] = None,
    emphasis: Annotated[
        list[str] | None,
        typer.Option(help="A detector and how much it counts: velocity=0.5. Once for each."),
    ] = None,
    note: Annotated[str | None, typer.Option(help="Why, for colleagues.")] = None,
    as_json: _Json = False,
) -> None:
    """Make a version; what is not said is as in the live one. It does nothing until it runs."""
    from aether_api.fields import DESCRIPTION_LENGTH_MAX, check_text
    from aether_cli.changes import running_settings
    from aether_cli.emphasis import read_emphasis
    from aether_cli.printing import print_json
    from aether_core.database.versions import add_version, find_live_version

    said = read_emphasis(emphasis or [])
    text = None if note is None else check_text("note", note, DESCRIPTION_LENGTH_MAX)
    thresholds = running_settings().scoring.thresholds()

    async def work(connection: Session, by: str) -> KeptVersion:
        live = await find_live_version(connection, thresholds)
        return await add_version(
            connection,
            review_min=live.review_min if review_min is None else review_min,
            decline_min=live.decline_min if decline_min is None else decline_min,
            emphasis={**live.emphasis, **said},
            note=text,
            by=by,
        )

    added = _noted("scoring.add", work)
    if as_json:
        print_json(added)
    else:
        typer.echo(_line(added))


def shadow(number: _Number) -> None:
    """Let a version run in shadow: it judges every transaction, and decides none."""
    from aether_core.database.versions import begin_shadow

    async def work(connection: Session, by: str) -> KeptVersion:
        return await begin_shadow(connection, number, by=by)

    typer.echo(f"in shadow: {_line(_noted('scoring.shadow', work))}")


def end_shadow() -> None:
    """Let nothing run in shadow."""
    from aether_core.database.versions import end_shadow as end
    from aether_core.database.versions import find_version

    async def work(connection: Session, by: str) -> KeptVersion | None:
        run = await end(connection, by=by)
        return None if run is None else await find_version(connection, run.number)

    ended = _noted("scoring.end_shadow", work)
    typer.echo("Nothing ran in shadow." if ended is None else f"Version {ended.number} has ended.")


def promote(
    number: _Number,
    is_without_shadow: Annotated[
        bool, typer.Option("--without-shadow", help="Though it has never run in shadow.")
    ] = False,
) -> None:
    """Let a version decide from now on."""
    from aether_core.database.versions import promote as make_live

    async def work(connection: Session, by: str) -> KeptVersion:
        return await make_live(connection, number, by=by, needs_shadow=not is_without_shadow)

    typer.echo(f"live: {_line(_noted('scoring.promote', work))}")


def rollback(
    live: Annotated[
        int,
        typer.Argument(min=0, max=_NUMBER_MAX, help="The version that is live, as you know it."),
    ],
) -> None:
    """Let the version decide that this one was promoted over."""
    from aether_cli.changes import running_settings
    from aether_core.database.versions import find_live_version, roll_back

    thresholds = running_settings().scoring.thresholds()

    async def work(connection: Session, by: str) -> KeptVersion:
        await roll_back(connection, live=live, by=by)
        return await find_live_version(connection, thresholds)

    typer.echo(f"live: {_line(_noted('scoring.rollback', work))}")


def compare(
    number: _Number,
    differences: Annotated[int, typer.Option(min=0, max=1000, help="Transactions to show.")] = 10,
    as_json: _Json = False,
) -> None:
    """Compare a version's last run in shadow with what was live meanwhile."""
    from aether_cli.changes import change
    from aether_cli.printing import print_json
    from aether_core.database.shadows import compare as compare_run
    from aether_core.database.versions import find_last_shadow_run
    from aether_core.errors import NotFound

    async def work(connection: Session) -> Comparison:
        run = await find_last_shadow_run(connection, number)
        if run is None:
            raise NotFound("run in shadow")
        return await compare_run(connection, run, difference_limit=differences)

    comparison = change(work)
    if as_json:
        print_json(comparison)
    else:
        _print_comparison(comparison)


def _noted(action: str, work: Callable[[Session, str], Awaitable[_Done]]) -> _Done:
    """Do something to a version in the name of who runs the command, and note it, if it is done."""
    from aether_cli import changes
    from aether_cli.stores import operator_name
    from aether_core.database.versions import audit_details

    async def with_note(connection: Session) -> _Done:
        version = await work(connection, operator_name())
        if version is not None:
            await changes.note(connection, action, str(version.number), audit_details(version))
        return version

    return changes.change(with_note)


def _line(version: KeptVersion) -> str:
    from aether_core.database.versions import emphasis_text

    parts = [
        f"version {version.number}",
        f"review from {version.review_min:g}",
        f"decline from {version.decline_min:g}",
        emphasis_text(version.emphasis),
        _safe(version.note or ""),
    ]
    return " · ".join(part for part in parts if part)


def _safe(text: str) -> str:
    """Return anybody's text so that it can give a terminal no orders."""
    from aether_core.plain_text import escape_controls

    return escape_controls(text, 500)


def _print_comparison(found: Comparison) -> None:
    until = "now" if found.ended_at is None else f"{found.ended_at:%Y-%m-%d %H:%M}"
    typer.echo(
        f"version {found.number} in shadow, {found.began_at:%Y-%m-%d %H:%M} to {until}:"
        f" {found.transaction_count:,} transactions"
    )
    typer.echo(f"{'':<22}{'live':>10}{'shadow':>10}")
    typer.echo(
        f"{'flagged an hour':<22}{found.live_flagged_per_hour:>10,.1f}"
        f"{found.shadow_flagged_per_hour:>10,.1f}"
    )
    typer.echo(
        f"{'precision so far':<22}{_share(found.live_precision):>10}"
        f"{_share(found.shadow_precision):>10}"
    )
    for count in found.counts:
        if count.live != count.shadow:
            typer.echo(f"  {count.live} → {count.shadow}: {count.transaction_count:,}")
    for one in found.resolved:
        kept = {True: "flagged by both", False: "missed" if one.resolution == "fraud" else "spared"}
        typer.echo(
            f"  {one.resolution}, {kept[one.is_kept]}: {one.transaction_count:,},"
            f" {one.amount} {one.currency}"
        )
    for differing in found.differences:
        typer.echo(
            f"  {differing.transaction_id}  {differing.live} → {differing.shadow}"
            f"  {differing.shadow_score:.3f}"
        )


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
