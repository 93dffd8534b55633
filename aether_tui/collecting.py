"""Collecting: memory in cycles is given back while nobody types.

A full collection of the console's some 150,000 objects takes a tenth of a second, which is felt
when it falls upon a key. Python starts one whenever enough objects have been made; here that is
turned off, and one is made in a pause, or after some minutes in any case.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_PAUSE_S = 3.0
_AGAIN_AFTER_S = 30.0
_AT_THE_LATEST_S = 300.0
_NEVER = 1_000_000


def leave_full_collections_to_pauses() -> None:
    """Prepare this process: what was imported is never looked at again."""
    young, middle, _ = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, middle, _NEVER)


@contextmanager
def collecting_afterwards() -> Iterator[None]:
    """Look for memory in cycles after this, not within it."""
    is_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_collecting:
            gc.enable()


class PauseCollector:
    """Collects when asked in a pause. Instants are those of `time.monotonic`."""

    def __init__(self) -> None:
        self._key_at = 0.0
        self._collected_at = 0.0

    def key_pressed(self, now: float) -> None:
        """Somebody is at work."""
        self._key_at = now

    def tick(self, now: float) -> None:
        """A second has passed."""
        since_s = now - self._collected_at
        is_pause = now - self._key_at >= _PAUSE_S
        if (is_pause and since_s >= _AGAIN_AFTER_S) or since_s >= _AT_THE_LATEST_S:
            gc.collect()
            self._collected_at = now
