"""JSON bodies: UTF-8 as RFC 8259 has it and nothing that only some parsers take, each name once.

In:   the bytes of a body, before anybody reads it.
Out:  nothing, or an error with the position of what is wrong, never with what stands there.
Parsers differ: Python's own takes UTF-16, byte order marks, NaN and lone surrogates, and makes an
infinity of 1e999. Whoever checked a body by one parser would let pass what another reads otherwise.
"""

from __future__ import annotations

import msgspec

from aether_api.names import refuse_double_names
from aether_api.problems import MalformedRequest
from aether_core.errors import InvalidInput

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_skim = msgspec.json.Decoder(msgspec.Raw).decode
_read = msgspec.json.Decoder().decode


def check_body(body: bytes) -> None:
    """Check a body that is one object and is going to be read by a parser less strict than this.

    Raises MalformedRequest, and InvalidInput for what is no object.
    """
    check_syntax(body)
    try:
        found = _read(body)
    except msgspec.ValidationError:
        raise MalformedRequest("A number in the body is out of range.") from None
    except (ValueError, RecursionError) as error:
        raise malformed(error, len(body)) from None
    # Where a body may be left out, null is not another way to do that.
    if not isinstance(found, dict):
        raise InvalidInput("body", "The body must be a JSON object.")
    refuse_double_names(body)


def check_syntax(body: bytes) -> None:
    """Check that a body is one JSON text in UTF-8, whatever its numbers and names.

    Raises MalformedRequest.
    """
    if body.startswith(_BYTE_ORDER_MARK):
        raise MalformedRequest("The body is not valid JSON: a byte order mark (byte 0).")
    try:
        body.decode()
        _skim(body)
    except (ValueError, RecursionError) as error:
        raise malformed(error, len(body)) from None


def malformed(error: Exception, length: int) -> MalformedRequest:
    """Say where a decoder found a body of this length, in bytes, to be no JSON."""
    if isinstance(error, UnicodeDecodeError):
        return MalformedRequest(f"The body is not valid UTF-8 (byte {error.start}).")
    if isinstance(error, RecursionError):
        return MalformedRequest("The body is nested too deeply.")
    # The decoder's own sentence never quotes the body; it gives the position, but for the end.
    reason = str(error).removeprefix("JSON is malformed: ")
    where = "" if "(byte " in reason else f" (byte {length})"
    return MalformedRequest(f"The body is not valid JSON: {reason}{where}.")
