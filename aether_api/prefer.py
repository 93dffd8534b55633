"""Prefer: what a client would like, if it can be had (RFC 7240)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_QUOTED: Final = rb'"(?:[^"\\]|\\.)*+"'
_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_PREFERENCE: Final = re.compile(
    rb"[ \t]*+(%b)[ \t]*+(?:=[ \t]*+(%b|%b)?+[ \t]*+)?+((?:;(?:[^,\"]|%b)*+)?+)(?:,|$)"
    % (_TOKEN, _TOKEN, _QUOTED, _QUOTED)
)
_SECONDS: Final = re.compile(rb'"?([0-9]{1,9})"?')


def wait_preference(fields: Iterable[bytes], seconds_max: int) -> int | None:
    """Return for how many seconds a client would wait, at most `seconds_max`; None: not at all.

    fields: the Prefer fields of a request. What is malformed or unknown is ignored; of several
    preferences of one name the first counts.
    """
    text = b",".join(fields)
    at = 0
    while at < len(text):
        match = _PREFERENCE.match(text, at)
        if match is None:
            at = text.find(b",", at) + 1
            if at == 0:
                break
            continue
        if match[1].lower() == b"wait" and match[2] is not None:
            seconds = _SECONDS.fullmatch(match[2])
            if seconds is not None:
                return min(int(seconds[1]), seconds_max)
        at = match.end()
    return None
