"""Spans of time as people write them on the command line: 7d, 12h, 30m."""

from __future__ import annotations

from typing import Final

import typer

_UNITS_S: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def read_span_s(text: str, option: str) -> int:
    """Return the seconds of a span; option: whose value it is. Raises typer.BadParameter."""
    unit = _UNITS_S.get(text[-1:])
    if unit is None or not (text[:-1].isascii() and text[:-1].isdecimal()):
        raise typer.BadParameter(f"{text!r} is no span such as 7d, 12h or 30m.", param_hint=option)
    return int(text[:-1]) * unit
