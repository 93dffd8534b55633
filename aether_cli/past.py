"""`--at`: the past instant that a command is to speak of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, TypeAlias

import typer

AtOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--at",
        help="As it was then: 14:07, 15m (ago), or 2026-01-31T14:07Z; in UTC.",
        metavar="INSTANT",
    ),
]


def read_at(text: str | None) -> datetime | None:
    """Return the instant; None when none was given. Raises InvalidInput."""
    if text is None:
        return None
    from aether_core.errors import InvalidInput
    from aether_tui.instants import InstantNotUnderstood, read_past

    try:
        return read_past(text, datetime.now(UTC))
    except InstantNotUnderstood as error:
        raise InvalidInput("at", str(error)) from error
