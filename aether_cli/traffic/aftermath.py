"""Aftermath: what became of replayed rows behind the gateway: written, and flagged.

In:   the tally of a replay.
Out:  how many of its transactions are in PostgreSQL, and how many raised an alert.
Asked over HTTP, as any client could.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from aether_cli.traffic.gateway_client import GatewayClient
from aether_cli.traffic.http_connection import Connection
from aether_cli.traffic.replaying import ShardTally, Tally
from aether_core.errors import Unavailable
from aether_core.transaction import instant_of_ms, place_of

_POLL_S = 0.1
_PAGE = 500
_PAGES_MAX = 400


class _ShardLength(msgspec.Struct, frozen=True):
    shard: int
    backlog: int


class _StreamLength(msgspec.Struct, frozen=True):
    shards: tuple[_ShardLength, ...]


class _Seen(msgspec.Struct, frozen=True):
    id: UUID
    user_id: str
    status: str


class _Me(msgspec.Struct, frozen=True):
    user_id: str


async def await_written(gateway: GatewayClient, tally: Tally, deadline_s: float) -> int:
    """Wait until all that was taken is written, or the deadline; return how much of it is.

    A shard is written in order: once it has no backlog, or its last row of ours is processed, all
    of ours are in PostgreSQL, whatever others send meanwhile.
    """
    waiting = dict(tally.shards)
    written = 0
    end = time.monotonic() + deadline_s
    connection = gateway.connection()
    try:
        while waiting:
            for shard in await _find_written(gateway, connection, waiting):
                written += waiting.pop(shard).count
            if time.monotonic() > end:
                break
            if waiting:
                await asyncio.sleep(_POLL_S)
    finally:
        connection.close()
    return written


async def count_flagged(gateway: GatewayClient, tally: Tally) -> int:
    """Count the flagged transactions among those of this client that the replay covers.

    Each of them raised an alert, or joined one, in the database transaction that wrote it.
    """
    if not tally.shards:
        return 0
    first = min(shard.first for shard in tally.shards.values())
    last = max(shard.last for shard in tally.shards.values())
    since, until = _accepted_at(first), _accepted_at(last) + timedelta(milliseconds=1)
    query = urlencode(
        {
            "is_flagged": "true",
            "since": since.isoformat(),
            "until": until.isoformat(),
            "limit": _PAGE,
        }
    )
    path = f"/transactions/?{query}"
    count = 0
    connection = gateway.connection()
    try:
        me = msgspec.json.decode(
            (await gateway.request(connection, "GET", "/auth/me")).body, type=_Me
        )
        for _ in range(_PAGES_MAX):
            answer = await gateway.request(connection, "GET", path)
            page = msgspec.json.decode(answer.body, type=list[_Seen])
            count += sum(seen.user_id == me.user_id for seen in page)
            link = answer.headers.get("link", "")
            if not link.startswith("<"):
                break
            path = link[1 : link.index(">")]
    finally:
        connection.close()
    return count


async def _find_written(
    gateway: GatewayClient, connection: Connection, waiting: dict[int, ShardTally]
) -> list[int]:
    """Return which of these shards have written all of ours."""
    answer = await gateway.request(connection, "GET", "/transactions/stream/length")
    length = msgspec.json.decode(answer.body, type=_StreamLength)
    written = [one.shard for one in length.shards if one.backlog == 0 and one.shard in waiting]
    for shard, tally in waiting.items():
        if shard not in written:
            answer = await gateway.request(connection, "GET", f"/transactions/{tally.last}")
            if answer.status == 200 and (
                msgspec.json.decode(answer.body, type=_Seen).status == "processed"
            ):
                written.append(shard)
    return written


def _accepted_at(identifier: UUID) -> datetime:
    place = place_of(identifier)
    if place is None:
        raise Unavailable("The gateway gave an id that names no place in the stream.")
    return instant_of_ms(place.ms)
