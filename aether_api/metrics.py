"""Metrics: what this process counts and sees, in Prometheus' text format.

Counters begin with the process; `process` tells several gateways behind one port apart. What a
server that is away would have to say is left out, and `aether_up` says that it is.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from redis import exceptions as redis_errors

from aether_api.backlog import Backlog, measure_backlog
from aether_core.database.connection import borrow
from aether_core.database.pipeline import Totals, Troubles, find_totals, find_troubles
from aether_core.errors import AetherError, BacklogReason
from aether_core.settings import StreamSettings
from aether_core.stream.key_memory import KeyMemory

if TYPE_CHECKING:
    from aether_api.parts import Parts

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_STARTED_AT = time.time()


@dataclass(slots=True)
class RequestCounts:
    """Answers by status since the start of this process."""

    by_status: dict[int, int] = field(default_factory=dict)
    express: int = 0
    """Submissions that took the express lane."""

    def add(self, status: int) -> None:
        """Count one answer."""
        self.by_status[status] = self.by_status.get(status, 0) + 1


@dataclass(frozen=True, slots=True)
class _Sample:
    """One metric: its samples have the same name and differ in their labels."""

    name: str
    kind: str
    help: str
    values: dict[str, float]


async def render_metrics(parts: Parts, counts: RequestCounts) -> str:
    """Return all metrics as Prometheus reads them."""
    backlog = await _backlog(parts)
    totals = await _totals(parts)
    troubles = await _troubles(parts)
    process = f'process="{os.getpid()}"'
    lines: list[str] = []
    samples = [*_samples(parts, counts, backlog, totals), *_trouble_samples(troubles)]
    for sample in samples:
        lines.append(f"# HELP {sample.name} {sample.help}")
        lines.append(f"# TYPE {sample.name} {sample.kind}")
        for label, value in sample.values.items():
            labels = f"{process},{label}" if label else process
            lines.append(f"{sample.name}{{{labels}}} {value}")
    return "\n".join(lines) + "\n"


def _samples(
    parts: Parts, counts: RequestCounts, backlog: Backlog | None, totals: Totals | None
) -> Iterator[_Sample]:
    accepted = parts.acceptance.counts
    yield _Sample(
        "aether_up",
        "gauge",
        "Whether a server behind the gateway answers.",
        {
            'server="stream"': float(backlog is not None),
            'server="database"': float(totals is not None),
        },
    )
    yield _Sample(
        "aether_http_responses_total",
        "counter",
        "Answers by status.",
        {f'status="{status}"': count for status, count in sorted(counts.by_status.items())},
    )
    yield _Sample(
        "aether_submissions_total",
        "counter",
        "Submissions by outcome.",
        {
            'outcome="accepted"': accepted.accepted,
            'outcome="replayed"': accepted.replayed,
            'outcome="key_reused"': accepted.key_reused,
            'outcome="refused"': accepted.refused,
            'outcome="unknown"': accepted.unknown,
        },
    )
    yield _Sample(
        "aether_submissions_express_total",
        "counter",
        "Submissions that took the express lane: usual in every way.",
        {"": counts.express},
    )
    yield _Sample("aether_appends_total", "counter", "Groups appended.", {"": accepted.appends})
    yield _Sample(
        "aether_submissions_waiting",
        "gauge",
        "Submissions that wait until they are written (Prefer: wait).",
        {"": parts.written.waiting_count},
    )
    live = parts.live
    yield _Sample("aether_event_streams", "gauge", "Open live feeds.", {"": live.open_count})
    yield _Sample("aether_events_total", "counter", "Events fanned out.", {"": live.events_sent})
    yield _Sample("aether_event_gaps_total", "counter", "Gaps told to clients.", {"": live.gaps})
    if backlog is not None:
        yield _Sample(
            "aether_backlog",
            "gauge",
            "Accepted transactions that are not yet written.",
            {f'shard="{shard.shard}"': shard.backlog for shard in backlog.shards},
        )
        yield _Sample(
            "aether_backlog_oldest_seconds",
            "gauge",
            "Age of the oldest of them; 0 when there is none.",
            {"": backlog.oldest_seconds or 0.0},
        )
    if totals is not None:
        yield _Sample(
            "aether_committed_total", "counter", "Rows ever written.", {"": totals.committed_count}
        )
        yield _Sample(
            "aether_flagged_total", "counter", "Of them, flagged.", {"": totals.flagged_count}
        )
        yield _Sample(
            "aether_dead_letters_total",
            "counter",
            "Entries that could not be written.",
            {"": totals.dead_letter_count},
        )
    yield from _stream_samples(parts)
    yield from _process_samples()


def _stream_samples(parts: Parts) -> Iterator[_Sample]:
    """What is known of the stream's server, its memory and its keys, as it was last looked at."""
    pressure, refused = parts.pressure, parts.acceptance.counts.backpressure
    current = None if pressure.refusal is None else pressure.refusal.reason
    yield _Sample(
        "aether_backpressure",
        "gauge",
        "Whether nothing more is accepted, and why.",
        {f'reason="{reason.value}"': float(reason is current) for reason in BacklogReason},
    )
    yield _Sample(
        "aether_backpressure_refusals_total",
        "counter",
        "Submissions that were refused for too much work in hand.",
        {f'reason="{reason.value}"': refused[reason] for reason in BacklogReason},
    )
    shards = parts.agreement.shards
    if shards is not None:
        promise = shards.durability.promise
        yield _Sample(
            "aether_durability",
            "gauge",
            "What the stream's server promises for what was acknowledged.",
            {f'promise="{promise.name.lower()}"': 1.0},
        )
    if pressure.memory is not None:
        yield _Sample(
            "aether_stream_memory_bytes",
            "gauge",
            "Memory of the stream's (fullest) server.",
            {"": pressure.memory.used},
        )
        yield _Sample(
            "aether_stream_memory_max_bytes",
            "gauge",
            "Its limit; 0 when it has none.",
            {"": pressure.memory.limit},
        )
    if pressure.keys is not None:
        yield from _key_samples(pressure.keys, parts.settings.stream)


def _key_samples(keys: KeyMemory, settings: StreamSettings) -> Iterator[_Sample]:
    yield _Sample(
        "aether_idempotency_keys", "gauge", "Idempotency keys in memory.", {"": keys.count}
    )
    yield _Sample(
        "aether_idempotency_memory_bytes", "gauge", "Memory that they take.", {"": keys.bytes}
    )
    yield _Sample(
        "aether_idempotency_memory_max_bytes",
        "gauge",
        "Memory that they may take; beyond it the oldest are forgotten early.",
        {"": settings.idempotency_memory_max_mb * 1024 * 1024},
    )
    yield _Sample(
        "aether_idempotency_key_bytes",
        "gauge",
        "Memory of one of them.",
        {"": round(keys.bytes_per_key, 1)},
    )
    yield _Sample(
        "aether_idempotency_window_seconds",
        "gauge",
        "How far back keys are known: as configured, and in effect.",
        {
            'window="configured"': settings.idempotency_window_s,
            'window="effective"': round(keys.window_s, 1),
        },
    )
    if keys.forecast_bytes is not None:
        yield _Sample(
            "aether_idempotency_memory_forecast_bytes",
            "gauge",
            "Memory that the configured window takes at the present rate of new keys.",
            {"": keys.forecast_bytes},
        )


def _process_samples() -> Iterator[_Sample]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    yield _Sample(
        "process_resident_memory_bytes",
        "gauge",
        "Memory in use.",
        {"": pages * resource.getpagesize()},
    )
    yield _Sample(
        "process_cpu_seconds_total",
        "counter",
        "Processor time used.",
        {"": round(usage.ru_utime + usage.ru_stime, 3)},
    )
    yield _Sample(
        "process_start_time_seconds", "gauge", "When it started.", {"": round(_STARTED_AT, 3)}
    )


async def _backlog(parts: Parts) -> Backlog | None:
    try:
        return await measure_backlog(parts.redis, parts.agreement)
    except (AetherError, redis_errors.RedisError, OSError, TimeoutError):
        return None


def _trouble_samples(troubles: Troubles | None) -> Iterator[_Sample]:
    """Yield what waits for an operator."""
    if troubles is None:
        return
    yield _Sample(
        "aether_dead_letters_open",
        "gauge",
        "Dead letters that nobody has replayed or discarded.",
        {"": troubles.open_letter_count},
    )
    yield _Sample(
        "aether_stream_lost_ranges",
        "gauge",
        "Ranges of a stream that were lost, and that nobody has acknowledged.",
        {"": troubles.lost_range_count},
    )
    yield _Sample(
        "aether_stream_lost_entries",
        "gauge",
        "Entries in them, as far as they can be counted.",
        {f'shard="{shard}"': count for shard, count in troubles.lost_counts.items()},
    )


async def _troubles(parts: Parts) -> Troubles | None:
    try:
        async with borrow(parts.pool) as connection:
            return await find_troubles(connection)
    except AetherError:
        return None


async def _totals(parts: Parts) -> Totals | None:
    try:
        async with borrow(parts.pool) as connection:
            return await find_totals(connection)
    except AetherError:
        return None
