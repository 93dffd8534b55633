"""What the console writes after thinning shows the same picture as all that Textual wrote.

The judge is a real terminal, tmux: the same frames go into one as they are, into another as the
painter reduces them, and both are read back with their colours.
"""

from __future__ import annotations

import random
import shlex
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.style import Style

from aether_tui.painting import Painter
from tests.tui.terminal import Terminal

WIDTH, HEIGHT = 60, 20
STYLES = [
    Style.parse(text)
    for text in (
        "#c8d0d8 on #101418",
        "bold #56b4e9 on #101418",
        "#c8d0d8 on #203040",
        "underline #e69f00 on #101418",
        "reverse red",
        "italic color(200) on color(17)",
        "dim",
    )
]
WORDS = [
    "Corner Bakery",
    "12.50 EUR",
    "approve",
    "漢字",
    "é",
    "─",
    "│ ",
    "   ",
    "🦊",
    "e\u0301",
    "x",
]


def draw(frame: dict[tuple[int, int], list[tuple[str, Style]]]) -> str:
    """A frame as Textual writes it: pieces at places, each text in colours of its own."""
    parts = ["\x1b[?2026h"]
    for (y, x), pieces in sorted(frame.items()):
        parts.append(f"\x1b[{y + 1};{x + 1}H")
        parts += [style.render(text) for text, style in pieces]
    parts.append("\x1b[1;1H\x1b[?2026l")
    return "".join(parts)


class Picture:
    """A screen whose rows come in, move, and change in part."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - pictures, no secrets
        self.rows = [self.row() for _ in range(HEIGHT)]

    def row(self) -> list[tuple[str, Style]]:
        """A row of the whole width."""
        pieces: list[tuple[str, Style]] = []
        left = WIDTH
        while left:
            text = self.random.choice(WORDS) * self.random.randint(1, 3)
            if cell_len(text) > left:
                text = " " * min(left, 4)
            pieces.append((text, self.random.choice(STYLES)))
            left -= cell_len(text)
        return pieces

    def whole(self) -> str:
        """Everything, as after a change of the layout."""
        return draw({(y, 0): row for y, row in enumerate(self.rows)})

    def next(self) -> str:
        """One more frame."""
        act = self.random.choice(["in", "in", "out", "one", "part", "whole", "none"])
        top = self.random.randint(0, 5)
        bottom = self.random.randint(top + 5, HEIGHT - 1)
        if act in {"in", "out"}:
            for _ in range(self.random.randint(1, 4)):
                if act == "in":
                    self.rows.insert(top, self.row())
                    del self.rows[bottom + 1]
                else:
                    del self.rows[top]
                    self.rows.insert(bottom, self.row())
            return draw({(y, 0): self.rows[y] for y in range(top, bottom + 1)})
        if act == "one":
            self.rows[top] = self.row()
            return draw({(top, 0): self.rows[top]})
        if act == "part":
            # The pieces from the second on, at their place.
            first, *rest = self.rows[top]
            rest = [(text, self.random.choice(STYLES)) for text, _ in rest]
            self.rows[top] = [first, *rest]
            return draw({(top, cell_len(first[0])): rest})
        return self.whole() if act == "whole" else draw({})


def shown(data: str, directory: Path, name: str) -> str:
    """What a terminal shows after this, with colours."""
    file = directory / name
    file.write_text(data + f"\x1b[{HEIGHT + 1};1Hdone")
    command = f"sh -c 'stty raw -echo; cat {shlex.quote(str(file))}; exec cat'"
    terminal = Terminal((WIDTH, HEIGHT + 1), command, directory)
    try:
        terminal.sees("done")
        return terminal.picture()
    finally:
        terminal.close()


@pytest.mark.parametrize("seed", range(8))
def test_the_reduced_frames_show_the_same_picture(seed: int, tmp_path: Path) -> None:
    for length in (1, 3, 8, 40):
        picture, painter = Picture(seed), Painter(WIDTH)
        frames = [picture.whole(), *(picture.next() for _ in range(length))]
        reduced = [painter.reduce(frame) for frame in frames]
        assert shown("".join(reduced), tmp_path, "b") == shown("".join(frames), tmp_path, "a")


def test_what_is_known_in_part_is_not_moved(tmp_path: Path) -> None:
    # The terminal was distrusted, and then all but the last column was drawn again: the column is
    # still there, and a move would take it along.
    picture, painter = Picture(5), Painter(WIDTH)
    picture.rows = [[("x" * (WIDTH - 1), STYLES[0]), (str(y % 10), STYLES[1])] for y in range(20)]
    frames = [picture.whole()]
    reduced = [painter.reduce(frames[0])]
    painter.forget()
    for shift in range(3):
        # Rows of a table that is scrolled, beside a column that stays.
        letters = "abcdefghijklmnopqrstuvwxyz"
        rows = [letters[y + shift] * (WIDTH - 1) for y in range(20)]
        frames.append(draw({(y, 0): [(row, STYLES[0])] for y, row in enumerate(rows)}))
        reduced.append(painter.reduce(frames[-1]))
    assert shown("".join(reduced), tmp_path, "b") == shown("".join(frames), tmp_path, "a")


def test_a_new_row_on_top_costs_about_a_row() -> None:
    picture, painter = Picture(1), Painter(WIDTH)
    painter.reduce(picture.whole())
    picture.rows = [picture.rows[0], picture.row(), *picture.rows[1:-1]]
    frame = picture.whole()
    assert len(painter.reduce(frame)) < len(frame) / 8


def test_the_same_frame_again_costs_nothing() -> None:
    picture, painter = Picture(2), Painter(WIDTH)
    painter.reduce(picture.whole())
    assert len(painter.reduce(picture.whole())) < WIDTH


@pytest.mark.parametrize("strange", ["\x1b[2J", "\x1b[?1049h", "\x1b(0", "text at no place", "\r"])
def test_what_is_not_understood_passes_and_all_is_drawn_again(strange: str) -> None:
    picture, painter = Picture(3), Painter(WIDTH)
    painter.reduce(picture.whole())
    assert painter.reduce(strange) == strange
    assert len(painter.reduce(picture.whole())) > WIDTH * HEIGHT


@pytest.mark.parametrize("aside", ["\x1b]52;c;aGVsbG8=\x07", "\x1b[?25l", "\x1b[>1u", "\x07"])
def test_what_does_not_draw_passes_and_costs_nothing_more(aside: str) -> None:
    picture, painter = Picture(4), Painter(WIDTH)
    painter.reduce(picture.whole())
    assert painter.reduce(aside) == aside
    assert len(painter.reduce(picture.whole())) < WIDTH
