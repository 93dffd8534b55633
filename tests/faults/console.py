"""Console: follows the live feed through any gateway, as the people on call do.

In:   Server-Sent Events; after an interruption it comes back with the last id that it saw, to
      whichever gateway answers.
Out:  the alerts and transactions that it was shown. An alert that is not in PostgreSQL at the
      moment when it is shown was published before its commit: it is noted.
"""

from __future__ import annotations

import asyncio
import contextlib
from uuid import UUID

import asyncpg
import msgspec

from aether_core.database.connection import DRIVER_ERRORS
from tests.faults.client import read_head

_SILENCE_S = 15.0
"""A feed says something at least every 10 seconds."""
_PAUSE_S = 0.05
_LOOK_UP_S = 2.0
_TROUBLES = (OSError, TimeoutError, asyncpg.PostgresError, *DRIVER_ERRORS)


class ShownView(msgspec.Struct, frozen=True):
    """What a `transaction` or `alert` event says."""

    id: UUID
    account_id: str
    amount: str
    currency: str
    score: float | None
    decision: str | None


class Console:
    """One client of `GET /events`; `run` is a task of the stage."""

    def __init__(self, gateways: list[tuple[str, int]], database_url: str) -> None:
        self.token = ""
        self.alerts: dict[UUID, ShownView] = {}
        self.transactions: dict[UUID, ShownView] = {}
        self.uncommitted: list[UUID] = []
        """Alerts that were shown before they were committed."""
        self.gaps: list[str] = []
        self.is_open = asyncio.Event()
        self._gateways = gateways
        self._database_url = database_url
        self.state = "new"
        """What it is doing, for people who look for a fault."""
        self._last_id: str | None = None
        self._committed: set[UUID] = set()

    async def run(self) -> None:
        """Follow until cancelled."""
        place = 0
        while True:
            with contextlib.suppress(OSError, TimeoutError, ValueError):
                await self._follow(*self._gateways[place])
            self.is_open.clear()
            place = (place + 1) % len(self._gateways)
            await asyncio.sleep(_PAUSE_S)

    async def _follow(self, host: str, port: int) -> None:
        self.state = f"connects to {port} after {self._last_id}"
        async with asyncio.timeout(_SILENCE_S):
            reader, writer = await asyncio.open_connection(host, port)
        try:
            head = (
                f"GET /events HTTP/1.1\r\nHost: {host}:{port}\r\n"
                f"Authorization: Bearer {self.token}\r\n"
            )
            if self._last_id is not None:
                head += f"Last-Event-ID: {self._last_id}\r\n"
            writer.write(head.encode() + b"\r\n")
            async with asyncio.timeout(_SILENCE_S):
                answer = await read_head(reader)
            self.state = f"{answer.status} of {port} after {self._last_id}"
            if answer.status != 200:
                return
            buffer = b""
            while True:
                async with asyncio.timeout(_SILENCE_S):
                    data = await _read_chunk(reader)
                if not data:
                    return
                *frames, buffer = (buffer + data).split(b"\n\n")
                await self._take(frames)
        finally:
            writer.transport.abort()

    async def _take(self, frames: list[bytes]) -> None:
        shown = []
        for frame in frames:
            fields = dict(line.split(b": ", 1) for line in frame.split(b"\n") if b": " in line)
            event = fields.get(b"event", b"").decode()
            data = fields.get(b"data", b"")
            if event == "hello":
                self.is_open.set()
            elif event == "gap":
                self.gaps.append(data.decode())
                await self._read_anew()
            elif event in {"alert", "transaction"}:
                view = msgspec.json.decode(data, type=ShownView)
                (self.alerts if event == "alert" else self.transactions)[view.id] = view
                if event == "alert":
                    shown.append(view.id)
            if b"id" in fields:
                self._last_id = fields[b"id"].decode()
                self.state = f"{self.state.partition(' after ')[0]} after {self._last_id}"
        await self._check_committed([i for i in shown if i not in self._committed])

    async def _check_committed(self, shown: list[UUID]) -> None:
        if not shown:
            return
        self.state += ", looks them up"
        try:
            found = await self._fetch("SELECT id FROM alerts WHERE id = ANY($1::uuid[])", shown)
        except _TROUBLES:
            return  # it cannot be told while PostgreSQL is away
        self._committed |= found
        self.uncommitted += [i for i in shown if i not in found]

    async def _read_anew(self) -> None:
        """After a gap: read what is there, as a console does over HTTP."""
        while True:
            try:
                found = await self._fetch("SELECT id FROM alerts WHERE $1::uuid[] IS NULL", None)
            except _TROUBLES:
                await asyncio.sleep(_PAUSE_S)
                continue
            self._committed |= found
            return

    @property
    def known_alerts(self) -> set[UUID]:
        """Alerts that it was shown, or read after a gap."""
        return self._committed | self.alerts.keys()

    async def _fetch(self, statement: str, argument: list[UUID] | None) -> set[UUID]:
        async with asyncio.timeout(_LOOK_UP_S):
            connection = await asyncpg.connect(self._database_url)
            try:
                rows = await connection.fetch(statement, argument)
            finally:
                connection.terminate()
        return {UUID(int=row["id"].int) for row in rows}


async def _read_chunk(reader: asyncio.StreamReader) -> bytes:
    """Read one chunk of a chunked answer; empty at its end. Raises OSError when it is cut off."""
    try:
        size = int(await reader.readuntil(b"\r\n"), 16)
        data = await reader.readexactly(size + 2)
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("the feed was cut off") from error
    return data[:-2]
