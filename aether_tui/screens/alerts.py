"""Alerts: the triage queue by expected loss, decided by keyboard; and what was decided before."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from aether_tui.board import ALERTS_MAX, BUDGET, DECIDED_ALERTS, OPEN_ALERTS, SUMMARY, AnyTopic
from aether_tui.filtering import ALERT_FIELDS, Field
from aether_tui.messages import MarksChanged, RowHighlighted
from aether_tui.screens.place import ALERTS
from aether_tui.screens.silencing import SilencingScreen
from aether_tui.session import Desk
from aether_tui.theme import BRIGHT, GREEN, MUTED
from aether_tui.values import Alert
from aether_tui.widgets.alert_list import AlertList, by_expected_loss
from aether_tui.widgets.detail import (
    describe_alert,
    describe_burst,
    describe_changes,
    describe_lock,
)
from aether_tui.widgets.lines import Lines
from aether_tui.wording import write_count

CHANGES_MAX = 50
"""Changes of an alert that are shown."""
BURST_MAX = 12
"""Transactions of an alert that are shown, the newest."""


class AlertsScreen(SilencingScreen):
    """Open alerts with their evidence; `v` shows the decided ones instead."""

    place = ALERTS
    topics: ClassVar[tuple[AnyTopic, ...]] = (OPEN_ALERTS, DECIDED_ALERTS, SUMMARY, BUDGET)
    past_topics: ClassVar[tuple[AnyTopic, ...]] = (OPEN_ALERTS, DECIDED_ALERTS)
    list_title = "Open alerts"
    fields: ClassVar[dict[str, Field[Alert]]] = dict(ALERT_FIELDS)

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "v",
            "toggle_decided",
            "Decided",
            show=False,
            id="alerts.decided",
            tooltip="Open alerts, or those that were decided",
        ),
    ]

    def __init__(self, desk: Desk) -> None:
        self._alerts = AlertList(
            desk.session, desk.glyphs, can_mark=desk.session.may("alerts:write"), id="alerts"
        )
        super().__init__(desk, self._alerts)
        self._undo_line = Lines(id="undo")
        self._goal: str | None = None
        self._offered: tuple[object, ...] = ()

    def compose_body(self) -> ComposeResult:
        """List and description, and beneath them what may be undone."""
        yield from super().compose_body()
        yield self._undo_line

    def draw(self, now: float) -> None:
        """Show the chosen list."""
        reading = self.desk.session.board.reading(
            DECIDED_ALERTS if self.is_decided else OPEN_ALERTS
        )
        known = reading.value or ()
        chosen = [alert for alert in known if self.filter.matches(alert)]
        self._alerts.show(chosen if self.is_decided else by_expected_loss(chosen))
        self._alerts.tick()
        if self._goal is not None and self._goal in {alert.id for alert in chosen}:
            goal, self._goal = self._goal, None
            self.open_row(goal)
        self._list_panel.take(
            reading, now, empty=None if chosen else self.no_match(len(known)) or self._nothing()
        )
        self._list_panel.note = self._note(len(chosen), len(known))
        self._draw_undo(now)
        self.draw_detail()
        self._draw_lock()
        self._refresh_offers()

    def describe(self, row: Alert) -> Sequence[Text]:
        """The evidence, and what was decided."""
        return describe_alert(row, self.desk.glyphs)

    def transaction_id(self, row: Alert) -> str:
        """The one that raised the alert."""
        return row.transaction_id

    def filter_changed(self) -> None:
        """Filter what is held."""
        self.draw_all()

    def show_alert(self, alert: Alert) -> None:
        """Go to an alert of the queue, whatever the filter hides."""
        if not self.filter.matches(alert):
            self._filter_box.clear()
        self._goal = alert.id
        self.draw_all()

    def help_notes(self) -> tuple[str, ...]:
        """The filter's language, and what the columns mean."""
        return (
            *super().help_notes(),
            "",
            "COLUMNS",
            "  loss   expected loss: score times amount, in typical amounts of the currency.",
            "  whose  who has taken it and how long the lock holds; > whose it is to decide.",
            "",
            "BUDGET",
            "  Where a day raised more alerts than people can look at, the panel names the",
            "  score that cuts there; / score:>=0.95 shows those above it.",
        )

    def action_toggle_decided(self) -> None:
        """Show the other list."""
        self.is_decided = not self.is_decided
        self._list_panel.border_title = "Decided alerts" if self.is_decided else "Open alerts"
        self._alerts.show_decided(is_decided=self.is_decided)
        self._alerts.can_mark = not self.is_decided and self.desk.session.may("alerts:write")
        self.draw_all()

    def moment_changed(self) -> None:
        """Nothing is marked in the past, since nothing can be decided there."""
        super().moment_changed()
        self._alerts.can_mark = not self.is_decided and self.desk.session.may("alerts:write")

    # --- what changes beside the list ---

    @on(RowHighlighted)
    @on(MarksChanged)
    def _cursor_moved(self) -> None:
        self.draw_all()

    def part_key(self, row: Alert) -> object | None:
        """Each change raises the version; transactions join without one."""
        return row.state

    async def ask_part(self, row: Alert) -> Sequence[Text]:
        """What belongs to the burst, and what people did to the alert."""
        past = self.desk.session.past
        changes = await self.desk.client.alert_history(row.id, limit=CHANGES_MAX)
        if past is not None:
            # Those that were made by then: each raised the version.
            changes = tuple(change for change in changes if change.version <= row.version)
        done = describe_changes(changes, self.desk.glyphs)
        if row.transaction_count < 2:
            return done
        burst = await self.desk.client.alert_transactions(row.id, limit=BURST_MAX)
        if past is not None:
            burst = tuple(one for one in burst if one.created_at <= past.at)
        return [*describe_burst(row, burst), Text(""), *done]

    def _draw_lock(self) -> None:
        alert, session = self.table.cursor_row, self.desk.session
        if alert is None or not alert.is_open:
            self._detail.show({"state": ()})
            return
        left_s = 0.0
        if alert.taken_until is not None:
            left_s = (alert.taken_until - session.shown_now()).total_seconds()
        line = describe_lock(session.holder(alert), left_s, is_mine=session.is_mine(alert))
        self._detail.show({"state": [line]})

    def _draw_undo(self, now: float) -> None:
        undoable = self.undoable
        if undoable is None or now >= undoable.until or self.desk.session.past is not None:
            # What was decided in the present may be taken back there, while there is time.
            self.undoable = undoable if self.desk.session.past is not None else None
            self._undo_line.set_class(False, "-shown")
            return
        self._undo_line.show(
            Text.assemble(
                (f"{self.desk.glyphs.good} ", f"bold {GREEN}"),
                (undoable.words, BRIGHT),
                (f"  u undoes, {undoable.until - now:.0f} s", MUTED),
            )
        )
        self._undo_line.set_class(True, "-shown")

    def _refresh_offers(self) -> None:
        """Draw the hints anew when other acts are offered than before."""
        alert = self.table.cursor_row
        offered = (
            self.is_decided,
            alert is not None,
            alert is not None and self.desk.session.holder(alert),
            bool(self.table.marked_rows),
            self.undoable is not None,
        )
        if offered != self._offered:
            self._offered = offered
            self.refresh_bindings()

    def _note(self, shown: int, known: int) -> str:
        if marked := len(self.table.marked_rows):
            return f"{marked} marked: x and o decide them together, M unmarks"
        if self._filter_box.text:
            return f"{shown} of {known} match"
        if self.is_decided:
            return "v open ones"
        budget = self.desk.session.board.value(BUDGET)
        if budget is not None and budget.score_cut is not None:
            return (
                f"over {budget.budget_per_hour:g} an hour: {write_count(budget.open_below)}"
                f" below the cut at {budget.score_cut:.3f}"
            )
        summary = self.desk.session.board.value(SUMMARY)
        if known == ALERTS_MAX and summary is not None and summary.open_alerts > known:
            return f"the first {known} of {write_count(summary.open_alerts)}, v decided ones"
        return "most at stake first, v decided ones"

    def _nothing(self) -> str:
        if self.is_decided:
            return "Nothing has been decided yet."
        decided = self.desk.session.board.value(DECIDED_ALERTS)
        if decided and decided[0].resolved_at is not None:
            ago = time.strftime("%H:%MZ", decided[0].resolved_at.utctimetuple())
            return f"The queue is clear. The last decision was made at {ago}."
        return "The queue is clear."
