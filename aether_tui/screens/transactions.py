"""Transactions: the live feed, held still at will, filtered, and described row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on

from aether_tui.board import PAST_TRANSACTIONS, AnyTopic
from aether_tui.filtering import TRANSACTION_FIELDS, Field
from aether_tui.messages import FollowingChanged
from aether_tui.screens.list_screen import ListScreen
from aether_tui.screens.place import TRANSACTIONS
from aether_tui.session import Desk, Past
from aether_tui.values import Transaction
from aether_tui.widgets.detail import describe_trace, describe_transaction
from aether_tui.widgets.live_table import LiveTable
from aether_tui.wording import write_count, write_time


class TransactionsScreen(ListScreen[Transaction]):
    """The newest transactions at the bottom, as in `tail -f`."""

    place = TRANSACTIONS
    past_topics: ClassVar[tuple[AnyTopic, ...]] = (PAST_TRANSACTIONS,)
    list_title = "Transactions"
    fields: ClassVar[dict[str, Field[Transaction]]] = dict(TRANSACTION_FIELDS)

    def __init__(self, desk: Desk) -> None:
        self._live = LiveTable(desk.glyphs, id="feed")
        super().__init__(desk, self._live)
        self._total_at_pause = 0

    def draw(self, now: float) -> None:
        """Show the newest rows, or count them while the table holds still."""
        session = self.desk.session
        if session.past is not None:
            self._draw_past(session.past, now)
            return
        self._live.show_past(None)
        self._live.show_feed(session.recent)
        count = self._live.unfiltered_count
        empty = self.no_match(count) or (
            None if count else "No transactions yet. They appear here as they are written."
        )
        self._list_panel.take(session.recent_reading(), now, empty=empty)
        self._list_panel.note = self._note()
        self.draw_detail()

    def _draw_past(self, past: Past, now: float) -> None:
        """Show the last that had been accepted, the newest at the bottom as ever."""
        reading = past.board.reading(PAST_TRANSACTIONS)
        self._live.show_past(tuple(reversed(reading.value or ())))
        count = self._live.unfiltered_count
        empty = self.no_match(count) or (None if count else "Nothing had been accepted by then.")
        self._list_panel.take(reading, now, empty=empty)
        self._list_panel.note = (
            f"{len(self._live.rows)} of {count} match"
            if self._filter_box.text
            else f"accepted before {write_time(past.at)}Z"
        )
        self.draw_detail()

    def describe(self, row: Transaction) -> Sequence[Text]:
        """Every field, then the reasons for the score."""
        return describe_transaction(row, self.desk.glyphs)

    def transaction_id(self, row: Transaction) -> str:
        """Its own."""
        return row.id

    def part_key(self, row: Transaction) -> object | None:
        """Its trace, for those who may see the pipeline; it is complete once it is processed."""
        return row.status if self.desk.session.may("operations:read") else None

    async def ask_part(self, row: Transaction) -> Sequence[Text]:
        """When it was accepted, read, scored, committed and published."""
        return describe_trace(await self.desk.client.trace(row.id))

    def filter_changed(self) -> None:
        """Filter what is held."""
        self._live.filter_by(self.filter)
        self.draw_all()

    def open_row(self, key: str) -> None:
        """Hold the feed at this row and describe it."""
        self._live.show_feed(self.desk.session.recent)
        self._live.hold_at(key)
        super().open_row(key)

    @on(FollowingChanged)
    def _following_changed(self, event: FollowingChanged) -> None:
        self._total_at_pause = self.desk.session.total
        if event.is_following:
            # The newest row is another one all the time: nothing to be described.
            self.close_detail()
        self.set_paused(is_paused=not event.is_following)
        self.draw_all()

    def _note(self) -> str:
        session = self.desk.session
        if not self._live.is_following:
            new = write_count(session.total - self._total_at_pause)
            return f"paused: {new} new, End follows"
        if self._filter_box.text:
            return f"{len(self._live.rows)} of {self._live.unfiltered_count} match"
        if session.is_sampled:
            return "a sample of the feed; the counters are exact"
        if session.gap_at is not None:
            return f"the feed had a gap at {write_time(session.gap_at)}Z"
        return "live, newest at the bottom"
