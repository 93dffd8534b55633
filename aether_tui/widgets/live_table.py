"""Live table: the newest transactions, newest at the bottom as in `tail -f`.

It follows the newest row until somebody pauses it, moves up or opens a row; then it holds still,
row for row, and counts what comes meanwhile. End follows again.
"""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from aether_tui.filtering import Filter
from aether_tui.messages import FollowingChanged
from aether_tui.theme import BRIGHT, FAINT, MUTED, Glyphs
from aether_tui.values import Transaction
from aether_tui.widgets.row_table import Column, RowTable
from aether_tui.wording import short_id, style_of_score, write_decision, write_score, write_time


def transaction_columns(glyphs: Glyphs) -> tuple[Column[Transaction], ...]:
    """The columns of a list of transactions; the amount stands as it arrived."""
    return (
        Column("time", 8, lambda t: Text(write_time(t.created_at), MUTED)),
        Column("id", 8, lambda t: Text(short_id(t), FAINT), rank=2),
        Column("account", 9, lambda t: Text(t.account_id), is_flexible=True),
        Column("merchant", 10, lambda t: Text(t.merchant), is_flexible=True),
        Column("kind", 10, lambda t: Text(t.kind or "", MUTED), rank=3),
        Column("amount", 12, lambda t: Text(t.amount, BRIGHT), align="right"),
        Column("cur", 3, lambda t: Text(t.currency, MUTED)),
        Column("decision", 9, lambda t: write_decision(t.decision, glyphs)),
        Column(
            "score",
            5,
            lambda t: Text(write_score(t.score), style_of_score(t.score)),
            align="right",
            rank=1,
        ),
    )


class LiveTable(RowTable[Transaction]):
    """The live feed. While it holds still, what comes is only kept for later."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "space",
            "toggle_following",
            "Pause",
            id="feed.pause",
            tooltip="Hold the feed still, or follow it again",
        ),
        Binding(
            "end,G",
            "follow",
            "Newest",
            show=False,
            id="feed.newest",
            tooltip="Jump to the newest transaction and follow the feed",
        ),
    ]

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(transaction_columns(glyphs), lambda t: t.id, glyphs, id=id)
        self._is_following = True
        self._newest: tuple[Transaction, ...] = ()
        self._held: tuple[Transaction, ...] = ()
        self._filter: Filter[Transaction] = Filter()
        self._past: tuple[Transaction, ...] | None = None

    @property
    def is_following(self) -> bool:
        """Whether the newest row is shown as it comes."""
        return self._is_following

    @property
    def unfiltered_count(self) -> int:
        """Rows that the filter chooses from."""
        return len(self._shown)

    def show_feed(self, transactions: tuple[Transaction, ...]) -> None:
        """Take in the newest transactions, oldest first."""
        self._newest = transactions
        if self._is_following:
            self._held = transactions
            self._draw()

    def show_past(self, transactions: tuple[Transaction, ...] | None) -> None:
        """Show these instead of the feed, which is held as it is; None: the feed again."""
        if transactions != self._past:
            self._past = transactions
            self._draw()

    def filter_by(self, which: Filter[Transaction]) -> None:
        """Show only what passes; a feed that holds still is filtered as it stands."""
        self._filter = which
        self._draw()

    def hold(self) -> None:
        """Stop following, so that the row under the eye stays there; the past stands still."""
        if self._past is None:
            self._set_following(is_following=False)

    def hold_at(self, key: str) -> None:
        """Put the cursor on a row, if it is there, and stay on it."""
        self.hold()
        self.go_to(key)

    def action_follow(self) -> None:
        """Jump to the newest and follow."""
        if self._past is not None:
            self._put_cursor(len(self.rows) - 1)
            self.refresh()
            return
        self._set_following(is_following=True)
        self.show_feed(self._newest)

    def action_toggle_following(self) -> None:
        """Pause, or go on."""
        if self._is_following:
            self.hold()
        else:
            self.action_follow()

    def action_open(self) -> None:
        """Open the row, and keep it where it is meanwhile."""
        self.hold()
        super().action_open()

    def _step(self, by: int) -> None:
        if by < 0:
            self.hold()
        super()._step(by)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to hold the feed where it is shown."""
        if action == "toggle_following":
            return self._past is None
        return super().check_action(action, parameters)

    @property
    def _shown(self) -> tuple[Transaction, ...]:
        return self._held if self._past is None else self._past

    def _draw(self) -> None:
        self.show([t for t in self._shown if self._filter.matches(t)])
        if self._is_following or self._cursor_place is None:
            self._put_cursor(len(self.rows) - 1)

    def _set_following(self, *, is_following: bool) -> None:
        if is_following != self._is_following:
            self._is_following = is_following
            self.post_message(FollowingChanged(is_following))
