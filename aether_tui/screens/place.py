"""Place: the frame that every screen shares, and the places that the digits lead to.

First row: how fresh everything is. Second row: the places. Then the screen's own body, and the
keys that work here. A window that is too small gets one line instead.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeAlias

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Input

from aether_tui.board import AnyTopic
from aether_tui.exporting import NotExported, propose_name, save_rows
from aether_tui.frames import SingleFrameScreen
from aether_tui.live import Phase
from aether_tui.session import Desk, Session
from aether_tui.theme import BRIGHT, FAINT
from aether_tui.widgets.confirm import Ask, ConfirmDialog
from aether_tui.widgets.key_hints import KeyHints
from aether_tui.widgets.lines import Lines
from aether_tui.widgets.navigation import Navigation, Place
from aether_tui.widgets.row_table import RowTable, TablePlace
from aether_tui.widgets.truth_line import TruthLine
from aether_tui.wording import write_count, write_instant, write_time

Places: TypeAlias = "dict[RowTable[Any], TablePlace]"

WIDTH_MIN = 60
HEIGHT_MIN = 18

OVERVIEW = Place("1", "overview", "Overview", "analytics:read")
TRANSACTIONS = Place("2", "transactions", "Transactions", "transactions:read")
ALERTS = Place("3", "alerts", "Alerts", "alerts:read")
FORECAST_PLACE = Place("4", "forecast", "Forecast", None)
PIPELINE_PLACE = Place("5", "pipeline", "Pipeline", "operations:read")
SYSTEM = Place("6", "system", "System", "operations:read")
AUDIT_PLACE = Place("7", "audit", "Audit", "audit:read")
PLACES = (
    OVERVIEW,
    TRANSACTIONS,
    ALERTS,
    FORECAST_PLACE,
    PIPELINE_PLACE,
    SYSTEM,
    AUDIT_PLACE,
)
"""In the order of their digits, which are the same for everybody: "look at 5" must be true."""


def places_for(session: Session) -> tuple[Place, ...]:
    """The places that this person may open."""
    return tuple(p for p in PLACES if p.scope is None or session.may(p.scope))


def first_past_place(session: Session) -> Place:
    """The place that a console which begins in the past opens."""
    places = places_for(session)
    return next(p for p in (PIPELINE_PLACE, ALERTS, FORECAST_PLACE) if p in places)


class PlaceScreen(SingleFrameScreen[None]):
    """A screen of one place. Subclasses compose a body and draw what the session holds."""

    place: ClassVar[Place]
    topics: ClassVar[tuple[AnyTopic, ...]] = ()
    """What is asked for while this screen is in front."""
    past_topics: ClassVar[tuple[AnyTopic, ...]] = ()
    """The same while a past minute is shown; none: this screen is about the present only."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "tab",
            "app.focus_next",
            "Next panel",
            show=False,
            id="place.next_panel",
            tooltip="Go to the next panel; shift+tab goes back",
        ),
        Binding(
            "e",
            "export",
            "Export",
            show=False,
            priority=True,
            id="place.export",
            tooltip="Write the rows that are shown to a file, as CSV or JSON",
        ),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(name=self.place.name)
        self.desk = desk
        self._truth = TruthLine(desk.glyphs)
        self._navigation = Navigation(places_for(desk.session), self.place.name)
        self._banner = Lines(id="banner")
        self._no_past = Lines(id="no-past")
        self._present: Places = {}
        self._places: Places = {}
        self._focused_before: Widget | None = None
        self._too_small = Lines(id="too-small")

    def compose(self) -> ComposeResult:
        """The frame around the body."""
        with Container(id="frame"):
            yield self._truth
            yield self._navigation
            yield self._banner
            yield self._no_past
            with Container(id="body"):
                yield from self.compose_body()
            yield KeyHints()
        yield self._too_small

    def compose_body(self) -> ComposeResult:
        """The screen's own part."""
        raise NotImplementedError

    def draw(self, now: float) -> None:
        """Show what the session holds now. Called whenever it changed, and once a second."""
        raise NotImplementedError

    def help_notes(self) -> tuple[str, ...]:
        """What the help says beneath the keys."""
        return ()

    def open_row(self, key: str) -> None:
        """Put the cursor on a row and show all about it; screens without rows have none."""

    def on_screen_resume(self) -> None:
        """Catch up with what happened while another screen was in front."""
        self.draw_all()

    def on_mount(self) -> None:
        """Draw for the first time."""
        self.draw_all()

    def draw_all(self) -> None:
        """Draw frame and body."""
        if not self.is_mounted:
            return
        session = self.desk.session
        vitals = session.vitals()
        self.set_class(session.past is not None, "-rewound")
        self._cover_body(is_covered=self.is_without_past)
        self._truth.vitals = vitals
        self._truth.tick()
        self._navigation.open_alerts = vitals.open_alerts or 0
        self._write_banner(session)
        if self._too_small.display:
            self._too_small.show(
                f"Make the window {WIDTH_MIN} x {HEIGHT_MIN} or larger: it is "
                f"{self.size.width} x {self.size.height}.  backlog {_known(vitals.backlog)}  "
                f"alerts {_known(vitals.open_alerts)}"
            )
        if self.is_without_past:
            self._no_past.show(self._without_past(session))
            return
        self.draw(time.monotonic())
        self._restore_places()

    # --- the past ---

    def change_moment(self) -> None:
        """Show another moment from now on: of the one before nothing stays but the place."""
        session = self.desk.session
        tables = list(self.query(RowTable)) if self.is_attached else []
        if session.past is None:
            self._places, self._present = self._present, {}
        else:
            # Of the present until it is come back to; of a minute that is stepped through, the
            # row that was chosen there, also past minutes that have not got it.
            here = {table: table.place() for table in tables}
            self._present = self._present or here
            self._places = {**here, **self._places}
        self.moment_changed()
        self.draw_all()
        self.refresh_bindings()

    @property
    def is_without_past(self) -> bool:
        """Whether a past minute is wanted, of which this screen knows nothing."""
        return self.desk.session.past is not None and not self.past_topics

    def _cover_body(self, *, is_covered: bool) -> None:
        """Hide the body, and keep its keys from acting upon what nobody sees."""
        was_covered = self.has_class("-no-past")
        self.set_class(is_covered, "-no-past")
        if is_covered and self.focused is not None:
            # Also what was given the focus since, as when the screen came to the front.
            self._focused_before = self.focused
            self.set_focus(None)
        elif was_covered and not is_covered and self._focused_before is not None:
            self.set_focus(self._focused_before)
            self._focused_before = None

    def moment_changed(self) -> None:
        """Forget what was asked for beside the board."""

    def _restore_places(self) -> None:
        for table in [table for table in self._places if table.rows]:
            table.restore(self._places.pop(table))

    def _without_past(self, session: Session) -> Text:
        places = places_for(session)
        others = ", ".join(
            f"{place.digit} {place.title}"
            for place in (TRANSACTIONS, ALERTS, FORECAST_PLACE, PIPELINE_PLACE)
            if place in places
        )
        at = "" if session.past is None else write_instant(session.past.at)
        return Text.assemble(
            (f"{self.place.title} shows the present only.\n\n", f"bold {BRIGHT}"),
            (f"The console is rewound to {at}, and nothing of this screen was recorded.\n", FAINT),
            (f"What has a past: {others}.\nl goes back to the present.", FAINT),
        )

    # --- export ---

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to export where there are rows, and somewhere to write them.

        Of what the past covers nothing is offered.
        """
        if self.is_without_past:
            return False
        if action == "export":
            table = self._exported()
            is_typing = isinstance(self.focused, Input)
            return self.desk.exports is not None and table is not None and not is_typing
        return super().check_action(action, parameters)

    def action_export(self) -> None:
        """Ask what the file is to be called, then write it."""
        table, directory = self._exported(), self.desk.exports
        if table is None or directory is None:
            return
        rows = table.marked_rows or table.rows
        about = Text.assemble(
            (f"{len(rows):,} rows", f"bold {BRIGHT}"),
            (" as they are shown, with all their fields, into\n", FAINT),
            str(directory),
        )
        name = propose_name(table.id or self.place.name, datetime.now(UTC))
        ask = Ask("name.csv or name.json", text=name, missing="A name is needed.")

        def write(chosen: str | None) -> None:
            if chosen is None:
                return
            try:
                path = save_rows(directory, chosen, rows)
            except NotExported as error:
                self.notify(str(error), title="Not exported", severity="error", markup=False)
            else:
                self.notify(f"{len(rows):,} rows in {path}", title="Exported", markup=False)

        self.app.push_screen(ConfirmDialog("Export?", about, "Export", ask), write)

    def _exported(self) -> RowTable[Any] | None:
        """The table that one is in, or else the screen's first one that has rows."""
        if isinstance(self.focused, RowTable) and self.focused.rows:
            return self.focused
        shown = (t for t in self.query(RowTable) if t.rows and t.display)
        return next(shown, None)

    def set_paused(self, *, is_paused: bool) -> None:
        """Say in the first row that the feed is held still."""
        self._truth.is_paused = is_paused

    def _write_banner(self, session: Session) -> None:
        connection = session.connection
        if connection.phase is not Phase.RECONNECTING:
            self._banner.set_class(False, "-shown")
            return
        since = ""
        if session.heard_at is not None:
            heard = datetime.now(UTC) - timedelta(seconds=time.monotonic() - session.heard_at)
            since = f" Last news {write_time(heard)}Z."
        self._banner.show(f"{connection.reason}{since} r tries now.")
        self._banner.set_class(True, "-shown")


def _known(number: int | None) -> str:
    return "-" if number is None else write_count(number)
