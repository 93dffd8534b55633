"""Audit: who did what, when and from where; nobody can change or delete an entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text

from aether_tui.board import AUDIT, AUDIT_MAX, AnyTopic
from aether_tui.filtering import AUDIT_FIELDS, Field
from aether_tui.screens.list_screen import ListScreen
from aether_tui.screens.place import AUDIT_PLACE
from aether_tui.session import Desk
from aether_tui.theme import BRIGHT, FAINT, GREEN, MUTED, VERMILION, Glyphs
from aether_tui.values import AuditEntry
from aether_tui.widgets.row_table import Column, RowTable
from aether_tui.wording import write_instant, write_time

_LABEL_WIDTH = 12


class AuditScreen(ListScreen[AuditEntry]):
    """The newest entries, newest first."""

    place = AUDIT_PLACE
    topics: ClassVar[tuple[AnyTopic, ...]] = (AUDIT,)
    list_title = "Audit trail"
    fields: ClassVar[dict[str, Field[AuditEntry]]] = dict(AUDIT_FIELDS)

    def __init__(self, desk: Desk) -> None:
        super().__init__(
            desk, RowTable(_columns(desk.glyphs), lambda e: str(e.id), desk.glyphs, id="audit")
        )

    def draw(self, now: float) -> None:
        """Show the entries that pass the filter."""
        reading = self.desk.session.board.reading(AUDIT)
        known = reading.value or ()
        chosen = [entry for entry in known if self.filter.matches(entry)]
        self.table.show(chosen)
        empty = None if chosen else self.no_match(len(known)) or "Nothing was done yet."
        self._list_panel.take(reading, now, empty=empty)
        if self._filter_box.text:
            self._list_panel.note = f"{len(chosen)} of {len(known)} match"
        elif len(known) == AUDIT_MAX:
            self._list_panel.note = f"the newest {AUDIT_MAX}; aether audit has all"
        else:
            self._list_panel.note = "newest first"
        self.draw_detail()

    def describe(self, row: AuditEntry) -> Sequence[Text]:
        """Every field."""
        fields = {
            "entry": str(row.id),
            "at": write_instant(row.at),
            "actor": row.actor_name,
            "kind": row.actor_kind,
            "actor id": row.actor_id,
            "subject": row.subject,
            "address": row.address,
            "request": row.request_id,
            **{name: str(value) for name, value in row.details.items()},
        }
        return [
            Text.assemble(_outcome(row, self.desk.glyphs), "  ", (row.action, f"bold {BRIGHT}")),
            Text(""),
            *(
                Text.assemble((f"{label:<{_LABEL_WIDTH}}", FAINT), value)
                for label, value in fields.items()
                if value
            ),
            Text(""),
            Text("SHA-256 over this entry and the hash of the one before:", FAINT),
            Text(row.hash, MUTED),
        ]

    def filter_changed(self) -> None:
        """Filter what is held."""
        self.draw_all()


def _columns(glyphs: Glyphs) -> tuple[Column[AuditEntry], ...]:
    return (
        Column("time", 8, lambda e: Text(write_time(e.at), MUTED)),
        Column("outcome", 9, lambda e: _outcome(e, glyphs)),
        Column("action", 18, lambda e: Text(e.action, BRIGHT)),
        Column("actor", 12, lambda e: Text(e.actor_name), is_flexible=True),
        Column("subject", 12, lambda e: Text(e.subject, MUTED), is_flexible=True, rank=1),
        Column("address", 15, lambda e: Text(e.address, FAINT), rank=2),
    )


def _outcome(entry: AuditEntry, glyphs: Glyphs) -> Text:
    if entry.outcome == "success":
        return Text(f"{glyphs.good} success", GREEN)
    return Text(f"{glyphs.bad} {entry.outcome}", f"bold {VERMILION}")
