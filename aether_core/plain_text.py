"""Plain text: somebody's text made harmless for whoever reads it in a list, a log or a terminal."""

from __future__ import annotations

import unicodedata
from typing import Final

# C: controls, formats (bidirectional, zero width), surrogates, private use, unassigned. Zl and Zp
# are line breaks for some.
_UNSAFE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def escape_controls(text: str, length_max: int) -> str:
    r"""Return `text` with what a terminal would obey written out (`\x1b`), cut to a length.

    What is left can be stored by PostgreSQL and stands in one line.
    """
    # Cut before the work as well as after it: a text of megabytes costs no more than a line.
    text = text[: length_max + 1]
    if not (text.isascii() and text.isprintable()):
        text = "".join(
            _escape(c) if unicodedata.category(c) in _UNSAFE_CATEGORIES else c for c in text
        )
    return text if len(text) <= length_max else text[: length_max - 1] + "…"


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
