"""`aether sight`: what detectors know of an account, or of all traffic, and where they are blind.

From the scoring states as they were committed last.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

# What reaches the servers is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from aether_core.database.connection import Session
    from aether_core.scoring.sight import Sight
    from aether_core.settings import Settings

_HOURLY = "velocity"
_ADDS = frozenset({"takeover", "merchant", "account", "merchant_velocity", "novelty", "repetition"})
"""Detectors that flag nothing by an amount or a number."""


class _Seen(NamedTuple):
    account_id: str
    currency: str
    shard: int
    is_known: bool
    sights: tuple[Sight, ...]
    silenced_until_ms: dict[str, int]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command()(sight)


def sight(
    account: Annotated[
        str | None, typer.Argument(help="Whose; without it, of all who paid lately.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option(help="Of payments in it; else in the account's first.")
    ] = None,
    since: Annotated[
        str, typer.Option(help="Without an account: how far back to look, as 1h or 7d.")
    ] = "1h",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what each detector could see of an account right now, and where it is blind.

    From the state as it was committed last, on the account's shard. Without an account: which share
    of the traffic each detector could flag at all, and which no detector could.
    """
    from aether_api.fields import check_account
    from aether_cli.changes import change, running_settings
    from aether_cli.printing import print_json
    from aether_core.money import exponent_of

    if account is None:
        _print_coverage(since, as_json=as_json)
        return
    check_account(account)
    if currency is not None:
        exponent_of(currency)
    settings = running_settings()

    known: str = account

    async def work(connection: Session) -> _Seen:
        return await _look(connection, settings, known, currency)

    seen = change(work, settings)
    if as_json:
        print_json(
            {
                **seen._asdict(),
                "sights": [
                    {
                        "detector": one.detector,
                        "observations": one.observations,
                        "least": one.least,
                        "is_blind": one.is_blind,
                    }
                    for one in seen.sights
                ],
            }
        )
    else:
        _print(seen)


async def _look(
    connection: Session, settings: Settings, account: str, currency: str | None
) -> _Seen:
    from aether_core.errors import InvalidInput
    from aether_core.rebuilding import rebuild_state
    from aether_core.scoring.sight import currency_of, look
    from aether_core.stream.contract import shard_of

    shard = shard_of(account, await _shard_count(connection, settings))
    thresholds = settings.scoring.thresholds()
    state = (await rebuild_state(connection, shard, thresholds)).state
    own = currency_of(state, account)
    wanted = currency or own
    if wanted is None:
        raise InvalidInput("currency", "This account is not known: say in which currency it pays.")
    now_ms = int(time.time() * 1000)
    return _Seen(
        account,
        wanted,
        shard,
        own is not None,
        look(state, thresholds, account, wanted, now_ms),
        {d: until for d, until in state.suppressions.get(account, {}).items() if until > now_ms},
    )


async def _shard_count(connection: Session, settings: Settings) -> int:
    from aether_core.database.positions import settle_shard_count
    from aether_core.stream.contract import SHARD_COUNT_DEFAULT

    return await settle_shard_count(connection, settings.stream.shard_count, SHARD_COUNT_DEFAULT)


def _print_coverage(span: str, *, as_json: bool) -> None:
    from aether_cli.changes import change, running_settings
    from aether_cli.printing import print_json
    from aether_cli.spans import read_span_s
    from aether_core.coverage import Coverage, find_coverage

    settings = running_settings()
    since = datetime.now(UTC) - timedelta(seconds=read_span_s(span, "--since"))
    thresholds = settings.scoring.thresholds()

    async def work(connection: Session) -> Coverage:
        return await find_coverage(
            connection,
            range(await _shard_count(connection, settings)),
            thresholds,
            since=since,
            now_ms=int(time.time() * 1000),
        )

    found = change(work, settings)
    if as_json:
        print_json(found)
        return
    typer.echo(
        f"{found.transaction_count:,} transactions of {found.account_count:,} accounts in the last"
        f" {span}"
    )
    for detector, share in found.shares.items():
        what = "knows something of" if detector in _ADDS else "could flag of"
        typer.echo(f"{detector:<18}{share:>8.1%}  {what}")
    typer.echo(f"{'none':<18}{found.blind_share:>8.1%}  that no detector could flag")


def _print(seen: _Seen) -> None:
    from aether_core.money import format_minor_units
    from aether_core.transaction import instant_of_ms

    known = "" if seen.is_known else ", a stranger: judged as anybody"
    typer.echo(f"{seen.account_id} in {seen.currency} (shard {seen.shard}{known})")
    typer.echo(f"{'detector':<18}{'knows':>9}  flags by itself")
    for one in seen.sights:
        if one.is_blind:
            flags = "nothing: it is blind"
        elif one.detector in _ADDS:
            flags = "adds to what others find"
        elif one.least is None:
            flags = "nothing, however much"
        elif one.detector == _HOURLY:
            flags = f"from {one.least:,} payments within an hour"
        else:
            flags = f"from {format_minor_units(one.least, seen.currency)} {seen.currency}"
        until = seen.silenced_until_ms.get(one.detector)
        if until is not None:
            flags = f"silenced until {instant_of_ms(until):%Y-%m-%d %H:%M:%S %Z}"
        typer.echo(f"{one.detector:<18}{one.observations:>9,}  {flags}")
