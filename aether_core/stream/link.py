"""Link: the one connection on which a publisher's calls to a server follow one another.

In:   calls, sent as soon as those before them were sent.
Out:  a turn for each, in which its answers may be read.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from redis import exceptions as redis_errors
from redis.asyncio.connection import AbstractConnection

if TYPE_CHECKING:
    from redis.asyncio import Redis as Node


class Link:
    """The one connection to a server, taken from its client's pool while it lasts.

    Calls are sent while the answers of those before are under way; each reads its own in its turn.
    """

    def __init__(self, node: Node) -> None:
        self._pool = node.connection_pool
        self._connection: AbstractConnection | None = None
        self._last: asyncio.Future[None] | None = None
        self.era = 0
        """Grows whenever a connection is given up."""
        self.sending = asyncio.Lock()
        """Held while a call is sent."""

    async def connected(self) -> AbstractConnection:
        """Return the connection, made anew where that is needed."""
        if self._connection is None:
            self._connection = await self._pool.get_connection()
            self._last = None
        elif self._connection.is_connected:
            return self._connection
        try:
            await self._connection.connect()
        except BaseException:
            await self.drop()
            raise
        return self._connection

    @staticmethod
    async def send(connection: AbstractConnection, calls: list[bytes]) -> None:
        """Send calls. Raises ConnectionError, also when another call closes it meanwhile."""
        try:
            await connection.send_packed_command(calls)
        except AttributeError as error:
            # The library looks whether there is a connection, then lets others run, then writes.
            if connection.is_connected:
                raise
            raise redis_errors.ConnectionError("the connection was closed") from error

    def queue(self) -> Turn:
        """Return the turn of the call that is sent next."""
        turn = Turn(self, self._last)
        self._last = turn.ended
        return turn

    async def drop(self, era: int | None = None) -> None:
        """Close the connection; who waits for an answer on it gets none.

        era: of the connection that is meant; nothing happens when it was closed already.
        """
        if era not in (None, self.era):
            return
        connection, self._connection = self._connection, None
        self.era += 1
        if connection is not None:
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)


class Turn:
    """When a call may read its answers: after those that were sent before it on its connection."""

    def __init__(self, link: Link, before: asyncio.Future[None] | None) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._link = link
        self.era = link.era
        self._before = before
        self.is_over = False
        """All of the answer was read."""

    async def come(self) -> None:
        """Wait for it. Raises ConnectionError when the connection broke in the meantime."""
        if self._before is not None:
            await asyncio.wait([self._before])
        if self.era != self._link.era:
            raise redis_errors.ConnectionError("the connection broke before the answer was read")

    async def end(self) -> None:
        """Let the next one read; what was not read to its end is of no use to it."""
        self.ended.set_result(None)
        if not self.is_over:
            await self._link.drop(self.era)


def packed(arguments: list[bytes]) -> bytes:
    """Return a command as it travels; the library's own packing takes three times as long."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        parts += (b"$%d\r\n" % len(argument), argument, b"\r\n")
    return b"".join(parts)
