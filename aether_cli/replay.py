"""`aether replay`: plays a file of payments through the gateway's HTTP interface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

# What takes time to load is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from aether_cli.traffic.playing import Outcome


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command()(replay)


def replay(
    file: Annotated[Path, typer.Argument(help="A .csv or .csv.gz of payments.")],
    url: Annotated[
        str | None, typer.Option(help="The gateway's address; else this installation's own.")
    ] = None,
    client_id: Annotated[str | None, typer.Option(envvar="AETHER_CLIENT_ID")] = None,
    client_secret: Annotated[str | None, typer.Option(envvar="AETHER_CLIENT_SECRET")] = None,
    speed: Annotated[
        float | None,
        typer.Option(min=1e-6, help="Times as fast as it happened; else as fast as it is taken."),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Requests under way.")] = 8,
    refused: Annotated[
        Path | None, typer.Option(help="Where refused lines go; else FILE.refused.csv.")
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait at the end until all is written.")
    ] = 120.0,
    patience: Annotated[
        float, typer.Option(min=1, help="Seconds without any success before it gives up.")
    ] = 300.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Play payments through HTTP, each once, however often it is stopped and started again.

    The columns are occurred_at, account_id, merchant_id, amount and currency; others are left
    alone. Without client credentials, the installation's own client is used. A line is known
    again for as long as the gateway remembers idempotency keys (24 hours unless set otherwise).
    """
    from aether_cli.traffic.own_client import choose_credentials
    from aether_cli.traffic.playing import Wishes, play

    outcome = play(
        Wishes(
            file=file,
            url=url,
            credentials=choose_credentials(client_id, client_secret),
            speed=speed,
            concurrency=concurrency,
            refused=refused,
            written_deadline_s=wait,
            patience_s=patience,
        )
    )
    typer.echo(_json(outcome)) if as_json else _print_table(outcome)
    if outcome.failure is not None:
        typer.echo(f"aether: {outcome.failure} Start it again: nothing is doubled.", err=True)
        raise typer.Exit(130 if outcome.is_interrupted else 1)


def _json(outcome: Outcome) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(outcome.facts)).decode()


def _print_table(outcome: Outcome) -> None:
    from rich.console import Console
    from rich.table import Table

    facts = outcome.facts
    table = Table("", "", show_header=False)
    table.columns[1].justify = "right"
    table.add_row("accepted", f"{facts.accepted:,}")
    table.add_row("replayed (accepted before)", f"{facts.replayed:,}")
    refused = f"{facts.refused:,}"
    if facts.refused_file is not None:
        refused += f"\n{facts.refused_file}"
    table.add_row("refused", refused)
    table.add_row("written", "unknown" if facts.written is None else f"{facts.written:,}")
    table.add_row("flagged", "unknown" if facts.flagged is None else f"{facts.flagged:,}")
    table.add_row("seconds", f"{facts.seconds:,.1f}")
    table.add_row("transactions/s", f"{facts.transactions_per_s:,.0f}")
    if facts.latency_ms_p50 is not None and facts.latency_ms_p99 is not None:
        table.add_row(
            f"accept latency p50, p99 (requests of up to {facts.batch_size})",
            f"{facts.latency_ms_p50:,.1f} ms, {facts.latency_ms_p99:,.1f} ms",
        )
    Console().print(table)
    if facts.written is not None and facts.written < facts.accepted + facts.replayed:
        left = facts.accepted + facts.replayed - facts.written
        typer.echo(f"{left:,} are accepted and not written yet; a writer will.")
