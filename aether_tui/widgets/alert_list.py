"""Alert list: the triage queue by expected loss; or what was decided, newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.text import Text

from aether_tui.session import Session
from aether_tui.theme import BLUE, BRIGHT, MUTED, Glyphs
from aether_tui.values import Alert
from aether_tui.widgets.row_table import Column, RowTable
from aether_tui.wording import (
    short_name,
    style_of_score,
    write_age,
    write_decision,
    write_loss,
    write_resolution,
    write_score,
    write_time,
)


def alert_columns(glyphs: Glyphs, whose: Callable[[Alert], Text]) -> tuple[Column[Alert], ...]:
    """The columns of open alerts: expected loss first, since it orders the queue."""
    return (
        Column(
            "loss",
            6,
            lambda a: Text(write_loss(a.expected_loss, glyphs), f"bold {BRIGHT}"),
            align="right",
        ),
        _score_column(),
        Column("decision", 9, lambda a: write_decision(a.decision, glyphs), rank=4),
        *_common_columns(),
        Column("whose", 8, whose, rank=3),
        Column("raised", 8, lambda a: Text(write_time(a.created_at), MUTED), rank=5),
    )


def decided_columns(glyphs: Glyphs) -> tuple[Column[Alert], ...]:
    """The columns of decided alerts."""
    return (
        Column("decided", 12, lambda a: write_resolution(a.resolution, glyphs)),
        _score_column(),
        *_common_columns(),
        Column("by", 8, lambda a: Text(short_name(a.resolved_by or ""), MUTED), rank=2),
        Column(
            "at",
            8,
            lambda a: Text(write_time(a.resolved_at) if a.resolved_at else "", MUTED),
            rank=3,
        ),
    )


class AlertList(RowTable[Alert]):
    """A list of alerts, in the order in which they are given."""

    def __init__(
        self,
        session: Session,
        glyphs: Glyphs,
        *,
        can_mark: bool = False,
        id: str | None = None,  # noqa: A002
    ) -> None:
        self._session = session
        self._shown_whose: tuple[str, ...] = ()
        super().__init__(
            alert_columns(glyphs, self._whose),
            lambda alert: alert.id,
            glyphs,
            can_mark=can_mark,
            id=id,
        )

    def show_decided(self, *, is_decided: bool) -> None:
        """Show the columns of the one list or of the other."""
        self.show_columns(
            decided_columns(self._glyphs)
            if is_decided
            else alert_columns(self._glyphs, self._whose)
        )

    def tick(self) -> None:
        """Draw anew when a lock's time left reads otherwise than before."""
        whose = tuple(self._whose(alert).plain for alert in self.rows if alert.taken_by)
        if whose != self._shown_whose:
            self._shown_whose = whose
            self.draw_anew()

    def _whose(self, alert: Alert) -> Text:
        """Who has taken it and for how long; else whose it is."""
        holder = self._session.holder(alert)
        if holder is not None and alert.taken_until is not None:
            left = write_age((alert.taken_until - self._session.shown_now()).total_seconds())
            if holder == self._session.identity.email:
                return Text(f"you {left}", f"bold {BLUE}")
            return Text(f"{short_name(holder)[:4]} {left}", MUTED)
        if alert.assignee is None:
            return Text("")
        is_mine = alert.assignee == self._session.identity.email
        return Text("> you" if is_mine else f"> {short_name(alert.assignee)}", MUTED)


def by_expected_loss(alerts: Iterable[Alert]) -> list[Alert]:
    """Order the queue as the gateway does: what is most at stake first, among equals the newest.

    An older gateway sends no expected loss: then the highest score comes first.
    """
    return sorted(
        alerts,
        key=lambda a: (a.score if a.expected_loss is None else a.expected_loss, a.id),
        reverse=True,
    )


def _decided_at(alert: Alert) -> Text:
    return Text(write_time(alert.resolved_at) if alert.resolved_at else "", MUTED)


def _score_column() -> Column[Alert]:
    return Column(
        "score", 5, lambda a: Text(write_score(a.score), f"bold {style_of_score(a.score)}"), rank=2
    )


def _common_columns() -> tuple[Column[Alert], ...]:
    return (
        Column("account", 8, lambda a: Text(a.account_id), is_flexible=True),
        Column("merchant", 10, lambda a: Text(a.merchant), is_flexible=True, rank=1),
        Column("amount", 11, lambda a: Text(a.amount, BRIGHT), align="right"),
        Column("cur", 3, lambda a: Text(a.currency, MUTED)),
    )
