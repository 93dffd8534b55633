"""HTTP: one keep-alive connection to a gateway, as lean as replaying a file needs it.

In:   a method, a path, headers and a body.
Out:  status, headers and body of the answer. One request at a time; httptools parses.
A general client spends more on a request than the gateway does.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Final, cast
from urllib.parse import urlsplit

import httptools

from aether_core.errors import InvalidInput

_ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a gateway is reached."""

    host: str
    port: int
    is_secure: bool
    path: str
    """What comes before every path of the gateway; mostly nothing."""

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_secure else 80) else f"{host}:{self.port}"


def parse_origin(url: str) -> Origin:
    """Return the origin of a URL. Raises InvalidInput."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise InvalidInput("url", f"{url} is no http:// or https:// address.")
    is_secure = parts.scheme == "https"
    return Origin(
        parts.hostname, port or (443 if is_secure else 80), is_secure, parts.path.rstrip("/")
    )


@dataclass(slots=True)
class Answer:
    """What came back; names of headers in lower case."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Connection:
    """One connection, opened when it is needed and again after it was lost."""

    def __init__(self, origin: Origin, timeout_s: float) -> None:
        self._origin = origin
        self._timeout_s = timeout_s
        self._protocol: _Protocol | None = None

    async def request(
        self, method: str, path: str, headers: dict[str, str], body: bytes = b""
    ) -> Answer:
        """Send a request and return its answer.

        Raises OSError or TimeoutError; the request may then have been carried out or not.
        """
        lines = [
            f"{method} {self._origin.path}{path} HTTP/1.1",
            f"Host: {self._origin.authority}",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in headers.items()),
            "\r\n",
        ]
        try:
            async with asyncio.timeout(self._timeout_s):
                protocol = await self._connected()
                return await protocol.exchange("\r\n".join(lines).encode("latin-1") + body)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drop the connection."""
        if self._protocol is not None:
            self._protocol.close()
            self._protocol = None

    async def _connected(self) -> _Protocol:
        if self._protocol is None or not self._protocol.is_usable:
            self.close()
            _, self._protocol = await asyncio.get_running_loop().create_connection(
                _Protocol,
                self._origin.host,
                self._origin.port,
                ssl=ssl.create_default_context() if self._origin.is_secure else None,
            )
        return self._protocol


class _Protocol(asyncio.Protocol):
    """The client's end of one connection. Its `on_…` methods are the parser's."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._answer = Answer()
        self._body: list[bytes] = []
        self._size = 0
        self.is_usable = True

    async def exchange(self, request: bytes) -> Answer:
        """Send the bytes of a request and wait for its answer."""
        if self._transport is None:
            raise ConnectionResetError("The connection is closed.")
        self._parser = httptools.HttpResponseParser(self)
        self._answer, self._body, self._size = Answer(), [], 0
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        """Close without a word."""
        self.is_usable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        if self._parser is None or self._waiting is None or self._waiting.done():
            # Nothing was asked: whatever this is, it answers no later request either.
            self.close()
            return
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ConnectionError(f"The answer is no HTTP: {error}"))
        if self._size > _ANSWER_BYTES_MAX:
            self._fail(ConnectionError("The answer is too large."))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._transport = None
        self._fail(exc or ConnectionResetError("The gateway closed the connection."))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Hand the answer over; an interim one (RFC 9110 section 15.2) is only waited through."""
        if self._parser is None or self._waiting is None:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._answer, self._body = Answer(), []
            return
        self.is_usable = self._parser.should_keep_alive()
        self._answer.status, self._answer.body = status, b"".join(self._body)
        if not self._waiting.done():
            self._waiting.set_result(self._answer)

    def _fail(self, error: Exception) -> None:
        self.is_usable = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
