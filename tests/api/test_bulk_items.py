"""The items of a long JSON array are found while it arrives, whatever pieces it comes in.

Held against the standard library's reader, for arrays of anything, cut and broken anywhere.
"""

from __future__ import annotations

import json
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aether_api.bulk.items import ArraySplitter
from aether_api.problems import MalformedRequest
from aether_core.errors import InvalidInput

texts = st.text(st.sampled_from('a},{["]\\:/ü€😀\n'), max_size=8)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
separators = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " : "), (",\r\n\t", ":")])


def pieces_of(body: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(body) + 1) for cut in cuts})
    return [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]


def split(pieces: list[bytes], length_max: int = 10_000) -> tuple[list[Any], Exception | None]:
    """Return what was found, and what was wrong."""
    splitter = ArraySplitter(length_max)
    found: list[bytes] = []
    try:
        for piece in pieces:
            found += splitter.feed(piece)
        found += splitter.finish()
        splitter.check_end()
    except (MalformedRequest, InvalidInput) as error:
        return [json.loads(item) for item in found], error
    return [json.loads(item) for item in found], None


@settings(max_examples=60)
@given(
    st.lists(values, max_size=12), separators, st.booleans(), st.lists(st.integers(0), max_size=9)
)
def test_items_are_those_of_the_whole(
    items: list[Any], between: tuple[str, str], is_ascii: bool, cuts: list[int]
) -> None:
    body = f" {json.dumps(items, separators=between, ensure_ascii=is_ascii)} \n".encode()
    assert split(pieces_of(body, cuts)) == (items, None)


@settings(max_examples=60)
@given(
    st.lists(values, min_size=1, max_size=8),
    st.integers(0),
    st.sampled_from([b"", b"}", b"]", b",", b"x", b'"', b"{"]),
    st.lists(st.integers(0), max_size=5),
)
def test_of_a_broken_array_only_what_stands_before_is_found(
    items: list[Any], place: int, instead: bytes, cuts: list[int]
) -> None:
    whole = json.dumps(items).encode()
    at = place % len(whole)
    body = whole[:at] + instead + whole[at + 1 :]
    try:
        expected = json.loads(body)
    except ValueError:
        expected = None
    found, error = split(pieces_of(body, cuts))
    if isinstance(expected, list):
        assert (found, error) == (expected, None)
        return
    assert error is not None
    # An item is whole when what follows it stands before the break, too.
    ends = accumulate(len(json.dumps(item)) + 2 for item in items)
    whole_count = sum(end <= at for end in ends)
    assert found[:whole_count] == items[:whole_count]


@pytest.mark.parametrize(
    "body",
    [b"[" * 5_000, b'["' + b"a" * 5_000, b"[1," + b" " * 5_000, b'[{"a":' * 900, b"[1 2]" * 500],
)
def test_nothing_is_kept_without_limit(body: bytes) -> None:
    pieces = [body[at : at + 100] for at in range(0, len(body), 100)]
    _, error = split([*pieces, b" " * 2_000], length_max=1_000)
    assert isinstance(error, MalformedRequest)
    assert "1000 bytes" in str(error) or "follows" in str(error)
