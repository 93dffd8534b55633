"""Forecast: the load so far and the load to come, and how far to believe it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from aether_tui.board import FORECAST, AnyTopic
from aether_tui.screens.place import FORECAST_PLACE, PlaceScreen
from aether_tui.session import Desk
from aether_tui.theme import BLUE, BRIGHT, FAINT, GREEN, LINE, MUTED, ORANGE, VERMILION
from aether_tui.values import Accuracy, Anomaly, Forecast, Model
from aether_tui.widgets.lines import Lines
from aether_tui.widgets.load_chart import LoadChart
from aether_tui.widgets.panel import Panel
from aether_tui.wording import draw_bar, join_lines, write_age, write_count, write_number

_HISTORY_MINUTES = (60, 180, 720)
_LABEL_WIDTH = 10
_BAR_WIDTH = 30
# The forecaster looks for a new minute every quarter of a minute: this old, it does not run.
_OLD_AFTER_S = 180.0


class ForecastScreen(PlaceScreen):
    """A chart, and what is known of the model behind it."""

    place = FORECAST_PLACE
    topics: ClassVar[tuple[AnyTopic, ...]] = (FORECAST,)
    past_topics: ClassVar[tuple[AnyTopic, ...]] = (FORECAST,)

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "h",
            "next_history",
            "History",
            id="forecast.history",
            tooltip="Show one hour, three hours or twelve hours of history",
        ),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._chart = LoadChart(desk.glyphs, id="chart")
        self._chart_panel = Panel("Load, last hour", self._chart, id="history")
        self._model = Lines(id="model-lines")
        self._model_panel = Panel("Forecast", self._model, id="model")
        self._history_number = 0

    def compose_body(self) -> ComposeResult:
        """The chart takes what the lines leave."""
        yield self._chart_panel
        yield self._model_panel

    def draw(self, now: float) -> None:
        """Show chart and lines."""
        reading = self.desk.session.board.reading(FORECAST)
        forecast = reading.value
        has_load = forecast is not None and bool(forecast.history)
        self._chart.forecast = forecast
        self._chart_panel.take(
            reading, now, empty=None if has_load else "No complete minute of load yet."
        )
        self._model_panel.take(reading, now)
        if forecast is not None:
            self._model.show(join_lines(self._lines(forecast)))

    def action_next_history(self) -> None:
        """Show more of the past, or the least again."""
        self._history_number = (self._history_number + 1) % len(_HISTORY_MINUTES)
        minutes = _HISTORY_MINUTES[self._history_number]
        self._chart.history_minutes = minutes
        hours = minutes // 60
        self._chart_panel.border_title = (
            "Load, last hour" if hours == 1 else f"Load, last {hours} hours"
        )

    def _lines(self, forecast: Forecast) -> list[Text]:
        if forecast.is_ready:
            lines = [
                *self._expected(forecast),
                *self._model_line(forecast.model),
                *self._accuracy_line(forecast.accuracy),
            ]
        else:
            lines = self._insufficient(forecast)
        return [
            *lines,
            self._anomaly_line("load", forecast.velocity_anomaly),
            self._anomaly_line("amounts", forecast.amount_anomaly),
        ]

    def _now(self) -> datetime:
        """The moment that is shown: a forecast of the past was about what came then."""
        past = self.desk.session.past
        return datetime.now(UTC) if past is None else past.at

    def _insufficient(self, forecast: Forecast) -> list[Text]:
        known, needed = forecast.data_points_analyzed, forecast.data_points_needed
        if known >= needed:
            return [Text("The first forecast is being made.", f"bold {BRIGHT}")]
        filled, empty = draw_bar(known / max(1, needed), _BAR_WIDTH, self.desk.glyphs)
        return [
            Text(f"Needs {needed} complete minutes of load, has {known}.", f"bold {BRIGHT}"),
            Text.assemble((filled, BLUE), (empty, LINE), (f" {known}/{needed}", MUTED)),
        ]

    def _expected(self, forecast: Forecast) -> list[Text]:
        now = self._now()
        coming = [p for p in forecast.forecast if p.at > now]
        if not coming:
            return [_line("next", Text("the forecast lies in the past", f"bold {ORANGE}"))]
        first, last = coming[0], coming[-1]
        minutes = round((last.at - first.at).total_seconds() / 60) + 1
        text = Text.assemble(
            (write_number(first.mean), f"bold {BRIGHT}"),
            (f" in the next minute (95 %: {write_number(max(0.0, first.lower))} to ", MUTED),
            (f"{write_number(first.upper)}), ", MUTED),
            (write_count(round(sum(max(0.0, p.mean) for p in coming))), f"bold {BRIGHT}"),
            (f" in the next {minutes}", MUTED),
        )
        return [_line("expected", text)]

    def _model_line(self, model: Model | None) -> list[Text]:
        if model is None:
            return []
        text = Text(model.name, BRIGHT)
        if model.order is not None:
            text.append(f" ({','.join(map(str, model.order))})", BRIGHT)
        if model.aic is not None:
            text.append(f"  AIC {write_number(model.aic)}", MUTED)
        age_s = (self._now() - model.trained_at).total_seconds()
        text.append(f"  trained {write_age(age_s)} ago", MUTED)
        if age_s > _OLD_AFTER_S:
            text.append(f"  {self.desk.glyphs.warn} OLD", f"bold {ORANGE}")
        return [_line("model", text)]

    def _accuracy_line(self, accuracy: Accuracy | None) -> list[Text]:
        if accuracy is None:
            return [_line("error", Text("not measured yet", MUTED))]
        text = Text.assemble(
            (write_number(accuracy.mae), BRIGHT),
            (f" a minute, naive {write_number(accuracy.naive_mae)}", MUTED),
        )
        if accuracy.coverage is not None:
            of = (
                f" of {write_count(accuracy.evaluated_points)}" if accuracy.evaluated_points else ""
            )
            text.append(f"; {accuracy.coverage:.0%}{of} fell into the interval", MUTED)
        return [_line("error", text)]

    def _anomaly_line(self, label: str, anomaly: Anomaly) -> Text:
        glyphs = self.desk.glyphs
        z_score = "" if anomaly.z_score is None else f"  {anomaly.z_score:+.1f} {glyphs.sigma}"
        if anomaly.is_anomaly:
            text = Text(f"{glyphs.bad} UNUSUAL{z_score}", f"bold {VERMILION}")
            text.append(f"  {anomaly.reason or ''}", MUTED)
        else:
            text = Text.assemble((f"{glyphs.good} usual", GREEN), (z_score, MUTED))
        return _line(label, text)


def _line(label: str, text: Text) -> Text:
    return Text.assemble((f"{label:<{_LABEL_WIDTH}}", FAINT), text)
