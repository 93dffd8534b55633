"""Alert list: the triage queue, worst first; or what was decided, newest first."""

from __future__ import annotations

from collections.abc import Iterable

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
    """The columns of open alerts: score first, since it orders the queue."""
    return (
        _score_column(),
        Column("decision", 9, lambda a: write_decision(a.decision, glyphs), rank=2),
        *_common_columns(),
        Column("raised", 8, lambda a: Text(write_time(a.created_at), MUTED), rank=3),
    )


def decided_columns(glyphs: Glyphs) -> tuple[Column[Alert], ...]:
    """The columns of decided alerts."""
    return (
        Column("decided", 12, lambda a: write_resolution(a.resolution, glyphs)),
        _score_column(),
        *_common_columns(),
    )


class AlertList(RowTable[Alert]):
    """A list of alerts, in the order in which they are given."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(alert_columns(glyphs), lambda alert: alert.id, glyphs, id=id)

    def show_decided(self, *, is_decided: bool) -> None:
        """Show the columns of the one list or of the other."""
        make = decided_columns if is_decided else alert_columns
        self.show_columns(make(self._glyphs))


def worst_first(alerts: Iterable[Alert]) -> list[Alert]:
    """Order the queue: the highest score first, among equals the oldest."""
    return sorted(alerts, key=lambda a: (-a.score, a.created_at, a.id))


def _score_column() -> Column[Alert]:
    return Column(
        "score", 5, lambda a: Text(write_score(a.score), f"bold {style_of_score(a.score)}")
    )


def _common_columns() -> tuple[Column[Alert], ...]:
    return (
        Column("account", 9, lambda a: Text(a.account_id), is_flexible=True),
        Column("merchant", 12, lambda a: Text(a.merchant), is_flexible=True, rank=1),
        Column("amount", 11, lambda a: Text(a.amount, BRIGHT), align="right"),
        Column("cur", 3, lambda a: Text(a.currency, MUTED)),
    )
