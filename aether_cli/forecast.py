"""`aether forecast`: the load that is expected of the coming minutes, for people and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from aether_cli.past import AtOption, read_at

# What reaches the servers is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from aether_api.load_forecast import ForecastView
    from aether_core.database.connection import Session

_CSV_NAMES: Final = ("at", "mean", "lower", "upper")


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command()(forecast)


def forecast(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, as the API does.")] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print the coming minutes as CSV, for spreadsheets.")
    ] = False,
    at: AtOption = None,
) -> None:
    """Show the expected transactions of the coming minutes, with the 95 % interval."""
    import msgspec

    from aether_api.load_forecast import find_forecast, find_past_forecast
    from aether_cli.changes import change, running_settings
    from aether_cli.printing import print_csv, print_json

    past = read_at(at)
    settings = running_settings()

    async def work(connection: Session) -> ForecastView:
        if past is not None:
            return await find_past_forecast(connection, settings.forecast, past)
        return await find_forecast(connection, settings.forecast)

    found = change(work, settings)
    if as_json:
        print_json(found)
    elif as_csv:
        print_csv(_CSV_NAMES, (msgspec.to_builtins(point) for point in found.forecast))
    else:
        _print(found)


def _print(found: ForecastView) -> None:
    if found.analyzed_at is None or found.model is None:
        typer.echo(found.velocity_anomaly.reason or "There is no forecast yet.")
        return
    typer.echo(f"{found.model.name}, made {found.analyzed_at:%Y-%m-%d %H:%M:%S %Z}")
    accuracy = found.accuracy
    if accuracy is not None:
        typer.echo(
            f'mean error {accuracy.mae:,.1f} a minute; of "it stays as it is"'
            f" {accuracy.naive_mae:,.1f}"
        )
    typer.echo(f"{'minute':<10}{'expected':>12}{'95 % interval':>24}")
    for point in found.forecast:
        interval = f"{point.lower:,.0f} to {point.upper:,.0f}"
        typer.echo(f"{point.at:%H:%M}     {point.mean:>12,.1f}{interval:>24}")
    for name, anomaly in (("load", found.velocity_anomaly), ("amounts", found.amount_anomaly)):
        if anomaly.is_anomaly:
            typer.echo(f"{name}: {anomaly.reason}")
