"""Emphases as people write them on the command line: velocity=0.5."""

from __future__ import annotations

from collections.abc import Iterable

import typer


def read_emphasis(texts: Iterable[str]) -> dict[str, float]:
    """Return detector → factor. Raises typer.BadParameter for what is no `detector=factor`."""
    emphasis = {}
    for text in texts:
        detector, _, factor = text.partition("=")
        try:
            emphasis[detector] = float(factor)
        except ValueError:
            raise typer.BadParameter(
                f"{text!r} is no detector and factor such as velocity=0.5.",
                param_hint="--emphasis",
            ) from None
    return emphasis
