"""Rewinding: the keys that lead to a past minute, through it, and back to the present.

In:   an instant, typed or given at the start; keys that step.
Out:  a session whose board is that minute's: every screen draws it, and nothing live.
The present goes on behind it: the feed is followed and kept, so that going back shows at once what
came meanwhile, on the same screen and row.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from textual.app import App
from textual.binding import Binding
from textual.timer import Timer

from aether_tui.instants import start_of_minute
from aether_tui.screens.place import PLACES, PlaceScreen
from aether_tui.session import Session
from aether_tui.widgets.rewind_dialog import RewindDialog

# A minute that is only stepped over is not asked for.
_REST_S = 0.15

REWIND_BINDINGS: tuple[Binding, ...] = (
    Binding(
        "comma",
        "step_minutes(-1)",
        "Minute back",
        id="rewind.back",
        tooltip="Look at the minute before",
    ),
    Binding(
        "full_stop",
        "step_minutes(1)",
        "Minute on",
        id="rewind.on",
        tooltip="Look at the minute after",
    ),
    Binding(
        "less_than_sign",
        "step_minutes(-10)",
        "Ten back",
        show=False,
        id="rewind.ten_back",
        tooltip="Look at ten minutes before",
    ),
    Binding(
        "greater_than_sign",
        "step_minutes(10)",
        "Ten on",
        show=False,
        id="rewind.ten_on",
        tooltip="Look at ten minutes after",
    ),
    Binding(
        "l",
        "live",
        "Live",
        id="rewind.live",
        tooltip="Back to the present, where you were",
    ),
    Binding(
        "b",
        "rewind",
        "Rewind",
        id="console.rewind",
        tooltip="Look back: pipeline, alerts and forecast as they were at a past minute",
    ),
)


class RewindingApp(App[None]):
    """An application whose session can be looked at as it was."""

    session: Session | None = None
    _resting: Timer | None = None

    def moment_rested(self) -> None:
        """Ask what is not known yet of the moment that is shown."""
        raise NotImplementedError

    def action_rewind(self) -> None:
        """Ask for a minute, then show it."""
        session = self.session
        if session is None:
            return
        shown = None if session.past is None else session.past.at

        def go(instant: datetime | None) -> None:
            if instant is not None:
                self.rewind_to(instant)

        self.push_screen(RewindDialog(session.server_now, shown), go)

    def action_step_minutes(self, by: int) -> None:
        """Show an earlier or a later minute; the present one is the last."""
        session = self.session
        if session is None or session.past is None:
            return
        last = start_of_minute(session.server_now())
        if by > 0 and session.past.at >= last:
            self.notify("The next minute has not begun. l goes back to the present.", markup=False)
            return
        self.rewind_to(min(session.past.at + timedelta(minutes=by), last))

    def action_live(self) -> None:
        """Show the present."""
        if self.session is not None:
            self.session.return_to_present()
            self._change_moment()

    def rewind_to(self, instant: datetime) -> None:
        """Show the minute that an instant lies in."""
        if self.session is not None:
            self.session.rewind(start_of_minute(instant))
            self._change_moment()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to step and to go back only in the past."""
        if action in {"step_minutes", "live"}:
            return self.session is not None and self.session.past is not None
        if action == "rewind":
            return self.session is not None
        return super().check_action(action, parameters)

    def _change_moment(self) -> None:
        for place in PLACES:
            if self.is_screen_installed(place.name):
                screen = self.get_screen(place.name)
                if isinstance(screen, PlaceScreen):
                    screen.change_moment()
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(_REST_S, self.moment_rested)
