"""Wording: how numbers, ages, instants and decisions are written, the same everywhere.

Amounts are not here: they are shown as the exact text that they arrived as.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from aether_tui.theme import FAINT, GREEN, MUTED, ORANGE, VERMILION, Glyphs
from aether_tui.values import AlertChange, Transaction

Align = Literal["left", "right"]

_MINUTE_S = 60
_HOUR_S = 3600
_DAY_S = 86400


def write_age(seconds: float) -> str:
    """An age in at most four characters: 0.4s, 12s, 3m, 2h, 9d."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    if seconds < 2 * _MINUTE_S:
        return f"{seconds:.0f}s"
    if seconds < 2 * _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f}m"
    if seconds < 2 * _DAY_S:
        return f"{seconds / _HOUR_S:.0f}h"
    return f"{seconds / _DAY_S:.0f}d"


def write_count(number: int) -> str:
    """A whole number with separators."""
    return f"{number:,}"


def write_number(number: float | None, unknown: str = "-") -> str:
    """A measured number with as many digits as a glance needs."""
    if number is None or not math.isfinite(number):
        return unknown
    if abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.3g}"


def write_loss(expected_loss: float | None, glyphs: Glyphs) -> str:
    """An expected loss, in typical amounts of its currency."""
    if expected_loss is None or not math.isfinite(expected_loss):
        return "-"
    if abs(expected_loss) >= 10_000:
        return f"{expected_loss / 1000:,.0f}k{glyphs.times}"
    return f"{write_number(expected_loss)}{glyphs.times}"


def write_rate(per_second: float | None, unknown: str = "-") -> str:
    """Transactions per second."""
    return f"{write_number(per_second, unknown)}/s"


def write_time(instant: datetime) -> str:
    """The time of day in UTC."""
    return instant.astimezone(UTC).strftime("%H:%M:%S")


def write_instant(instant: datetime) -> str:
    """Day and time in UTC, marked as such."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def write_score(score: float | None) -> str:
    """A score between 0 and 1."""
    return "" if score is None else f"{score:.2f}"


def style_of_score(score: float | None) -> str:
    """Colour, always beside the number or the decision's word."""
    if score is None or score < 0.5:
        return MUTED
    return ORANGE if score < 0.9 else VERMILION


def write_decision(decision: str | None, glyphs: Glyphs) -> Text:
    """A decision by sign and word; the colour only repeats it."""
    match decision:
        case "approve":
            return Text(f"{glyphs.dot} approve", FAINT)
        case "review":
            return Text(f"{glyphs.warn} review", f"bold {ORANGE}")
        case "decline":
            return Text(f"{glyphs.bad} decline", f"bold {VERMILION}")
        case None:
            return Text(f"{glyphs.waiting} pending", MUTED)
        case other:
            return Text(f"? {other}", MUTED)


def write_resolution(resolution: str | None, glyphs: Glyphs) -> Text:
    """What people decided about an alert."""
    match resolution:
        case "fraud":
            return Text(f"{glyphs.bad} fraud", f"bold {VERMILION}")
        case "legitimate":
            return Text(f"{glyphs.good} legitimate", f"bold {GREEN}")
        case None:
            return Text("open", MUTED)
        case other:
            return Text(f"? {other}", MUTED)


def write_change(change: AlertChange) -> str:
    """What somebody did to an alert, as the end of a sentence that begins with their name."""
    match change.action:
        case "take":
            until = f" until {write_time(change.taken_until)}Z" if change.taken_until else ""
            return f"took it{until}"
        case "release":
            return "gave it back"
        case "assign":
            return (
                f"gave it to {short_name(change.assignee)}" if change.assignee else "unassigned it"
            )
        case "note":
            return "noted"
        case "resolve":
            return f"decided: {change.resolution}"
        case "reopen":
            return "opened it again"
        case other:
            return f"did: {other}"


def short_name(address: str) -> str:
    """What colleagues call somebody: an e-mail address before its @."""
    return address.partition("@")[0]


def short_id(transaction: Transaction) -> str:
    """The end of an id: its beginning is the time, which stands beside it."""
    return transaction.id[-8:]


def crop(text: str, width: int, glyphs: Glyphs, align: Align = "left") -> str:
    """Make `text` exactly `width` cells wide; what does not fit ends in an ellipsis."""
    length = cell_len(text)
    if length > width:
        mark = glyphs.ellipsis if width > 0 else ""
        return set_cell_size(set_cell_size(text, max(0, width - cell_len(mark))) + mark, width)
    padding = " " * (width - length)
    return padding + text if align == "right" else text + padding


def crop_text(text: Text, width: int, glyphs: Glyphs, align: Align = "left") -> Text:
    """Like `crop`, for a text with styles."""
    length = text.cell_len
    if length > width:
        mark = glyphs.ellipsis if width > 0 else ""
        cropped = text.copy()
        cropped.truncate(max(0, width - cell_len(mark)), pad=True)
        return cropped.append(mark)
    padding = Text(" " * (width - length))
    return Text.assemble(padding, text) if align == "right" else Text.assemble(text, padding)


def draw_curve(numbers: Iterable[float], width: int, glyphs: Glyphs) -> str:
    """A curve of one line, newest number at the right; each cell is the mean of its numbers."""
    values = tuple(numbers)
    if width <= 0 or not values:
        return ""
    step = max(1, math.ceil(len(values) / width))
    means = [
        sum(chunk) / len(chunk)
        for chunk in (values[max(0, end - step) : end] for end in range(len(values), 0, -step))
    ][:width][::-1]
    top = max(means)
    heights = glyphs.curve
    if top <= 0:
        return heights[0] * len(means)
    last = len(heights) - 1
    return "".join(heights[round(max(0.0, mean) / top * last)] for mean in means)


def draw_bar(share: float, width: int, glyphs: Glyphs) -> tuple[str, str]:
    """A bar's filled and empty part, together `width` cells; share: 0 to 1."""
    filled = round(min(1.0, max(0.0, share)) * width)
    if share > 0 and width > 0:
        filled = max(1, filled)
    return glyphs.bar * filled, glyphs.bar_empty * (width - filled)


def join_lines(lines: Iterable[Text | str]) -> Text:
    """Stack lines."""
    return Text("\n").join(Text(line) if isinstance(line, str) else line for line in lines)
