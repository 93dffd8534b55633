"""`aether simulate`: writes a file of invented payments, some of them fraud."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

# The end, since a gateway refuses an instant that lies ahead; fixed, so that the bytes are.
_END = datetime(2026, 1, 5, tzinfo=UTC)


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command()(simulate)


def simulate(
    file: Annotated[Path, typer.Argument(help="What to write: a .csv or .csv.gz.")],
    accounts: Annotated[int, typer.Option(min=1, max=1_000_000, help="Paying accounts.")] = 400,
    merchants: Annotated[int, typer.Option(min=1, max=100_000, help="Merchants.")] = 200,
    days: Annotated[int, typer.Option(min=1, max=3_660, help="Days.")] = 30,
    seed: Annotated[int, typer.Option(help="The same seed gives the same file.")] = 1,
    fraud_rate: Annotated[
        float, typer.Option(min=0.0, max=0.5, help="Share of fraud, about.")
    ] = 0.007,
    start: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="The first day (UTC); by default the days end with 4 January 2026.",
        ),
    ] = None,
) -> None:
    """Write invented payments with a day's and a week's rhythm, and fraud of several kinds."""
    from aether_cli.traffic import world
    from aether_cli.traffic.payment_files import COLUMNS, writing

    plan = world.Plan(
        seed=seed,
        account_count=accounts,
        merchant_count=merchants,
        day_count=days,
        fraud_rate=fraud_rate,
        start=_END - timedelta(days=days) if start is None else start.replace(tzinfo=UTC),
    )
    count = fraud_count = 0
    try:
        with writing(file) as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(COLUMNS)
            for count, payment in enumerate(world.simulate(plan), 1):
                fraud_count += payment.is_fraud
                writer.writerow(
                    (
                        f"T{count:08}",
                        f"{payment.occurred_at:%Y-%m-%dT%H:%M:%SZ}",
                        payment.account_id,
                        payment.merchant,
                        payment.amount,
                        payment.currency,
                        int(payment.is_fraud),
                    )
                )
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written: {error.strerror}") from error
    typer.echo(f"{file}: {count:,} payments, {fraud_count:,} of them fraud")
