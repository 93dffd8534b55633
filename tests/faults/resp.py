"""RESP2 as Valkey and Redis speak it: commands, pipelines of them, and their answers in order.

Source: https://valkey.io/topics/protocol/. Labels of commands are those of Aether's contract:

    accept   the append of a group          read     a blocking read of shards
    trim     removal of what is committed   publish  an event for the feed
    follow   a blocking read of the feed    and any other command by its name in small letters
"""

from __future__ import annotations

from collections import deque

from aether_core.stream.contract import FEED_KEY, FUNCTION_ACCEPT, FUNCTION_ACCEPT_ALL
from tests.faults.wire import Message

_SHARD_PREFIX = b"aether:tx:"


class RespConversation:
    """One connection to Valkey."""

    def __init__(self) -> None:
        self._asked = b""
        self._answered = b""
        self._pending: deque[str] = deque()

    def requests(self, data: bytes) -> list[Message]:
        self._asked += data
        messages, place = [], 0
        while (end := _end_of_value(self._asked, place)) is not None:
            raw = self._asked[place:end]
            label, detail = _kind_of(_arguments(raw))
            self._pending.append(label)
            messages.append(Message(raw, label, detail))
            place = end
        self._asked = self._asked[place:]
        return messages

    def replies(self, data: bytes) -> list[Message]:
        self._answered += data
        messages, place = [], 0
        while (end := _end_of_value(self._answered, place)) is not None:
            raw = self._answered[place:end]
            label = self._pending.popleft() if self._pending else "push"
            first_line = raw[: raw.index(b"\r\n")].decode(errors="replace")
            messages.append(Message(raw, label, first_line))
            place = end
        self._answered = self._answered[place:]
        return messages


def _end_of_value(data: bytes, place: int) -> int | None:
    """Return where the value that begins at `place` ends, or None when it is not whole."""
    line_end = data.find(b"\r\n", place)
    if line_end < 0:
        return None
    kind = data[place : place + 1]
    end = line_end + 2
    if kind == b"$":
        length = int(data[place + 1 : line_end])
        end = end if length < 0 else end + length + 2
        return end if end <= len(data) else None
    if kind == b"*":
        for _ in range(int(data[place + 1 : line_end])):
            inner = _end_of_value(data, end)
            if inner is None:
                return None
            end = inner
    return end


def _arguments(raw: bytes) -> list[bytes]:
    if not raw.startswith(b"*"):  # an inline command
        return raw.split()
    arguments = []
    place = raw.index(b"\r\n") + 2
    while place < len(raw):
        line_end = raw.index(b"\r\n", place)
        length = int(raw[place + 1 : line_end])
        arguments.append(raw[line_end + 2 : line_end + 2 + length])
        place = line_end + 2 + length + 2
    return arguments


def _kind_of(arguments: list[bytes]) -> tuple[str, str]:
    name = arguments[0].decode(errors="replace").lower() if arguments else ""
    key = arguments[1].decode(errors="replace") if len(arguments) > 1 else ""
    if name == "fcall":
        return ("accept" if key in {FUNCTION_ACCEPT, FUNCTION_ACCEPT_ALL} else "fcall"), key
    if name == "xtrim" and key.startswith(_SHARD_PREFIX.decode()):
        return "trim", key
    if name == "xadd" and key == FEED_KEY:
        return "publish", _event_kind(arguments)
    if name == "xread" and b"STREAMS" in arguments:
        first = arguments[arguments.index(b"STREAMS") + 1]
        if first.startswith(_SHARD_PREFIX):
            return "read", first.decode()
        if first == FEED_KEY.encode():
            return "follow", FEED_KEY
    return name, key


def _event_kind(arguments: list[bytes]) -> str:
    """Return which kind of event an XADD to the feed carries."""
    place = arguments.index(b"k") if b"k" in arguments else -2
    return arguments[place + 1].decode(errors="replace")
