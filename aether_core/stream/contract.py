"""The stream's names, shards and entries: the one contract between gateway and writer.

One stream per shard of accounts. The hash tag `{n}` puts everything of a shard into one slot of a
Valkey or Redis Cluster. An entry has one field: its name is the incarnation of the stream as eight
hexadecimal digits (equal names cost nothing in a stream), its value the MessagePack payload of
`aether_core.transaction`.

An incarnation is the life of one stream's data. It is written to the shard's meta key and to
PostgreSQL; when the two differ, the stream was lost or restored, and nothing is accepted until a
new incarnation is agreed on (`incarnation.py`).
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import Final, NamedTuple

import msgspec

from aether_core.settings import StreamSettings

LIBRARY: Final = "aether"
FUNCTION_ACCEPT: Final = "aether_accept"
FUNCTION_ACCEPT_ALL: Final = "aether_accept_all"
FUNCTION_AGREE: Final = "aether_agree"
FUNCTION_REMEMBER: Final = "aether_remember"
FUNCTION_KEYS: Final = "aether_keys"

FEED_KEY: Final = "aether:feed"
"""What was committed, for the consoles: a capped stream."""

SHARD_COUNT_DEFAULT: Final = 8

ENTRY_START: Final = "0-0"

IDEMPOTENCY_WINDOW_PARTS: Final = 4
"""The window is kept in so many parts, beside the one that is being filled."""

IDEMPOTENCY_KEY_BYTES: Final = 64
"""Memory of one key in Valkey, at most; about 56 bytes as measured."""

DIGEST_SIZE: Final = 12
"""Bytes of an idempotency digest: at 10^9 keys a collision has a chance of 10^-11."""

BODY_DIGEST_SIZE: Final = 8
"""Bytes of a body's digest in the rows; the stream's server keeps the first six of them."""

_BODY_DIGEST_SIZE_KEPT: Final = 6

_ENTRY_ID = re.compile(rb"([0-9]{1,20})-([0-9]{1,20})")


def stream_key(shard: int) -> str:
    """Return the key of a shard's stream."""
    return f"aether:tx:{{{shard}}}"


def meta_key(shard: int) -> str:
    """Return the key of the hash that holds the shard's incarnation."""
    return f"aether:meta:{{{shard}}}"


def calls_key(shard: int) -> str:
    """Return the key of the hash that holds each gateway's last call and its answer."""
    return f"aether:calls:{{{shard}}}"


def idempotency_key_prefix(shard: int) -> str:
    """Return what the keys of a shard's idempotency memory begin with."""
    return f"aether:idem:{{{shard}}}:"


def idempotency_value(place: EntryId, incarnation: int, body_digest: bytes) -> bytes:
    """Return what is remembered under an idempotency digest, as the functions write it."""
    return (
        struct.pack(">Q", place.ms)[2:]
        + struct.pack(">II", place.sequence, incarnation)
        + body_digest[:_BODY_DIGEST_SIZE_KEPT]
    )


def idempotency_terms(settings: StreamSettings, shard_count: int) -> tuple[int, int, int]:
    """Return how a shard remembers keys: milliseconds of a part, parts, most keys of a part."""
    parts = IDEMPOTENCY_WINDOW_PARTS
    most = settings.idempotency_memory_max_mb * 1024 * 1024 // IDEMPOTENCY_KEY_BYTES
    # One part more than those that make the window is in memory: the one that is being filled.
    keys_max = most // (max(1, shard_count) * (parts + 1))
    return settings.idempotency_window_s * 1000 // parts, parts, max(1000, keys_max)


def shard_of(account_id: str, shard_count: int) -> int:
    """Return the shard of an account: CRC-32 of its UTF-8 modulo the number of shards.

    Must never change while entries are in the streams: an account's order depends on it.
    """
    return zlib.crc32(account_id.encode()) % shard_count


def incarnation_field(incarnation: int) -> str:
    """Return the field name of an entry, and the value in the meta key."""
    return f"{incarnation:08x}"


class EntryId(NamedTuple):
    """An entry's id as the stream orders it."""

    ms: int
    sequence: int

    def __str__(self) -> str:
        """As the stream writes it."""
        return f"{self.ms}-{self.sequence}"

    @property
    def next(self) -> str:
        """The smallest id after this one."""
        return f"{self.ms}-{self.sequence + 1}"


def parse_entry_id(raw: bytes | str) -> EntryId:
    """Read `milliseconds-sequence`. Raises ValueError for anything else."""
    data = raw.encode() if isinstance(raw, str) else raw
    match = _ENTRY_ID.fullmatch(data)
    if match is None:
        raise ValueError(f"not an entry id: {data!r}")
    return EntryId(int(match[1]), int(match[2]))


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One entry of a shard's stream, as read."""

    id: EntryId
    field: bytes
    payload: bytes
