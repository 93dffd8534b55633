"""The processes' log files, as people are shown them."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

_TAIL_BYTES = 64 * 1024


def last_words(log: Path) -> str:
    """Return what a process said last of its troubles, in one line."""
    # Older lines may be of an earlier start.
    messages = [_message(line) for line in _tail(log)[-20:]]
    grave = [text for text, level in messages if level in {"critical", "error"}]
    if grave:
        return grave[-1]
    return messages[-1][0] if messages else "it says nothing."


def _tail(log: Path) -> list[str]:
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
        return [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return []


def _message(line: str) -> tuple[str, str]:
    """Return a line's text and level: ours are JSON, the servers' are not."""
    with suppress(ValueError, KeyError, TypeError):
        fields = json.loads(line)
        return str(fields["message"]), str(fields["level"])
    return "".join(c for c in line if c.isprintable())[-300:], ""
