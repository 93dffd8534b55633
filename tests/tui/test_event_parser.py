"""Proves that the live feed's parser yields the same events wherever the network cuts the bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_tui.events import BUFFER_BYTES_MAX, EventParser, RawEvent, StreamBroken

# Without line ends, which separate the lines of a field; U+2028 and U+0085 do not.
_LINES = st.text(alphabet=st.sampled_from('ab:{"}, \té界\u2028\u0085\x00\x1b'), max_size=12)
_NAMES = st.from_regex(r"[a-z]{1,10}", fullmatch=True)


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[RawEvent]]:
    """Bytes of an event stream, and the events in it."""
    line_end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    written: list[str] = []
    events: list[RawEvent] = []
    for _ in range(draw(st.integers(0, 6))):
        if draw(st.booleans()):
            written.append(f": {draw(_LINES)}{line_end}")
            events.append(RawEvent("", b"", None))
        kind = draw(st.none() | _NAMES)
        identifier = draw(st.none() | _LINES.map(lambda text: text.replace("\0", "")))
        data = draw(st.lists(_LINES, max_size=3))
        fields = [] if kind is None else [f"event: {kind}"]
        fields += [] if identifier is None else [f"id: {identifier}"]
        fields += [f"data: {line}" for line in data] + ["retry: 1000", "unknown: x", "bare"]
        written.append("".join(f"{line}{line_end}" for line in fields) + line_end)
        if data:
            events.append(RawEvent(kind or "message", "\n".join(data).encode(), identifier))
        elif identifier is not None:
            events.append(RawEvent("", b"", identifier))
    return "".join(written).encode(), events


@given(stream=streams(), data=st.data())
def test_any_cutting_gives_the_same_events(
    stream: tuple[bytes, list[RawEvent]], data: st.DataObject
) -> None:
    sent, expected = stream
    cuts = data.draw(st.lists(st.integers(0, len(sent)), max_size=20))
    parser = EventParser()
    places = [0, *sorted(cuts), len(sent)]
    events = [e for start, end in pairwise(places) for e in parser.feed(sent[start:end])]
    # A last CR may yet become CRLF: it is acted on when something follows.
    events += parser.feed(b"\n" if sent.endswith(b"\r") else b"")
    assert events == expected


def test_an_unfinished_event_is_not_told() -> None:
    parser = EventParser()
    assert parser.feed(b"event: transaction\ndata: {}\n") == []
    assert parser.feed(b"\n") == [RawEvent("transaction", b"{}", None)]


def test_an_endless_event_is_refused_before_it_fills_the_memory() -> None:
    parser = EventParser()
    line = b"data: " + b"x" * (BUFFER_BYTES_MAX // 2) + b"\n"
    assert parser.feed(line) == []
    with pytest.raises(StreamBroken):
        parser.feed(line + line)


def test_an_endless_line_is_refused_before_it_fills_the_memory() -> None:
    parser = EventParser()
    with pytest.raises(StreamBroken):
        parser.feed(b"x" * (BUFFER_BYTES_MAX + 1))
