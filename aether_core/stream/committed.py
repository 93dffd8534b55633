"""Committed: what the feed says of a batch: how much it wrote, and how far its shards are written.

In:   the writer, after its commit.
Out:  an event that gateways use to know which transactions are written, without asking anybody.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from aether_core.stream.contract import EntryId
from aether_core.stream.feed import FeedEvent

KIND = "batch"


class Reached(msgspec.Struct, frozen=True, array_like=True):
    """Everything of this shard's incarnation up to this place is written, or a dead letter."""

    shard: int
    incarnation: int
    ms: int
    sequence: int

    @property
    def entry(self) -> EntryId:
        """The place in the shard's stream."""
        return EntryId(self.ms, self.sequence)


class Committed(msgspec.Struct, frozen=True):
    """One batch."""

    committed: int
    flagged: int
    dead_letters: int
    reached: tuple[Reached, ...] = ()


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Committed).decode


def batch_event(
    reached: Iterable[Reached], *, committed: int = 0, flagged: int = 0, dead_letters: int = 0
) -> FeedEvent:
    """Return the event of a batch."""
    return FeedEvent(KIND, "", _encode(Committed(committed, flagged, dead_letters, tuple(reached))))


def read_batch_event(event: FeedEvent) -> Committed:
    """Read the event of a batch. Raises msgspec.DecodeError for anything else."""
    return _decode(event.data)
