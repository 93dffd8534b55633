"""ASCII: the last gate for terminals that cannot show more than ASCII (`--ascii`).

In:   every line that is about to be drawn, whoever drew it: our widgets, Textual's, data.
Out:  the same line, cell for cell, in printable ASCII.
The glyphs of `theme.py` are chosen for meaning; this only makes sure that nothing else gets out.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from rich.cells import get_character_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SIGNS = {
    "─": "-",
    "━": "-",
    "│": "|",
    "┃": "|",
    "…": "~",
    "·": "-",
    "●": "*",
    "○": "o",
    "◌": "~",
    "✓": "+",
    "✗": "x",
    "▌": ">",
    "±": "+",
    "↑": "^",
    "↓": "v",
    "←": "<",
    "→": ">",
}
# U+2500 to U+257F are lines and corners, U+2580 to U+259F blocks.
_LINES_END, _BLOCKS_END = 0x2580, 0x25A0
_LINES_START = 0x2500


class AsciiOnly(LineFilter):
    """Replaces what is not ASCII, keeping every cell where it is."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments with their texts replaced."""
        del background
        return [
            segment
            if segment.text.isascii() or segment.control
            else Segment(_to_ascii(segment.text), segment.style)
            for segment in segments
        ]


@lru_cache(maxsize=2048)
def _to_ascii(text: str) -> str:
    return "".join(_character(character) for character in text)


def _character(character: str) -> str:
    if character.isascii():
        return character
    width = get_character_cell_size(character)
    sign = _SIGNS.get(character)
    if sign is not None and len(sign) == width:
        return sign
    place = ord(character)
    if _LINES_START <= place < _LINES_END:
        return "+"
    if _LINES_END <= place < _BLOCKS_END:
        return "#"
    letter = unicodedata.normalize("NFKD", character)[:1]
    if letter.isascii() and letter.isprintable() and width == 1 and letter.isalnum():
        return letter
    return "?" * width
