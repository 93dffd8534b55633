"""Pooling: recognises a pooler that hands every transaction to another session of PostgreSQL.

Writers own their shards, and forecasters their turn, by locks that a session holds. Behind such a
pooler (PgBouncer with pool_mode=transaction, say) a lock stays with whichever server session took
it, and the next transaction runs in another: two writers would both own a shard, or neither.
"""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack
from typing import Any, Final

import asyncpg

from aether_core.database.connection import (
    ANOTHER_SESSION_ERRORS,
    BEHIND_A_POOLER,
    LOCK_CLASS_PROBE,
    close,
)
from aether_core.errors import CannotStart

_CONNECTION_COUNT: Final = 3
_ROUND_COUNT: Final = 4
_TIMEOUT_S: Final = 10.0

_ASK: Final = (
    "SELECT pg_backend_pid() AS pid, EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory'"
    " AND granted AND pid = pg_backend_pid() AND classid = $1::bigint::oid"
    " AND objid = $2::bigint::oid AND objsubid = 2) AS holds"
)


async def refuse_pooler(database_url: str) -> None:
    """Raise CannotStart when sessions do not last for as long as our connections do.

    Several connections each take a lock of their session. Then they ask in transactions that
    overlap, each time in another order, which session they are in and whether it holds their lock:
    no two may ever name the same one, and none another than before. Errors of the server pass.
    """
    async with AsyncExitStack() as stack:
        connections = []
        for _ in range(_CONNECTION_COUNT):
            connection = await asyncpg.connect(
                # No settings: a pooler may refuse them, and then nobody would know why.
                database_url, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S, statement_cache_size=0
            )  # fmt: skip
            stack.push_async_callback(close, connection)
            connections.append(connection)
        try:
            is_pooled = await _is_pooled(connections)
        except ANOTHER_SESSION_ERRORS as error:
            raise CannotStart(BEHIND_A_POOLER) from error
        if is_pooled:
            raise CannotStart(BEHIND_A_POOLER)


async def _is_pooled(connections: list[asyncpg.Connection[Any]]) -> bool:
    keys = [secrets.randbelow(1 << 31) for _ in connections]
    pids = []
    for connection, key in zip(connections, keys, strict=True):
        async with connection.transaction():
            pids.append(
                await connection.fetchval(
                    "SELECT pg_backend_pid() FROM pg_advisory_lock($1, $2)", LOCK_CLASS_PROBE, key
                )
            )
    if len(set(pids)) < len(pids):
        return True
    for turn in range(_ROUND_COUNT):
        order = [(turn + place) % len(connections) for place in range(len(connections))]
        async with AsyncExitStack() as transactions:
            for index in order:
                connection = connections[index]
                await transactions.enter_async_context(connection.transaction())
                answer = await connection.fetchrow(_ASK, LOCK_CLASS_PROBE, keys[index])
                if answer is None or answer["pid"] != pids[index] or not answer["holds"]:
                    return True
    return False
