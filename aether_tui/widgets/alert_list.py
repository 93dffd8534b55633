"""Alert list: the triage queue, worst first; or what was decided, newest first."""

from __future__ import annotations

from rich.text import Text

from aether_tui.theme import BRIGHT, MUTED, Glyphs
from aether_tui.values import Alert
from aether_tui.widgets.row_table import Column, RowTable
from aether_tui.wording import (
    style_of_score,
    write_decision,
    write_resolution,
    write_score,
    write_time,
)


def alert_columns(glyphs: Glyphs) -> tuple[Column[Alert], ...]:
    """The columns: score first, since it orders the queue."""
    return (
        Column("score", 5, lambda a: Text(write_score(a.score), f"bold {style_of_score(a.score)}")),
        Column("decision", 9, lambda a: write_decision(a.decision, glyphs), table_width_min=46),
        Column("account", 8, lambda a: Text(a.account_id), is_flexible=True),
        Column("merchant", 8, lambda a: Text(a.merchant), is_flexible=True, table_width_min=62),
        Column("amount", 11, lambda a: Text(a.amount, BRIGHT), align="right"),
        Column("cur", 3, lambda a: Text(a.currency, MUTED)),
        Column("raised", 8, lambda a: Text(write_time(a.created_at), MUTED), table_width_min=56),
    )


def decided_columns(glyphs: Glyphs) -> tuple[Column[Alert], ...]:
    """The columns of decided alerts."""
    return (
        Column("decided", 12, lambda a: write_resolution(a.resolution, glyphs)),
        *(column for column in alert_columns(glyphs) if column.title not in {"decision", "raised"}),
    )


class AlertList(RowTable[Alert]):
    """A list of alerts, worst first."""

    def __init__(
        self,
        glyphs: Glyphs,
        *,
        is_decided: bool = False,
        id: str | None = None,  # noqa: A002
    ) -> None:
        columns = decided_columns(glyphs) if is_decided else alert_columns(glyphs)
        super().__init__(columns, lambda alert: alert.id, glyphs, id=id)


def worst_first(alerts: tuple[Alert, ...]) -> tuple[Alert, ...]:
    """Order the queue: the highest score first, among equals the oldest."""
    return tuple(sorted(alerts, key=lambda a: (-a.score, a.created_at, a.id)))
