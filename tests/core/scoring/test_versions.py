"""A version changes what is decided, never what is learnt; a second one can run in its shadow.

Hypothesis makes the histories; versions are put in place at a moment between two payments.
"""

from __future__ import annotations

import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_core.control import Control, apply_control, decode_change, encode_change
from aether_core.scoring import (
    DETECTORS,
    Arrangement,
    Assessment,
    ShardState,
    Thresholds,
    Version,
)
from aether_core.scoring.fusion import CALM, Evidence, LayerWeights, fused_log_odds
from aether_core.scoring.state import RECORD
from aether_core.scoring.version import EMPHASIS_MAX, emphasise
from tests.core.scoring.test_scoring import DAY_MS, START_MS, daily, histories, learnt, score

emphases = st.dictionaries(st.sampled_from(sorted(DETECTORS)), st.floats(0.0, EMPHASIS_MAX))
versions = st.builds(
    Version,
    st.just(7),
    st.builds(Thresholds, st.floats(0.01, 0.5), st.floats(0.5, 1.0)),
    emphases,
)
evidences = st.builds(
    Evidence,
    population=st.floats(0.7, 30.0),
    own=st.floats(0.7, 30.0),
    hands=st.floats(0.0, 10.0),
    account=st.floats(0.0, 10.0),
    merchant=st.floats(-5.65, 10.0),
    burst=st.floats(0.7, 30.0),
    rush=st.floats(0.7, 30.0),
    novelty=st.floats(0.0, 20.0),
    repetition=st.floats(0.0, 50.0),
)


def arranged(state: ShardState, live: Version | None, shadow: Version | None = None) -> ShardState:
    state.arrange(Arrangement(live, shadow, 3))
    return state


def without_arrangement(state: ShardState) -> bytes:
    return arranged(ShardState.from_bytes(state.to_bytes()), None).to_bytes()


@given(history=histories, version=versions)
def test_what_is_learnt_does_not_depend_on_the_version(
    history: list[tuple[str, str, int, int]], version: Version
) -> None:
    plain, other = ShardState(), arranged(ShardState(), version)
    for account, currency, minor_units, at_ms in history:
        one = score(plain, minor_units, at_ms, account, currency)
        two = score(other, minor_units, at_ms, account, currency)
        assert one.evidence == two.evidence
    arranged(plain, None)
    assert without_arrangement(other) == without_arrangement(plain)


@given(history=histories, version=versions)
def test_a_shadow_says_what_the_version_would_say_were_it_live(
    history: list[tuple[str, str, int, int]], version: Version
) -> None:
    beside, live = arranged(ShardState(), None, version), arranged(ShardState(), version)
    plain = ShardState()
    for account, currency, minor_units, at_ms in history:
        seen = score(beside, minor_units, at_ms, account, currency)
        decided = score(live, minor_units, at_ms, account, currency)
        assert seen.shadow is not None
        assert (seen.shadow.run, seen.shadow.score, seen.shadow.decision) == (
            3, decided.score, decided.decision,
        )  # fmt: skip
        # And it changes nothing of what is decided.
        assert _said(seen) == _said(score(plain, minor_units, at_ms, account, currency))


@given(history=histories, version=versions)
def test_a_snapshot_keeps_the_arrangement(
    history: list[tuple[str, str, int, int]], version: Version
) -> None:
    state = arranged(learnt(history), version, version)
    copy = ShardState.from_bytes(state.to_bytes())
    assert copy.to_bytes() == state.to_bytes()
    assert score(copy, 5_000, START_MS) == score(state, 5_000, START_MS)


def test_snapshots_of_earlier_versions_are_read() -> None:
    state = daily([1_000] * 20)
    parts = msgspec.msgpack.decode(state.to_bytes())
    fields = RECORD.unpack(parts[3])
    before = struct.pack("<10dH", *fields[:4], *fields[5:])  # without the count of a day
    # 4 lacks what was spent, 3 the merchants' rushes and the habits too, 2 the arrangement.
    for version, records, rest in (
        (4, parts[3], parts[4:-1]),
        (3, before, parts[4:-3]),
        (2, before, parts[4:-4]),
    ):
        old = msgspec.msgpack.encode([version, *parts[1:3], records, *rest])
        read = ShardState.from_bytes(old)
        day = fields[4] if version == 4 else fields[3]
        assert RECORD.unpack(read.records) == (*fields[:4], day, *fields[5:])
        assert score(read, 9_000, START_MS + 20 * DAY_MS).score == pytest.approx(
            score(daily([1_000] * 20), 9_000, START_MS + 20 * DAY_MS).score
        )


@given(found=evidences, emphasis=emphases, more=st.floats(0.0, 20.0))
def test_more_evidence_never_lowers_a_score(
    found: Evidence, emphasis: dict[str, float], more: float
) -> None:
    weights = emphasise(LayerWeights(), emphasis)
    before = fused_log_odds(weights, *found)
    for field in Evidence._fields:
        louder = found._replace(**{field: getattr(found, field) + more})
        assert fused_log_odds(weights, *louder) >= before - 1e-9


@given(emphasis=emphases)
def test_the_ordinary_stays_ordinary(emphasis: dict[str, float]) -> None:
    calm = fused_log_odds(LayerWeights(), *CALM)
    assert fused_log_odds(emphasise(LayerWeights(), emphasis), *CALM) == pytest.approx(calm)


@given(found=evidences)
def test_a_detector_of_no_emphasis_is_not_heard(found: Evidence) -> None:
    for detector, field in DETECTORS.items():
        weights = emphasise(LayerWeights(), {detector: 0.0})
        calm = found._replace(**{field: getattr(CALM, field)})
        assert fused_log_odds(weights, *found) == pytest.approx(fused_log_odds(weights, *calm))


def test_thresholds_and_emphasis_decide_and_explain() -> None:
    at_ms = START_MS + 40 * DAY_MS

    def judged(version: Version | None) -> Assessment:
        return score(arranged(daily([900 + 7 * i for i in range(40)]), version), 5_000, at_ms)

    usual = judged(None)
    assert usual.decision == "approve"
    strict = judged(Version(1, Thresholds(usual.score, 1.0)))
    assert (strict.decision, strict.score) == ("review", usual.score)
    assert any("would pass at or under" in reason.text for reason in strict.reasons)
    loud = judged(Version(2, Thresholds(), {"amount": EMPHASIS_MAX}))
    assert loud.score > usual.score
    assert loud.decision != "approve"
    assert loud.reasons[0].detector == "amount"
    deaf = judged(Version(3, Thresholds(), {"amount": 0.0, "population": 0.0}))
    assert deaf.score < usual.score


def test_an_order_puts_them_in_place() -> None:
    version = Version(4, Thresholds(0.5, 0.9), {"velocity": 0.5})
    change = decode_change(encode_change(Arrangement(version, None, 0)))
    state = ShardState()
    assert apply_control(state, Control(1, change))
    assert state.in_force(Thresholds())[0] == version.thresholds
    assert not apply_control(state, Control(1, Arrangement()))
    assert apply_control(state, Control(2, Arrangement()))
    assert state.in_force(Thresholds())[0] == Thresholds()


def _said(assessment: Assessment) -> tuple[object, ...]:
    return (
        assessment.score, assessment.decision, assessment.reasons, assessment.evidence,
    )  # fmt: skip
