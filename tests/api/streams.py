"""A reader of the live feed for tests: Server-Sent Events over a real connection."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Event:
    """One block of the stream; a comment has the kind 'comment'."""

    kind: str
    data: Any
    id: str | None


class Feed:
    """The events of one connection, read in a thread of their own."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self.last_id: str | None = None

    def next(self, deadline_s: float = 30.0) -> Event | None:
        """Return the next event, comments included; None at the end of the stream."""
        event = self._events.get(timeout=deadline_s)
        if event is not None and event.id is not None:
            self.last_id = event.id
        return event

    def next_of(self, *kinds: str) -> Event:
        """Return the next event of one of these kinds; the others are skipped."""
        while True:
            event = self.next()
            assert event is not None, f"the feed ended before {kinds}"
            if event.kind in kinds:
                return event

    def ends(self) -> bool:
        """Read to the end."""
        while self.next() is not None:
            pass
        return True

    def close(self) -> None:
        """Leave, as a client that goes away does; the reading thread sees the end and ends."""
        stream = self._response.extensions["network_stream"]
        with contextlib.suppress(OSError):
            stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        self._thread.join(10)

    def _read(self) -> None:
        block: list[str] = []
        try:
            for line in self._response.iter_lines():
                if line:
                    block.append(line)
                elif block:
                    self._events.put(_event(block))
                    block = []
        except httpx.TransportError:
            pass
        self._events.put(None)


@contextmanager
def following(client: httpx.Client, last_event_id: str | None = None) -> Iterator[Feed]:
    """Open the feed; it must be given."""
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    with client.stream(
        "GET", "/events", headers=headers, timeout=httpx.Timeout(10, read=60)
    ) as response:
        if response.status_code != 200:
            raise AssertionError(response.read())
        assert response.headers["content-type"].startswith("text/event-stream")
        feed = Feed(response)
        try:
            yield feed
        finally:
            feed.close()


def _event(block: list[str]) -> Event:
    kind, data, identifier = "comment", None, None
    for line in block:
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            data = json.loads(value)
        elif name == "id":
            identifier = value
    return Event(kind, data, identifier)
