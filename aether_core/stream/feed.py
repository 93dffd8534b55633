"""The feed: what was committed, for the consoles.

In:   events of the writers, after their commit; changes of alerts from the gateways.
Out:  a capped stream that every gateway process follows once. Its ids are the live feed's event
      ids; an event may appear twice (after a writer's crash), and carries its transaction's id.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from aether_core.stream.contract import ENTRY_START, FEED_KEY, parse_entry_id

if TYPE_CHECKING:
    from aether_core.alert import AlertView
    from aether_core.stream.publisher import Redis

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event: `kind` is transaction, alert or batch; `account` the one it concerns, or ''."""

    kind: str
    account: str
    data: bytes
    """JSON."""
    id: str = ""
    """Assigned by the feed."""


def alert_event(alert: AlertView) -> FeedEvent:
    """Return the news of an alert as it is now."""
    return FeedEvent("alert", alert.account_id, _encode(alert))


async def publish(redis: Redis, events: Iterable[FeedEvent], *, length_max: int) -> None:
    """Append events to the feed, which keeps about `length_max` of them."""
    pipeline = redis.pipeline(transaction=False)
    for event in events:
        pipeline.execute_command(
            "XADD",
            FEED_KEY,
            "MAXLEN",
            "~",
            length_max,
            "*",
            "k",
            event.kind,
            "a",
            event.account,
            "d",
            event.data,
        )
    if len(pipeline):
        await pipeline.execute()


async def follow(redis: Redis, after: str, *, block_ms: int, count: int = 500) -> list[FeedEvent]:
    """Return the events after an id, waiting up to `block_ms` for a first one."""
    answer = await redis.execute_command(
        "XREAD", "COUNT", count, "BLOCK", block_ms, "STREAMS", FEED_KEY, after
    )
    return [_event(*raw) for _, entries in answer or () for raw in entries]


async def replay(redis: Redis, after: str, *, count: int) -> tuple[list[FeedEvent], bool]:
    """Return what followed an id, and whether nothing is missing in between.

    The second is False when the feed no longer reaches back to `after`, never had it, or holds
    more than `count` events since.
    """
    reaches_back = await has_all_since(redis, after)
    raw = await redis.execute_command("XRANGE", FEED_KEY, f"({after}", "+", "COUNT", count + 1)
    events = [_event(*entry) for entry in raw[:count]]
    return events, reaches_back and len(raw) <= count


async def has_all_since(redis: Redis, after: str) -> bool:
    """Whether it is certain that nothing after an id has left the feed or was lost with its server.

    Of an empty feed nothing is: what it held may have been lost, also for one who saw it empty
    before and was away since.
    """
    first = await redis.execute_command("XRANGE", FEED_KEY, "-", "+", "COUNT", 1)
    if not first:
        return False
    newest = await newest_id(redis)
    return parse_entry_id(first[0][0]) <= parse_entry_id(after) <= parse_entry_id(newest)


async def newest_id(redis: Redis) -> str:
    """Return the id of the feed's newest event, or 0-0."""
    raw = await redis.execute_command("XREVRANGE", FEED_KEY, "+", "-", "COUNT", 1)
    return str(raw[0][0].decode()) if raw else ENTRY_START


def _event(identifier: bytes, fields: list[bytes]) -> FeedEvent:
    values = dict(zip(fields[::2], fields[1::2], strict=True))
    return FeedEvent(
        kind=values[b"k"].decode(),
        account=values[b"a"].decode(),
        data=values[b"d"],
        id=identifier.decode(),
    )
