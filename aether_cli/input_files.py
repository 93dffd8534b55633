"""What commands read: a file, or standard input under the name `-`."""

from __future__ import annotations

import sys
from pathlib import Path


def read_text(file: str) -> str:
    """Return the text of a file. Raises InvalidInput for one that cannot be read."""
    from aether_core.errors import InvalidInput

    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("file", f"The file cannot be read: {type(error).__name__}.") from error
