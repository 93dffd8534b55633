"""Reading a request's body as a whole; the edge has limited its length."""

from __future__ import annotations

from starlette.types import Message, Receive


class ClientLeft(Exception):
    """The client has gone, or takes nothing of its answer: there is nobody left to answer."""


def again(first: Message, receive: Receive) -> Receive:
    """Return what receives a message that was received already, and then the others."""
    messages = [first]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


async def read_body(receive: Receive) -> bytes:
    """Return the whole body. Raises ClientLeft when the client goes before its end."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        return bytes(message.get("body", b""))
    parts = []
    while True:
        if message["type"] != "http.request":
            raise ClientLeft
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()
