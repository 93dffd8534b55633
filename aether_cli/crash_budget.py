"""The crash budget: a process that crashes again and again starts more and more slowly.

supervisord restarts a process without limit once it has run for `startsecs`. Some quick restarts
are right, since they heal most things at once; a storm of them would burn the processor and fill
the logs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress

from aether_cli.home import make_run_directory
from aether_core.settings import Settings

logger = logging.getLogger(__name__)

_WINDOW_S = 120.0
_FREE_STARTS = 8
"""Starts within the window that are not slowed."""
_STORM_STARTS = 6
"""Starts within the window that are a storm: worth telling whoever watches."""
_PAUSE_S_MAX = 30.0


class CrashBudget:
    """The latest starts of one process, remembered beside its pid file."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._path = make_run_directory(settings) / f"{name}.starts"

    def pace(self, sleep: Callable[[float], None] = time.sleep) -> None:
        """Note this start; sleep before it when there were too many of late."""
        now = time.time()
        starts = self._recent_starts(now)
        pause = pause_s(len(starts))
        if pause:
            logger.warning("%d starts in %.0f s: waiting for %.0f s", len(starts), _WINDOW_S, pause)
            sleep(pause)
        starts.append(time.time())
        self._path.write_text(" ".join(f"{start:.3f}" for start in starts[-100:]))

    def is_storm(self) -> bool:
        """Whether the process started again and again of late."""
        return len(self._recent_starts(time.time())) >= _STORM_STARTS

    def forgive(self) -> None:
        """Forget the starts: this process ended in good order."""
        self._path.unlink(missing_ok=True)

    def _recent_starts(self, now: float) -> list[float]:
        with suppress(OSError, ValueError):
            starts = [float(text) for text in self._path.read_text().split()]
            return [start for start in starts if abs(now - start) < _WINDOW_S]
        return []


def pause_s(start_count: int) -> float:
    """Return how long the next start waits after so many within the window."""
    excess = start_count - _FREE_STARTS
    if excess < 0:
        return 0.0
    return float(min(_PAUSE_S_MAX, 2.0**excess))
