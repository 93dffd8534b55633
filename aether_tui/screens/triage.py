"""Triage: what an analyst does to alerts, by keys: take, release, assign, note, decide, undo.

In:   the row under the cursor, or the marked rows.
Out:  one call of the gateway each, upon the version that was seen; what came of it is said.
Every act that asks for a text keeps it as a draft until the gateway has taken it: neither an ended
session nor a dropped line costs what was typed.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.binding import Binding, BindingType

from aether_tui.client import TOGETHER_COUNT_MAX
from aether_tui.messages import NewsWanted, SessionEnded
from aether_tui.problems import AlertChanged, GatewayError, NotFound, SignedOut
from aether_tui.screens.list_screen import ListScreen
from aether_tui.values import Alert
from aether_tui.widgets.about import about_alert, about_alerts
from aether_tui.widgets.confirm import Ask, ConfirmDialog
from aether_tui.wording import write_change, write_time

UNDO_S = 10.0
"""How long the last decision may be taken back by one key."""

_VERBS = {"fraud": "Confirm fraud", "legitimate": "Call legitimate"}


def act_binding(key: str, action: str, name: str, tooltip: str, *, show: bool = True) -> Binding:
    """Return the key of an act upon alerts."""
    # With priority: letters typed in the same breath must find the dialog that this one opens.
    act_id = f"alerts.{name.lower().replace(' ', '_')}"
    return Binding(key, action, name, show=show, priority=True, id=act_id, tooltip=tooltip)


@dataclass(frozen=True)
class Undoable:
    """The last decision. until: `time.monotonic` of its last moment."""

    alerts: tuple[Alert, ...]
    words: str
    until: float


class TriageScreen(ListScreen[Alert]):
    """The acts. What a person may not do, or cannot do to this row, is not offered."""

    BINDINGS: ClassVar[list[BindingType]] = [
        act_binding(
            "g", "take_next", "Next", "Take the alert that has most at stake and that nobody has"
        ),
        act_binding(
            "x", "resolve('fraud')", "Fraud", "Confirm as fraud, this one or the marked ones"
        ),
        act_binding(
            "o",
            "resolve('legitimate')",
            "Legitimate",
            "Call legitimate, this one or the marked ones",
        ),
        act_binding(
            "o", "reopen", "Reopen", "Take the decision back and put the alert into the queue"
        ),
        act_binding(
            "c", "note", "Note", "Write a note for colleagues; what is typed is kept as a draft"
        ),
        act_binding("t", "take", "Take", "Take the alert: nobody else decides it for a while"),
        act_binding("t", "release", "Release", "Give the alert back to the queue"),
        act_binding("a", "assign", "Assign", "Say whose the alert is", show=False),
        act_binding(
            "u", "undo", "Undo", f"Take the last decision back, within {UNDO_S:.0f} seconds"
        ),
    ]

    is_decided = False
    """Whether the decided alerts are shown, and not the queue."""
    undoable: Undoable | None = None

    def show_alert(self, alert: Alert) -> None:
        """Go to an alert, whatever the filter hides."""
        raise NotImplementedError

    # --- what is offered ---

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer an act only to those who may, and only where it would do something."""
        offers = self._offers.get(action)
        if offers is None:
            return super().check_action(action, parameters)
        if self.is_typing or not self.desk.session.may("alerts:write"):
            return False
        return offers(self)

    def _offers_to_decide(self) -> bool:
        return not self.is_decided and bool(self._chosen())

    def _offers_to_take(self) -> bool:
        alert = self.table.cursor_row
        return alert is not None and alert.is_open and self.desk.session.holder(alert) is None

    def _offers_to_release(self) -> bool:
        alert = self.table.cursor_row
        return alert is not None and self.desk.session.is_mine(alert)

    def _offers_to_assign(self) -> bool:
        alert = self.table.cursor_row
        return alert is not None and alert.is_open and self._is_free(alert)

    def _offers_to_undo(self) -> bool:
        return self.undoable is not None and time.monotonic() < self.undoable.until

    _offers: ClassVar[dict[str, Callable[[TriageScreen], bool]]] = {
        "take_next": lambda s: not s.is_decided,
        "resolve": _offers_to_decide,
        "reopen": lambda s: s.is_decided and s.table.cursor_row is not None,
        "note": lambda s: s.table.cursor_row is not None,
        "take": _offers_to_take,
        "release": _offers_to_release,
        "assign": _offers_to_assign,
        "undo": _offers_to_undo,
    }

    def _is_free(self, alert: Alert) -> bool:
        """Nobody else's lock holds."""
        return self.desk.session.holder(alert) in {None, self.desk.session.identity.email}

    def _chosen(self) -> tuple[Alert, ...]:
        """What a decision would be about: the marked alerts, or that under the cursor."""
        row = self.table.cursor_row
        rows = self.table.marked_rows or (() if row is None else (row,))
        return tuple(alert for alert in rows if alert.is_open and self._is_free(alert))

    # --- acts upon one alert ---

    def action_take(self) -> None:
        """Lock the alert."""
        if alert := self.table.cursor_row:
            self._do(alert, lambda: self.desk.client.take_alert(alert.id), "Not taken")

    def action_release(self) -> None:
        """Give the lock up."""
        if alert := self.table.cursor_row:
            self._do(alert, lambda: self.desk.client.release_alert(alert.id), "Not released")

    def action_note(self) -> None:
        """Ask for a note, then add it."""
        alert = self.table.cursor_row
        if alert is None:
            return
        ask = self._ask_for(alert, "note", "A note for colleagues", "There is no note yet.")

        def add(note: str) -> None:
            act = lambda: self.desk.client.note_alert(alert.id, note)  # noqa: E731
            self._do(alert, act, "Not noted", lambda _: self._drop_draft(alert, "note"))

        self._ask("Add a note?", about_alert(alert, self.desk.glyphs), "Add note", ask, add)

    def action_assign(self) -> None:
        """Ask whose it shall be, then say so."""
        alert = self.table.cursor_row
        if alert is None:
            return
        me = self.desk.session.identity.email
        ask = Ask(
            "E-mail address; empty: nobody's",
            text=alert.assignee or me,
            is_needed=False,
            suggestions=self._colleagues(),
        )

        def assign(address: str) -> None:
            act = lambda: self.desk.client.assign_alert(alert, address or None)  # noqa: E731
            self._do(alert, act, "Not assigned")

        self._ask("Assign?", about_alert(alert, self.desk.glyphs), "Assign", ask, assign)

    def action_reopen(self) -> None:
        """Ask, then take the decision back."""
        alert = self.table.cursor_row
        if alert is None:
            return

        def reopen(_: str) -> None:
            self._do(alert, lambda: self.desk.client.reopen_alert(alert), "Not reopened")

        self._ask("Reopen?", about_alert(alert, self.desk.glyphs), "Reopen", None, reopen)

    def action_resolve(self, resolution: str) -> None:
        """Ask for the reason, then decide."""
        chosen, verb = self._chosen(), _VERBS[resolution]
        if len(chosen) != 1 or self.table.marked_rows:
            self._ask_together(chosen, resolution)
            return
        alert = chosen[0]

        def decide(reason: str) -> None:
            def done(resolved: Alert) -> None:
                self._drop_draft(alert, "reason")
                self._offer_undo((resolved,), f"{resolved.merchant}: {resolution}.")

            act = lambda: self.desk.client.resolve_alert(  # noqa: E731
                alert, resolution=resolution, note=reason
            )
            self._do(alert, act, "Not decided", done)

        ask = self._ask_for(alert, "reason", "Reason, kept with the alert", "A reason is needed.")
        self._ask(f"{verb}?", about_alert(alert, self.desk.glyphs), verb, ask, decide)

    @work(group="triage")
    async def _do(
        self,
        alert: Alert,
        act: Callable[[], Awaitable[Alert]],
        failed: str,
        done: Callable[[Alert], None] | None = None,
    ) -> None:
        """Call, and say what came of it. failed: the title when nothing came of it."""
        try:
            changed = await act()
        except SignedOut as error:
            self._session_is_over(error)
            return
        except AlertChanged as error:
            self.notify(_say_conflict(error), title=failed, severity="error", markup=False)
            await self._look_again(alert)
        except GatewayError as error:
            self.notify(str(error), title=failed, severity="error", markup=False)
        else:
            self.desk.session.add_alert(changed)
            if done is not None:
                done(changed)
        self.post_message(NewsWanted())
        self.draw_all()

    async def _look_again(self, alert: Alert) -> None:
        """Show what somebody else has made of it."""
        try:
            self.desk.session.add_alert(await self.desk.client.alert(alert.id))
        except GatewayError:
            return  # the next answer for the whole list shows it

    # --- the next one ---

    @work(exclusive=True, group="next")
    async def action_take_next(self) -> None:
        """Take the alert at the head of the queue that nobody has, and show it."""
        try:
            taken = await self.desk.client.take_next_alert()
        except SignedOut as error:
            self._session_is_over(error)
            return
        except GatewayError as error:
            self.notify(str(error), title="Nothing taken", severity="error", markup=False)
            return
        if taken is None:
            self.notify("Nothing waits that nobody has.", markup=False)
            return
        self.desk.session.add_alert(taken)
        self.show_alert(taken)

    # --- several at once ---

    def _ask_together(self, chosen: Sequence[Alert], resolution: str) -> None:
        if not chosen:
            return
        others = len(self.table.marked_rows) - len(chosen)
        about = about_alerts(chosen, self.desk.glyphs)
        if others:
            about.append(f"\n{others} more are somebody else's at the moment and stay as they are.")
        verb = f"{_VERBS[resolution]}: {len(chosen)}"
        ask = Ask("Reason, kept with each alert")
        title = f"{_VERBS[resolution]} of {len(chosen)} alerts?"

        def decide(note: str) -> None:
            self._resolve_together(chosen, resolution, note)

        self._ask(title, about, verb, ask, decide)

    @work(group="triage")
    async def _resolve_together(self, chosen: Sequence[Alert], resolution: str, note: str) -> None:
        decided: list[Alert] = []
        refused: list[str] = []
        try:
            for start in range(0, len(chosen), TOGETHER_COUNT_MAX):
                part = chosen[start : start + TOGETHER_COUNT_MAX]
                results = await self.desk.client.resolve_alerts(
                    part, resolution=resolution, note=note
                )
                decided += [result.alert for result in results if result.alert is not None]
                refused += [r.problem.detail for r in results if r.problem is not None]
        except SignedOut as error:
            self._session_is_over(error)
            return
        except GatewayError as error:
            refused.append(str(error))
        for alert in decided:
            self.desk.session.add_alert(alert)
        self.table.unmark(alert.id for alert in decided)
        if decided:
            self._offer_undo(tuple(decided), f"{len(decided)} alerts: {resolution}.")
        if refused:
            count = len(chosen) - len(decided)
            self.notify(refused[0], title=f"{count} not decided", severity="error", markup=False)
        self.post_message(NewsWanted())
        self.draw_all()

    # --- undo ---

    def _offer_undo(self, alerts: tuple[Alert, ...], words: str) -> None:
        self.undoable = Undoable(alerts, words, time.monotonic() + UNDO_S)
        self.refresh_bindings()

    @work(exclusive=True, group="undo")
    async def action_undo(self) -> None:
        """Take the last decision back."""
        undoable, self.undoable = self.undoable, None
        for alert in undoable.alerts if undoable else ():
            try:
                self.desk.session.add_alert(await self.desk.client.reopen_alert(alert))
            except SignedOut as error:
                self._session_is_over(error)
                return
            except (AlertChanged, NotFound) as error:
                said = _say_conflict(error) if isinstance(error, AlertChanged) else str(error)
                self.notify(said, title="Not undone", severity="error", markup=False)
            except GatewayError as error:
                self.notify(str(error), title="Not undone", severity="error", markup=False)
                self.undoable = undoable
                break
        self.post_message(NewsWanted())
        self.draw_all()

    # --- helpers ---

    def _ask(
        self,
        title: str,
        about: Text,
        verb: str,
        ask: Ask | None,
        then: Callable[[str], None],
    ) -> None:
        """Open a dialog; what is confirmed is handed on."""

        def closed(text: str | None) -> None:
            if text is not None:
                then(text)

        self.app.push_screen(ConfirmDialog(title, about, verb, ask), closed)

    def _ask_for(self, alert: Alert, kind: str, placeholder: str, missing: str) -> Ask:
        drafts, email = self.desk.drafts, self.desk.session.identity.email
        name = f"{alert.id} {kind}"
        return Ask(
            placeholder,
            text=drafts.find(email, name),
            missing=missing,
            on_change=lambda text: drafts.keep(email, name, text),
        )

    def _drop_draft(self, alert: Alert, kind: str) -> None:
        self.desk.drafts.keep(self.desk.session.identity.email, f"{alert.id} {kind}", "")

    def _colleagues(self) -> tuple[str, ...]:
        """The addresses that are known from what is shown, one's own first."""
        me = self.desk.session.identity.email
        seen = {name for a in self.table.rows for name in (a.assignee, a.taken_by, a.resolved_by)}
        return (me, *sorted(name for name in seen if name and name != me and "@" in name))

    def _session_is_over(self, error: SignedOut) -> None:
        self.notify("Nothing was changed.", severity="warning", markup=False)
        self.post_message(SessionEnded(str(error)))


def _say_conflict(error: AlertChanged) -> str:
    change = error.change
    said = f"{error} {change.actor} {write_change(change)} at {write_time(change.at)}Z"
    return f'{said}: "{change.note}"' if change.note else f"{said}."
