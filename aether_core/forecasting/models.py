"""Models: ways to continue a history, each a function from loads to a path.

In:   loads up to an origin.
Out:  a path: what is expected of the minutes after it, and how surely.
A fitted model can be asked again with another history: that continues from the new end with the
parameters it has, which is what makes a rolling origin affordable.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from statsmodels.tools.sm_exceptions import ConvergenceWarning
from statsmodels.tsa.arima.model import ARIMA

from aether_core.forecasting.scale import MAD_TO_SPREAD, SQUARE_ROOT, FloatArray, Path, Scale

Order: TypeAlias = "tuple[int, int, int]"

# A spread of zero would have no z-score.
_SPREAD_MIN = 1e-6


# Minutes that a model without a fit learns its spread from.
_RECENT = 30


class LoadModel(Protocol):
    """Something that continues a history."""

    @property
    def name(self) -> str:
        """What operators read."""

    @property
    def order(self) -> Order | None:
        """(p, d, q) of an ARIMA model."""

    @property
    def aic(self) -> float | None:
        """Akaike's criterion of the fit."""

    def extend(self, history: FloatArray, horizon: int) -> Path:
        """Continue the history by `horizon` minutes."""


class FitFailed(ValueError):
    """The model cannot describe this history; another one must."""


@dataclass(frozen=True, slots=True)
class FittedArima:
    """An ARIMA model with its parameters."""

    order: Order
    aic: float
    scale: Scale
    _results: Any

    @property
    def name(self) -> str:
        """Its name with its order."""
        return f"ARIMA{self.order}"

    def extend(self, history: FloatArray, horizon: int) -> Path:
        """Filter the history with the fitted parameters and go on. Raises FitFailed."""
        with _known_complaints_ignored():
            coming = self._results.apply(self.scale.forward(history)).get_forecast(horizon)
        centre, spread = np.asarray(coming.predicted_mean), np.asarray(coming.se_mean)
        if not (np.isfinite(centre).all() and np.isfinite(spread).all()):
            raise FitFailed
        return Path(self.scale, centre, np.maximum(spread, _SPREAD_MIN))


@dataclass(frozen=True, slots=True)
class LastLevel:
    """It stays at the level of the last minutes, less surely the further ahead.

    A random walk around a local level, with its two variances from the history's own steps: what
    remains where no ARIMA model can be fitted.
    """

    name: str = "last level"
    order: Order | None = None
    aic: float | None = None

    def extend(self, history: FloatArray, horizon: int) -> Path:
        """Go on at the median of the last five minutes."""
        roots = np.sqrt(history)
        centre = np.full(horizon, float(np.median(roots[-5:])))
        steps = np.diff(roots[-_RECENT:])
        # The usual step is noise of two minutes; a jump among the steps may come again.
        noise = float(np.median(np.abs(steps)) * MAD_TO_SPREAD) ** 2 / 2.0 + _SPREAD_MIN
        drift = float(np.var(steps)) / 4.0
        spread = np.sqrt(noise + drift * np.arange(1, horizon + 1))
        return Path(SQUARE_ROOT, centre, spread)


@dataclass(frozen=True, slots=True)
class Steady:
    """Every minute was the same, so the next ones are expected to be as well."""

    name: str = "steady level"
    order: Order | None = None
    aic: float | None = None

    def extend(self, history: FloatArray, horizon: int) -> Path:
        """Go on at the level of the last minutes."""
        level = np.sqrt(np.median(history[-5:]))
        return Path(SQUARE_ROOT, np.full(horizon, level), np.full(horizon, _SPREAD_MIN))


def fit_arima(history: FloatArray, order: Order, scale: Scale) -> FittedArima:
    """Fit one ARIMA model by maximum likelihood. Raises FitFailed.

    Without differencing it has a mean; with it, no drift: a trend of the last hours must not be
    drawn into the next ones.
    """
    values = scale.forward(history)
    try:
        with _known_complaints_ignored():
            results = ARIMA(values, order=order, trend="n" if order[1] else "c").fit()
    except (ValueError, np.linalg.LinAlgError) as error:
        raise FitFailed from error
    if not np.isfinite(results.params).all() or not np.isfinite(results.aic):
        raise FitFailed
    return FittedArima(order, float(results.aic), scale, results)


@contextmanager
def _known_complaints_ignored() -> Iterator[None]:
    """Ignore what statsmodels says of starting values and of the optimiser's last steps.

    Each is an ordinary event of a search over several orders: the winner is judged by forecasts
    of minutes that it has not seen, not by how its optimiser felt.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for message in (
            "Non-stationary starting autoregressive",
            "Non-invertible starting MA",
            "Too few observations to estimate starting",
        ):
            warnings.filterwarnings("ignore", message, UserWarning)
        # numpy, inside the optimiser's excursions to impossible parameters.
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"(statsmodels|numpy)\.")
        yield
