"""A census lets a shard judge amounts as if it had seen those of all shards.

It is compared with a shard that did see all of them; Hypothesis shows what it must never change.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_core.control import Control, apply_control, decode_entry, encode_control
from aether_core.scoring import Assessment, Census, ShardState, adopt
from aether_core.scoring.census import Paid, take_census
from aether_core.scoring.fusion import CALM, Evidence
from aether_core.scoring.labels import EVIDENCE
from tests.core.scoring.test_engine import START_MS
from tests.core.scoring.test_engine import score as score_at

HOUR_MS = 3_600_000

SUSPICIOUS = EVIDENCE.pack(*CALM._replace(population=9.0, own=9.0, hands=6.0))

amounts = st.integers(1, 10**12)
payments = st.lists(
    st.builds(
        Paid,
        currency=st.sampled_from(["EUR", "JPY"]),
        minor_units=amounts,
        evidence=st.sampled_from([None, None, SUSPICIOUS]),
    ),
    min_size=1,
    max_size=60,
)


def score(state: ShardState, minor_units: int, hour: int, account: str = "new") -> Assessment:
    return score_at(state, minor_units, START_MS + hour * HOUR_MS, account)


def paid_by_a_crowd(count: int = 2_000) -> list[int]:
    """Amounts of about 25.00, the middle half between 18.00 and 35.00."""
    chance = random.Random(3)  # noqa: S311 - a seed, no secret
    return [int(100 * chance.lognormvariate(3.2, 0.5)) for _ in range(count)]


def census_of(paid: list[int]) -> Census:
    return take_census(Paid("EUR", minor_units, None) for minor_units in paid)


def surprise(state: ShardState, log_amount: float) -> float:
    population = state.population.currencies["EUR"]
    return population.tail.surprise(log_amount - population.anchor)


def test_a_shard_that_saw_an_eighth_judges_like_one_that_saw_all() -> None:
    paid = paid_by_a_crowd()
    whole, eighth = ShardState(), ShardState()
    for number, minor_units in enumerate(paid):
        score(whole, minor_units, number, f"a{number}")
        if number % 8 == 0:
            score(eighth, minor_units, number, f"a{number}")
    adopt(eighth, census_of(paid))
    for state in (whole, eighth):
        state.population.currencies["EUR"].tail.refresh()
    # Beyond what anybody paid it is the prior that counts, which lies where the first amount was.
    for log_amount, tolerance in ((6.0, 0.01), (7.8, 0.03), (8.5, 0.1), (9.5, 0.6), (11.0, 0.6)):
        expected = surprise(whole, log_amount)
        assert surprise(eighth, log_amount) == pytest.approx(expected, abs=tolerance)
    assert eighth.population.currencies["EUR"].mean == pytest.approx(
        whole.population.currencies["EUR"].mean, abs=0.05
    )


def test_a_currency_that_is_new_to_a_shard_does_not_begin_with_whatever_comes_first() -> None:
    told, blind = ShardState(), ShardState()
    adopt(told, census_of(paid_by_a_crowd()))
    # Nine million, where others pay 25.00.
    assert score(blind, 900_000_000, 0).decision == "approve"
    found = score(told, 900_000_000, 0)
    assert found.decision != "approve"
    assert found.reasons[0].detector == "population"


def test_who_has_seen_more_keeps_what_it_knows() -> None:
    state = ShardState()
    for number, minor_units in enumerate(paid_by_a_crowd(500)):
        score(state, minor_units, number, f"a{number}")
    before = state.to_bytes()
    adopt(state, census_of([100] * 400))
    assert state.to_bytes() == before


def test_what_looks_like_fraud_hardly_counts() -> None:
    paid = [Paid("EUR", minor_units, None) for minor_units in paid_by_a_crowd(500)]
    frauds = [Paid("EUR", 90_000_000, SUSPICIOUS)] * 50
    trusted, weighed = ShardState(), ShardState()
    adopt(trusted, take_census(paid + [one._replace(evidence=None) for one in frauds]))
    adopt(weighed, take_census(paid + frauds))
    assert surprise(trusted, 18.0) < 3.0
    assert surprise(weighed, 18.0) > 6.0


@given(paid=payments, factor=st.sampled_from([10, 1_000]), tested=amounts)
def test_the_unit_of_money_does_not_matter(paid: list[Paid], factor: int, tested: int) -> None:
    states = ShardState(), ShardState()
    adopt(states[0], take_census(paid))
    adopt(
        states[1], take_census(one._replace(minor_units=one.minor_units * factor) for one in paid)
    )
    one, other = (score(state, tested * f, 0) for state, f in zip(states, (1, factor), strict=True))
    # An amount on the edge of a bin may fall to either side of it.
    assert one.score == pytest.approx(other.score, abs=0.02)


@given(paid=payments, smaller=amounts, larger=amounts)
def test_a_larger_amount_never_scores_lower(paid: list[Paid], smaller: int, larger: int) -> None:
    states = ShardState(), ShardState()
    for state in states:
        adopt(state, take_census(paid))
    smaller, larger = sorted((smaller, larger))
    assert score(states[0], smaller, 0).score <= score(states[1], larger, 0).score


@given(paid=payments, after=st.lists(amounts, max_size=20))
def test_an_order_carries_it_and_a_snapshot_keeps_it(paid: list[Paid], after: list[int]) -> None:
    control = decode_entry(encode_control(Control(1, take_census(paid))))
    assert isinstance(control, Control)
    state = ShardState()
    assert apply_control(state, control)
    restarted = ShardState.from_bytes(state.to_bytes())
    for hour, minor_units in enumerate(after):
        assert score(state, minor_units, hour) == score(restarted, minor_units, hour)
    assert not apply_control(state, control)
    assert state.to_bytes() != ShardState().to_bytes()


def test_evidence_has_the_detectors_that_a_census_weighs() -> None:
    assert Evidence(*EVIDENCE.unpack(SUSPICIOUS)).population == 9.0
