"""An id is a place in the stream: packing loses nothing and keeps the order of time."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_core.transaction import (
    Place,
    instant_of_us,
    place_of,
    transaction_id,
    us_of_instant,
)

places = st.builds(
    Place,
    ms=st.integers(0, (1 << 48) - 1),
    sequence=st.integers(0, (1 << 32) - 1),
    shard=st.integers(0, 4095),
    incarnation=st.integers(0, (1 << 30) - 1),
)


@given(places)
def test_an_id_names_its_place(place: Place) -> None:
    identifier = transaction_id(*place)
    assert place_of(identifier) == place
    assert identifier.version == 7
    assert identifier.variant == "specified in RFC 4122"


@given(places, places)
def test_ids_are_ordered_as_the_stream_is(one: Place, two: Place) -> None:
    if (one.ms, one.sequence) < (two.ms, two.sequence):
        assert transaction_id(*one) < transaction_id(*two)


def test_foreign_ids_name_no_place() -> None:
    assert place_of(UUID("00000000-0000-0000-0000-000000000000")) is None
    assert place_of(UUID("8f14e45f-ceea-467f-a0e6-9d3c3f6f2b11")) is None


def test_a_place_too_large_for_an_id_is_refused() -> None:
    with pytest.raises(OverflowError):
        transaction_id(1, 1 << 32, 0, 0)


@given(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
def test_instants_are_exact_to_the_microsecond(us: int) -> None:
    assert us_of_instant(instant_of_us(us)) == us


@given(st.integers((1 << 31) * 1_000_000 - 10**7, (1 << 31) * 1_000_000 + 10**7))
def test_instants_are_exact_where_floats_end(us: int) -> None:
    assert us_of_instant(instant_of_us(us)) == us
