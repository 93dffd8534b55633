"""Loops that never end must notice by themselves that they were cancelled.

Before Python 3.12 `asyncio.wait_for` forgets a cancellation that arrives in the same moment as the
result it waits for (CPython issue 86296), and redis-py and asyncpg use it for every command. A loop
that goes on after such a moment would run for ever, and the process would never stop.
"""

from __future__ import annotations

import asyncio


def heed_cancellation() -> None:
    """Raise CancelledError when this task was cancelled and something swallowed that.

    Call it once a round in every loop that ends by cancellation only.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
