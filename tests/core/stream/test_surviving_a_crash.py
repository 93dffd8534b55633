"""What was acknowledged is in the stream after `kill -9` of its server, in the order it was given.

Appends run without a pause; the server is killed in the middle of them and started again on its
data, several times. An append whose answer was lost is unknown: it may be there, once.
"""

from __future__ import annotations

import asyncio

from aether_core.errors import OutcomeUnknown, StreamUnavailable
from aether_core.settings import StreamSettings
from aether_core.stream import contract
from aether_core.stream.connection import load_functions, open_redis
from aether_core.stream.incarnation import open_stream
from aether_core.stream.publisher import Accepted, IncarnationMoved, StreamPublisher, Submission
from aether_core.stream.reader import read_entries
from tests.conftest import ValkeyServer

START = contract.parse_entry_id(contract.ENTRY_START)
ROUNDS = 3
ACKNOWLEDGED_BEFORE_KILL = 100


async def test_acknowledged_entries_survive_kill_9(valkey: ValkeyServer) -> None:
    redis = open_redis(valkey.url, timeout_s=5)
    await load_functions(redis)
    await open_stream(redis, 0, 7)
    publisher = StreamPublisher(redis, StreamSettings())
    acknowledged: list[tuple[contract.EntryId, bytes]] = []
    unknown: set[bytes] = set()
    number = 0
    for _ in range(ROUNDS):
        enough = len(acknowledged) + ACKNOWLEDGED_BEFORE_KILL
        killer: asyncio.Task[None] | None = None
        is_up = True
        while is_up:
            if killer is None and len(acknowledged) >= enough:
                killer = asyncio.create_task(asyncio.to_thread(valkey.kill))
            payload = str(number).encode()
            number += 1
            (outcome,) = (await publisher.append({0: [Submission(payload)]}, {0: 7}))[0]
            if isinstance(outcome, Accepted):
                acknowledged.append((outcome.id, payload))
            else:
                assert isinstance(outcome, OutcomeUnknown | StreamUnavailable)
                is_up = False
                if isinstance(outcome, OutcomeUnknown):
                    unknown.add(payload)
        assert killer is not None
        await killer
        await asyncio.to_thread(valkey.start)
        # The functions came back with the data; what they knew of its truth did not.
        (outcome,) = (await publisher.append({0: [Submission(b"early")]}, {0: 7}))[0]
        assert isinstance(outcome, IncarnationMoved)
        await open_stream(redis, 0, 7)

    entries = await read_entries(redis, {0: START}, count=number, block_ms=None)
    found = [(entry.id, entry.payload) for entry in entries[0]]
    assert [one for one in found if one[1] not in unknown] == acknowledged
    payloads = [payload for _, payload in found]
    assert len(payloads) == len(set(payloads))
    (outcome,) = (await publisher.append({0: [Submission(b"after")]}, {0: 7}))[0]
    assert isinstance(outcome, Accepted)
    await publisher.close()
    await redis.aclose()
