"""Server-Sent Events: bytes of the live feed in, fields of events out.

Follows the HTML standard, section 9.2.6 ("Interpreting an event stream"), on bytes: splitting
decoded text with `str.splitlines` would also break at U+2028 inside somebody's JSON.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

BUFFER_BYTES_MAX = 1024 * 1024
"""An event of the feed takes about a kilobyte; beyond this the peer is not our gateway."""

_LINE_END = re.compile(rb"\r\n|\n|\r")


class StreamBroken(ValueError):
    """The bytes cannot be an event stream of Aether's."""


@dataclass(frozen=True)
class RawEvent:
    """One event as it was sent.

    A comment (the heartbeat) has the type `""` and no data; so has an id that stands alone, which
    only says how far the feed has come.
    """

    type: str
    data: bytes
    id: str | None


class EventParser:
    """Cuts a stream of bytes into events; it does not matter where the network cut it."""

    def __init__(self) -> None:
        self._rest = b""
        self._type = ""
        self._data: list[bytes] = []
        self._id: str | None = None

    def feed(self, chunk: bytes) -> list[RawEvent]:
        """Take in the next bytes; return the events that they complete.

        Raises StreamBroken when a single event is larger than `BUFFER_BYTES_MAX`.
        """
        buffer = self._rest + chunk
        # A trailing CR may be the first half of CRLF: wait for what follows it.
        usable = len(buffer) - 1 if buffer.endswith(b"\r") else len(buffer)
        events: list[RawEvent] = []
        start = 0
        for line_end in _LINE_END.finditer(buffer, 0, usable):
            event = self._take(buffer[start : line_end.start()])
            if event is not None:
                events.append(event)
            start = line_end.end()
        self._rest = buffer[start:]
        if len(self._rest) + sum(map(len, self._data)) > BUFFER_BYTES_MAX:
            raise StreamBroken("an event is too large")
        return events

    def _take(self, line: bytes) -> RawEvent | None:
        if not line:
            return self._dispatch()
        if line.startswith(b":"):
            return RawEvent("", b"", None)
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"event":
                self._type = value.decode("utf-8", "replace")
            case b"data":
                self._data.append(value)
            case b"id" if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
            case _:
                pass  # `retry` and unknown fields: our own back-off decides
        return None

    def _dispatch(self) -> RawEvent | None:
        event = None
        if self._data:
            event = RawEvent(self._type or "message", b"\n".join(self._data), self._id)
        elif self._id is not None:
            event = RawEvent("", b"", self._id)
        self._type, self._data, self._id = "", [], None
        return event
