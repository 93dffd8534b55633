"""Overview: the whole system on one page, to be left open."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from aether_tui.board import DEPTH, FORECAST, OPEN_ALERTS, SUMMARY, AnyTopic
from aether_tui.messages import FollowingChanged, RowOpened, ScreenChosen
from aether_tui.screens.place import ALERTS, OVERVIEW, TRANSACTIONS, PlaceScreen
from aether_tui.session import Desk
from aether_tui.theme import BRIGHT, GREEN, ORANGE
from aether_tui.widgets.alert_list import AlertList, by_expected_loss
from aether_tui.widgets.live_table import LiveTable
from aether_tui.widgets.load_chart import LoadChart
from aether_tui.widgets.panel import Panel
from aether_tui.widgets.stream_depth import StreamDepthView
from aether_tui.widgets.tile import Figure, Tile
from aether_tui.wording import draw_curve, write_age, write_count, write_rate

_LAG_NOTICEABLE_S = 5.0


class OverviewScreen(PlaceScreen):
    """Four numbers, the load with its forecast, what waits for people, and what comes in."""

    place = OVERVIEW
    topics: ClassVar[tuple[AnyTopic, ...]] = (SUMMARY, FORECAST, DEPTH, OPEN_ALERTS)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        glyphs = desk.glyphs
        self._rate = Tile("throughput", glyphs)
        self._backlog = Tile("backlog", glyphs)
        self._flagged = Tile("flagged 1h", glyphs)
        self._open = Tile("open alerts", glyphs)
        self._chart = LoadChart(glyphs)
        self._depth = StreamDepthView(glyphs)
        self._alerts = AlertList(desk.session, glyphs, id="worst")
        self._feed = LiveTable(glyphs, id="feed")
        self._chart_panel = Panel("Load and forecast", self._chart, id="load")
        self._depth_panel = Panel("Backlog by shard", self._depth, id="depth")
        self._alert_panel = Panel("Open alerts", self._alerts, id="worst-panel")
        self._feed_panel = Panel("Transactions", self._feed, id="feed-panel")
        self._sees_alerts = desk.session.may("alerts:read")

    def compose_body(self) -> ComposeResult:
        """Numbers on top, chart and queue in the middle, the feed beneath."""
        yield Horizontal(self._rate, self._backlog, self._flagged, self._open, id="tiles")
        side = self._alert_panel if self._sees_alerts else self._depth_panel
        yield Vertical(
            Horizontal(self._chart_panel, side, id="middle"), self._feed_panel, id="rest"
        )

    def on_mount(self) -> None:
        """Begin in the feed."""
        self._feed.focus()

    def draw(self, now: float) -> None:
        """Show what is known, each part with its own freshness."""
        session = self.desk.session
        board = session.board
        self._draw_tiles(now)
        forecast = board.reading(FORECAST)
        has_load = forecast.value is not None and bool(forecast.value.history)
        self._chart.forecast = forecast.value
        self._chart_panel.take(
            forecast, now, empty=None if has_load else "No complete minute of load yet."
        )
        if forecast.value is not None and not forecast.value.is_ready:
            known, needed = forecast.value.data_points_analyzed, forecast.value.data_points_needed
            self._chart_panel.note = (
                f"forecast from {needed} minutes on, there are {known}"
                if known < needed
                else "the first forecast is being made"
            )
        else:
            self._chart_panel.note = ""
        if self._sees_alerts:
            reading = board.reading(OPEN_ALERTS)
            self._alerts.show(by_expected_loss(reading.value or ()))
            self._alerts.tick()
            self._alert_panel.take(
                reading, now, empty=None if reading.value else "The queue is clear."
            )
        else:
            self._depth.depth = board.value(DEPTH)
            self._depth_panel.take(board.reading(DEPTH), now)
        self._feed.show_feed(session.recent)
        self._feed_panel.take(
            session.recent_reading(), now, empty=None if session.recent else "No transactions yet."
        )

    @on(RowOpened)
    def _row_opened(self, event: RowOpened) -> None:
        place = TRANSACTIONS if event.table is self._feed else ALERTS
        self.post_message(ScreenChosen(place.name, event.key))

    @on(FollowingChanged)
    def _following_changed(self, event: FollowingChanged) -> None:
        self._feed_panel.note = "" if event.is_following else "paused, End follows"
        self.set_paused(is_paused=not event.is_following)

    def _draw_tiles(self, now: float) -> None:
        session = self.desk.session
        board, counters = session.board, session.counters
        is_old = session.vitals().is_stale(now)
        if counters is not None:
            curve = draw_curve(session.rates, max(0, self._rate.size.width - 2), self.desk.glyphs)
            self._rate.figure = Figure(write_rate(counters.rate_per_second), curve, BRIGHT, is_old)
        depth = board.reading(DEPTH)
        oldest_s = (depth.value.oldest_seconds if depth.value else None) or 0.0
        if session.backlog is not None:
            detail = f"oldest {write_age(oldest_s)}" if oldest_s else "nothing waits"
            style = ORANGE if oldest_s >= _LAG_NOTICEABLE_S else BRIGHT
            self._backlog.figure = Figure(write_count(session.backlog), detail, style, is_old)
        reading = board.reading(SUMMARY)
        summary, summary_is_old = reading.value, reading.is_stale(now)
        if summary is None:
            return
        hour = summary.last_hour
        share = f"{hour.flagged / hour.count:.1%} of " if hour.count else "of "
        self._flagged.figure = Figure(
            write_count(hour.flagged), f"{share}{write_count(hour.count)}", BRIGHT, summary_is_old
        )
        worst = max((a.score for a in board.value(OPEN_ALERTS) or ()), default=None)
        wait = f"worst {worst:.2f}" if worst is not None else "wait for an analyst"
        self._open.figure = Figure(
            write_count(summary.open_alerts),
            wait if summary.open_alerts else "the queue is clear",
            ORANGE if summary.open_alerts else GREEN,
            summary_is_old,
        )
