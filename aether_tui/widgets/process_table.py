"""Process table: what runs, since when, and what it takes of the machine."""

from __future__ import annotations

from rich.text import Text

from aether_tui.theme import BRIGHT, FAINT, GREEN, MUTED, ORANGE, VERMILION, Glyphs
from aether_tui.values import Process, Processes
from aether_tui.widgets.row_table import Column, RowTable
from aether_tui.wording import write_age, write_count

_CPU_NOTICEABLE = 0.8
_MIB = 1024 * 1024


class ProcessTable(RowTable[Process]):
    """One row a process. The share of the processor is taken between two readings."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002
        self._cpu_before: dict[str, tuple[float, float]] = {}
        self._cpu: dict[str, float] = {}
        columns: tuple[Column[Process], ...] = (
            Column("process", 16, lambda p: Text(p.name, BRIGHT), is_flexible=True),
            Column("state", 10, lambda p: _state(p, glyphs)),
            Column("uptime", 6, _uptime, align="right"),
            Column("restarts", 8, _restarts, align="right"),
            Column("cpu", 5, self._share, align="right"),
            Column("memory", 9, _memory, align="right"),
            Column("pid", 8, lambda p: Text(str(p.pid or "-"), FAINT), align="right", rank=1),
        )
        super().__init__(columns, lambda p: p.name, glyphs, can_open=False, id=id)

    def show_processes(self, found: Processes) -> None:
        """Show a reading."""
        at = found.at.timestamp()
        for process in found.processes:
            before_at, before_s = self._cpu_before.get(process.name, (at, process.cpu_seconds))
            if at > before_at:
                self._cpu[process.name] = max(0.0, process.cpu_seconds - before_s) / (
                    at - before_at
                )
            if at != before_at or process.name not in self._cpu_before:
                self._cpu_before[process.name] = (at, process.cpu_seconds)
        self.show(found.processes)

    def _share(self, process: Process) -> Text:
        share = self._cpu.get(process.name)
        if share is None or process.pid is None:
            return Text("-", FAINT)
        return Text(f"{share:.0%}", ORANGE if share >= _CPU_NOTICEABLE else MUTED)


def _state(process: Process, glyphs: Glyphs) -> Text:
    match process.state:
        case "RUNNING":
            return Text(f"{glyphs.good} running", GREEN)
        case "FINISHED":
            return Text(f"{glyphs.good} done", FAINT)
        case "STARTING" | "STOPPING" | "BACKOFF" as state:
            return Text(f"{glyphs.warn} {state.lower()}", f"bold {ORANGE}")
        case other:
            return Text(f"{glyphs.bad} {other.lower()}", f"bold {VERMILION}")


def _uptime(process: Process) -> Text:
    return Text("-", FAINT) if process.pid is None else Text(write_age(process.uptime_seconds))


def _restarts(process: Process) -> Text:
    style = f"bold {ORANGE}" if process.restarts else FAINT
    return Text(write_count(process.restarts), style)


def _memory(process: Process) -> Text:
    if not process.memory_bytes:
        return Text("-", FAINT)
    return Text(f"{process.memory_bytes / _MIB:,.0f} MiB", MUTED)
