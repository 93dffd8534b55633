"""Proves that every palette is readable (WCAG 2.2), and that changing it repaints what is seen."""

from __future__ import annotations

import pytest
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as TextualColor

from aether_tui.palettes import CONTRAST, DARK, LIGHT, PALETTES, Palette, Repaint
from tests.running import Account, RunningSystem
from tests.tui.driving import Console, Traffic, new_merchant, signed_in

# WCAG 2.2, 1.4.3 and 1.4.6; 1.4.11 for what is not text.
_CONTRAST_MIN = {"dark": 4.5, "light": 4.5, "contrast": 7.0}
_SIGN_CONTRAST_MIN = 3.0
_TEXTS = ("faint", "muted", "text", "bright", "blue", "green", "orange", "vermilion")
_LINES = ("chart_history", "chart_forecast")


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in TextualColor.parse(colour).normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("palette", PALETTES.values(), ids=lambda p: p.name)
def test_texts_stand_out_from_every_ground(palette: Palette) -> None:
    for ground in (palette.ground, palette.surface):
        for name in _TEXTS:
            assert _contrast(getattr(palette, name), ground) >= _CONTRAST_MIN[palette.name], name
        for name in _LINES:
            assert _contrast(getattr(palette, name), ground) >= _SIGN_CONTRAST_MIN, name
    assert _contrast(palette.bright, palette.cursor) >= _CONTRAST_MIN[palette.name]
    assert _contrast(palette.bright, palette.raised) >= _CONTRAST_MIN[palette.name]


def test_only_the_palettes_colours_are_repainted() -> None:
    style = Style(color=DARK.orange, bgcolor=DARK.cursor, bold=True)
    other = Style(color="#123456")
    plain = Segment("x", None)
    repaint = Repaint(LIGHT)
    first, second, third = repaint.apply(
        [Segment("a", style), Segment("b", other), plain], TextualColor(0, 0, 0)
    )
    assert first == Segment("a", Style(color=LIGHT.orange, bgcolor=LIGHT.cursor, bold=True))
    assert second == Segment("b", other)
    assert third is plain


def _grounds(console: Console) -> set[str]:
    strips = console.app.screen._compositor.render_strips()
    colours = (s.style.bgcolor for strip in strips for s in strip if s.style is not None)
    return {colour.get_truecolor().hex for colour in colours if colour is not None}


async def test_a_key_changes_the_palette_of_every_screen(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    # More than a screen: what scrolls has its own colours.
    await traffic.send(new_merchant(), amounts=("10.00",) * 60)
    async with signed_in(system, analyst) as console:
        await console.press("4")
        await console.sees("[4 Forecast]")
        await console.press("1")
        await console.wait(lambda: DARK.ground in _grounds(console), "the dark ground")
        for palette, before in ((LIGHT, DARK), (CONTRAST, LIGHT)):
            await console.press("T")
            for digit, title in (("1", "[1 Overview]"), ("4", "[4 Forecast]"), ("2", "[2 Trans")):
                await console.press(digit)
                await console.sees(title)
                await console.wait(
                    lambda new=palette, old=before: (  # type: ignore[misc]
                        new.ground in (grounds := _grounds(console)) and old.ground not in grounds
                    ),
                    palette.title,
                )
        await console.press("T")

        def is_grey() -> bool:
            return all(
                c.red == c.green == c.blue
                for c in (Color.parse(ground).get_truecolor() for ground in _grounds(console))
            )

        await console.wait(is_grey, "greys only")
        await console.press("T")
        await console.wait(lambda: DARK.ground in _grounds(console), "the dark ground again")


async def test_a_palette_is_chosen_at_the_start(system: RunningSystem, analyst: Account) -> None:
    async with signed_in(system, analyst, palette="light") as console:
        await console.wait(lambda: LIGHT.ground in _grounds(console), "the light ground")
        assert DARK.ground not in _grounds(console)
