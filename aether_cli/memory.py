"""How much memory there is for Aether and everything beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

# Of a container, in version 2 and version 1 of the kernel's control groups; "max" is no limit.
_LIMITS: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def memory_bytes(limits: tuple[Path, ...] = _LIMITS) -> int:
    """Return the machine's memory, or what a container may have of it."""
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in limits:
        try:
            found.append(int(path.read_text("utf-8")))
        except (OSError, ValueError):
            continue
    return min(found)
