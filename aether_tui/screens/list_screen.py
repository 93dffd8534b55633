"""List screen: a table with a filter, and beside or over it all that is known of one row.

Wide windows show the row beside the table, narrow ones in its place. The row that is described is
always the one under the cursor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from aether_tui.cleaning import clean
from aether_tui.filtering import Field, Filter, FilterNotUnderstood, parse_filter
from aether_tui.messages import FilterLeft, FilterTyped, RowHighlighted, RowOpened, SessionEnded
from aether_tui.problems import GatewayError, SignedOut
from aether_tui.screens.place import PlaceScreen
from aether_tui.session import Desk
from aether_tui.theme import FAINT, VERMILION
from aether_tui.values import Alert, AuditEntry, Transaction
from aether_tui.widgets.detail import Detail, Part, describe_history
from aether_tui.widgets.filter_box import FilterBox
from aether_tui.widgets.panel import Condition, Panel
from aether_tui.widgets.row_table import RowTable

HISTORY_MAX = 25
"""Transactions of the account that are shown beneath a row."""

# A cursor that moves on does not ask for the history of every row that it passes.
_REST_S = 0.15

_RowT = TypeVar("_RowT", bound=Transaction | Alert | AuditEntry)
_AnswerT = TypeVar("_AnswerT")


class ListScreen(PlaceScreen, Generic[_RowT]):
    """A table, its filter and the description of the row under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority, or letters that were typed ahead would overtake it and act on their own.
        Binding(
            "slash",
            "filter",
            "Filter",
            priority=True,
            id="list.filter",
            tooltip="Show only some rows",
        ),
        Binding(
            "escape",
            "back",
            "Back",
            id="list.back",
            tooltip="Close the description, then clear the filter",
        ),
        Binding(
            "n", "step(1)", "Next", show=False, id="list.next", tooltip="Describe the next row"
        ),
        Binding(
            "N",
            "step(-1)",
            "Previous",
            show=False,
            id="list.previous",
            tooltip="Describe the previous row",
        ),
        Binding(
            "y",
            "copy_id",
            "Copy id",
            show=False,
            id="list.copy",
            tooltip="Copy the row's whole id to the clipboard (OSC 52)",
        ),
    ]
    fields: ClassVar[Mapping[str, Field]]  # type: ignore[type-arg]
    list_title: ClassVar[str]

    def __init__(self, desk: Desk, table: RowTable[_RowT]) -> None:
        super().__init__(desk)
        self.table = table
        self.filter: Filter[_RowT] = Filter()
        self._list_panel = Panel(self.list_title, table, id="list")
        self._detail = Detail(id="detail")
        self._detail_panel = Panel("Detail", self._detail, id="detail-panel")
        self._filter_box = FilterBox(self.fields, id="filter")
        self._described: _RowT | None = None
        self._part_shown: tuple[object, object] | None = None

    def compose_body(self) -> ComposeResult:
        """List and description side by side, the filter beneath."""
        with Horizontal(id="split"):
            yield self._list_panel
            yield self._detail_panel
        yield self._filter_box

    def describe(self, row: _RowT) -> Sequence[Text]:
        """All that is known of the row, without its account's history."""
        raise NotImplementedError

    def row_id(self, row: _RowT) -> str:
        """The id that one would look the row up by."""
        return str(row.id)

    def account_of(self, row: _RowT) -> str | None:
        """Whose history is shown beneath a row; None: nobody's."""
        return None if isinstance(row, AuditEntry) else row.account_id

    def transaction_id(self, row: _RowT) -> str:
        """The transaction that the row is or speaks of."""
        raise NotImplementedError

    def part_key(self, row: _RowT) -> object | None:  # noqa: ARG002 - subclasses look at it
        """What a row's second part depends on; None: it has none."""
        return None

    async def ask_part(self, row: _RowT) -> Sequence[Text]:
        """Ask for what is shown beneath the description. Raises GatewayError."""
        raise NotImplementedError

    def filter_changed(self) -> None:
        """Show the rows that pass the new filter."""
        raise NotImplementedError

    def help_notes(self) -> tuple[str, ...]:
        """The filter's language."""
        return (
            "FILTER",
            '  decision:review amount:>1000 merchant:"café" since:15m !currency:EUR words',
            '  Terms are joined by "and"; ! turns one round; account:=x is exactly x.',
            f"  Fields: {', '.join(self.fields)}.",
        )

    @property
    def is_typing(self) -> bool:
        """Whether letters go into a line at the moment."""
        return isinstance(self.focused, Input)

    @property
    def is_described(self) -> bool:
        """Whether the description was opened."""
        return self._list_panel.has_class("-described")

    def open_row(self, key: str) -> None:
        """Put the cursor on a row and describe it."""
        self.table.go_to(key)
        self._open()

    # --- the filter ---

    def action_filter(self) -> None:
        """Begin to type a filter, with the table in sight."""
        if not self.has_class("-wide"):
            self._set_described(is_described=False)
        self._filter_box.open()

    @on(FilterTyped)
    def _filter_typed(self, event: FilterTyped) -> None:
        try:
            self.filter = parse_filter(event.text, self.fields, self.desk.session.shown_now)
        except FilterNotUnderstood as error:
            # The rows stay as they were until the sentence makes sense again.
            self._filter_box.complain(clean(str(error), 200))
            return
        self._filter_box.complain("")
        self.filter_changed()
        self.refresh_bindings()

    @on(FilterLeft)
    def _filter_left(self) -> None:
        self.table.focus()

    def no_match(self, count: int) -> str | None:
        """What to say when the filter hides everything."""
        if count and self._filter_box.text and not self.table.rows:
            return f"0 of {count} match. Esc clears the filter."
        return None

    # --- the past ---

    def moment_changed(self) -> None:
        """Describe the row anew: what was done to it, and by when, is another matter now."""
        self._described = self._part_shown = None

    # --- the description ---

    @on(RowOpened)
    def _row_opened(self) -> None:
        self._open()

    @on(RowHighlighted)
    def _row_highlighted(self) -> None:
        self.draw_detail()

    def action_back(self) -> None:
        """Close the description; then clear the filter."""
        if self.is_described:
            self.close_detail()
        elif self._filter_box.text:
            self._filter_box.clear()

    def action_step(self, by: int) -> None:
        """Move the cursor, also while the description covers the table."""
        self.table.action_move(by)

    def action_copy_id(self) -> None:
        """Hand the id to the terminal's clipboard."""
        row = self.table.cursor_row
        if row is not None:
            self.app.copy_to_clipboard(self.row_id(row))
            self.notify("The id was handed to the terminal's clipboard.", markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to go back only when there is something to leave; a slash may also be typed."""
        if action == "filter":
            return not self.is_typing and not self.is_without_past
        if action == "back" and not self.is_without_past:
            return self.is_described or bool(self._filter_box.text)
        return super().check_action(action, parameters)

    def _open(self) -> None:
        self._set_described(is_described=True)
        if not self.has_class("-wide"):
            self._detail.focus()
        self.draw_detail()
        self.refresh_bindings()

    def close_detail(self) -> None:
        """Show the whole table again."""
        self._set_described(is_described=False)
        self.table.focus()
        self.refresh_bindings()

    def _set_described(self, *, is_described: bool) -> None:
        """Show the description or what the stylesheet says, beside the list or over it.

        What only narrow windows look at would have Textual style all within the list anew before
        the key is answered; a window that grows narrow is styled anew in any case.
        """
        self._detail_panel.styles.display = "block" if is_described else None
        self._list_panel.set_class(is_described, "-described", update=not self.has_class("-wide"))

    def draw_detail(self) -> None:
        """Describe the row under the cursor, if it is not described already."""
        if not self._detail_panel.display:
            return
        row = self.table.cursor_row
        if row is None:
            self._described = self._part_shown = None
            self._detail_panel.condition = Condition("empty", "No row is chosen.")
            return
        self._detail_panel.condition = Condition("ready", "")
        self._draw_part(row)
        if row == self._described:
            return
        is_other_row = self._described is None or row.id != self._described.id
        self._described = row
        parts: dict[Part, Sequence[Text]] = {"description": self.describe(row)}
        account = self.account_of(row) if is_other_row else None
        if account is not None:
            parts["history"] = [Text("Account history: loading", FAINT)]
            self._ask_history(row, account)
        self._detail.show(parts)
        if is_other_row:
            self._detail.scroll_home(animate=False)

    def _draw_part(self, row: _RowT) -> None:
        shown, key = self._part_shown, self.part_key(row)
        wanted = None if key is None else (row.id, key)
        if wanted == shown:
            return
        self._part_shown = wanted
        if wanted is None or shown is None or shown[0] != row.id:
            self._detail.show({"done": ()})
        if wanted is not None:
            self._ask_part(row)

    @work(exclusive=True, group="part")
    async def _ask_part(self, row: _RowT) -> None:
        past = self.desk.session.past
        try:
            lines = await self.rested(lambda: self.ask_part(row))
        except SignedOut as error:
            self.post_message(SessionEnded(str(error)))
            return
        except GatewayError as error:
            lines = [Text(str(error), VERMILION)]
        if past is not self.desk.session.past:
            return  # another moment is shown by now, and is asked about
        self._detail.show({"done": lines})

    async def rested(self, ask: Callable[[], Awaitable[_AnswerT]]) -> _AnswerT:
        """Ask once the cursor has come to rest: the worker that waits here is exclusive."""
        await asyncio.sleep(_REST_S)
        return await ask()

    @work(exclusive=True, group="history")
    async def _ask_history(self, row: _RowT, account: str) -> None:
        past = self.desk.session.past
        until = None if past is None else past.at
        try:
            transactions = await self.rested(
                lambda: self.desk.client.transactions(
                    limit=HISTORY_MAX, account_id=account, until=until
                )
            )
        except SignedOut as error:
            self.post_message(SessionEnded(str(error)))
            return
        except GatewayError as error:
            lines = [Text(f"Account history: {error}", VERMILION)]
        else:
            lines = describe_history(transactions, self.transaction_id(row), self.desk.glyphs)
        if past is not self.desk.session.past:
            return
        self._detail.show({"history": lines})
