"""Plain text: somebody's text made harmless for whoever reads it in a list, a log or a terminal."""

from __future__ import annotations

import unicodedata
from typing import Final

# C: controls, formats (bidirectional, zero width), surrogates, private use, unassigned. Zl and Zp
# are line breaks for some.
_UNSAFE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

# The last four are the full-width forms of the first.
_FORMULA_SIGNS: Final = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def escape_controls(text: str, length_max: int) -> str:
    r"""Return `text` with what a terminal would obey written out (`\x1b`), cut to a length.

    What is left can be stored by PostgreSQL and stands in one line.
    """
    # Cut before the work as well as after it: a text of megabytes costs no more than a line.
    text = _written_out(text[: length_max + 1])
    return text if len(text) <= length_max else text[: length_max - 1] + "…"


def spreadsheet_cell(text: str) -> str:
    """Return a text as a cell of a CSV file that no spreadsheet takes for a formula.

    The apostrophe before it is what OWASP proposes against CSV injection; full-width forms are
    taken for their narrow ones in some countries' editions. Controls are written out.
    """
    plain = _written_out(text)
    return f"'{plain}" if text.startswith(_FORMULA_SIGNS) else plain


def _written_out(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(c) if unicodedata.category(c) in _UNSAFE_CATEGORIES else c for c in text)


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
