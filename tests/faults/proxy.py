"""Proxy: a link between one process of Aether and one server, which can be made to fail.

In:   connections of an unmodified process, whose URL names the link instead of the server.
Out:  the same bytes to the server and back, until a rule or the link's state says otherwise.
A blackholed link keeps what it is given and delivers it when it heals, as retransmission does:
what was given up for lost may still arrive, late.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from tests.faults.rules import Action, Moment, Rule
from tests.faults.stage import Stage
from tests.faults.wire import Conversation, Message, RawConversation, Side

Address: TypeAlias = Path | tuple[str, int]
"""A Unix socket, or host and port."""

_CHUNK = 1 << 16


class Link:
    """One proxied way to a server. Its methods may be called from any thread."""

    def __init__(
        self,
        stage: Stage,
        name: str,
        upstream: Address,
        listen: Path | None = None,
        conversation: Callable[[], Conversation] = RawConversation,
    ) -> None:
        """listen: the Unix socket to listen on; None: a free TCP port of 127.0.0.1."""
        self.name = name
        self.counts: Counter[tuple[Side, str]] = Counter()
        """Messages that were passed on, by side and label."""
        self.watcher: Callable[[Side, Message], None] | None = None
        """Told of every message before it is passed on, on the proxy's loop."""
        self._stage = stage
        self._upstream = upstream
        self._listen = listen
        self._conversation = conversation
        self._rules: list[Rule] = []
        self._connections: set[_Connection] = set()
        self._open = {side: asyncio.Event() for side in Side}
        for gate in self._open.values():
            gate.set()
        self._refuses = False
        self._latency_s = 0.0
        self._piece: int | None = None
        self._server = stage.run(self._start())

    @property
    def address(self) -> Address:
        """Where it listens."""
        if self._listen is not None:
            return self._listen
        host, port = self._server.sockets[0].getsockname()[:2]
        return (str(host), int(port))

    @property
    def connection_count(self) -> int:
        """Connections that are open through it."""
        return len(self._connections)

    @property
    def is_answered(self) -> bool:
        """Whether the server may still send something on one of its connections."""
        return any(connection.is_answered for connection in list(self._connections))

    # --- faults at a message ---

    def watch(self, rule: Rule) -> Rule:
        """Let a rule watch this link too."""
        self._stage.run(_call(lambda: self._rules.append(rule)))
        return rule

    def release(self, rule: Rule) -> None:
        """Let what a rule holds, or will hold, pass."""
        self._stage.run(_call(lambda: rule.decide(Action.NOTE)))

    def discard(self, rule: Rule) -> None:
        """Throw away the message that a rule holds; the connection goes on."""
        self._stage.run(_call(lambda: rule.decide(Action.DROP)))

    def cut_at(self, rule: Rule) -> None:
        """Break the connection that a rule holds; what is held never arrives."""
        self._stage.run(_call(lambda: rule.decide(Action.CUT)))

    # --- faults of the link ---

    def blackhole(self, *sides: Side) -> None:
        """Let nothing pass in these directions (none given: both), and tell nobody."""

        def close() -> None:
            for side in sides or tuple(Side):
                self._open[side].clear()

        self._stage.run(_call(close))

    def cut(self) -> None:
        """Break all connections; new ones are served."""
        self._stage.run(_call(self._break_all))

    def refuse(self) -> None:
        """Break all connections and every new one."""

        def refuse() -> None:
            self._refuses = True
            self._break_all()

        self._stage.run(_call(refuse))

    def slow(self, latency_s: float, piece: int | None = None) -> None:
        """Delay every message, and pass it on in pieces of so many bytes."""

        def slow() -> None:
            self._latency_s, self._piece = latency_s, piece

        self._stage.run(_call(slow))

    def heal(self) -> None:
        """Undo all of it: forget the rules, deliver what was kept, serve new connections."""

        def heal() -> None:
            for rule in self._rules:
                rule.decide(Action.NOTE)
            self._rules.clear()
            self._refuses = False
            self._latency_s, self._piece = 0.0, None
            for gate in self._open.values():
                gate.set()

        self._stage.run(_call(heal))

    def close(self) -> None:
        """Break all connections and listen no longer."""
        self._stage.run(self._close())

    # --- on the proxy's loop ---

    async def _start(self) -> asyncio.Server:
        if self._listen is not None:
            self._listen.parent.mkdir(parents=True, exist_ok=True)
            return await asyncio.start_unix_server(self._serve, str(self._listen), limit=_CHUNK)
        return await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_CHUNK)

    async def _close(self) -> None:
        self._refuses = True
        self._server.close()
        self._break_all()
        # The tasks of the connections end by themselves once their transports are gone.
        while self._connections:  # noqa: ASYNC110 - a moment, at the end of a test
            await asyncio.sleep(0.005)

    def _break_all(self) -> None:
        for connection in list(self._connections):
            connection.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await _connect(self._upstream)
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(self, self._conversation(), writer, server_writer)
        self._connections.add(connection)
        try:
            await connection.run(reader, server_reader)
        finally:
            self._connections.discard(connection)
            connection.abort()

    def rule_for(self, message: Message, side: Side) -> Rule | None:
        """Return the rule that strikes at this message; all of them count it."""
        if not self._rules:
            return None
        striking = [rule for rule in self._rules if rule.takes(message, side, self)]
        return striking[0] if striking else None

    async def pass_on(self, data: bytes, side: Side, writer: asyncio.StreamWriter) -> None:
        """Write bytes as the state of the link has it."""
        if self._latency_s:
            await asyncio.sleep(self._latency_s)
        await self._open[side].wait()
        piece = self._piece or len(data) or 1
        for place in range(0, len(data), piece):
            writer.write(data[place : place + piece])
            if self._piece:
                await writer.drain()
                await asyncio.sleep(0)


class _Connection:
    """One client's connection and ours to the server."""

    def __init__(
        self,
        link: Link,
        conversation: Conversation,
        client: asyncio.StreamWriter,
        server: asyncio.StreamWriter,
    ) -> None:
        self._link = link
        self._conversation = conversation
        self._client = client
        self._server = server
        self._pumps: list[asyncio.Task[None]] = []
        for writer in (client, server):
            # Drained means: in the kernel's hands, where it survives the end of the connection.
            writer.transport.set_write_buffer_limits(high=0)

    async def run(self, client: asyncio.StreamReader, server: asyncio.StreamReader) -> None:
        self._pumps = [
            asyncio.create_task(self._pump(client, self._server, Side.REQUEST)),
            asyncio.create_task(self._pump(server, self._client, Side.REPLY)),
        ]
        try:
            await asyncio.gather(*self._pumps, return_exceptions=True)
        finally:
            for pump in self._pumps:
                pump.cancel()

    @property
    def is_answered(self) -> bool:
        """Whether the server has not ended its side."""
        return not self._pumps or not self._pumps[1].done()

    def abort(self) -> None:
        """Break it on both sides."""
        for pump in self._pumps:
            pump.cancel()
        self._client.transport.abort()
        self._server.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, side: Side
    ) -> None:
        split = self._conversation.requests if side is Side.REQUEST else self._conversation.replies
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                for message in split(data):
                    if not await self._forward(message, side, writer):
                        self.abort()
                        return
                await writer.drain()
            # The end of this direction passes a blackhole no sooner than its bytes.
            await self._link.pass_on(b"", side, writer)
            if writer.can_write_eof():
                writer.write_eof()
            return
        self.abort()

    async def _forward(self, message: Message, side: Side, writer: asyncio.StreamWriter) -> bool:
        """Pass a message on; False when the connection is to be cut."""
        link = self._link
        if link.watcher is not None:
            link.watcher(side, message)
        rule = link.rule_for(message, side)
        if rule is None:
            link.counts[side, message.label] += 1
            await link.pass_on(message.raw, side, writer)
            return True
        before, rest = _parted(message.raw, rule.moment)
        await link.pass_on(before, side, writer)
        await writer.drain()
        action = await rule.strike()
        if action is Action.CUT:
            return False
        if action is not Action.DROP:
            link.counts[side, message.label] += 1
            await link.pass_on(rest, side, writer)
        return True


def _parted(raw: bytes, moment: Moment) -> tuple[bytes, bytes]:
    at = {Moment.BEFORE: 0, Moment.INSIDE: len(raw) // 2, Moment.AFTER: len(raw)}[moment]
    return raw[:at], raw[at:]


async def _connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(address, Path):
        return await asyncio.open_unix_connection(str(address), limit=_CHUNK)
    return await asyncio.open_connection(*address, limit=_CHUNK)


async def _call(function: Callable[[], object]) -> None:
    function()
