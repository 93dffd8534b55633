"""A past instant is read as people write it, and what is none is refused with a sentence."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_tui.instants import InstantNotUnderstood, read_past

NOW = datetime(2026, 1, 31, 14, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("14:07", datetime(2026, 1, 31, 14, 7, tzinfo=UTC)),
        ("14:07z", datetime(2026, 1, 31, 14, 7, tzinfo=UTC)),
        # Still to come today: yesterday's.
        ("14:31", datetime(2026, 1, 30, 14, 31, tzinfo=UTC)),
        ("15m", NOW - timedelta(minutes=15)),
        (" 2H ", NOW - timedelta(hours=2)),
        ("0s", NOW),
        ("2026-01-30T14:07:59.5Z", datetime(2026, 1, 30, 14, 7, 59, 500_000, tzinfo=UTC)),
        ("2026-01-30T14:07+02:00", datetime(2026, 1, 30, 12, 7, tzinfo=UTC)),
        ("2026-01-30T14:07", datetime(2026, 1, 30, 14, 7, tzinfo=UTC)),
    ],
)
def test_instants_are_read_as_people_write_them(text: str, instant: datetime) -> None:
    assert read_past(text, NOW) == instant


@pytest.mark.parametrize(
    "text", ["", "noon", "25:00", "14:61", "999999d" * 2, "999999d", "-5m", "15\u017f"]
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(InstantNotUnderstood, match="written like"):
        read_past(text, NOW)


def test_the_future_is_refused() -> None:
    with pytest.raises(InstantNotUnderstood, match="future"):
        read_past("2026-01-31T14:30:13Z", NOW)


@given(st.text(max_size=60))
def test_no_text_does_anything_else(text: str) -> None:
    with contextlib.suppress(InstantNotUnderstood):
        assert read_past(text, NOW) <= NOW
