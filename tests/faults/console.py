"""Console: follows the live feed through any gateway, as the people on call do.

In:   Server-Sent Events; after an interruption it comes back with the last id that it saw, to
      whichever gateway answers.
Out:  the alerts and transactions that it was shown; after a gap also the alerts of the list that
      every gateway gives, page by page. An alert that is not in PostgreSQL at the moment when it
      is shown was published before its commit: it is noted.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from uuid import UUID

import asyncpg
import msgspec

from aether_core.database.connection import DRIVER_ERRORS
from tests.faults.http import Connection, read_chunk, read_head

_SILENCE_S = 15.0
"""A feed says something at least every 10 seconds."""
_PAUSE_S = 0.05
_LOOK_UP_S = 2.0
_COMMITTED = "SELECT id FROM alerts WHERE id = ANY($1::uuid[])"
_FIRST_PAGE = "/alerts/?limit=500"
_NEXT_PAGE = re.compile(rb'<([^>]+)>; rel="next"')
_TROUBLES = (OSError, TimeoutError, asyncpg.PostgresError, *DRIVER_ERRORS)


class ShownView(msgspec.Struct, frozen=True):
    """What a `transaction` or `alert` event says."""

    id: UUID
    account_id: str
    amount: str
    currency: str
    score: float | None
    decision: str | None


class ListedView(msgspec.Struct, frozen=True):
    """What the list says of an alert, as far as it matters here."""

    id: UUID


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
        self._listed: set[UUID] = set()

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
        self.state = f"connects to port {port}, after {self._last_id}"
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
            self.state = f"status {answer.status} from port {port}, after {self._last_id}"
            if answer.status != 200:
                return
            buffer = b""
            while True:
                async with asyncio.timeout(_SILENCE_S):
                    data = await read_chunk(reader)
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
                self.state = f"{self.state.partition(', ')[0]}, after {self._last_id}"
        await self._check_committed([i for i in shown if i not in self._committed])

    async def _check_committed(self, shown: list[UUID]) -> None:
        if not shown:
            return
        before, self.state = self.state, f"{self.state}, looks {len(shown)} alerts up"
        try:
            found = await self._find_committed(shown)
        except _TROUBLES:
            return  # it cannot be told while PostgreSQL is away
        finally:
            self.state = before
        self._committed |= found
        self.uncommitted += [i for i in shown if i not in found]

    async def _read_anew(self) -> None:
        """After a gap: read the list of alerts, from whichever gateway answers."""
        before, self.state = self.state, f"{self.state}, reads anew"
        place = 0
        while True:
            lane = Connection(*self._gateways[place])
            try:
                self._listed |= await self._list_alerts(lane)
            except (OSError, TimeoutError, ValueError):
                place = (place + 1) % len(self._gateways)
                await asyncio.sleep(_PAUSE_S)
                continue
            finally:
                lane.close()
            self.state = before
            return

    async def _list_alerts(self, lane: Connection) -> set[UUID]:
        """Read all pages. Raises OSError, TimeoutError, ValueError when a gateway cannot."""
        listed: set[UUID] = set()
        page: str | None = _FIRST_PAGE
        while page is not None:
            answer = await lane.request("GET", page, self.token)
            if answer.status != 200:
                raise ConnectionError(f"status {answer.status}")
            listed |= {one.id for one in msgspec.json.decode(answer.body, type=list[ListedView])}
            following = _NEXT_PAGE.search(answer.headers.get(b"link", b""))
            page = None if following is None else following[1].decode()
        return listed

    @property
    def known_alerts(self) -> set[UUID]:
        """Alerts that it was shown, or read after a gap."""
        return self._listed | self.alerts.keys()

    async def _find_committed(self, shown: list[UUID]) -> set[UUID]:
        """Return those that are in PostgreSQL, asked directly."""
        async with asyncio.timeout(_LOOK_UP_S):
            connection = await asyncpg.connect(self._database_url)
            try:
                rows = await connection.fetch(_COMMITTED, shown)
            finally:
                connection.terminate()
        return {UUID(int=row["id"].int) for row in rows}
