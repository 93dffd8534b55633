"""Charts as SVG: curves over two linear axes from 0 to 1, as text that a commit can show.

In:   curves, each a row of points.
Out:  the text of an SVG file. The same curves give the same text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

# Okabe and Ito's colours, told apart by colour-blind eyes too; a dash says it without colour.
_LOOKS = (("#0072b2", ""), ("#d55e00", ""), ("#009e73", "7 4"), ("#777777", "2 4"))
_WIDTH, _HEIGHT = 800, 420
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 44, 232, 54
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

Point = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """One line; has_marks: each of its points is to be seen."""

    name: str
    points: Sequence[Point]
    has_marks: bool = False


def draw_chart(title: str, x_name: str, y_name: str, curves: Sequence[Curve]) -> str:
    """Return an SVG of curves whose values lie between 0 and 1."""
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            'font-family="sans-serif" font-size="13" fill="#222222">'
        ),
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        _text(_LEFT, 24, title, size=15, weight="bold"),
    ]
    for tick in _TICKS:
        x, y = _x(tick), _y(tick)
        parts += [
            (
                f'<path d="M{x:.1f} {_y(0):.1f}V{_y(1):.1f}M{_x(0):.1f} {y:.1f}H{_x(1):.1f}" '
                'stroke="#e4e4e4"/>'
            ),
            _text(x, _y(0) + 20, f"{tick:g}", anchor="middle"),
            _text(_x(0) - 8, y + 4, f"{tick:g}", anchor="end"),
        ]
    parts += [
        _text(_x(0.5), _HEIGHT - 12, x_name, anchor="middle"),
        (
            f'<g transform="translate(18 {_y(0.5):.1f}) rotate(-90)">'
            f"{_text(0, 0, y_name, anchor='middle')}</g>"
        ),
    ]
    for number, curve in enumerate(curves):
        parts += _curve(number, curve)
    return "\n".join([*parts, "</svg>", ""])


def _curve(number: int, curve: Curve) -> list[str]:
    colour, dash = _LOOKS[number % len(_LOOKS)]
    look = f'stroke="{colour}" stroke-width="2"' + (f' stroke-dasharray="{dash}"' if dash else "")
    path = "L".join(f"{_x(x):.1f} {_y(y):.1f}" for x, y in curve.points)
    legend_y = _TOP + 10 + 22 * number
    parts = [
        f'<path d="M{path}" fill="none" {look}/>',
        f'<path d="M{_x(1) + 16:.1f} {legend_y}h28" fill="none" {look}/>',
        _text(_x(1) + 52, legend_y + 4, curve.name),
    ]
    if curve.has_marks:
        parts += [
            f'<circle cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="4" fill="{colour}"/>'
            for x, y in curve.points
        ]
    return parts


def _x(value: float) -> float:
    return _LEFT + value * (_WIDTH - _LEFT - _RIGHT)


def _y(value: float) -> float:
    return _HEIGHT - _BOTTOM - value * (_HEIGHT - _TOP - _BOTTOM)


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 13, weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'font-weight="{weight}">{escape(text)}</text>'
    )
