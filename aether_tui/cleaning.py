"""Cleaning: the one gate through which text from outside enters the console.

In:   whatever the gateway answered, decoded from JSON.
Out:  the same with every text made harmless for a terminal.
A merchant's name is data. Rich and Textual pass ESC, OSC and C1 sequences through to the
terminal, which would obey them; bidirectional overrides and zero-width characters would show
something other than what is stored. So all of them become U+FFFD here, and the widgets show the
result as plain `Text`, never as markup. Neither of the two is enough alone.
"""

from __future__ import annotations

import unicodedata

TEXT_LENGTH_MAX = 512
"""Characters; longer than anything the gateway accepts for one field of a transaction."""

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# C: controls, formats (bidi, zero width), surrogates, private use, unassigned. Zl and Zp are line
# breaks for `str.splitlines`, and so for a table's row.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# A letter with more marks than this grows over its neighbours' lines ("Zalgo").
_COMBINING_MARKS_MAX = 3


def clean(text: str, length_max: int = TEXT_LENGTH_MAX) -> str:
    """Return `text` without anything that a terminal would obey, at most `length_max` long."""
    if text.isascii() and text.isprintable():
        return _shorten(text, length_max)
    # Cut before the work as well as after it: a text of megabytes costs no more than a line.
    normalised = unicodedata.normalize("NFC", text[: 4 * length_max])
    kept: list[str] = []
    marks = 0
    for character in normalised:
        category = unicodedata.category(character)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if marks > _COMBINING_MARKS_MAX:
            continue
        kept.append(_REPLACEMENT if category in _UNSAFE_CATEGORIES else character)
    return _shorten("".join(kept), length_max)


def clean_all(value: object) -> object:
    """Clean every text inside decoded JSON, keys included; everything else stays as it is."""
    match value:
        case str():
            return clean(value)
        case list():
            return [clean_all(item) for item in value]
        case dict():
            return {clean(str(key)): clean_all(item) for key, item in value.items()}
        case _:
            return value


def _shorten(text: str, length_max: int) -> str:
    return text if len(text) <= length_max else text[: length_max - 1] + "…"
