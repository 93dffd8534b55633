"""Key memory: what idempotency keys take in the stream's server, and how far back they are known.

In:   what `aether_keys` says of each shard.
Out:  sums over all shards, with the rate since the last look and where it leads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aether_core.stream import contract

if TYPE_CHECKING:
    from aether_core.settings import StreamSettings
    from aether_core.stream.publisher import Redis


@dataclass(frozen=True, slots=True)
class KeyMemory:
    """The idempotency keys of all shards."""

    count: int
    bytes: int
    window_s: float
    """How far back keys are known: as configured, or less where memory does not allow it."""
    per_second: float | None
    """New keys, between this look and the one before; None at the first."""
    forecast_bytes: int | None
    """What the configured window takes at this rate."""
    at_ms: int = 0
    parts: dict[tuple[int, int], int] = field(default_factory=dict)
    """Keys by shard and beginning of the part."""

    @property
    def bytes_per_key(self) -> float:
        """Memory of one key; what is allowed for where that is not known."""
        if not self.count or not self.bytes:
            return contract.IDEMPOTENCY_KEY_BYTES
        return self.bytes / self.count


async def measure_keys(
    redis: Redis, shard_count: int, settings: StreamSettings, before: KeyMemory | None
) -> KeyMemory:
    """Ask the stream's server; `before` is what it said last time."""
    batch = redis.pipeline()
    for shard in range(shard_count):
        prefix = contract.idempotency_key_prefix(shard)
        batch.execute_command("FCALL_RO", contract.FUNCTION_KEYS, 1, prefix)
    answers = await batch.execute()
    parts: dict[tuple[int, int], int] = {}
    size = 0
    window_s = float(settings.idempotency_window_s)
    for shard, (now_ms, *told) in enumerate(answers):
        begun = told[::3]
        parts |= {(shard, start): count for start, count in zip(begun, told[1::3], strict=True)}
        size += sum(told[2::3])
        # All parts are in use, so that older ones were there: what they held may be forgotten.
        if len(begun) > contract.IDEMPOTENCY_WINDOW_PARTS:
            window_s = min(window_s, (now_ms - begun[0]) / 1000)
    at_ms = max((answer[0] for answer in answers), default=0)
    count = sum(parts.values())
    per_second = None
    if before is not None and at_ms > before.at_ms:
        # Parts that are gone say nothing; those that are new were empty.
        fresh = sum(max(0, keys - before.parts.get(part, 0)) for part, keys in parts.items())
        per_second = fresh * 1000 / (at_ms - before.at_ms)
    found = KeyMemory(count, size, window_s, per_second, None, at_ms, parts)
    if per_second is None:
        return found
    forecast = int(settings.idempotency_window_s * per_second * found.bytes_per_key)
    return KeyMemory(count, size, window_s, per_second, forecast, at_ms, parts)
