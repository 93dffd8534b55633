"""Pressure: whether there is so much work in hand that nothing more should be accepted.

In:   what the stream's servers say, twice a second: backlog, age of its oldest entry, memory.
Out:  a reason to answer 503 before anything is accepted, or None; what metrics show of it.
The length of the backlog is also checked with every append, by the server itself; age and memory
change slowly enough to be looked at from time to time, which costs submissions nothing. What was
accepted is never dropped, however long it waits.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from redis import exceptions as redis_errors

from aether_api.agreement import StreamAgreement
from aether_api.backlog import Backlog, measure_backlog
from aether_core.cancellation import heed_cancellation
from aether_core.errors import AetherError, BacklogFull, BacklogReason
from aether_core.settings import StreamSettings
from aether_core.stream.key_memory import KeyMemory, measure_keys

if TYPE_CHECKING:
    from aether_core.stream.publisher import Redis

logger = logging.getLogger(__name__)

_LOOK_S: Final = 0.5
_LIMIT_S: Final = 5.0
_KEYS_S: Final = 5.0
_RETRY_AFTER_S: Final = 5


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of the fullest server, in bytes; `limit` is 0 where there is none."""

    used: int
    limit: int

    @property
    def share(self) -> float:
        """Used of the limit; 0 where there is none."""
        return self.used / self.limit if self.limit else 0.0


class Pressure:
    """Looks at the stream's servers for as long as `run` runs."""

    def __init__(self, redis: Redis, agreement: StreamAgreement, settings: StreamSettings) -> None:
        self._redis = redis
        self._agreement = agreement
        self._settings = settings
        self._keys_at = 0.0
        self.refusal: BacklogFull | None = None
        """Why nothing may be accepted at the moment."""
        self.backlog: Backlog | None = None
        self.memory: Memory | None = None
        """None: the server is away, or does not tell."""
        self.keys: KeyMemory | None = None
        """What idempotency keys take, every five seconds."""

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            heed_cancellation()
            try:
                async with asyncio.timeout(_LIMIT_S):
                    await self._look()
            except (AetherError, redis_errors.RedisError, OSError, TimeoutError):
                # A server that is away refuses by itself.
                self.backlog = self.memory = None
                self._set_refusal(None)
            await asyncio.sleep(_LOOK_S)

    async def _look(self) -> None:
        self.backlog = await measure_backlog(self._redis, self._agreement)
        self.memory = await measure_memory(self._redis)
        self._set_refusal(_reason(self.backlog, self.memory, self._settings))
        if time.monotonic() >= self._keys_at + _KEYS_S:
            self._keys_at = time.monotonic()
            count = len(self.backlog.shards)
            self.keys = await measure_keys(self._redis, count, self._settings, self.keys)

    def _set_refusal(self, reason: BacklogReason | None) -> None:
        before = None if self.refusal is None else self.refusal.reason
        if reason == before:
            return
        if reason is None:
            logger.info("transactions are accepted again")
            self.refusal = None
        else:
            logger.warning("nothing more is accepted: %s", reason.value)
            self.refusal = BacklogFull(reason, _RETRY_AFTER_S)


async def measure_memory(redis: Redis) -> Memory | None:
    """Ask every server; return what the fullest one says, None when they do not tell."""
    found: list[Memory] = []
    try:
        for master in await redis.masters():
            info: dict[str, Any] = await master.info("memory")
            if "used_memory" in info:
                found.append(Memory(int(info["used_memory"]), int(info.get("maxmemory", 0))))
    except redis_errors.ResponseError:
        return None
    return max(found, key=lambda memory: (memory.share, memory.used), default=None)


def _reason(
    backlog: Backlog, memory: Memory | None, settings: StreamSettings
) -> BacklogReason | None:
    if any(shard.backlog >= settings.backlog_max for shard in backlog.shards):
        return BacklogReason.LENGTH
    if (backlog.oldest_seconds or 0.0) > settings.backlog_age_max_s:
        return BacklogReason.AGE
    if memory is not None and memory.share > settings.memory_share_max:
        return BacklogReason.MEMORY
    return None
