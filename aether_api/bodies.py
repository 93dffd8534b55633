"""Reading a request's body, whole or line by line; the edge has limited its length."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.types import Receive

from aether_api.edge import ClientLeft


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


async def read_lines(receive: Receive) -> AsyncIterator[list[bytes]]:
    """Yield the body's lines as they arrive, blank ones left out, in memory of one line's size.

    Raises ClientLeft when the client goes before the end: a last line that may be cut is not used.
    """
    rest = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientLeft
        *lines, rest = (rest + message.get("body", b"")).split(b"\n")
        is_last = not message.get("more_body", False)
        if is_last:
            lines.append(rest)
        kept = [line for line in lines if line and not line.isspace()]
        if kept:
            yield kept
        if is_last:
            return
