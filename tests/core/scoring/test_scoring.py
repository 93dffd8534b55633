"""Scores are honest: finite, deterministic, and never drawn from the value that is tested.

Hypothesis makes the histories; the examples beside them are those that an analyst would name.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_core.scoring import Assessment, ShardState, Thresholds, score_transaction
from aether_core.scoring.velocity import score_count

DAY_MS = 86_400_000
START_MS = 1_700_000_000_000

amounts = st.integers(1, 10**15)
payments = st.tuples(
    st.sampled_from(["a", "b"]),
    st.sampled_from(["EUR", "JPY"]),
    amounts,
    st.integers(START_MS - DAY_MS, START_MS + 30 * DAY_MS),
)
histories = st.lists(payments, max_size=40)


def score(
    state: ShardState,
    minor_units: int,
    at_ms: int,
    account: str = "a",
    currency: str = "EUR",
    merchant: str = "m",
) -> Assessment:
    return score_transaction(
        state,
        Thresholds(),
        account_id=account,
        merchant=merchant,
        currency=currency,
        minor_units=minor_units,
        exponent=2,
        occurred_at_ms=at_ms,
    )


def learnt(history: list[tuple[str, str, int, int]]) -> ShardState:
    state = ShardState()
    for account, currency, minor_units, at_ms in history:
        score(state, minor_units, at_ms, account, currency)
    return state


def daily(minor_units: list[int]) -> ShardState:
    """An account with one payment a day."""
    return learnt([("a", "EUR", m, START_MS + i * DAY_MS) for i, m in enumerate(minor_units)])


@given(history=histories, payment=payments)
def test_scores_are_finite_and_within_bounds(
    history: list[tuple[str, str, int, int]], payment: tuple[str, str, int, int]
) -> None:
    account, currency, minor_units, at_ms = payment
    found = score(learnt(history), minor_units, at_ms, account, currency)
    assert 0.0 <= found.score <= 1.0
    assert all(math.isfinite(reason.z_score) for reason in found.reasons)
    assert found.reasons or found.decision == "approve"


@given(history=histories, payment=payments)
def test_a_snapshot_changes_no_score(
    history: list[tuple[str, str, int, int]], payment: tuple[str, str, int, int]
) -> None:
    account, currency, minor_units, at_ms = payment
    state = learnt(history)
    copy = ShardState.from_bytes(state.to_bytes())
    assert copy.to_bytes() == state.to_bytes()
    expected = score(state, minor_units, at_ms, account, currency)
    assert score(copy, minor_units, at_ms, account, currency) == expected
    assert copy.to_bytes() == state.to_bytes()


@given(history=histories, smaller=amounts, larger=amounts)
def test_a_larger_amount_never_scores_lower(
    history: list[tuple[str, str, int, int]], smaller: int, larger: int
) -> None:
    smaller, larger = sorted((smaller, larger))
    at_ms = START_MS + 31 * DAY_MS
    low = score(learnt(history), smaller, at_ms)
    high = score(learnt(history), larger, at_ms)
    # The first amount of a currency is held against itself, to the last bit but one.
    assert low.score <= high.score + 1e-12


@given(history=histories)
def test_an_account_touches_another_only_through_the_population(
    history: list[tuple[str, str, int, int]],
) -> None:
    # The population's tables move every so many transactions; here they are held where they were.
    alone = [payment for payment in history if payment[0] == "a"]
    beside = ShardState()
    score(beside, 5_000, START_MS, "a", "EUR")
    score(beside, 5_000, START_MS, "a", "JPY")
    among = ShardState.from_bytes(beside.to_bytes())
    for state, payments_made in ((beside, alone), (among, history)):
        state.population.refresh_at = 1_000
        for account, currency, minor_units, at_ms in payments_made:
            score(state, minor_units, at_ms, account, currency)
            state.population.currencies["EUR"].mean = state.population.currencies["EUR"].anchor
            state.population.currencies["JPY"].mean = state.population.currencies["JPY"].anchor
    at_ms = START_MS + 31 * DAY_MS
    assert score(among, 5_000, at_ms) == score(beside, 5_000, at_ms)


def test_the_first_payment_is_unknown_not_unusual() -> None:
    first = score(ShardState(), 10**15, START_MS)
    assert first.decision == "approve"
    assert first.reasons == ()


def test_the_tested_amount_is_not_part_of_its_own_baseline() -> None:
    # Were it learnt first, a tenth payment of any size would pull mean and spread to itself.
    state = daily([1_000] * 9)
    before = score(state, 1_000_000, START_MS + 9 * DAY_MS)
    reason = next(reason for reason in before.reasons if reason.detector == "amount")
    assert reason.observations == 9
    assert reason.expected == pytest.approx(10.0)


def test_an_outlier_is_flagged_with_a_reason_that_names_the_numbers() -> None:
    found = score(daily([1_000 + i * 20 for i in range(20)]), 900_000, START_MS + 20 * DAY_MS)
    assert found.decision == "decline"
    reason = found.reasons[0]
    assert reason.detector == "amount"
    assert "9,000.00 EUR" in reason.text
    assert reason.observed == 9_000.0


def test_the_bound_that_the_reason_names_is_where_the_amount_passes() -> None:
    history = [1_000 + i * 20 for i in range(20)]
    flagged = score(daily(history), 100_000, START_MS + 20 * DAY_MS)
    bound = int(flagged.reasons[0].text.split("at or under ")[1].split(" EUR")[0].replace(".", ""))
    assert score(daily(history), bound, START_MS + 20 * DAY_MS).decision == "approve"
    assert score(daily(history), bound + 1, START_MS + 20 * DAY_MS).decision == "review"


def test_a_burst_is_flagged_and_the_habit_alone_is_not() -> None:
    state = daily([1_000] * 30)
    at_ms = START_MS + 30 * DAY_MS
    decisions = [score(state, 1_000, at_ms + i * 5_000).decision for i in range(12)]
    assert decisions[0] == "approve"
    assert decisions[-1] in {"review", "decline"}
    # The same number at the account's own pace.
    assert all(
        score(state, 1_000, at_ms + (i + 20) * DAY_MS).decision == "approve" for i in range(12)
    )


def test_a_new_account_that_begins_with_a_rush_is_given_the_benefit_of_the_doubt() -> None:
    state = ShardState()
    decisions = {score(state, 1_000, START_MS + i * 1_000).decision for i in range(5)}
    assert decisions == {"approve"}


def test_a_currency_is_judged_by_its_own_past() -> None:
    state = daily([1_000] * 20)
    yen = score(state, 150_000, START_MS + 20 * DAY_MS, currency="JPY")
    assert yen.decision == "approve"


@given(history=histories, late_ms=st.integers(0, 60 * DAY_MS))
def test_a_late_transaction_turns_no_clock_back(
    history: list[tuple[str, str, int, int]], late_ms: int
) -> None:
    at_ms = START_MS + 31 * DAY_MS
    state = learnt([*history, ("a", "EUR", 1_000, at_ms), ("a", "EUR", 1_000, at_ms - late_ms)])
    found = score(state, 1_000, at_ms)
    assert 0.0 <= found.score <= 1.0


@given(count=st.floats(1, 1e6), habit=st.floats(0.5, 1e6), exposure_s=st.floats(60, 1e7))
def test_more_transactions_in_a_window_never_look_less_unusual(
    count: float, habit: float, exposure_s: float
) -> None:
    less = score_count(count, habit, exposure_s, 300.0)
    assert score_count(count + 1.0, habit, exposure_s, 300.0) >= less - 1e-9


def test_bytes_that_are_no_snapshot_are_refused() -> None:
    whole = daily([1_000] * 3).to_bytes()
    for broken in (b"", b"\x00", whole[:-1], whole[:1]):
        with pytest.raises(ValueError, match="rebuild the state"):
            ShardState.from_bytes(broken)
