"""Room: what bulk requests may take of the places where submissions wait for their append."""

from __future__ import annotations

import asyncio
from typing import Final

from aether_core.settings import GatewaySettings

_PART_SIZE: Final = 1_000
"""Most items of one request that are offered to the stream together."""


class BulkRoom:
    """How many parts of bulk requests may wait for their appends in this process.

    They share half of the waiting room, in turn, so that single submissions always find a place.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        parts = max(1, settings.waiting_count_max // (2 * _PART_SIZE))
        self.part_size = min(_PART_SIZE, max(1, settings.waiting_count_max // 2))
        self.turns = asyncio.Semaphore(parts)
        self.is_ending = False
        """The process is about to end: what has not been read of a request is not taken."""

    def end(self) -> None:
        """Let requests that are still being read end with what they have."""
        self.is_ending = True
