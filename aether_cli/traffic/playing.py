"""Playing: one run of `aether replay`, from the file to the facts of its outcome.

In:   what the user wishes.
Out:  facts, also of a run that was stopped or failed; refused lines in a file of their own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import uvloop
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from aether_cli.supervisor import load_running_settings
from aether_cli.traffic.aftermath import await_written, count_flagged
from aether_cli.traffic.gateway_client import GatewayClient
from aether_cli.traffic.own_client import Credentials, OwnClient
from aether_cli.traffic.payment_files import Inspection, inspect, read_rows
from aether_cli.traffic.refused_lines import RefusedLines
from aether_cli.traffic.replaying import BATCH_SIZE, Replay, Tally
from aether_core.errors import AetherError, InvalidInput


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asked for."""

    file: Path
    url: str | None
    credentials: Credentials | None
    speed: float | None
    concurrency: int
    refused: Path | None
    written_deadline_s: float
    patience_s: float


class Facts(msgspec.Struct, frozen=True):
    """What became of the lines. written, flagged: None when that could not be asked.

    seconds: until the last line was settled; latencies are those of whole requests.
    """

    lines: int
    accepted: int
    replayed: int
    refused: int
    refused_file: str | None
    written: int | None
    flagged: int | None
    seconds: float
    seconds_until_written: float
    transactions_per_s: float
    latency_ms_p50: float | None
    latency_ms_p99: float | None
    batch_size: int
    retries: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """The facts, and what ended the run before its time, if anything did."""

    facts: Facts
    failure: str | None
    is_interrupted: bool


def play(wishes: Wishes) -> Outcome:
    """Run one replay. Raises InvalidInput for a file or an address that cannot be used."""
    inspection = inspect(wishes.file)
    url, credentials = gateway_of(wishes.url, wishes.credentials, "replay")
    run = _Run(wishes, inspection)
    failure: str | None = None
    is_interrupted = False
    try:
        with run.showing_progress():
            uvloop.run(run.go(url, credentials))
    except KeyboardInterrupt:
        failure, is_interrupted = "Stopped.", True
    except AetherError as error:
        failure = str(error)
    finally:
        run.refusals.close()
    return Outcome(run.facts(), failure, is_interrupted)


def gateway_of(
    url: str | None, credentials: Credentials | None, command: str
) -> tuple[str, Credentials | OwnClient]:
    """Return where to go and as whom. Raises InvalidInput when only the user can know.

    The installation's own client is for its own gateway: no other should see its secret.
    """
    settings = load_running_settings()
    if credentials is not None:
        return url or settings.base_url, credentials
    if url is not None and url.rstrip("/") != settings.base_url:
        raise InvalidInput(
            "client",
            f"{url} is not this installation's gateway: give --client-id and --client-secret "
            "(`aether client add` makes them).",
        )
    return settings.base_url, OwnClient(settings, command)


class _Run:
    """One replay under way: its counts, its progress bar, its refused lines."""

    def __init__(self, wishes: Wishes, inspection: Inspection) -> None:
        self._wishes = wishes
        self._inspection = inspection
        self._tally = Tally()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            # The bar is for people; what a program reads is standard output.
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task(wishes.file.name, total=inspection.row_count, rate="")
        self._began = time.monotonic()
        self._settled_s: float | None = None
        self._written: int | None = None
        self._flagged: int | None = None
        self._retries = 0
        self.refusals = RefusedLines(wishes.file, wishes.refused, inspection.columns)

    @contextmanager
    def showing_progress(self) -> Iterator[None]:
        """Show the bar, where there is a terminal."""
        with self._progress:
            yield

    async def go(self, url: str, credentials: Credentials | OwnClient) -> None:
        """Send everything, then look what became of it."""
        gateway = GatewayClient(
            url, credentials, patience_s=self._wishes.patience_s, on_trouble=self._note_trouble
        )
        replay = Replay(
            gateway=gateway,
            digest=self._inspection.digest,
            lane_count=self._wishes.concurrency,
            speed=self._wishes.speed,
            tally=self._tally,
            on_refused=self.refusals.add,
            on_done=self._note_done,
        )
        self._began = time.monotonic()
        await replay.run(read_rows(self._wishes.file))
        self._settled_s = time.monotonic() - self._began
        self._progress.update(self._task, description="waiting until all is written")
        self._written = await await_written(gateway, self._tally, self._wishes.written_deadline_s)
        self._flagged = await count_flagged(gateway, self._tally)

    def facts(self) -> Facts:
        """Return what is known by now."""
        tally = self._tally
        now_s = time.monotonic() - self._began
        seconds = now_s if self._settled_s is None else self._settled_s
        return Facts(
            lines=self._inspection.row_count,
            accepted=tally.accepted,
            replayed=tally.replayed,
            refused=tally.refused,
            refused_file=None if self.refusals.path is None else str(self.refusals.path),
            written=self._written,
            flagged=self._flagged,
            seconds=seconds,
            seconds_until_written=now_s,
            transactions_per_s=(tally.accepted + tally.replayed) / max(seconds, 1e-9),
            latency_ms_p50=tally.latency_ms(0.50),
            latency_ms_p99=tally.latency_ms(0.99),
            batch_size=BATCH_SIZE,
            retries=self._retries,
        )

    def _note_done(self, count: int) -> None:
        rate = (self._tally.accepted + self._tally.replayed) / (time.monotonic() - self._began)
        self._progress.update(
            self._task, advance=count, rate=f"{rate:,.0f}/s", description=self._wishes.file.name
        )

    def _note_trouble(self, reason: str) -> None:
        self._retries += 1
        # The gateway's words: no markup in them.
        self._progress.update(self._task, description=reason.replace("[", "("))
