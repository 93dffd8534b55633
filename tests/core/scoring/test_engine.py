"""What must hold of the engine whatever it has seen, and what it must catch.

Hypothesis makes histories with labels; the attacks are told one by one, with the payments that must
have raised an alert by then.
"""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_core.scoring import (
    Assessment,
    Label,
    ShardState,
    Suppression,
    Thresholds,
    learn,
    score_transaction,
    suppress,
)
from aether_core.scoring.fusion import Evidence, LayerWeights, fuse, fused_log_odds, weigh
from aether_core.scoring.labels import EVIDENCE
from aether_core.scoring.learning import Learner, fit_weights
from aether_core.scoring.population import OWN_FORM
from aether_core.scoring.spells import DAY_S, MERCHANT, LifeTable, Spell, chance_now, learn_label
from aether_core.scoring.spending import FRESH, SPENDING
from aether_core.scoring.state import RECORD
from aether_core.scoring.tails import Tail

DAY_MS = 86_400_000
START_MS = 1_700_000_000_000

payments = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["m", "n"]),
    st.integers(1, 10**9),
    st.integers(0, 40 * DAY_MS),
    st.sampled_from([None, False, True]),
)
histories = st.lists(payments, max_size=40)
evidences = st.builds(
    Evidence,
    *(st.floats(0, 30, width=32) for _ in range(4)),
    st.floats(-12, 10, width=32),
    *(st.floats(0, 30, width=32) for _ in range(4)),
)


def score(
    state: ShardState, minor_units: int, at_ms: int, account: str = "a", merchant: str = "m"
) -> Assessment:
    return score_transaction(
        state,
        Thresholds(),
        account_id=account,
        merchant=merchant,
        currency="EUR",
        minor_units=minor_units,
        exponent=2,
        occurred_at_ms=at_ms,
    )


def live(state: ShardState, history: list[tuple[str, str, int, int, bool | None]]) -> list[float]:
    """Score a history; each label arrives right after its payment."""
    scores = []
    for account, merchant, minor_units, at_ms, is_fraud in history:
        found = score(state, minor_units, START_MS + at_ms, account, merchant)
        scores.append(found.score)
        if is_fraud is not None:
            learn(state, Label(account, merchant, START_MS + at_ms, is_fraud, found.evidence))
    return scores


@given(history=histories, cut=st.integers(0, 40))
def test_a_restart_anywhere_changes_no_score(
    history: list[tuple[str, str, int, int, bool | None]], cut: int
) -> None:
    whole = ShardState()
    expected = live(whole, history)
    first = ShardState()
    scores = live(first, history[:cut])
    second = ShardState.from_bytes(first.to_bytes())
    assert [*scores, *live(second, history[cut:])] == expected
    assert second.to_bytes() == whole.to_bytes()
    assert all(0.0 <= one <= 1.0 and math.isfinite(one) for one in expected)


@given(history=histories, factor=st.sampled_from([10, 100, 1000]))
def test_the_unit_of_money_does_not_matter(
    history: list[tuple[str, str, int, int, bool | None]], factor: int
) -> None:
    scaled = [(a, m, minor * factor, at, label) for a, m, minor, at, label in history]
    for one, other in zip(live(ShardState(), history), live(ShardState(), scaled), strict=True):
        assert one == pytest.approx(other, abs=1e-6)


@given(found=evidences, field=st.sampled_from(Evidence._fields), more=st.floats(0, 20))
def test_more_evidence_never_lowers_the_score(found: Evidence, field: str, more: float) -> None:
    weights = LayerWeights()
    worse = found._replace(**{field: getattr(found, field) + more})
    assert fuse(weigh(worse, weights)) >= fuse(weigh(found, weights)) - 1e-9
    assert fused_log_odds(weights, *found) == pytest.approx(fuse(weigh(found, weights)), abs=1e-9)


@given(values=st.lists(st.floats(-20, 40), max_size=200), tested=st.lists(st.floats(-20, 40)))
def test_a_larger_value_never_surprises_less(values: list[float], tested: list[float]) -> None:
    tail = Tail(OWN_FORM)
    for value in values:
        tail.add(value, 1.0)
    tail.refresh()
    surprises = [tail.surprise(value) for value in sorted(tested)]
    assert all(low <= high + 1e-12 for low, high in pairwise(surprises))
    assert all(0.0 <= one < 100.0 for one in surprises)


@given(evidence=st.lists(st.tuples(evidences, st.booleans()), min_size=30, max_size=60))
def test_labels_of_any_kind_keep_the_weights_within_bounds(
    evidence: list[tuple[Evidence, bool]],
) -> None:
    weights = fit_weights(LayerWeights(), evidence)
    assert weights.takeover_own >= 0.2
    assert weights.merchant_spell >= 0.3
    assert all(math.isfinite(getattr(weights, name)) for name in weights.__struct_fields__)


def test_the_layer_learns_which_detector_is_right_and_forgets_what_is_taken_back() -> None:
    chance = random.Random(1)  # noqa: S311 - a seed, no secret
    learner = Learner()
    calm = Evidence(1.0, 1.0, 0.0, 0.0, -5.65, 0.7)
    for _ in range(1_000):
        surprise = chance.uniform(4, 12)
        is_fraud = chance.random() < 1 / (1 + math.exp(-(surprise * 1.6 - 13)))
        learner.learn(calm._replace(own=surprise), is_fraud=is_fraud)
        learner.learn(calm._replace(burst=surprise), is_fraud=False)
    assert fused_log_odds(learner.weights, *calm._replace(own=11.0)) > 2.0
    assert fused_log_odds(learner.weights, *calm._replace(burst=11.0)) < -2.0
    # The scores mean what they say: of those near 0.8 about so many are fraud.
    odds = [s / 10 for s in range(40, 120)]
    near = [s for s in odds if 0.7 < _chance(learner.weights, calm, s) < 0.9]
    share = sum(1 / (1 + math.exp(-(s * 1.6 - 13))) for s in near) / len(near)
    assert 0.6 < share < 0.95
    before = len(learner.examples)
    learner.forget(calm._replace(own=-1.0), is_fraud=True)
    learner.forget(learner.examples[-1][0], is_fraud=False)
    assert len(learner.examples) == before - 1


def _chance(weights: LayerWeights, calm: Evidence, surprise: float) -> float:
    return 1 / (1 + math.exp(-fused_log_odds(weights, *calm._replace(own=surprise))))


def test_a_resolution_that_is_taken_back_leaves_no_trace() -> None:
    state = ShardState()
    for day in range(20):
        score(state, 1_000 + day, START_MS + day * DAY_MS)
    found = score(state, 900_000, START_MS + 20 * DAY_MS)
    assert found.evidence is not None
    before = state.to_bytes()
    label = Label("a", "m", START_MS + 20 * DAY_MS, True, found.evidence)
    learn(state, label)
    assert state.merchant_spells["m"].fraud_count == 1
    learn(state, msgspec.structs.replace(label, is_withdrawn=True))
    state.learner.unfitted -= 1
    assert state.to_bytes() == before


def test_the_length_of_spells_is_learnt_from_those_that_ended() -> None:
    table = LifeTable(MERCHANT)
    table.refresh()
    unlearnt = table.survival(5 * DAY_S, 20 * DAY_S)
    for merchant in range(40):
        spell = Spell(MERCHANT.calm, merchant * DAY_S, merchant * DAY_S)
        for day in range(20):
            at = (merchant + day) * DAY_S
            learn_label(spell, table, at, is_fraud=day < 12, in_spell=0.9, outside=0.001)
    table.refresh()
    assert table.survival(0.0, 8 * DAY_S) > 0.8
    assert table.survival(5 * DAY_S, 20 * DAY_S) < 0.2 < unlearnt
    fresh = Spell(0.99, 0.0, 0.0)
    assert chance_now(fresh, table, 8 * DAY_S) > 0.75
    assert chance_now(fresh, table, 25 * DAY_S) < 0.2


def crowd(state: ShardState, days: int = 30, accounts: int = 60) -> None:
    """Sixty accounts that pay about 25.00 once a day."""
    chance = random.Random(2)  # noqa: S311 - a seed, no secret
    for day in range(days):
        for number in range(accounts):
            at_ms = START_MS + day * DAY_MS + number * DAY_MS // accounts
            minor = int(100 * chance.lognormvariate(3.2, 0.5))
            score(state, minor, at_ms, f"a{number}", f"m{chance.randrange(20)}")


@pytest.fixture
def busy() -> ShardState:
    state = ShardState()
    crowd(state)
    return state


NOW_MS = START_MS + 30 * DAY_MS


def first_alert(assessments: list[Assessment]) -> int | None:
    """Return which payment of an attack raised its first alert."""
    return next((i for i, one in enumerate(assessments) if one.decision != "approve"), None)


def test_card_testing_is_seen_within_a_dozen_payments(busy: ShardState) -> None:
    found = [score(busy, 100, NOW_MS + i * 4_000, "a1", f"shop{i}") for i in range(30)]
    at = first_alert(found)
    assert at is not None
    assert at <= 12
    assert found[-1].reasons[0].detector == "velocity"


def test_cards_tried_at_one_merchant_are_seen_though_nobody_knows_them(busy: ShardState) -> None:
    found = [score(busy, 100, NOW_MS + i * 5_000, f"stolen{i}", "m7") for i in range(90)]
    at = first_alert(found)
    assert at is not None
    assert at <= 70
    assert all(one.decision != "approve" for one in found[at:])
    (reason,) = [one for one in found[-1].reasons if one.detector == "merchant_velocity"]
    assert "accounts within the last quarter of an hour at this merchant" in reason.text
    assert reason.observed > 4 * reason.expected
    # Neither its other hours nor other merchants are suspected with it.
    assert score(busy, 2_500, NOW_MS + DAY_MS // 8, "a1", "m7").decision == "approve"
    assert score(busy, 2_500, NOW_MS + 300_000, "a2", "m8").decision == "approve"


def test_cards_tried_at_one_merchant_are_seen_though_they_are_spread_over_eight_shards() -> None:
    shards = [ShardState(8) for _ in range(8)]
    chance = random.Random(2)  # noqa: S311 - a seed, no secret
    for day in range(30):
        for number in range(480):
            at_ms = START_MS + day * DAY_MS + number * DAY_MS // 480
            merchant = f"m{chance.randrange(20)}"
            score(shards[number % 8], 2_500, at_ms, f"a{number}", merchant)
    tried = [score(shards[i % 8], 100, NOW_MS + i * 5_000, f"stolen{i}", "m7") for i in range(260)]
    at = first_alert(tried)
    assert at is not None
    assert at <= 230
    (reason,) = [one for one in tried[at].reasons if one.detector == "merchant_velocity"]
    assert ", of one part in 8 of all," in reason.text
    # As many customers as any merchant may have all at once are nothing, in any shard.
    sale = [score(shards[i % 8], 2_500, NOW_MS + i * 60_000, f"a{i}", "m8") for i in range(15)]
    assert first_alert(sale) is None


def noon(state: ShardState, day: int, guests: int = 40) -> list[Assessment]:
    """Guests who pay within twenty minutes of a noon."""
    return [
        score(
            state, 900 + 10 * (guest % 7), START_MS + day * DAY_MS + guest * 30_000,
            f"guest{(guest * 7 + day) % 150}", "canteen",
        )
        for guest in range(guests)
    ]  # fmt: skip


def test_a_merchants_daily_rush_is_none() -> None:
    state = ShardState()
    days = [noon(state, day) for day in range(12)]
    assert not any("merchant_velocity" in str(one.reasons) for day in days[2:] for one in day)
    assert first_alert([one for day in days for one in day]) is None
    # Half as many again are none either.
    assert first_alert(noon(state, 12, guests=60)) is None


def test_payments_that_come_late_are_no_rush() -> None:
    state = ShardState()
    chance = random.Random(3)  # noqa: S311 - a seed, no secret
    flagged = 0
    for number in range(4_000):
        at_ms = START_MS + (40 * DAY_MS if number % 10 == 0 else chance.randrange(40 * DAY_MS))
        minor_units = int(chance.lognormvariate(8, 0.4))
        one = score(state, minor_units, at_ms, f"a{chance.randrange(200)}", f"m{number % 4}")
        flagged += any(r.detector == "merchant_velocity" for r in one.reasons)
    assert flagged == 0


def test_one_account_that_pays_again_and_again_is_no_rush(busy: ShardState) -> None:
    found = [score(busy, 2_500, NOW_MS + i * 5_000, "a1", "m7") for i in range(60)]
    assert not any(r.detector == "merchant_velocity" for one in found for r in one.reasons)


def test_the_same_payment_over_and_over_is_seen_on_an_account_that_pays_often() -> None:
    state = ShardState()
    for number in range(20 * 60):
        score(state, 500 + 10 * (number % 50), START_MS + number * DAY_MS // 60, "fleet")
    begin = START_MS + 20 * DAY_MS
    found = [score(state, 700, begin + i * 400_000, "fleet", "fuel") for i in range(10)]
    at = first_alert(found)
    assert at is not None
    assert 3 <= at <= 7
    (reason,) = [one for one in found[at].reasons if one.detector == "repetition"]
    assert "The same amount at the same merchant again and again" in reason.text
    assert reason.observed > 1_000
    # Another amount, another merchant, or a pause ends it.
    for minor_units, merchant, after_s in ((710, "fuel", 1), (700, "shop", 1), (700, "fuel", 700)):
        copy = ShardState.from_bytes(state.to_bytes())
        at_ms = begin + 9 * 400_000 + after_s * 1000
        calm = score(copy, minor_units, at_ms, "fleet", merchant)
        assert not any(one.detector == "repetition" for one in calm.reasons)


def test_what_always_repeats_itself_is_no_surprise() -> None:
    state = ShardState()
    found = [score(state, 700, START_MS + i * 1_000, "robot", "shop") for i in range(500)]
    assert first_alert(found) is None


def test_what_is_new_to_an_account_of_habit_adds_to_what_is_unusual() -> None:
    def payment(merchant: str, location: str, hour: int, minor_units: int = 5_500) -> Assessment:
        state = ShardState()
        for day in range(60):
            scored(state, 2_500 + 20 * (day % 9), START_MS + day * DAY_MS, "corner", "Vienna")
        at_ms = START_MS + 60 * DAY_MS + hour * 3_600_000
        return scored(state, minor_units, at_ms, merchant, location)

    familiar = payment("corner", "Vienna", 0)
    new_place = payment("corner", "Lagos", 0)
    new = payment("jeweller", "Lagos", 5)
    assert familiar.score < new_place.score < new.score
    (reason,) = [one for one in new.reasons if one.detector == "novelty"]
    assert "so new to it" in reason.text
    # By itself nothing new is suspicious.
    assert payment("jeweller", "Lagos", 5, minor_units=2_500).decision == "approve"


def scored(
    state: ShardState, minor_units: int, at_ms: int, merchant: str, location: str | None
) -> Assessment:
    return score_transaction(
        state,
        Thresholds(),
        account_id="a",
        merchant=merchant,
        currency="EUR",
        minor_units=minor_units,
        exponent=2,
        occurred_at_ms=at_ms,
        location=location,
    )


def test_an_account_for_which_all_is_new_is_no_surprise() -> None:
    state = ShardState()
    found = [scored(state, 2_000, START_MS + i * DAY_MS, f"m{i}", f"p{i}") for i in range(30)]
    assert not any("novelty" in str(one.reasons) for one in found)


def test_merchants_are_forgotten_beyond_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aether_core.scoring.rush.MERCHANTS_MAX", 10)
    state = ShardState()
    for number in range(25):
        score(state, 1_000, START_MS + number * DAY_MS, "a", f"m{number}")
    assert list(state.rushes) == [f"m{number}" for number in range(15, 25)]


def test_a_spree_of_ordinary_payments_is_seen_by_what_they_come_to() -> None:
    # Twice the usual amount, every two hours: neither is unusual enough by itself.
    state = ShardState()
    crowd(state, days=45)
    now_ms = START_MS + 45 * DAY_MS
    found = [score(state, 5_000, now_ms + i * DAY_MS // 12, "a3") for i in range(30)]
    at = first_alert(found)
    assert at is not None
    assert at <= 18
    (reason,) = [one for one in found[at].reasons if one.detector == "velocity"]
    assert reason.window_s == DAY_MS / 1000
    assert reason.expected < reason.observed <= (at + 1) * 50
    assert "in the last day before this payment, where this account spends about" in reason.text
    # What it promises holds: so long without a payment, and the same one passes.
    moment = datetime.strptime(reason.text[-21:-5], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    calm = ShardState()
    crowd(calm, days=45)
    for i in range(at):
        score(calm, 5_000, now_ms + i * DAY_MS // 12, "a3")
    assert score(calm, 5_000, int(moment.timestamp() * 1000), "a3").decision == "approve"


def test_a_holiday_is_no_spree() -> None:
    # Twice the usual amount, twice as often, for two weeks.
    state = ShardState()
    crowd(state, days=45)
    now_ms = START_MS + 45 * DAY_MS
    found = [score(state, 5_000, now_ms + i * DAY_MS // 2, "a3") for i in range(28)]
    assert first_alert(found) is None


def test_a_spree_in_the_account_s_currency_is_not_held_against_another(busy: ShardState) -> None:
    before = bytes(busy.spendings)
    foreign = score_transaction(
        busy,
        Thresholds(),
        account_id="a3",
        merchant="m",
        currency="JPY",
        minor_units=10**9,
        exponent=0,
        occurred_at_ms=NOW_MS,
    )
    assert all(one.detector != "velocity" for one in foreign.reasons)
    place = busy.accounts["a3"] // RECORD.size * SPENDING.size
    was, now = SPENDING.unpack_from(before, place), SPENDING.unpack_from(busy.spendings, place)
    assert all(one < other for one, other in zip(now[:4], was[:4], strict=True))  # only faded


def test_sums_that_began_late_are_held_against_no_longer_time_than_they_cover() -> None:
    # As after an upgrade: the accounts are known, what they spend is only known from now on.
    state = ShardState()
    crowd(state, days=45)
    state.spendings = bytearray(FRESH * len(state.accounts))
    now_ms = START_MS + 45 * DAY_MS
    found = [score(state, 2_500, now_ms + i * DAY_MS // 4, "a3") for i in range(160)]
    before = state.spendings
    assert all(one.detector != "velocity" for at in found[40:] for one in at.reasons)
    assert SPENDING.unpack_from(before, 3 * SPENDING.size)[4] == now_ms / 1000


def test_a_bust_out_is_seen_at_its_first_large_payment(busy: ShardState) -> None:
    assert first_alert([score(busy, 250_000, NOW_MS, "a2")]) == 0


def test_a_takeover_is_seen_within_a_few_payments_that_are_only_five_times_as_large(
    busy: ShardState,
) -> None:
    found = [score(busy, 12_500, NOW_MS + i * DAY_MS // 3, "a3") for i in range(6)]
    at = first_alert(found)
    assert at is not None
    assert at <= 3


def test_a_slow_drip_at_a_compromised_merchant_is_seen_from_its_first_labels_on(
    busy: ShardState,
) -> None:
    labels = []
    for number in range(5):
        at_ms = NOW_MS + number * DAY_MS // 5
        found = score(busy, 2_000, at_ms, f"a{number}", "m7")
        assert found.decision == "approve"
        labels.append(Label(f"a{number}", "m7", at_ms, True, found.evidence))
    for label in labels:
        learn(busy, label)
    after = score(busy, 2_000, NOW_MS + 2 * DAY_MS, "a40", "m7")
    assert after.decision != "approve"
    (reason,) = [one for one in after.reasons if one.detector == "merchant"]
    assert reason.observed == 5
    assert "5 payments were confirmed as fraud at this merchant" in reason.text
    # The other merchants are not suspected with it, and this one not for ever.
    assert score(busy, 2_000, NOW_MS + 2 * DAY_MS, "a41", "m8").decision == "approve"
    assert score(busy, 2_000, NOW_MS + 120 * DAY_MS, "a42", "m7").decision == "approve"


def test_structuring_under_the_passing_amount_ends_at_the_account_s_signs_of_takeover(
    busy: ShardState,
) -> None:
    # Somebody knows the bound and stays a little under it, again and again.
    probe = ShardState.from_bytes(busy.to_bytes())
    flagged = score(probe, 10_000_000, NOW_MS, "a5")
    text = flagged.reasons[0].text.split("at or under ")[1].split(" EUR")[0]
    bound = int(text.replace(".", "").replace(",", ""))
    found = [score(busy, bound - 100, NOW_MS + i * 3 * 3_600_000, "a5") for i in range(8)]
    assert found[0].decision == "approve"
    assert first_alert(found) is not None


def test_patience_does_not_teach_that_a_thousandfold_amount_is_normal(busy: ShardState) -> None:
    for number in range(50):
        score(busy, 3_000_000, NOW_MS + number * DAY_MS, f"a{number}")
    assert score(busy, 3_000_000, NOW_MS + 51 * DAY_MS, "a55").decision != "approve"


def test_a_suppressed_detector_is_silent_for_its_account_until_the_suppression_ends(
    busy: ShardState,
) -> None:
    for detector in ("amount", "population"):
        suppress(busy, Suppression("a6", detector, NOW_MS + DAY_MS))
    assert score(busy, 250_000, NOW_MS, "a6").decision == "approve"
    assert score(busy, 250_000, NOW_MS, "a7").decision != "approve"
    assert score(busy, 250_000, NOW_MS + 2 * DAY_MS, "a6").decision != "approve"
    suppress(busy, Suppression("a6", "amount", 0))
    suppress(busy, Suppression("a6", "population", 0))
    assert busy.suppressions == {}


def test_evidence_is_what_a_label_needs(busy: ShardState) -> None:
    found = score(busy, 250_000, NOW_MS, "a8")
    assert found.evidence is not None
    evidence = Evidence(*EVIDENCE.unpack(found.evidence))
    log_odds = fused_log_odds(busy.learner.weights, *evidence)
    assert 1 / (1 + math.exp(-log_odds)) == pytest.approx(found.score, abs=1e-5)
    assert score(busy, 2_500, NOW_MS, "a9").evidence is None
