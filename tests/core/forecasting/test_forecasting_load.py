"""A forecast of load is sane for any history, honest about its width, and better than a guess.

Histories are drawn by Hypothesis and simulated with fixed seeds; what is measured is measured on
minutes that the model has not seen.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aether_core.errors import HistoryTooShort
from aether_core.forecasting.arima import HISTORY_MIN, forecast_load
from aether_core.forecasting.forecast import Forecast
from aether_core.forecasting.models import LastLevel
from aether_core.forecasting.scale import LOGARITHM, SQUARE_ROOT, FloatArray
from aether_core.forecasting.taming import tame_spikes

HORIZON = 30


def counts(*values: float) -> FloatArray:
    return np.array(values, dtype=np.float64)


def poisson(seed: int, rate: FloatArray) -> FloatArray:
    return np.random.default_rng(seed).poisson(rate).astype(np.float64)


def fading(seed: int, length: int) -> FloatArray:
    """Poisson counts whose log rate is an AR(1) process around 200 a minute."""
    generator = np.random.default_rng(seed)
    level = np.zeros(length)
    for minute in range(1, length):
        level[minute] = 0.9 * level[minute - 1] + generator.normal(0, 0.1)
    return generator.poisson(200 * np.exp(level)).astype(np.float64)


def assert_sane(forecast: Forecast, horizon: int) -> None:
    for values in (forecast.mean, forecast.lower, forecast.upper):
        assert values.shape == (horizon,)
        assert np.isfinite(values).all()
    assert (forecast.lower >= 0).all()
    assert (forecast.lower <= forecast.mean).all()
    assert (forecast.mean <= forecast.upper).all()
    assert forecast.accuracy.mae >= 0
    assert 0 <= forecast.accuracy.coverage <= 1
    assert forecast.accuracy.evaluated_points > 0


@settings(max_examples=15, deadline=None)
@given(
    history=st.lists(
        st.one_of(st.integers(0, 3), st.integers(0, 2_000), st.integers(0, 10**9)),
        min_size=HISTORY_MIN,
        max_size=70,
    ),
    horizon=st.integers(1, 60),
)
def test_any_history_gives_an_ordered_interval_that_is_never_negative(
    history: list[int], horizon: int
) -> None:
    assert_sane(forecast_load(np.array(history, dtype=np.float64), horizon), horizon)


@pytest.mark.parametrize("level", [0.0, 1.0, 60.0, 1e6])
def test_a_constant_load_goes_on_and_its_interval_is_the_rounding(level: float) -> None:
    forecast = forecast_load(np.full(100, level), HORIZON)
    assert forecast.model == "steady level"
    assert forecast.mean == pytest.approx(np.full(HORIZON, level), abs=1e-3)
    assert (forecast.upper - forecast.lower <= 1.01).all()


def test_too_little_history_says_how_much_is_needed() -> None:
    with pytest.raises(HistoryTooShort) as caught:
        forecast_load(np.ones(9), HORIZON)
    assert (caught.value.available, caught.value.needed) == (9, 10)


@pytest.mark.parametrize("wrong", [counts(*[1.0] * 40, np.nan), counts(*[1.0] * 40, -1.0)])
def test_what_is_no_load_is_refused(wrong: FloatArray) -> None:
    with pytest.raises(ValueError, match="finite counts"):
        forecast_load(wrong, HORIZON)


def test_the_same_history_gives_the_same_forecast() -> None:
    history = fading(1, 120)
    first, second = forecast_load(history, HORIZON), forecast_load(history.copy(), HORIZON)
    assert first.model == second.model
    assert (first.mean == second.mean).all()
    assert first.accuracy == second.accuracy


def test_single_spikes_do_not_bend_what_is_expected() -> None:
    history = poisson(3, np.full(240, 100.0))
    history[[50, 120, 200, 237]] = 20_000.0
    forecast = forecast_load(history, HORIZON)
    assert forecast.mean == pytest.approx(np.full(HORIZON, 100.0), rel=0.1)
    assert (forecast.upper < 400).all()


def test_a_lasting_change_of_level_is_followed_within_minutes() -> None:
    history = np.concatenate([poisson(4, np.full(200, 100.0)), poisson(5, np.full(8, 900.0))])
    forecast = forecast_load(history, HORIZON)
    assert 500 < forecast.mean[0] < 1_300


def test_the_interval_covers_what_comes_about_as_often_as_it_says() -> None:
    inside: list[bool] = []
    for seed in range(10):
        series = fading(seed, 210)
        forecast = forecast_load(series[:180], HORIZON)
        came = series[180:]
        inside += ((came >= forecast.lower) & (came <= forecast.upper)).tolist()
    assert 0.88 <= float(np.mean(inside)) <= 0.995


def test_an_even_load_is_forecast_better_than_by_its_last_value() -> None:
    forecast = forecast_load(poisson(6, np.full(300, 50.0)), HORIZON)
    assert forecast.accuracy.mae < 0.9 * forecast.accuracy.naive_mae
    assert forecast.accuracy.mape is not None
    assert forecast.accuracy.mape < 0.25
    assert forecast.mean == pytest.approx(np.full(HORIZON, 50.0), rel=0.1)


def test_a_rhythm_of_an_hour_is_followed() -> None:
    minutes = np.arange(390)
    series = poisson(7, 1_000 * (1 + 0.4 * np.sin(minutes / 60 * 2 * np.pi)))
    forecast = forecast_load(series[:360], HORIZON)
    naive = np.abs(series[360:] - series[359]).mean()
    assert np.abs(series[360:] - forecast.mean).mean() < 0.6 * naive
    assert forecast.order is not None
    assert forecast.aic is not None


def test_the_present_minute_is_judged_without_having_been_seen() -> None:
    history = poisson(8, np.full(120, 100.0))
    surprised = history.copy()
    surprised[-1] = 5_000.0
    calm, alarmed = forecast_load(history, 10), forecast_load(surprised, 10)
    assert calm.present.centre == pytest.approx(alarmed.present.centre)
    assert calm.present.spread == pytest.approx(alarmed.present.spread)


def test_without_any_model_the_last_level_goes_on_less_and_less_surely() -> None:
    path = LastLevel().extend(poisson(9, np.full(60, 100.0)), HORIZON)
    assert path.mean() == pytest.approx(np.full(HORIZON, 100.0), rel=0.2)
    width = path.quantile(1.96) - path.quantile(-1.96)
    assert (np.diff(width) > 0).all()


@settings(max_examples=60, deadline=None)
@given(centre=st.floats(0, 30), spread=st.floats(1e-6, 3), z=st.floats(-2, 2), is_log=st.booleans())
def test_scales_come_back_and_keep_the_mean_between_far_quantiles(
    centre: float, spread: float, z: float, is_log: bool
) -> None:
    scale = LOGARITHM if is_log else SQUARE_ROOT
    value = scale.backward(counts(centre + z))
    assert scale.forward(value) == pytest.approx(max(centre + z, 0.0), abs=1e-6)
    mean = scale.expected(counts(centre), counts(spread))[0]
    assert mean >= scale.backward(counts(centre))[0] - 1e-9
    assert mean <= scale.backward(counts(centre + 5 * spread))[0] + 1e-9


@settings(max_examples=50, deadline=None)
@given(history=st.lists(st.integers(0, 10**6), min_size=10, max_size=80))
def test_taming_keeps_loads_loads_and_never_raises_above_the_highest(history: list[int]) -> None:
    tamed = tame_spikes(np.array(history, dtype=np.float64))
    assert len(tamed) == len(history)
    assert (tamed >= 0).all()
    assert tamed.max() <= max(history) * (1 + 1e-12) + 1e-12
