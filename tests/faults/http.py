"""HTTP/1.1 as the clients of this suite speak it, over connections that may break at any moment.

In:   requests, and the bytes of their answers.
Out:  answers; an error where one was cut off, with what of it is of use.
"""

from __future__ import annotations

import asyncio

from tests.faults.history import Answer

_REQUEST_S = 8.0


class Connection:
    """One HTTP connection, opened when it is first used and again after it broke."""

    def __init__(self, host: str, port: int, *, is_kept: bool = True) -> None:
        """is_kept: whether it serves several requests."""
        self._host = host
        self._port = port
        self._is_kept = is_kept
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(
        self,
        method: str,
        path: str,
        token: str,
        body: bytes = b"",
        key: str | None = None,
        media_type: str = "application/json",
    ) -> Answer:
        """Send a request and read its answer. Raises OSError, TimeoutError."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Authorization: Bearer {token}\r\n"
        )
        if body:
            head += f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
        if key is not None:
            head += f"Idempotency-Key: {key}\r\n"
        try:
            async with asyncio.timeout(_REQUEST_S):
                if self._streams is None:
                    self._streams = await asyncio.open_connection(self._host, self._port)
                reader, writer = self._streams
                writer.write(head.encode() + b"\r\n" + body)
                await writer.drain()
                answer = await read_answer(reader)
        except BaseException:
            self.close()
            raise
        if not self._is_kept or answer.headers.get(b"connection") == b"close":
            self.close()
        return answer

    def close(self) -> None:
        """Break it off."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def read_head(reader: asyncio.StreamReader) -> Answer:
    """Read status and headers. Raises OSError when the connection ends before."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("the connection ended before its answer") from error
    first, *lines = head[:-4].split(b"\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip()
    return Answer(int(first.split(b" ")[1]), headers, b"")


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Read a whole answer. Raises OSError when it is cut off: BrokenOff where a part is of use."""
    answer = await read_head(reader)
    if answer.headers.get(b"transfer-encoding") == b"chunked":
        try:
            while chunk := await read_chunk(reader):
                answer.body += chunk
        except OSError as error:
            raise BrokenOff(answer) from error
        return answer
    try:
        answer.body = await reader.readexactly(int(answer.headers.get(b"content-length", b"0")))
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("the connection ended inside its answer") from error
    return answer


async def read_chunk(reader: asyncio.StreamReader) -> bytes:
    """Read one chunk of a chunked answer; empty at its end. Raises OSError when it is cut off."""
    try:
        size = int(await reader.readuntil(b"\r\n"), 16)
        data = await reader.readexactly(size + 2)
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("the answer was cut off") from error
    return data[:-2]


class BrokenOff(ConnectionResetError):
    """The connection ended inside an answer that came in parts."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("the answer broke off")
        self.answer = answer
