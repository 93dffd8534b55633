"""Ordering: puts what was decided outside into the streams of the owned shards.

In:   orders in PostgreSQL: resolutions, suppressions, versions, censuses.
Out:  one control entry for each in every shard's stream, in the orders' order.
Each shard's owner does so for its own shard, beginning after the last order that the shard's state
has taken: what a former owner appended and nobody has read yet is appended again, and has no effect
the second time. An order that cannot be appended now is tried again the next time.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from aether_core.control import encode_control
from aether_core.database.connection import Session
from aether_core.database.controls import find_orders
from aether_core.database.positions import find_positions
from aether_core.settings import StreamSettings
from aether_core.stream.publisher import Accepted, Redis, StreamPublisher, Submission
from aether_worker.shards import OwnedShard

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 500
"""Orders that are put into the streams at a time."""


async def put_orders(
    redis: Redis, connection: Session, owned: Mapping[int, OwnedShard], settings: StreamSettings
) -> None:
    """Append the orders that the owned shards' streams do not have yet. Call it between batches."""
    if not owned:
        return
    after = min(one.last_ordered for one in owned.values())
    orders = await find_orders(connection, after, _AT_ONCE)
    if not orders:
        return
    groups = {
        shard: [
            Submission(encode_control(order)) for order in orders if order.order > one.last_ordered
        ]
        for shard, one in owned.items()
    }
    incarnations = {p.shard: p.incarnation for p in await find_positions(connection)}
    publisher = StreamPublisher(redis, settings)
    try:
        outcomes = await publisher.append({s: g for s, g in groups.items() if g}, incarnations)
    finally:
        await publisher.close()
    for shard, of_shard in outcomes.items():
        if all(isinstance(outcome, Accepted) for outcome in of_shard):
            owned[shard].last_ordered = orders[-1].order
        else:
            logger.warning("orders for shard %d wait: %s", shard, of_shard[0])
