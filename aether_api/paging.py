"""Paging: opaque keyset cursors and RFC 8288 Link headers.

A cursor says after which id the next page begins and which filters it belongs to; it is no secret
and no permission: whoever presents it sees what they may see, and no more. One that this gateway
did not make, or that comes with other filters, is refused rather than misunderstood.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping, MutableSequence
from hashlib import blake2b
from typing import Final, Protocol, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request

from aether_core.errors import InvalidCursor

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 500

_VERSION: Final = b"\x01"
_CHECK_SIZE: Final = 8


class Listed(Protocol):
    """What most lists are made of."""

    @property
    def id(self) -> UUID | int:
        """By which the next page is found."""


Item = TypeVar("Item", bound=Listed)
AnyItem = TypeVar("AnyItem")


class Page:
    """One page of a list, as a request asks for it."""

    def __init__(self, request: Request, cursor: str | None) -> None:
        self._path = request.url.path
        self._query = {n: v for n, v in request.query_params.items() if n != "cursor"}
        self._filters = {n: v for n, v in self._query.items() if n != "limit"}
        self._cursor = cursor

    @property
    def before(self) -> UUID | None:
        """The id after which it begins; None: at the newest. Raises InvalidCursor."""
        return None if self._cursor is None else read_cursor(self._cursor, self._filters)

    @property
    def before_number(self) -> int | None:
        """The same where ids are numbers. Raises InvalidCursor."""
        return None if self.before is None else self.before.int

    def cut(self, found: MutableSequence[Item], limit: int) -> dict[str, str]:
        """Take off what was found beyond the page; return the header that leads to it, if any."""
        return self.cut_by(lambda item: item.id, found, limit)

    def cut_by(
        self, place_of: Callable[[AnyItem], UUID | int], found: MutableSequence[AnyItem], limit: int
    ) -> dict[str, str]:
        """Do so for items that have another id: place_of says where each stands."""
        if len(found) <= limit:
            return {}
        del found[limit:]
        cursor = make_cursor(place_of(found[-1]), self._filters)
        return {"Link": next_link(self._path, self._query, cursor)}


def make_cursor(last: UUID | int, filters: Mapping[str, str]) -> str:
    """Return the cursor of the page after `last`; filters: the query without limit and cursor."""
    last = UUID(int=last) if isinstance(last, int) else last
    raw = _VERSION + last.bytes + _check(last, filters)
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def read_cursor(cursor: str, filters: Mapping[str, str]) -> UUID:
    """Return the id after which the page begins. Raises InvalidCursor."""
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        last = UUID(bytes=raw[1:17])
    except (Base64Error, UnicodeEncodeError, ValueError) as error:
        raise InvalidCursor from error
    if make_cursor(last, filters) != cursor:
        raise InvalidCursor
    return last


def next_link(path: str, query: Mapping[str, str], cursor: str) -> str:
    """Return the Link header that leads to the next page."""
    return f'<{path}?{urlencode({**query, "cursor": cursor})}>; rel="next"'


def _check(last: UUID, filters: Mapping[str, str]) -> bytes:
    text = urlencode(sorted(filters.items()))
    return blake2b(last.bytes + text.encode(), digest_size=_CHECK_SIZE, person=b"cursor").digest()
