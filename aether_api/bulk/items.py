"""Items: the parts of a bulk body, taken out of it while it arrives.

In:   the body's bytes in whatever pieces the network makes of them.
Out:  the bytes of each item, in order; never more of the body than one piece and one item is held.
An array that is short is read whole first: when it is broken nothing of it is used. A longer one is
used item by item, up to where it breaks.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from starlette.types import Receive

from aether_api.bodies import ClientLeft
from aether_api.json_bodies import malformed
from aether_api.problems import MalformedRequest
from aether_core.errors import InvalidInput

ARRAY_BYTES_WHOLE_MAX: Final = 1024 * 1024
"""An array of up to so many bytes is refused as a whole when it is broken."""

_CUTS_TRIED_MAX: Final = 3
_SPACE = re.compile(r"[ \t\n\r]*")
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


def lines_of(body: bytes, length_max: int) -> list[bytes]:
    """Return the lines of a body that is there completely, as `read_lines` yields them."""
    return _kept(body.split(b"\n"), length_max)


async def read_lines(receive: Receive, length_max: int) -> AsyncIterator[list[bytes]]:
    """Yield the body's lines as they arrive, blank ones left out.

    A line that is too long is cut, to one byte more than `length_max`.
    Raises ClientLeft when the client goes before the end: a last line that may be cut is not used.
    """
    rest = b""
    is_last = False
    while not is_last:
        data, is_last = await _receive_piece(receive)
        *lines, rest = (rest + data).split(b"\n")
        if is_last:
            lines.append(rest)
        elif len(rest) > length_max:
            rest = rest[: length_max + 1]
        kept = _kept(lines, length_max)
        if kept:
            yield kept


async def read_array(receive: Receive, length_max: int) -> AsyncIterator[list[bytes]]:
    """Yield the items of a JSON array as they arrive; of a short one all together, at its end.

    length_max: of an item. Raises MalformedRequest or InvalidInput where the array ends being one,
    and ClientLeft when the client goes before its end.
    """
    data, is_last = await _receive_piece(receive)
    pieces, size = [data], len(data)
    while not is_last and size <= ARRAY_BYTES_WHOLE_MAX:
        data, is_last = await _receive_piece(receive)
        pieces.append(data)
        size += len(data)
    data = b"".join(pieces)
    del pieces
    if is_last and size <= ARRAY_BYTES_WHOLE_MAX:
        yield items_of(data)
        return
    splitter = ArraySplitter(length_max)
    while True:
        items = splitter.feed(data)
        if is_last:
            items += splitter.finish()
        if items:
            yield items
        if is_last:
            break
        data, is_last = await _receive_piece(receive)
    splitter.check_end()


class ArraySplitter:
    """Splits a JSON array into its items while it arrives."""

    def __init__(self, length_max: int) -> None:
        """length_max: most bytes of an item."""
        self._length_max = length_max
        self._rest = b""
        self._looked_at = 0
        self._is_begun = False
        self._is_closed = False
        self._may_close = True
        """Nothing, or a whole item, stands before the rest: a bracket may follow at once."""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the items that are complete by now.

        Raises InvalidInput when it is no array, MalformedRequest when an item is broken or too
        long to be kept; whatever stands before it was returned earlier.
        """
        self._rest += data
        if not self._is_begun:
            self._begin()
        if self._is_closed:
            self._check_nothing_follows()
        if self._is_closed or not self._is_begun:
            return []
        items = self._cut()
        # What could not be taken is looked at again when there is twice as much of it, so that
        # the time for a body that comes byte by byte stays in proportion to its length.
        if len(self._rest) < 2 * self._looked_at:
            return items
        items += self._step()
        self._looked_at = len(self._rest)
        if not items and len(self._rest) > self._length_max:
            raise MalformedRequest(
                f"An item is not valid JSON, or longer than {self._length_max} bytes."
            )
        return items

    def finish(self) -> list[bytes]:
        """Return the last items, at the end of the body."""
        return self._step() if self._is_begun and not self._is_closed else []

    def check_end(self) -> None:
        """Check that the array ended with the body. Raises MalformedRequest."""
        if not self._is_closed:
            raise MalformedRequest("The body is not valid JSON: the array breaks off.")
        self._check_nothing_follows()

    def _begin(self) -> None:
        self._rest = self._rest.lstrip(b" \t\n\r")
        if self._rest:
            if not self._rest.startswith(b"["):
                raise InvalidInput("body", "The body must be a JSON array.")
            self._rest = self._rest[1:]
            self._is_begun = True

    def _cut(self) -> list[bytes]:
        """Take all items before the last place that looks like the end of one, in one go.

        Such a place is one exactly when what stands before it is valid between brackets.
        """
        end = len(self._rest)
        for _ in range(_CUTS_TRIED_MAX):
            end = self._rest.rfind(b"},", 0, end)
            if end < 0:
                break
            try:
                items = _decode_array(b"[%b]" % self._rest[: end + 1])
            except (ValueError, RecursionError):
                continue
            self._rest = self._rest[end + 2 :]
            self._looked_at = 0
            self._may_close = False
            return [bytes(item) for item in items]
        return []

    def _step(self) -> list[bytes]:
        """Take item by item, whatever they are, up to the first that is not complete."""
        text = self._rest.decode("utf-8", "surrogateescape")
        at, items = 0, []
        while True:
            start = _after_space(text, at)
            if self._may_close and text.startswith("]", start):
                self._is_closed = True
                at = start + 1
                break
            try:
                _, end = _decoder.raw_decode(text, start)
            except (ValueError, RecursionError, IndexError):
                break
            follows = _after_space(text, end)
            # A number is complete only when something else follows.
            if not text.startswith((",", "]"), follows):
                break
            items.append(text[start:end].encode("utf-8", "surrogateescape"))
            self._may_close = text[follows] == "]"
            at = follows if self._may_close else follows + 1
        self._rest = text[at:].encode("utf-8", "surrogateescape")
        return items

    def _check_nothing_follows(self) -> None:
        if self._rest.strip(b" \t\n\r"):
            raise MalformedRequest("The body is not valid JSON: something follows the array.")
        self._rest = b""


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


# Only where values end is of interest; numbers stay text.
_decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse_constant)


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None  # noqa: S101 - it matches nothing, too
    return match.end()


def items_of(body: bytes) -> list[bytes]:
    """Return the items of an array that is there completely.

    Raises MalformedRequest, InvalidInput.
    """
    try:
        items = _decode_array(body)
    except msgspec.ValidationError as error:
        raise InvalidInput("body", "The body must be a JSON array.") from error
    except (ValueError, RecursionError) as error:
        raise malformed(error, len(body)) from error
    return [bytes(item) for item in items]


def _kept(lines: list[bytes], length_max: int) -> list[bytes]:
    return [line[: length_max + 1] for line in lines if line and not line.isspace()]


async def _receive_piece(receive: Receive) -> tuple[bytes, bool]:
    """Return what has arrived of the body, and whether that is its end. Raises ClientLeft."""
    message = await receive()
    if message["type"] != "http.request":
        raise ClientLeft
    return message.get("body", b""), not message.get("more_body", False)
