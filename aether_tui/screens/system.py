"""System: the processes of the gateway's machine, and the end of the log of one of them."""

from __future__ import annotations

import time
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from aether_tui.board import PROCESSES, AnyTopic, Reading
from aether_tui.messages import NewsWanted, RowHighlighted, SessionEnded
from aether_tui.problems import GatewayError, SignedOut
from aether_tui.screens.place import SYSTEM, PlaceScreen
from aether_tui.session import Desk
from aether_tui.theme import FAINT, MUTED
from aether_tui.values import LogTail, Process, Processes
from aether_tui.widgets.confirm import ConfirmDialog
from aether_tui.widgets.log_lines import draw_log
from aether_tui.widgets.panel import Panel
from aether_tui.widgets.process_table import ProcessTable
from aether_tui.widgets.text_view import TextView

LOG_LINES = 200
"""Lines of a log that are shown."""

_LOG_INTERVAL_S = 3.0


class SystemScreen(PlaceScreen):
    """One row a process; beneath it the log of the one under the cursor."""

    place = SYSTEM
    topics: ClassVar[tuple[AnyTopic, ...]] = (PROCESSES,)

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "R",
            "restart",
            "Restart",
            priority=True,
            id="system.restart",
            tooltip="Let a process end in good order and start afresh",
        ),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._table = ProcessTable(desk.glyphs, id="processes")
        self._table_panel = Panel("Processes", self._table, id="process-panel")
        self._log_view = TextView(id="log")
        self._log_panel = Panel("Log", self._log_view, id="log-panel")
        self._log: Reading[LogTail] = Reading(interval_s=_LOG_INTERVAL_S)
        self._log_of: str | None = None
        self._log_due_at = 0.0

    def compose_body(self) -> ComposeResult:
        """Processes above, a log beneath."""
        yield self._table_panel
        yield self._log_panel

    def on_mount(self) -> None:
        """Begin in the table."""
        self._table.focus()

    def help_notes(self) -> tuple[str, ...]:
        """What the columns mean."""
        return (
            "COLUMNS",
            "  cpu       of one core, since the reading before.",
            "  memory    proportional set size, with everything that the process started.",
            "  restarts  since supervisord began.",
        )

    def draw(self, now: float) -> None:
        """Show the processes, and ask for the log when that is due."""
        reading = self.desk.session.board.reading(PROCESSES)
        self._table_panel.take(reading, now, empty=_nothing(reading.value))
        if reading.value is not None:
            self._table.show_processes(reading.value)
            self._table_panel.note = f"on {reading.value.host}"
        process = self._table.cursor_row
        if process is None:
            self._log_panel.display = False
            return
        self._log_panel.display = True
        self._log_panel.border_title = "Log"
        if process.name != self._log_of:
            self._log_of, self._log_due_at = process.name, 0.0
            self._log = Reading(interval_s=_LOG_INTERVAL_S)
        if now >= self._log_due_at:
            self._log_due_at = now + _LOG_INTERVAL_S
            self._ask_log(process.name)
        self._draw_log(now)

    def _draw_log(self, now: float) -> None:
        tail = self._log.value
        self._log_panel.take(
            self._log, now, empty="Its log is empty." if tail and not tail.lines else None
        )
        if tail is None:
            return
        is_at_end = self._log_view.scroll_offset.y >= self._log_view.max_scroll_y
        self._log_view.show_lines(draw_log(tail.lines))
        self._log_panel.note = f"the last {len(tail.lines)} lines of {tail.name}"
        if is_at_end:
            self._log_view.scroll_end(animate=False)

    @work(exclusive=True, group="log")
    async def _ask_log(self, name: str) -> None:
        now = time.monotonic()
        try:
            tail = await self.desk.client.process_log(name, lines=LOG_LINES)
        except SignedOut as error:
            self.post_message(SessionEnded(str(error)))
            return
        except GatewayError as error:
            self._log = self._log.failed(str(error))
        else:
            if name == self._log_of:
                self._log = self._log.succeeded(tail, now)
        self.draw_all()

    @on(RowHighlighted, "#processes")
    def _row_highlighted(self) -> None:
        self.draw_all()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer a restart to administrators, of what may be restarted from here."""
        if action == "restart":
            process = self._table.cursor_row
            may = self.desk.session.may("admin") and not self.desk.session.is_read_only
            return may and process is not None and process.can_restart
        return super().check_action(action, parameters)

    def action_restart(self) -> None:
        """Ask, then let the process start afresh."""
        process = self._table.cursor_row
        if process is None:
            return

        def restart(text: str | None) -> None:
            if text is not None:
                self._restart(process)

        self.app.push_screen(ConfirmDialog("Restart?", _about(process), "Restart"), restart)

    @work(group="restart")
    async def _restart(self, process: Process) -> None:
        try:
            await self.desk.client.restart_process(process.name)
        except SignedOut as error:
            self.notify("Nothing was changed.", severity="warning", markup=False)
            self.post_message(SessionEnded(str(error)))
            return
        except GatewayError as error:
            self.notify(str(error), title="Not restarted", severity="error", markup=False)
        else:
            self.notify(f"{process.name} ends and starts afresh.", markup=False)
        self.post_message(NewsWanted())


def _nothing(found: Processes | None) -> str | None:
    if found is None or found.processes:
        return None
    return (
        "No supervisord runs the gateway that answered: a container's processes are shown by "
        "what runs the container."
    )


def _about(process: Process) -> Text:
    effects = {
        "writer": "It commits or rolls back the batch in hand; other writers take its shards over. "
        "Nothing that was accepted is lost.",
        "forecaster": "The forecast on screen grows old until it is back, in seconds.",
        "gateway": "Requests in hand are answered first. Consoles and dashboards on it, perhaps "
        "this one, reconnect by themselves.",
    }
    return Text.assemble(
        process.name,
        ("   pid ", FAINT),
        str(process.pid or "-"),
        ("\n\n" + effects.get(process.group, ""), MUTED),
    )
