"""`aether backtest`: what the engine would have said of a file, from what it knew by then."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

# What takes time to load is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from aether_cli.backtesting.payments import BadLine
    from aether_cli.backtesting.price import Price
    from aether_cli.backtesting.run import Outcome
    from aether_core.database.connection import Session
    from aether_core.scoring import Version
    from aether_core.settings import Settings

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
    label_delay: Annotated[
        str, typer.Option(help="How old a payment is when its is_fraud is known: 7d, 12h, 30m.")
    ] = "7d",
    no_labels: Annotated[
        bool, typer.Option("--no-labels", help="Learn nothing from is_fraud.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a file with a bad line instead of skipping it.")
    ] = False,
    version: Annotated[
        int | None, typer.Option(min=1, help="A version of scoring, by number: `aether scoring`.")
    ] = None,
    review_min: Annotated[
        float | None, typer.Option(help="Score from which a payment goes to review.")
    ] = None,
    decline_min: Annotated[float | None, typer.Option(help="Score from which it is declined.")] = (
        None
    ),
    emphasis: Annotated[
        list[str] | None,
        typer.Option(help="A detector and how much it counts: velocity=0.5. Once for each."),
    ] = None,
    minutes_per_alert: Annotated[
        float, typer.Option(min=0, help="What an alert takes an analyst.")
    ] = 10.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what it comes to as JSON.")
    ] = False,
    progress: Annotated[
        bool | None,
        typer.Option(
            "--progress/--no-progress", help="Show a bar; by default where somebody looks."
        ),
    ] = None,
) -> None:
    """Score every payment of a file from the lines before it.

    The columns are transaction_id, occurred_at, account_id, merchant_id, amount, currency and,
    where it is known, is_fraud; others are left alone. A label counts from the first payment on
    that is made at least the label delay after it. What comes out is transaction_id, score,
    flagged and reasons, in the same order. A bad line is named and left out. Then it says what that
    comes to: alerts, the share of frauds among them and of all frauds, money caught and missed,
    analysts' hours. So a version of scoring has a price before it runs.
    """
    from aether_cli.backtesting.run import Wishes, backtest_payments
    from aether_cli.spans import read_span_s
    from aether_core.settings import load_settings

    settings = load_settings()
    judge = _judge(settings, version, review_min, decline_min, emphasis or [])
    wishes = Wishes(
        file=file,
        out=out,
        thresholds=judge.thresholds,
        label_delay_ms=None if no_labels else read_span_s(label_delay, "--label-delay") * 1000,
        is_strict=strict,
        version=judge,
        joins_within_s=settings.alerts.joins_within_s,
        minutes_per_alert=minutes_per_alert,
    )
    bad = _BadLines()
    try:
        with _Bar(file.name, is_shown=sys.stderr.isatty() if progress is None else progress) as bar:
            outcome = backtest_payments(wishes, bad.tell, bar.tell)
    except OSError as error:
        raise typer.BadParameter(f"{out} cannot be written: {error.strerror}") from error
    if as_json:
        from aether_cli.printing import print_json

        print_json({**asdict(outcome), "price": outcome.price})
    else:
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


def _judge(
    settings: Settings,
    number: int | None,
    review_min: float | None,
    decline_min: float | None,
    emphasis: list[str],
) -> Version:
    """Return what decides: a kept version or the settings, changed by what is said beside it."""
    from aether_cli.emphasis import read_emphasis
    from aether_core.database.versions import check_version
    from aether_core.scoring import Thresholds, Version

    base = Version(0, settings.scoring.thresholds()) if number is None else _kept(number)
    judge = Version(
        base.number,
        Thresholds(
            base.thresholds.review_min if review_min is None else review_min,
            base.thresholds.decline_min if decline_min is None else decline_min,
        ),
        {**base.emphasis, **read_emphasis(emphasis)},
    )
    check_version(judge.thresholds.review_min, judge.thresholds.decline_min, judge.emphasis)
    return judge


def _kept(number: int) -> Version:
    from aether_cli.changes import change
    from aether_core.database.versions import find_version, on_the_wire

    async def work(connection: Session) -> Version:
        return on_the_wire(await find_version(connection, number))

    return change(work)


def _sum_up(out: Path, outcome: Outcome) -> None:
    rate = outcome.scored / max(outcome.seconds, 1e-9)
    typer.echo(
        f"{out}: {outcome.scored:,} scored, {outcome.flagged:,} flagged, {outcome.bad:,} left out,"
        f" {outcome.seconds:,.1f} s, {rate:,.0f} a second"
    )
    if outcome.price is not None:
        _print_price(outcome.price)


def _print_price(price: Price) -> None:
    days = price.hours / 24
    typer.echo(
        f"alerts: {price.alert_count:,} in {days:,.1f} days, {price.alerts_per_hour:,.2f} an hour;"
        f" {price.analyst_hours:,.1f} hours of analysts' work"
    )
    if price.recall is None:
        return
    precision = "-" if price.precision is None else f"{price.precision:.1%}"
    typer.echo(
        f"frauds: {price.caught_count:,} of {price.fraud_count:,} flagged ({price.recall:.1%});"
        f" {precision} of what is flagged is fraud"
    )
    for money in price.money:
        typer.echo(f"money: {money.caught} {money.currency} caught, {money.missed} missed")
