"""Alerts: the triage queue, worst first, decided by keyboard; and what was decided before."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import work
from textual.binding import Binding, BindingType

from aether_tui.board import ALERTS_MAX, DECIDED_ALERTS, OPEN_ALERTS, SUMMARY, AnyTopic
from aether_tui.filtering import ALERT_FIELDS, Field
from aether_tui.messages import NewsWanted, SessionEnded
from aether_tui.problems import GatewayError, SignedOut
from aether_tui.screens.list_screen import ListScreen
from aether_tui.screens.place import ALERTS
from aether_tui.session import Desk
from aether_tui.theme import BRIGHT, FAINT
from aether_tui.values import Alert
from aether_tui.widgets.alert_list import AlertList, worst_first
from aether_tui.widgets.confirm import ConfirmDialog
from aether_tui.widgets.detail import describe_alert
from aether_tui.wording import write_count, write_decision, write_score

_VERBS = {"fraud": "Confirm fraud", "legitimate": "Call legitimate"}


class AlertsScreen(ListScreen[Alert]):
    """Open alerts with their evidence; `v` shows the decided ones instead."""

    place = ALERTS
    topics: ClassVar[tuple[AnyTopic, ...]] = (OPEN_ALERTS, DECIDED_ALERTS, SUMMARY)
    list_title = "Open alerts"
    fields: ClassVar[dict[str, Field[Alert]]] = dict(ALERT_FIELDS)

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "x",
            "resolve('fraud')",
            "Fraud",
            id="alerts.fraud",
            tooltip="Confirm the alert as fraud; asks for a reason",
        ),
        Binding(
            "o",
            "resolve('legitimate')",
            "Legitimate",
            id="alerts.legitimate",
            tooltip="Call the alert legitimate; asks for a reason",
        ),
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
        self._alerts = AlertList(desk.glyphs, id="alerts")
        super().__init__(desk, self._alerts)
        self._is_decided = False
        self._is_asking = False

    def draw(self, now: float) -> None:
        """Show the chosen list."""
        reading = self.desk.session.board.reading(
            DECIDED_ALERTS if self._is_decided else OPEN_ALERTS
        )
        known = reading.value or ()
        chosen = [alert for alert in known if self.filter.matches(alert)]
        self._alerts.show(chosen if self._is_decided else worst_first(chosen))
        self._list_panel.take(
            reading, now, empty=None if chosen else self.no_match(len(known)) or self._nothing()
        )
        self._list_panel.note = self._note(len(chosen), len(known))
        self.draw_detail()

    def describe(self, row: Alert) -> Text:
        """The evidence, and what was decided."""
        return describe_alert(row, self.desk.glyphs)

    def transaction_id(self, row: Alert) -> str:
        """The one that raised the alert."""
        return row.transaction_id

    def filter_changed(self) -> None:
        """Filter what is held."""
        self.draw_all()

    def action_toggle_decided(self) -> None:
        """Show the other list."""
        self._is_decided = not self._is_decided
        self._list_panel.border_title = "Decided alerts" if self._is_decided else "Open alerts"
        self._alerts.show_decided(is_decided=self._is_decided)
        self.draw_all()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer a decision only to those who may decide, and only about what is open."""
        if action == "resolve":
            return self.desk.session.may("alerts:write") and not self._is_decided
        return super().check_action(action, parameters)

    def action_resolve(self, resolution: str) -> None:
        """Ask for the reason, then decide."""
        alert = self.table.cursor_row
        # Letters typed ahead of the dialog must not ask a second time.
        if alert is not None and alert.is_open and not self._is_asking:
            self._is_asking = True
            self._resolve(alert, resolution)

    @work(group="resolve")
    async def _resolve(self, alert: Alert, resolution: str) -> None:
        verb = _VERBS[resolution]
        reason = await self.app.push_screen_wait(
            ConfirmDialog(f"{verb}?", self._about(alert), verb)
        )
        self._is_asking = False
        if reason is None:
            return
        try:
            resolved = await self.desk.client.resolve_alert(
                alert.id, resolution=resolution, note=reason
            )
        except SignedOut as error:
            self.notify("Nothing was decided.", severity="warning", markup=False)
            self.post_message(SessionEnded(str(error)))
            return
        except GatewayError as error:
            self.notify(str(error), title="Not decided", severity="error", markup=False)
        else:
            self.desk.session.add_alert(resolved)
            self.notify(f"{resolved.merchant}: {resolution}.", title="Decided", markup=False)
        self.post_message(NewsWanted())
        self.draw_all()

    def _about(self, alert: Alert) -> Text:
        return Text.assemble(
            (f"{alert.amount} {alert.currency}", f"bold {BRIGHT}"),
            ("  at  ", FAINT),
            alert.merchant,
            "\n",
            ("account ", FAINT),
            alert.account_id,
            ("   score ", FAINT),
            f"{write_score(alert.score)} ",
            write_decision(alert.decision, self.desk.glyphs),
        )

    def _note(self, shown: int, known: int) -> str:
        if self._filter_box.text:
            return f"{shown} of {known} match"
        if self._is_decided:
            return "v open ones"
        summary = self.desk.session.board.value(SUMMARY)
        if known == ALERTS_MAX and summary is not None and summary.open_alerts > known:
            return f"the newest {known} of {write_count(summary.open_alerts)}, v decided ones"
        return "worst first, v decided ones"

    def _nothing(self) -> str:
        if self._is_decided:
            return "Nothing has been decided yet."
        return "The queue is clear."
