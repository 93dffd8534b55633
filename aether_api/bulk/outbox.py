"""Outbox: a long answer on its way to a client that may read slower than it is made, or not yet.

In:   the answer piece by piece, made while the request's body is still being read.
Out:  one whole answer when it is short and soon complete; otherwise a stream of pieces.
Most HTTP clients send all of a body before they read anything of its answer. Holding the body back
until they read would stop both sides for ever, so what they do not take goes into a file without a
name. Memory stays the same whatever they do; only when the file is full, too, does `put` wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from starlette.types import Send

from aether_core.cancellation import heed_cancellation

_BEGIN_BYTES: Final = 256 * 1024
_BEGIN_S: Final = 0.25
"""An answer that is longer, or takes longer, is streamed; a shorter one has a Content-Length."""

_MEMORY_BYTES_MAX: Final = 512 * 1024
_FILE_BYTES_MAX: Final = 1024 * 1024 * 1024
_PIECE_BYTES: Final = 256 * 1024


class Outbox:
    """One answer's body; `put` fills it, `run` sends it."""

    def __init__(self, media_type: str, directory: Path) -> None:
        """directory: for the file, on a disk rather than in memory."""
        self._media_type = media_type.encode("ascii")
        self._directory = directory
        self._memory = bytearray()
        self._file: _Unnamed | None = None
        self._is_file_usable = True
        self._read_at = 0
        self._written_to = 0
        self._is_finished = False
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()

    async def put(self, piece: bytes) -> None:
        """Add to the answer; waits only when neither memory nor file has room for more."""
        while not await self._try_put(piece):
            heed_cancellation()
            self._taken.clear()
            await self._taken.wait()
        self._changed.set()

    def finish(self) -> None:
        """Say that nothing more will come."""
        self._is_finished = True
        self._changed.set()

    def close(self) -> None:
        """Let the file go, whatever was sent of it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    async def run(self, send: Send) -> None:
        """Send the answer, until it is finished; the status is 200."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as limit:
                await self._wait_to_begin(limit)
        headers = [(b"content-type", self._media_type)]
        if self._is_finished and self._written_to == 0:
            headers.append((b"content-length", b"%d" % len(self._memory)))
            await _send_start(send, headers)
            await send({"type": "http.response.body", "body": bytes(self._memory)})
            return
        await _send_start(send, headers)
        while piece := await self._next():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _wait_to_begin(self, limit: asyncio.Timeout) -> None:
        while not self._is_finished and len(self._memory) < _BEGIN_BYTES:
            await self._changed.wait()
            self._changed.clear()
            if self._memory and limit.when() is None:
                limit.reschedule(asyncio.get_running_loop().time() + _BEGIN_S)

    async def _next(self) -> bytes:
        """Return the next piece; nothing at the end."""
        while True:
            if self._memory:
                piece, self._memory = bytes(self._memory), bytearray()
                self._taken.set()
                return piece
            if self._read_at < self._written_to and self._file is not None:
                size = min(_PIECE_BYTES, self._written_to - self._read_at)
                piece = await asyncio.to_thread(self._file.read, size, self._read_at)
                self._read_at += len(piece)
                self._taken.set()
                return piece
            if self._is_finished:
                return b""
            await self._changed.wait()
            self._changed.clear()

    async def _try_put(self, piece: bytes) -> bool:
        if self._read_at == self._written_to:
            if self._written_to:
                # All of the file is sent; what follows goes through memory again.
                self._read_at = self._written_to = 0
                if self._file is not None:
                    self._file.empty()
            if len(self._memory) < _MEMORY_BYTES_MAX:
                self._memory += piece
                return True
        if not self._is_file_usable or self._written_to >= _FILE_BYTES_MAX:
            return False
        try:
            if self._file is None:
                self._file = await asyncio.to_thread(_Unnamed, self._directory)
            await asyncio.to_thread(self._file.write, piece, self._written_to)
        except OSError:
            # A full disk, say: then the client must read before more of its body is taken.
            self._is_file_usable = False
            return False
        self._written_to += len(piece)
        return True


async def _send_start(send: Send, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": headers})


class _Unnamed:
    """A file that nobody else can open and that goes with its last reader or writer.

    A thread may be in the midst of writing when the request is cancelled: then that thread closes.
    It must not wait to be forgotten, as the cancelled call holds it in a cycle until memory is
    looked through, which an idle process does not do.
    """

    __slots__ = ("_descriptor", "_in_use", "_is_over")

    def __init__(self, directory: Path) -> None:
        self._descriptor = -1
        self._in_use = threading.Lock()
        self._is_over = False
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as file:
            self._descriptor = os.dup(file.fileno())

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close now, or as soon as whoever uses it has done so. Never waits."""
        self._is_over = True
        if self._in_use.acquire(blocking=False):
            try:
                if self._descriptor >= 0:
                    os.close(self._descriptor)
                    self._descriptor = -1
            finally:
                self._in_use.release()

    def read(self, size: int, at: int) -> bytes:
        with self._used():
            return os.pread(self._descriptor, size, at)

    def write(self, data: bytes, at: int) -> None:
        with self._used():
            view = memoryview(data)
            while view:
                written = os.pwrite(self._descriptor, view, at)
                view, at = view[written:], at + written

    def empty(self) -> None:
        os.ftruncate(self._descriptor, 0)

    @contextlib.contextmanager
    def _used(self) -> Iterator[None]:
        try:
            with self._in_use:
                yield
        finally:
            if self._is_over:
                self.close()
