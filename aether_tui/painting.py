"""Painting: sends a terminal only what differs from what it shows.

In:   what Textual writes: whole lines of text with colours, at places.
Out:  the same picture, by moving lines that have only moved and drawing the cells that changed.
A new row at the top of a table moves every row below it. Textual draws them all again, some 12 kB
at a time; a line over which somebody works from afar carries that badly. What is written and not
understood passes as it is, and then nothing is believed of what the terminal shows.

Sequences: ECMA-48 (CUP, SGR, IL, DL) and DECSTBM, which every terminal since the VT102 has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter, ne
from typing import TypeAlias

from rich.cells import cell_len
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

# A cell is its colours, as the parameters of SGR, and its text: one character, or for a wide one or
# a cluster of several all of it, followed by cells without a text.
_Cell: TypeAlias = "tuple[str, str]"
_Line: TypeAlias = "list[_Cell]"

_UNKNOWN: _Cell = ("?", "")

_TOKEN = re.compile(
    r"\x1b\[(?P<place>[0-9;]*)H"
    r"|(?P<run>(?:\x1b\[[0-9;]*m|[^\x00-\x1f\x7f-\x9f]+)+)"
    r"|(?P<newline>\n)"
    # Modes, questions, the keyboard's protocol, titles and the clipboard: nothing that draws.
    r"|(?P<aside>\x1b\[[?>=<](?!1049[hl])[0-9;$]*[a-zA-Z]|\x1b\[[0-9;]*[cnqtu]"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x07)"
    r"|(?P<other>.)",
    re.DOTALL,
)

_PIECE = re.compile(r"\x1b\[([0-9;]*)m|([^\x1b]+)")

# So many lines at least must have moved by the same distance, up to so many lines.
_MOVED_MIN = 3
_DISTANCE_MAX = 24

# Between two changes on a line, fewer cells than this cost less than another move.
_GAP_MAX = 8


class Painter:
    """Knows what the terminal shows."""

    def __init__(self, width: int = 0) -> None:
        """width: cells of a line; lines are moved only where all of them are known."""
        self._width = width
        self._shown: dict[int, _Line] = {}
        self._style = ""

    def forget(self, width: int | None = None) -> None:
        """Believe nothing of what is shown: what is written next is drawn in full.

        width: cells of a line from now on, if that has changed.
        """
        self._width = self._width if width is None else width
        self._shown.clear()
        self._style = ""

    def reduce(self, data: str) -> str:
        """Return what changes the terminal as `data` would."""
        out: list[str] = []
        drawn: dict[int, _Line] = {}
        place: tuple[int, int] | None = None
        for token in _TOKEN.finditer(data):
            kind = token.lastgroup
            if kind == "place":
                place = _place(token["place"])
            elif kind == "run":
                lead, cells, style = _read_run(self._style, token["run"])
                if place is None and (lead or cells):
                    break
                self._style = style
                if place is not None:
                    self._draw(drawn, place, lead, cells)
                    place = place[0], place[1] + len(cells)
            elif kind == "newline" and place is not None:
                place = place[0] + 1, place[1]
            elif kind == "aside":
                out += [*self._show(drawn, place), token[0]]
                drawn = {}
            else:
                break
        else:
            return "".join([*out, *self._show(drawn, place)])
        # Not understood, or drawn where the cursor happens to stand.
        self.forget()
        return data

    def _draw(
        self, drawn: dict[int, _Line], place: tuple[int, int], lead: str, cells: Sequence[_Cell]
    ) -> None:
        """Put a run into the picture to come."""
        y, x = place
        line = drawn.get(y)
        if line is None:
            line = drawn[y] = list(self._shown.get(y, ()))
        line.extend([_UNKNOWN] * (x - len(line)))
        if lead and x > 0:
            style, before = line[x - 1]
            line[x - 1] = (style, before + lead)
        if not cells:
            return
        # What remains of a wide character of which a part is drawn over, terminals decide.
        end = x + len(cells)
        while end < len(line) and not line[end][1]:
            line[end] = _UNKNOWN
            end += 1
        if x < len(line) and line[x] != _UNKNOWN:
            head = x
            while head > 0 and not line[head][1]:
                head -= 1
            line[head:x] = [_UNKNOWN] * (x - head)
        line[x : x + len(cells)] = cells

    def _show(self, drawn: dict[int, _Line], place: tuple[int, int] | None) -> Iterator[str]:
        """Yield what makes the terminal show these lines, with the cursor at a place."""
        changed = [y for y, line in drawn.items() if line != self._shown.get(y)]
        moved = self._find_move(drawn, changed)
        if moved is not None:
            top, bottom, by = moved
            yield self._move(top, bottom, by, drawn)
            changed = [y for y, line in drawn.items() if line != self._shown.get(y)]
        for y in sorted(changed):
            yield from _changes(y, self._shown.get(y, []), drawn[y])
            self._shown[y] = drawn[y]
        if place is not None:
            yield f"\x1b[{place[0] + 1};{place[1] + 1}H"

    def _find_move(
        self, drawn: dict[int, _Line], changed: list[int]
    ) -> tuple[int, int, int] | None:
        """Return the first and last line of what moves, and by how many lines down."""
        best: list[int] = []
        distance = 0
        if len(changed) < _MOVED_MIN:
            return None
        for by in range(1, min(len(changed), _DISTANCE_MAX) + 1):
            for signed in (by, -by):
                same = [y for y in changed if self._shown.get(y - signed) == drawn[y]]
                if len(same) > len(best):
                    best, distance = same, signed
        if len(best) < _MOVED_MIN:
            return None
        top = min(best) - max(distance, 0)
        bottom = max(best) + max(-distance, 0)
        # What is moved and not known could not be drawn where it belongs.
        is_known = all(self._is_known(y) for y in range(top, bottom + 1))
        return (top, bottom, distance) if is_known else None

    def _is_known(self, y: int) -> bool:
        line = self._shown.get(y, [])
        return len(line) == self._width and _UNKNOWN not in line

    def _move(self, top: int, bottom: int, by: int, drawn: dict[int, _Line]) -> str:
        """Move lines on the terminal; lines that are in between are drawn where they belong."""
        shown = [self._shown[y] for y in range(top, bottom + 1)]
        for y, line in enumerate(shown, top):
            drawn.setdefault(y, line)
        blank: list[_Line] = [[] for _ in range(abs(by))]
        shown = blank + shown[:-by] if by > 0 else shown[-by:] + blank
        self._shown.update(enumerate(shown, top))
        act = f"{by}L" if by > 0 else f"{-by}M"
        return f"\x1b[{top + 1};{bottom + 1}r\x1b[{top + 1};1H\x1b[{act}\x1b[r"


def _place(numbers: str) -> tuple[int, int]:
    row, _, column = numbers.partition(";")
    return int(row or 1) - 1, int(column or 1) - 1


@lru_cache(maxsize=1024)
def _read_run(style: str, run: str) -> tuple[str, tuple[_Cell, ...], str]:
    """Return what belongs to the character before a run, its cells, and the style after it.

    style: the one before. A line that has moved, or comes back, is read once.
    """
    lead = ""
    cells: list[_Cell] = []
    for numbers, text in _PIECE.findall(run):
        if not text:
            is_reset = numbers in {"", "0"}
            style = "" if is_reset else f"{style};{numbers}" if style else numbers
        elif drawn := _cells(style, text):
            cells += drawn
        elif cells:
            # Signs without a width belong to the character before them.
            cells[-1] = (cells[-1][0], cells[-1][1] + text)
        else:
            lead += text
    return lead, tuple(cells), style


@lru_cache(maxsize=8192)
def _cells(style: str, text: str) -> tuple[_Cell, ...]:
    width = len(text)
    if text.isascii() or (cell_len(text) == width and all(cell_len(c) == 1 for c in text)):
        return tuple((style, character) for character in text)
    # Terminals disagree on what is wide: such a text is one thing, drawn whole or not at all.
    return ((style, text), *((style, ""),) * (cell_len(text) - 1)) if cell_len(text) else ()


def _changes(y: int, shown: _Line, line: _Line) -> Iterator[str]:
    """Yield what makes a line of the terminal look like this one."""
    for start, end in _spans(shown, line):
        yield f"\x1b[{y + 1};{start + 1}H"
        before = ""
        for style, cells in groupby(line[start:end], itemgetter(0)):
            yield _transition(before, style)
            yield "".join(text for _, text in cells)
            before = style
        if before:
            yield "\x1b[0m"


def _spans(shown: _Line, line: _Line) -> Iterator[tuple[int, int]]:
    """Yield where a line differs, from one cell to before another."""
    if _UNKNOWN in line:
        place = 0
        for is_unknown, cells in groupby(line, _UNKNOWN.__eq__):
            end = place + sum(1 for _ in cells)
            if not is_unknown:
                yield place, end
            place = end
        return
    if not (_is_plain(shown) and _is_plain(line)):
        yield 0, len(line)
        return
    differing = [x for x, differs in enumerate(map(ne, shown, line)) if differs]
    differing += range(len(shown), len(line))
    start = end = -1
    for x in differing:
        if start >= 0 and x - end > _GAP_MAX:
            yield start, end
            start = x
        elif start < 0:
            start = x
        end = x + 1
    if start >= 0:
        yield start, end


def _is_plain(line: _Line) -> bool:
    """Whether each cell has a character of its own."""
    texts = [text for _, text in line]
    return "" not in texts and len("".join(texts)) == len(texts)


@lru_cache(maxsize=4096)
def _transition(before: str, style: str) -> str:
    """Return what changes the colours from one style to another."""
    if before == style:
        return ""
    old, new = _slots(before), _slots(style)
    if old.keys() - new.keys():
        return f"\x1b[0;{style}m" if style else "\x1b[0m"
    return f"\x1b[{';'.join(new[slot] for slot in new if old.get(slot) != new[slot])}m"


def _slots(style: str) -> dict[str, str]:
    """Return what a style sets: the colour of text and of ground, and each attribute."""
    slots: dict[str, str] = {}
    numbers = iter(style.split(";")) if style else iter(())
    for number in numbers:
        if number in {"38", "48"}:
            kind = next(numbers)
            rest = [next(numbers) for _ in range(3 if kind == "2" else 1)]
            slots[number[0]] = ";".join((number, kind, *rest))
        elif number[:-1] in {"3", "9"}:
            slots["3"] = number
        elif number[:-1] in {"4", "10"}:
            slots["4"] = number
        else:
            slots[f"a{number}"] = number
    return slots


class PaintingDriver(LinuxDriver):
    """Textual's driver for terminals, which draws what changed."""

    def __init__(
        self,
        app: App[object],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.painter = Painter()

    def write(self, data: str) -> None:
        """Write what changes the terminal as `data` would."""
        super().write(self.painter.reduce(data))
