"""Load and amounts that leave what was expected are told in a sentence, ordinary ones are not.

Expectations come from simulated histories with fixed seeds, amounts from log-normal payments in
several currencies.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from aether_core.errors import HistoryTooShort
from aether_core.forecasting.analysis import report_load
from aether_core.forecasting.anomaly import judge_amounts, judge_load
from aether_core.forecasting.report import MINUTE, CurrencyLoad, LoadHistory, LoadReport
from aether_core.forecasting.scale import SQUARE_ROOT, Path

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EXPECTED_100 = Path(SQUARE_ROOT, np.array([10.0]), np.array([0.5]))


def load_of(currency: str, typical: float, *, seed: int, last: float = 1.0) -> CurrencyLoad:
    """About 60 payments a minute for two hours; the last five minutes are `last` times larger."""
    generator = np.random.default_rng(seed)
    counts = generator.poisson(60, 120)
    sums = [
        float(generator.normal(np.log(typical * (last if minute >= 115 else 1)), 0.7, n).sum())
        for minute, n in enumerate(counts)
    ]
    return CurrencyLoad(currency, tuple(int(n) for n in counts), tuple(sums))


def history_of(counts: list[int]) -> LoadHistory:
    sums = tuple(count * 8.0 for count in counts)
    return LoadHistory(AT, tuple(counts), (CurrencyLoad("EUR", tuple(counts), sums),))


def test_a_burst_of_load_is_an_anomaly_with_its_numbers() -> None:
    found = judge_load(180.0, EXPECTED_100)
    assert found.is_anomaly
    assert found.z_score is not None
    assert found.z_score > 4
    assert found.reason is not None
    assert "180 transactions in the last minute" in found.reason
    assert "risen" in found.reason


def test_a_load_that_breaks_off_is_an_anomaly_but_no_fraud() -> None:
    generator = np.random.default_rng(1)
    counts = [int(n) for n in generator.poisson(400, 119)] + [0]
    report = report_load(history_of(counts), 10, history_min=30, analyzed_at=AT)
    assert report.velocity_anomaly.is_anomaly
    assert "fallen" in (report.velocity_anomaly.reason or "")
    assert not report.is_fraud_risk


def test_a_sudden_burst_is_a_fraud_risk() -> None:
    generator = np.random.default_rng(2)
    counts = [int(n) for n in generator.poisson(400, 119)] + [900]
    report = report_load(history_of(counts), 10, history_min=30, analyzed_at=AT)
    assert report.velocity_anomaly.is_anomaly
    assert report.is_fraud_risk


def test_ordinary_minutes_are_hardly_ever_called_unusual() -> None:
    values = np.random.default_rng(3).poisson(100, 20_000)
    assert sum(judge_load(float(n), EXPECTED_100).is_anomaly for n in values) <= 6


def test_clockwork_load_may_make_one_more() -> None:
    clockwork = Path(SQUARE_ROOT, np.array([np.sqrt(60.0)]), np.array([1e-6]))
    assert not judge_load(61.0, clockwork).is_anomaly
    assert judge_load(200.0, clockwork).is_anomaly


@pytest.mark.parametrize(("factor", "words"), [(3.0, "as large"), (1 / 3, "smaller")])
def test_amounts_that_change_together_are_told(factor: float, words: str) -> None:
    found = judge_amounts([load_of("EUR", 4_000, seed=4), load_of("USD", 900, seed=5, last=factor)])
    assert found.is_anomaly
    assert found.reason is not None
    assert "USD" in found.reason
    assert words in found.reason


def test_amounts_as_usual_are_no_anomaly() -> None:
    for seed in range(200):
        assert not judge_amounts([load_of("EUR", 4_000, seed=seed)]).is_anomaly


def test_another_mix_of_currencies_is_no_change_of_amounts() -> None:
    # Yen have no decimals and many of them: one pooled mean would jump.
    euro, yen = load_of("EUR", 4_000, seed=6), load_of("JPY", 8, seed=7)
    fewer = tuple(n if i < 115 else n // 4 for i, n in enumerate(euro.counts))
    sums = tuple(
        total * few / n if n else 0.0
        for total, few, n in zip(euro.log_amount_sums, fewer, euro.counts, strict=True)
    )
    assert not judge_amounts([CurrencyLoad("EUR", fewer, sums), yen]).is_anomaly


def test_too_few_payments_are_not_judged() -> None:
    few = CurrencyLoad("EUR", (1,) * 120, (8.0,) * 120)
    found = judge_amounts([few])
    assert (found.is_anomaly, found.z_score, found.reason) == (False, None, None)
    assert judge_amounts([]).z_score is None


def test_a_report_says_when_each_forecast_minute_begins_and_survives_json() -> None:
    generator = np.random.default_rng(8)
    counts = [int(n) for n in generator.poisson(30, 45)]
    report = report_load(history_of(counts), 12, history_min=30, analyzed_at=AT)
    assert report.points[0].at == AT + 45 * MINUTE
    assert report.points[-1].at == AT + 56 * MINUTE
    assert report.end == AT + 45 * MINUTE
    assert report.counts == tuple(counts)
    assert msgspec.json.decode(msgspec.json.encode(report), type=LoadReport) == report


def test_a_report_needs_its_history() -> None:
    with pytest.raises(HistoryTooShort):
        report_load(history_of([5] * 20), 10, history_min=30, analyzed_at=AT)
