"""Proves that an answer that nobody waits for any more leaves no file behind, at once.

Its client may go while a thread reads the file or writes it. Memory is not looked through for
cycles meanwhile, as in a process that has nothing to do.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from starlette.types import Message

from aether_api.bulk.outbox import Outbox
from tests.running import wait_until

_PIECE = b"x" * 200_000
_ROUNDS = 20


@pytest.fixture(autouse=True)
def no_collections() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def _open_files(directory: Path) -> list[str]:
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return [path for path in found if path.startswith(str(directory))]


async def _answer(directory: Path, *, steps: int) -> None:
    """Let a client go that begins to read so many steps of the event loop before."""
    outbox = Outbox("application/json", directory)
    is_reading = asyncio.Event()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await is_reading.wait()

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(outbox.run(send))
            for _ in range(10):
                await outbox.put(_PIECE)
            assert _open_files(directory)
            is_reading.set()
            for _ in range(steps):
                await asyncio.sleep(0)
            raise ConnectionResetError
    finally:
        outbox.close()


def test_a_client_that_goes_while_a_thread_reads_leaves_no_file(tmp_path: Path) -> None:
    async def play() -> None:
        for number in range(_ROUNDS):
            with suppress(ExceptionGroup):
                await _answer(tmp_path, steps=number % 5)

    asyncio.run(play())
    wait_until(lambda: not _open_files(tmp_path), "the files to be closed", 5)


def test_a_client_that_goes_while_a_thread_writes_leaves_no_file(tmp_path: Path) -> None:
    async def play() -> None:
        for number in range(_ROUNDS):
            outbox = Outbox("application/json", tmp_path)
            for _ in range(4):
                await outbox.put(_PIECE)
            writing = asyncio.create_task(outbox.put(_PIECE))
            for _ in range(number % 5):
                await asyncio.sleep(0)
            writing.cancel()
            outbox.close()
            with suppress(asyncio.CancelledError):
                await writing

    asyncio.run(play())
    wait_until(lambda: not _open_files(tmp_path), "the files to be closed", 5)
