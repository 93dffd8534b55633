"""Stage: one event loop in a thread of its own, where proxies, clients and followers live.

So a test reads from top to bottom (hold, kill, release, look) and may block, while connections
go on being served.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")

DEADLINE_S = 90.0


class Stage:
    """A running loop; give it coroutines from any other thread."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stage", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T], deadline_s: float = DEADLINE_S) -> T:
        """Run a coroutine there and return what it returns."""
        return self.start(coroutine).result(deadline_s)

    def start(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start a coroutine there; its result can be waited for, or it can be cancelled."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def close(self) -> None:
        """Cancel what still runs there, and end the thread."""
        self.run(_cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()


async def _cancel_all() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    # Transports close in the turns of the loop that follow.
    for _ in range(3):
        await asyncio.sleep(0)
