"""`aether backtest`: what the engine would have said of a file, from what it knew by then."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

# What takes time to load is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from aether_cli.backtesting.payments import BadLine
    from aether_cli.backtesting.run import Outcome

_BAD_SHOWN_MAX = 20


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    backtest = typer.Typer(
        help="What the engine would have said of a file, from what it knew by then.",
        no_args_is_help=True,
    )

    @backtest.callback()
    def _backtest() -> None:
        """Keep the name of what is tested a subcommand, though there is one."""

    backtest.command("transactions")(transactions)
    app.add_typer(backtest, name="backtest")


def transactions(
    file: Annotated[Path, typer.Argument(help="A .csv or .csv.gz of payments, in time order.")],
    out: Annotated[Path, typer.Option(help="Where the scores go: a .csv or .csv.gz.")],
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a file with a bad line instead of skipping it.")
    ] = False,
    progress: Annotated[
        bool | None,
        typer.Option(
            "--progress/--no-progress", help="Show a bar; by default where somebody looks."
        ),
    ] = None,
) -> None:
    """Score every payment of a file from the lines before it.

    The columns are transaction_id, occurred_at, account_id, merchant_id, amount and currency;
    others are left alone. What comes out is transaction_id, score, flagged and reasons, in the
    same order. A bad line is named and left out.
    """
    from aether_cli.backtesting.run import Wishes, backtest_payments
    from aether_core.scoring import Thresholds
    from aether_core.settings import load_settings

    scoring = load_settings().scoring
    wishes = Wishes(
        file=file,
        out=out,
        thresholds=Thresholds(scoring.review_min, scoring.decline_min),
        is_strict=strict,
    )
    bad = _BadLines()
    try:
        with _Bar(file.name, is_shown=sys.stderr.isatty() if progress is None else progress) as bar:
            outcome = backtest_payments(wishes, bad.tell, bar.tell)
    except OSError as error:
        raise typer.BadParameter(f"{out} cannot be written: {error.strerror}") from error
    _sum_up(out, outcome)


class _BadLines:
    """Names bad lines on standard error, up to a number that can be read."""

    def __init__(self) -> None:
        self._count = 0

    def tell(self, line: BadLine) -> None:
        self._count += 1
        if self._count <= _BAD_SHOWN_MAX:
            typer.echo(f"line {line.number} is left out: {line.reason}", err=True)
        elif self._count == _BAD_SHOWN_MAX + 1:
            typer.echo("more bad lines are left out without naming them", err=True)


class _Bar:
    """A bar on standard error while a file is read."""

    def __init__(self, name: str, *, is_shown: bool) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._progress = Progress(console=Console(stderr=True), disable=not is_shown)
        self._task = self._progress.add_task(name, total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tell(self, read_count: int, byte_count: int) -> None:
        self._progress.update(self._task, completed=read_count, total=byte_count)


def _sum_up(out: Path, outcome: Outcome) -> None:
    rate = outcome.scored / max(outcome.seconds, 1e-9)
    typer.echo(
        f"{out}: {outcome.scored:,} scored, {outcome.flagged:,} flagged, {outcome.bad:,} left out,"
        f" {outcome.seconds:,.1f} s, {rate:,.0f} a second"
    )
