"""`aether demo`: lively invented payments through HTTP for as long as it runs."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from math import inf
from typing import TYPE_CHECKING, Annotated

import typer

# What takes time to load is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from aether_cli.traffic.gateway_client import GatewayClient
    from aether_cli.traffic.lively import Due

_CONNECTIONS = 16
# When the gateway was away for longer, what would have been due meanwhile is left out: a demo
# shows the present.
_BEHIND_MAX_S = 2.0


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command()(demo)


def demo(
    url: Annotated[
        str | None, typer.Option(help="The gateway's address; else this installation's own.")
    ] = None,
    client_id: Annotated[str | None, typer.Option(envvar="AETHER_CLIENT_ID")] = None,
    client_secret: Annotated[str | None, typer.Option(envvar="AETHER_CLIENT_SECRET")] = None,
    rate: Annotated[float, typer.Option(min=0.01, max=5_000, help="Payments a second.")] = 20.0,
    accounts: Annotated[int, typer.Option(min=1, max=1_000_000, help="Paying accounts.")] = 150,
    fraud_rate: Annotated[
        float, typer.Option(min=0.0, max=0.5, help="Share of fraud, about.")
    ] = 0.02,
    seed: Annotated[int | None, typer.Option(help="The same seed, the same payments.")] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="End after so long; else at Ctrl-C.")
    ] = None,
) -> None:
    """Play lively, invented payments, some of them fraud, until Ctrl-C."""
    import uvloop

    from aether_cli.traffic.gateway_client import GatewayClient
    from aether_cli.traffic.lively import flow
    from aether_cli.traffic.own_client import choose_credentials
    from aether_cli.traffic.playing import gateway_of
    from aether_cli.traffic.world import World

    address, credentials = gateway_of(url, choose_credentials(client_id, client_secret), "demo")
    chosen = secrets.randbits(32) if seed is None else seed
    world = World(chosen, accounts, max(20, accounts // 4), name="demo")
    counts = _Counts()

    async def play() -> None:
        gateway = GatewayClient(
            address, credentials, patience_s=inf, on_trouble=counts.note_trouble
        )
        await _play(gateway, flow(world, rate, fraud_rate), counts, seconds or inf)

    with contextlib.suppress(KeyboardInterrupt), _showing(counts, address):
        uvloop.run(play())
    typer.echo(f"{counts.accepted:,} payments accepted, {counts.fraud:,} of them fraud.")


class _Counts:
    """What the status line shows."""

    def __init__(self) -> None:
        self.accepted = 0
        self.fraud = 0
        self._recent: list[float] = []
        self._trouble = ""
        self.show: Callable[[str], None] = lambda _: None

    def note_accepted(self, *, is_fraud: bool) -> None:
        """Count a payment that the gateway took."""
        self.accepted += 1
        self.fraud += is_fraud
        self._trouble = ""
        self._recent.append(time.monotonic())

    def note_trouble(self, reason: str) -> None:
        """Show why nothing moves."""
        self._trouble = reason

    def line(self) -> str:
        """Return the status line: the rate is that of the last five seconds."""
        limit = time.monotonic() - 5.0
        self._recent = [at for at in self._recent if at > limit]
        text = (
            f"{len(self._recent) / 5:,.1f}/s  {self.accepted:,} accepted, {self.fraud:,} of them "
            "fraud; Ctrl-C ends it"
        )
        return f"{text}  {self._trouble}" if self._trouble else text


@contextlib.contextmanager
def _showing(counts: _Counts, address: str) -> Iterator[None]:
    """Show the status line where there is a terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    console.print(f"Playing invented payments to {address}", highlight=False)
    with console.status("", spinner="dots") as status:
        # A reason is the gateway's text: never markup.
        counts.show = lambda line: status.update(Text(line))
        yield


async def _play(
    gateway: GatewayClient, payments: Iterator[Due], counts: _Counts, seconds: float
) -> None:
    """Send payments when they are due, until `seconds` have passed. Raises AetherError."""
    queue: asyncio.Queue[Due] = asyncio.Queue(_CONNECTIONS)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_show(counts), name="status")]
            tasks += [
                group.create_task(_send(gateway, queue, counts), name=f"connection {number}")
                for number in range(_CONNECTIONS)
            ]
            await _hand_out(payments, queue, seconds)
            await queue.join()
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as errors:
        # The first failure ended them all; the others only say that they were cancelled.
        raise errors.exceptions[0] from None


async def _hand_out(payments: Iterator[Due], queue: asyncio.Queue[Due], seconds: float) -> None:
    """Put each payment into the queue when it is due."""
    started = began = time.monotonic()
    for due in payments:
        behind_s = time.monotonic() - began - due.at_s
        if behind_s > _BEHIND_MAX_S:
            began += behind_s
        elif behind_s < 0:
            await asyncio.sleep(-behind_s)
        if time.monotonic() - started >= seconds:
            return
        await queue.put(due)


async def _send(gateway: GatewayClient, queue: asyncio.Queue[Due], counts: _Counts) -> None:
    import msgspec

    from aether_cli.traffic.gateway_client import read_problem

    connection = gateway.connection()
    try:
        while True:
            payment = (await queue.get()).payment
            body = msgspec.json.encode(
                {
                    "account_id": payment.account_id,
                    "merchant": payment.merchant,
                    "amount": payment.amount,
                    "currency": payment.currency,
                }
            )
            headers = {
                "Content-Type": "application/json",
                # Repeated while the outcome is unknown: the key keeps it from counting twice.
                "Idempotency-Key": secrets.token_urlsafe(15),
            }
            answer = await gateway.request(connection, "POST", "/transactions/", headers, body)
            if answer.status == 201:
                counts.note_accepted(is_fraud=payment.is_fraud)
            else:
                counts.note_trouble(read_problem(answer).reason)
            queue.task_done()
    finally:
        connection.close()


async def _show(counts: _Counts) -> None:
    while True:
        counts.show(counts.line())
        await asyncio.sleep(0.25)
