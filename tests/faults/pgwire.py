"""PostgreSQL's frontend/backend protocol 3, as far as faults need it.

Source: https://www.postgresql.org/docs/current/protocol-message-formats.html. Statements are known
by their text, prepared ones by the text that they were parsed from. Labels:

    startup, begin, commit, rollback           copy       COPY … FROM STDIN has been sent
    commit_batch    COMMIT of what moved a position
    lock_positions  SELECT … FOR UPDATE        copy_data  a piece of its rows
    advance         UPDATE positions           copy_end   the end of its rows
    dead_letters, load, own_shard              query      any other statement that is executed
    cancel          a request to cancel        other      everything that executes nothing

All messages of an answer carry the label of the statement that they answer; their detail is the
command tag (`COMMIT`, `COPY 12`) where there is one.
"""

from __future__ import annotations

import re
import struct
from collections import deque

from tests.faults.wire import Message

_CANCEL = 80877102
_SSL, _GSS = 80877103, 80877104

_STATEMENTS = (
    (re.compile(r"\s*BEGIN\b", re.IGNORECASE), "begin"),
    (re.compile(r"\s*COMMIT\b", re.IGNORECASE), "commit"),
    (re.compile(r"\s*ROLLBACK\b", re.IGNORECASE), "rollback"),
    (re.compile(r"\s*COPY\b", re.IGNORECASE), "copy"),
    (re.compile(r"(?s)FROM positions\b.*FOR UPDATE"), "lock_positions"),
    (re.compile(r"UPDATE positions SET previous_ms"), "advance"),
    (re.compile(r"INSERT INTO dead_letters"), "dead_letters"),
    (re.compile(r"INSERT INTO load_buckets"), "load"),
    (re.compile(r"pg_try_advisory_lock"), "own_shard"),
)


class PostgresConversation:
    """One connection to PostgreSQL."""

    def __init__(self) -> None:
        self._asked = b""
        self._answered = b""
        self._is_started = False
        self._awaits_byte = False
        """The answer to a request for encryption is one byte without a frame."""
        self._statements: dict[bytes, str] = {}
        self._portals: dict[bytes, str] = {}
        self._last = ("other", "")
        self._has_advanced = False
        self._pending: deque[str] = deque()
        """Labels of what will be answered; each answer ends with ReadyForQuery."""

    def requests(self, data: bytes) -> list[Message]:
        self._asked += data
        messages, place = [], 0
        while True:
            head = place + (1 if self._is_started else 0)
            if len(self._asked) < head + 4:
                break
            end = head + int.from_bytes(self._asked[head : head + 4], "big")
            if len(self._asked) < end:
                break
            raw = self._asked[place:end]
            messages.append(self._request(raw) if self._is_started else self._startup(raw))
            place = end
        self._asked = self._asked[place:]
        return messages

    def replies(self, data: bytes) -> list[Message]:
        self._answered += data
        messages, place = [], 0
        if self._awaits_byte and self._answered:
            self._awaits_byte = False
            messages.append(Message(self._answered[:1], "other"))
            place = 1
        while len(self._answered) >= place + 5:
            end = place + 1 + int.from_bytes(self._answered[place + 1 : place + 5], "big")
            if len(self._answered) < end:
                break
            messages.append(self._reply(self._answered[place:end]))
            place = end
        self._answered = self._answered[place:]
        return messages

    def _startup(self, raw: bytes) -> Message:
        (code,) = struct.unpack_from(">i", raw, 4)
        if code in {_SSL, _GSS}:
            self._awaits_byte = True
            return Message(raw, "other")
        self._is_started = True
        if code == _CANCEL:
            return Message(raw, "cancel")
        self._pending.append("startup")
        return Message(raw, "startup")

    def _request(self, raw: bytes) -> Message:
        kind, body = raw[:1], raw[5:]
        if kind == b"Q":
            text = _text(body)
            label = _label_of(text)
            if label == "commit" and self._has_advanced:
                label = "commit_batch"
            if label in {"begin", "commit_batch", "rollback"}:
                self._has_advanced = False
            self._pending.append(label)
            return Message(raw, label, text)
        if kind == b"P":
            name, rest = body.split(b"\0", 1)
            self._statements[name] = _text(rest)
        elif kind == b"B":
            portal, rest = body.split(b"\0", 1)
            self._portals[portal] = self._statements.get(rest.split(b"\0", 1)[0], "")
        elif kind == b"E":
            text = self._portals.get(body.split(b"\0", 1)[0], "")
            self._last = (_label_of(text), text)
            self._has_advanced |= self._last[0] == "advance"
            return Message(raw, *self._last)
        elif kind == b"S":
            self._pending.append(self._last[0])
            self._last = ("other", "")
        elif kind == b"d":
            return Message(raw, "copy_data")
        elif kind == b"c":
            return Message(raw, "copy_end")
        return Message(raw, "other")

    def _reply(self, raw: bytes) -> Message:
        label = self._pending[0] if self._pending else "other"
        if raw[:1] == b"Z" and self._pending:
            self._pending.popleft()
        return Message(raw, label, _text(raw[5:]) if raw[:1] == b"C" else "")


def _label_of(text: str) -> str:
    return next((label for pattern, label in _STATEMENTS if pattern.search(text)), "query")


def _text(body: bytes) -> str:
    return body.split(b"\0", 1)[0].decode(errors="replace")
