"""Names: each stands once in a JSON object, or the body is refused.

Two readers of one body could take different values for a name that comes twice (RFC 8259 section
4), and who checked one would have let the other pass. Parsers keep the last one silently.
"""

from __future__ import annotations

import json
from typing import Any, Final

from aether_api.problems import MalformedRequest

_SPACED: Final = (b" :", b"\n:", b"\r:", b"\t:")


def refuse_double_names(body: bytes) -> None:
    """Raise MalformedRequest when a name comes twice in an object, however deep.

    What is no JSON passes: whoever reads it afterwards says what is wrong and where.
    """
    try:
        # Numbers stay text: only names are looked at.
        json.loads(body, object_pairs_hook=_once, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return


def stand_once(body: bytes, name_count: int) -> bool:
    """Whether it is sure, at a glance, that no name comes twice in a body that was read.

    name_count: different names in it, or fewer. A quote before a colon ends a name, or is escaped
    within a text: when there are as many as names, and no colon has space before it, each is one.
    """
    found = body.count(b'":')
    return found == name_count and (
        found == body.count(b":") or not any(spaced in body for spaced in _SPACED)
    )


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise MalformedRequest("A name comes twice in an object.")
