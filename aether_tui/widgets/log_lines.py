"""Log lines: Aether's logs are one JSON object a line; here they are lines for people."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from rich.text import Text

from aether_tui.cleaning import clean
from aether_tui.theme import BRIGHT, FAINT, MUTED, ORANGE, TEXT, VERMILION

_LINE_LENGTH_MAX = 2_000
_STYLES = {"warning": f"bold {ORANGE}", "error": f"bold {VERMILION}", "critical": VERMILION}


class _Line(msgspec.Struct):
    """The parts that every line has; the rest follows its message."""

    at: str
    level: str
    message: str
    logger: str = ""


def draw_log(lines: Iterable[str]) -> list[Text]:
    """Draw the lines, oldest first; what is no JSON object stands as it is."""
    return [_draw(line) for line in lines]


def _draw(line: str) -> Text:
    try:
        parts = msgspec.json.decode(line, type=_Line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Text(clean(line, _LINE_LENGTH_MAX), MUTED)
    style = _STYLES.get(parts.level, MUTED)
    return Text.assemble(
        (f"{clean(parts.at[11:19], 8)} ", FAINT),
        (f"{clean(parts.level, 8):<8}", style),
        (f"{clean(parts.message, _LINE_LENGTH_MAX)} ", TEXT if style == MUTED else BRIGHT),
        (clean(parts.logger, 60), FAINT),
    )
