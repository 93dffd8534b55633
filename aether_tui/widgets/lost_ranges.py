"""Lost ranges: entries that somebody removed from a stream before they were written."""

from __future__ import annotations

from rich.text import Text

from aether_tui.theme import BRIGHT, FAINT, MUTED, VERMILION, Glyphs
from aether_tui.values import LostRange
from aether_tui.widgets.row_table import Column, RowTable
from aether_tui.wording import join_lines, write_count, write_instant, write_time


class LostTable(RowTable[LostRange]):
    """One row a range, newest first."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002
        columns: tuple[Column[LostRange], ...] = (
            Column("found", 8, lambda r: Text(write_time(r.found_at), MUTED)),
            Column("shard", 5, lambda r: Text(str(r.shard), BRIGHT), align="right"),
            Column("lost", 10, lambda r: Text(_count(r), f"bold {VERMILION}"), align="right"),
            Column("accepted between", 22, lambda r: Text(_between(r), MUTED), rank=1),
            Column("cause", 20, lambda r: Text(r.cause), is_flexible=True),
        )
        super().__init__(columns, lambda r: r.key, glyphs, id=id)


def describe_lost(lost: LostRange) -> Text:
    """Name the range, and say what to do about it."""
    return join_lines(
        [
            Text.assemble((_count(lost), f"bold {VERMILION}"), " accepted entries are lost."),
            Text(lost.cause),
            "",
            Text.assemble(("shard      ", FAINT), str(lost.shard)),
            Text.assemble(("stream     ", FAINT), lost.incarnation),
            Text.assemble(("after      ", FAINT), lost.after),
            Text.assemble(("before     ", FAINT), lost.before or "nobody can know"),
            Text.assemble(("accepted   ", FAINT), _between(lost)),
            Text.assemble(("found      ", FAINT), write_instant(lost.found_at)),
            "",
            Text(
                "Ask those who submitted in that time to send again: keys of idempotency keep what "
                "was written from being doubled. Then acknowledge the loss on the machine:",
                MUTED,
            ),
            Text("  aether verify --acknowledge 'what was done about it'", BRIGHT),
        ]
    )


def _count(lost: LostRange) -> str:
    return f"{'' if lost.is_exact else '>= '}{write_count(lost.entries)}"


def _between(lost: LostRange) -> str:
    after = "?" if lost.accepted_after is None else write_time(lost.accepted_after)
    before = "?" if lost.accepted_before is None else write_time(lost.accepted_before)
    return f"{after} and {before}Z"
