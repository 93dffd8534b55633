"""The past: `?at=`, the instant that an answer is to be of.

In:   the parameter, as RFC 3339.
Out:  an instant that is over, and the header that says of which instant an answer is
      (`Memento-Datetime`, RFC 7089 section 2.1.1: the state of a resource as it was then).
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Annotated, Final, TypeAlias

from fastapi import Query

from aether_api.query import parse_instant
from aether_api.refusals import Responses
from aether_core.errors import InvalidInput

At: TypeAlias = Annotated[
    str | None,
    Query(
        max_length=64,
        description="RFC 3339; as it was at this past instant. `Memento-Datetime` says so.",
    ),
]
NOT_RECORDED: Final[Responses] = {404: {"description": "Nothing is kept of that minute"}}


def parse_past(text: str | None) -> datetime | None:
    """Return the instant to look back to; None: the present is wanted. Raises InvalidInput."""
    at = parse_instant("at", text)
    if at is not None and at > datetime.now(UTC):
        raise InvalidInput("at", "This instant lies in the future.")
    return at


def memento(at: datetime | None) -> dict[str, str]:
    """Return the header of an answer about an instant; none about the present."""
    return {} if at is None else {"Memento-Datetime": format_datetime(at, usegmt=True)}
