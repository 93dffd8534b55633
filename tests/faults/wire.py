"""Messages of a connection: what a proxy can tell apart, count and stop.

In:   the bytes of both directions as they come.
Out:  whole messages, each with the label that rules name. Joined they are the bytes again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Side(StrEnum):
    """Which direction a message goes."""

    REQUEST = "request"
    """From the client to the server."""
    REPLY = "reply"
    """From the server to the client; a reply carries the label of its request."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came."""

    raw: bytes
    label: str
    """What kind it is, such as `accept`, `commit`, `copy_data`."""
    detail: str = ""
    """Of a request: its statement or key; of a reply: how it begins."""


class Conversation(Protocol):
    """Splits the two directions of one connection into messages."""

    def requests(self, data: bytes) -> list[Message]:
        """Take in bytes from the client; return the messages that are whole."""

    def replies(self, data: bytes) -> list[Message]:
        """Take in bytes from the server; return the messages that are whole."""


class RawConversation:
    """Any protocol: every piece that arrives is a message with the label `bytes`."""

    def requests(self, data: bytes) -> list[Message]:
        return [Message(data, "bytes")]

    def replies(self, data: bytes) -> list[Message]:
        return [Message(data, "bytes")]
