"""A small pooler for tests: each transaction of its clients goes to any free session behind it.

A client signs in to a session of its own, which joins the pool as soon as it is idle. From then on
a session is lent from the first message of a transaction to the answer that ends it, as PgBouncer
does with pool_mode=transaction; in session mode it stays with its client.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from tests.faults.pgwire import PostgresConversation

Mode: TypeAlias = Literal["latest first", "in turn", "session"]
"""Which free session is lent: that used last, that idle for longest; or always the same."""

_CHUNK = 1 << 16
_ENDS_WITH_READY = {b"Q", b"S", b"F"}


@dataclass(eq=False)
class _Server:
    """One session of PostgreSQL."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    client: _Client | None = None


@dataclass(eq=False)
class _Client:
    """One client; `unanswered`: requests whose ReadyForQuery has not come yet."""

    writer: asyncio.StreamWriter
    server: _Server | None = None
    unanswered: int = 0


@dataclass
class Pooler:
    """A pooler before the PostgreSQL that listens on a socket."""

    upstream: Path
    mode: Mode
    lent_count: int = 0
    _free: list[_Server] = field(default_factory=list)
    _servers: list[_Server] = field(default_factory=list)
    _returned: asyncio.Condition = field(default_factory=asyncio.Condition)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @contextlib.asynccontextmanager
    async def listening(self, directory: Path) -> AsyncIterator[None]:
        """Listen in a directory, under the name that clients look for there."""
        listener = await asyncio.start_unix_server(self._serve, str(directory / ".s.PGSQL.5432"))
        try:
            yield
        finally:
            listener.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for server in self._servers:
                server.writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        client = _Client(writer)
        try:
            await self._sign_in(client)
            await self._pass_requests(reader, client)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._tasks.discard(task)
            if client.server is not None and self.mode != "session":
                client.server.writer.transport.abort()
            writer.transport.abort()

    async def _sign_in(self, client: _Client) -> None:
        server = _Server(*await asyncio.open_unix_connection(str(self.upstream)), client)
        self._servers.append(server)
        client.server, client.unanswered = server, 1
        answers = asyncio.create_task(self._pass_answers(server))
        self._tasks.add(answers)
        answers.add_done_callback(self._tasks.discard)

    async def _pass_requests(self, reader: asyncio.StreamReader, client: _Client) -> None:
        conversation = PostgresConversation()
        while data := await reader.read(_CHUNK):
            for message in conversation.requests(data):
                if message.raw[:1] == b"X":
                    return
                if client.server is None:
                    client.server = await self._lend(client)
                client.unanswered += message.raw[:1] in _ENDS_WITH_READY
                client.server.writer.write(message.raw)

    async def _pass_answers(self, server: _Server) -> None:
        conversation = PostgresConversation()
        with contextlib.suppress(OSError):
            while data := await server.reader.read(_CHUNK):
                for message in conversation.replies(data):
                    client = server.client
                    if client is None:
                        continue
                    client.writer.write(message.raw)
                    if message.raw[:1] == b"Z":
                        client.unanswered -= 1
                        if message.raw[5:6] == b"I" and client.unanswered == 0:
                            await self._give_back(server, client)

    async def _lend(self, client: _Client) -> _Server:
        async with self._returned:
            await self._returned.wait_for(lambda: bool(self._free))
            server = self._free.pop(-1 if self.mode == "latest first" else 0)
        server.client = client
        self.lent_count += 1
        return server

    async def _give_back(self, server: _Server, client: _Client) -> None:
        if self.mode == "session":
            return
        client.server = server.client = None
        async with self._returned:
            self._free.append(server)
            self._returned.notify()
