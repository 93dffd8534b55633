"""What a detector is said to see is what it flags: no more, no less, and blindness is told."""

from __future__ import annotations

import random

from aether_core.scoring import ShardState, Thresholds, score_transaction
from aether_core.scoring.sight import look

DAY_MS = 86_400_000
START_MS = 1_700_000_000_000
NOW_MS = START_MS + 60 * DAY_MS


def pay(state: ShardState, account: str, minor_units: int, at_ms: int) -> float:
    return score_transaction(
        state,
        Thresholds(),
        account_id=account,
        merchant="m",
        currency="EUR",
        minor_units=minor_units,
        exponent=2,
        occurred_at_ms=at_ms,
    ).score


def lived() -> ShardState:
    chance = random.Random(3)  # noqa: S311 - a seed, no secret
    state = ShardState()
    for day in range(60):
        for account in ("small", "large"):
            middle = 2.0 if account == "small" else 5.0
            minor = int(100 * chance.lognormvariate(middle, 0.4))
            pay(state, account, minor, START_MS + day * DAY_MS)
    return state


def sight(state: ShardState, account: str, detector: str) -> tuple[int, int | None]:
    (found,) = [
        one for one in look(state, Thresholds(), account, "EUR", NOW_MS) if one.detector == detector
    ]
    return found.observations, found.least


def test_the_least_amount_is_flagged_and_it_is_each_account_s_own() -> None:
    state = lived()
    observations, small = sight(state, "small", "amount")
    _, large = sight(state, "large", "amount")
    assert observations == 60
    assert small is not None
    assert large is not None
    assert small < large / 3
    assert pay(ShardState.from_bytes(state.to_bytes()), "small", small, NOW_MS) >= 0.70
    assert pay(ShardState.from_bytes(state.to_bytes()), "small", small // 2, NOW_MS) < 0.70


def test_the_least_burst_is_a_number_of_payments() -> None:
    observations, least = sight(lived(), "small", "velocity")
    assert observations > 8
    assert least is not None
    assert 3 <= least <= 20


def test_nothing_is_seen_of_what_nobody_knows() -> None:
    found = look(ShardState(), Thresholds(), "nobody", "EUR", NOW_MS)
    assert all(one.is_blind for one in found)
    known = {one.detector for one in look(lived(), Thresholds(), "small", "EUR", NOW_MS)
             if not one.is_blind}  # fmt: skip
    assert known == {
        "amount",
        "population",
        "takeover",
        "velocity",
        "merchant_velocity",
        "novelty",
        "repetition",
    }


def test_looking_changes_nothing() -> None:
    state = lived()
    before = state.to_bytes()
    look(state, Thresholds(), "small", "JPY", NOW_MS)
    assert state.to_bytes() == before
