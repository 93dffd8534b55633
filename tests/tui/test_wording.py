"""Proves that texts fit the cells that they are given, and that numbers read well."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from aether_tui.cleaning import clean
from aether_tui.theme import ASCII_GLYPHS, UNICODE_GLYPHS, Glyphs
from aether_tui.wording import (
    crop,
    crop_text,
    draw_bar,
    draw_curve,
    write_age,
    write_number,
    write_rate,
)

_GLYPHS = st.sampled_from([UNICODE_GLYPHS, ASCII_GLYPHS])


@given(text=st.text(max_size=60).map(clean), width=st.integers(0, 40), glyphs=_GLYPHS)
def test_a_cell_is_exactly_as_wide_as_its_column(text: str, width: int, glyphs: Glyphs) -> None:
    assert cell_len(crop(text, width, glyphs)) == width
    assert crop_text(Text(text), width, glyphs).cell_len == width
    assert crop_text(Text(text), width, glyphs, "right").cell_len == width


def test_a_text_that_is_cut_keeps_the_styles_of_what_is_left() -> None:
    cut = crop_text(Text.assemble(("red", "red"), ("green", "green")), 5, UNICODE_GLYPHS)
    assert cut.plain == "redg…"
    assert [(s.start, s.end, s.style) for s in cut.spans] == [(0, 3, "red"), (3, 4, "green")]


@given(st.lists(st.floats(0, 1e9), max_size=700), st.integers(0, 80), _GLYPHS)
def test_a_curve_never_leaves_its_width(values: list[float], width: int, glyphs: Glyphs) -> None:
    assert len(draw_curve(values, width, glyphs)) <= width


@given(st.floats(allow_nan=False), st.integers(0, 80), _GLYPHS)
def test_a_bar_fills_its_width(share: float, width: int, glyphs: Glyphs) -> None:
    filled, empty = draw_bar(share, width, glyphs)
    assert len(filled + empty) == width


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(-1, "0.0s"), (0.44, "0.4s"), (12.3, "12s"), (119, "119s"), (180, "3m"), (7200, "2h")],
)
def test_ages(seconds: float, written: str) -> None:
    assert write_age(seconds) == written


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (None, "-"),
        (float("nan"), "-"),
        (0.0, "0"),
        (4.642, "4.64"),
        (212.4, "212"),
        (1e6, "1,000,000"),
    ],
)
def test_numbers(number: float | None, written: str) -> None:
    assert write_number(number) == written
    assert write_rate(number) == f"{written}/s"
