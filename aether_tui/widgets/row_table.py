"""Row table: a table of frozen rows that fits its width and redraws only what is seen.

In:   rows with a key each; the cursor stays on its key when they change.
Out:  RowHighlighted, RowOpened.
Textual's own DataTable takes time in proportion to its rows for each that is removed, and its
columns do not fit the width; a live feed needs both. A line is drawn once and kept while its row
stays the same, so a flush of the feed costs what is visible, not what is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.strip import Strip

from aether_tui.messages import MarksChanged, RowHighlighted, RowOpened
from aether_tui.segments import layer, line_of, segments_of
from aether_tui.theme import BLUE, BRIGHT, CURSOR, FAINT, ORANGE, TEXT, Glyphs
from aether_tui.widgets.line_view import LineView
from aether_tui.wording import Align, crop, crop_text

_RowT = TypeVar("_RowT")

_GUTTER = 2
_GAP = 2
_HEADER_HEIGHT = 1
_MARK = "*"


@dataclass(frozen=True)
class Column(Generic[_RowT]):
    """One column. width: cells, the least of them if flexible.

    rank: 0 for what is always shown; in a table that is too narrow the highest goes first.
    """

    title: str
    width: int
    cell: Callable[[_RowT], Text]
    align: Align = "left"
    is_flexible: bool = False
    rank: int = 0


@dataclass(frozen=True)
class TablePlace:
    """Where somebody was in a table: the row under the cursor, and the marked ones."""

    cursor_key: str | None
    marks: frozenset[str]


class RowTable(LineView, Generic[_RowT], can_focus=True):
    """A table with a cursor. Rows come from `show`, in the order in which they are drawn."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False, id="table.move.up", tooltip="A row up"),
        Binding("down", "move(1)", "Down", show=False, id="table.move.down", tooltip="A row down"),
        Binding(
            "pageup",
            "page(-1)",
            "Page up",
            show=False,
            id="table.move.page_up",
            tooltip="A page up",
        ),
        Binding(
            "pagedown",
            "page(1)",
            "Page down",
            show=False,
            id="table.move.page_down",
            tooltip="A page down",
        ),
        Binding(
            "home", "first", "First", show=False, id="table.move.first", tooltip="The first row"
        ),
        Binding("end,G", "last", "Last", show=False, id="table.move.last", tooltip="The last row"),
        Binding("enter", "open", "Open", id="table.open", tooltip="All that is known of the row"),
        Binding(
            "m,space",
            "mark",
            "Mark",
            show=False,
            id="table.mark",
            tooltip="Mark the row for what is done to several, and go on to the next",
        ),
        Binding(
            "M",
            "mark_all",
            "Mark all",
            show=False,
            id="table.mark_all",
            tooltip="Mark every row that is shown, or none",
        ),
    ]

    def __init__(
        self,
        columns: Sequence[Column[_RowT]],
        key: Callable[[_RowT], str],
        glyphs: Glyphs,
        *,
        can_open: bool = True,
        can_mark: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._key = key
        self._glyphs = glyphs
        self._can_open = can_open
        self.can_mark = can_mark
        self._marks: set[str] = set()
        self._rows: tuple[_RowT, ...] = ()
        self._places: dict[str, int] = {}
        self._cursor_key: str | None = None
        self._lines: dict[str, tuple[_RowT, Strip]] = {}
        self._cells: dict[str, tuple[_RowT, dict[str, Text]]] = {}
        self._fitted: tuple[tuple[Column[_RowT], int], ...] = ()
        self._fitted_width = -1

    @property
    def rows(self) -> tuple[_RowT, ...]:
        """The rows as drawn."""
        return self._rows

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor."""
        return self._cursor_key

    @property
    def cursor_row(self) -> _RowT | None:
        """The row under the cursor."""
        place = self._cursor_place
        return None if place is None else self._rows[place]

    @property
    def marked_rows(self) -> tuple[_RowT, ...]:
        """The rows that are marked, in the order in which they are drawn."""
        return tuple(row for row in self._rows if self._key(row) in self._marks)

    def place(self) -> TablePlace:
        """Where one is."""
        return TablePlace(self._cursor_key, frozenset(self._marks))

    def restore(self, place: TablePlace) -> None:
        """Go back to a place, as far as its rows are there."""
        self._marks = set(place.marks & self._places.keys())
        if place.cursor_key is not None:
            self.go_to(place.cursor_key)
        if place.marks:
            self.post_message(MarksChanged(self))
            self.draw_anew()

    def unmark(self, keys: Iterable[str]) -> None:
        """Take these marks away."""
        self._marks.difference_update(keys)
        self.post_message(MarksChanged(self))
        self.draw_anew()

    def notify_style_update(self) -> None:
        """Other colours: lines that are kept have the old ones."""
        super().notify_style_update()
        if self.is_mounted:
            self.draw_anew()

    def draw_anew(self) -> None:
        """Draw every line again: cells show a time that has gone by."""
        self._lines.clear()
        self._cells.clear()
        self.refresh()

    def show(self, rows: Sequence[_RowT]) -> None:
        """Draw these rows; the cursor stays on its row, or moves to the one in its place."""
        fresh = tuple(rows)
        if fresh == self._rows:
            return
        place_before = self._cursor_place or 0
        self._rows = fresh
        self._places = {self._key(row): place for place, row in enumerate(self._rows)}
        self._lines = {key: line for key, line in self._lines.items() if key in self._places}
        self._cells = {key: cells for key, cells in self._cells.items() if key in self._places}
        self._marks &= self._places.keys()
        self.virtual_size = Size(0, len(self._rows) + _HEADER_HEIGHT)
        if self._cursor_key not in self._places:
            self._put_cursor(min(place_before, len(self._rows) - 1))
        self.refresh()

    def show_columns(self, columns: Sequence[Column[_RowT]]) -> None:
        """Show other columns of the same rows."""
        self._columns = tuple(columns)
        self._fitted_width = -1
        self._cells.clear()
        self.refresh()

    def go_to(self, key: str) -> None:
        """Put the cursor on a row, if it is there."""
        place = self._places.get(key)
        if place is not None:
            self._put_cursor(place)
            self.refresh()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to open a row only where there is more to see."""
        if action in {"mark", "mark_all"}:
            return self.can_mark
        return self._can_open if action == "open" else super().check_action(action, parameters)

    def action_move(self, by: int) -> None:
        """Move the cursor by some rows."""
        self._step(by)

    def action_page(self, direction: int) -> None:
        """Move the cursor by what is visible."""
        self._step(direction * max(1, self.size.height - _HEADER_HEIGHT - 1))

    def action_first(self) -> None:
        """Go to the first row."""
        self._step(-len(self._rows))

    def action_last(self) -> None:
        """Go to the last row."""
        self._step(len(self._rows))

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self._can_open and self._cursor_key is not None:
            self.post_message(RowOpened(self, self._cursor_key))

    def action_mark(self) -> None:
        """Mark the row under the cursor, or take its mark away."""
        if self._cursor_key is not None:
            self._marks ^= {self._cursor_key}
            self._lines.pop(self._cursor_key, None)
            self.post_message(MarksChanged(self))
            self._step(1)

    def action_mark_all(self) -> None:
        """Mark every row; when every row is marked, none."""
        keys = set(self._places)
        self._marks = set() if keys == self._marks else keys
        self.post_message(MarksChanged(self))
        self.draw_anew()

    def on_click(self, event: Click) -> None:
        """Choose a row; open it when it was chosen already."""
        place = event.y + self.scroll_offset.y - _HEADER_HEIGHT
        if event.y < _HEADER_HEIGHT or not 0 <= place < len(self._rows):
            return
        if place == self._cursor_place:
            self.action_open()
        else:
            self._step(place - (self._cursor_place or 0))

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self._reveal_cursor()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw what is visible, in columns that fit the width."""
        width = self.scrollable_content_region.width
        if width != self._fitted_width:
            self._fit(width)
        return super().render_lines(crop)

    def draw_line(self, y: int) -> Strip:
        """Draw one visible line; the first is the header."""
        if y < _HEADER_HEIGHT:
            return self._draw_header()
        place = y + self.scroll_offset.y - _HEADER_HEIGHT
        if place >= len(self._rows):
            return Strip.blank(self._fitted_width, self._style)
        return self._draw_row(place)

    # --- the cursor ---

    @property
    def _cursor_place(self) -> int | None:
        return None if self._cursor_key is None else self._places.get(self._cursor_key)

    def _step(self, by: int) -> None:
        if self._rows:
            place = (self._cursor_place or 0) + by
            self._put_cursor(min(max(place, 0), len(self._rows) - 1))
            self.refresh()

    def _put_cursor(self, place: int) -> None:
        key = self._key(self._rows[place]) if 0 <= place < len(self._rows) else None
        if key != self._cursor_key:
            self._cursor_key = key
            self.post_message(RowHighlighted(self, key))
        self._reveal_cursor()

    def _reveal_cursor(self) -> None:
        place = self._cursor_place
        if place is None or self.size.height <= _HEADER_HEIGHT:
            return
        # The header hides the first line of the view: the rows seen begin at the offset itself.
        seen = self.size.height - _HEADER_HEIGHT
        top = self.scroll_offset.y
        if place < top:
            self.scroll_to(y=place, animate=False, immediate=True)
        elif place >= top + seen:
            self.scroll_to(y=place - seen + 1, animate=False, immediate=True)

    # --- drawing ---

    def _fit(self, width: int) -> None:
        shown = list(self._columns)
        while _width_of(shown) > width and max(column.rank for column in shown):
            shown.remove(max(shown, key=lambda column: column.rank))
        flexible = [column for column in shown if column.is_flexible]
        spare = max(0, width - _width_of(shown))
        share, rest = divmod(spare, max(1, len(flexible)))
        fitted: list[tuple[Column[_RowT], int]] = []
        for column in shown:
            extra = 0
            if column.is_flexible:
                extra = share + (1 if rest > 0 else 0)
                rest -= 1
            fitted.append((column, column.width + extra))
        self._fitted = tuple(fitted)
        self._fitted_width = width
        self._lines.clear()

    def _draw_header(self) -> Strip:
        style = f"{FAINT} underline" if self.app.no_color else FAINT
        titles = [
            crop(column.title, width, self._glyphs, column.align) for column, width in self._fitted
        ]
        line = " " * _GUTTER + (" " * _GAP).join(titles)
        segments = [Segment(line, layer(self._style, style))]
        return line_of(segments, self._fitted_width, self._style)

    def _draw_row(self, place: int) -> Strip:
        row = self._rows[place]
        key = self._key(row)
        if key == self._cursor_key and self.has_focus:
            # The sign in the gutter says it too: the ground alone would be colour alone.
            return self._draw_cells(row, self._glyphs.cursor, BRIGHT, f"on {CURSOR}")
        kept = self._lines.get(key)
        if kept is not None and kept[0] is row:
            return kept[1]
        strip = self._draw_cells(row, " ", TEXT)
        if len(self._lines) > 2 * self.size.height:
            # Only what is in sight is drawn again: rows that have scrolled by need no line.
            self._lines.clear()
            self._cells.clear()
        self._lines[key] = (row, strip)
        return strip

    def _draw_cells(self, row: _RowT, sign: str, colour: str, ground: str = "") -> Strip:
        """Draw the gutter's sign and mark, then the cells, in a colour where they have none.

        Pieces are put together at once: rows of a busy feed are all new at each flush, and a
        `Text` of the whole line took most of the time of drawing one.
        """
        key = self._key(row)
        mark = _MARK if key in self._marks else " "
        kept = self._cells.get(key)
        if kept is None or kept[0] is not row:
            # Other widths, or the cursor, do not change what a cell says.
            kept = self._cells[key] = (row, {})
        cells = kept[1]
        below = layer(self._style, colour)
        segments = [
            Segment(sign, layer(below, BLUE, ground)),
            Segment(mark, layer(below, f"bold {ORANGE}", ground)),
        ]
        gap = ""
        for column, width in self._fitted:
            cell = cells.get(column.title)
            if cell is None:
                cell = cells[column.title] = column.cell(row)
            if cell.spans:
                cropped = crop_text(cell, width, self._glyphs, column.align)
                segments.append(Segment(gap, layer(below, ground)))
                segments += segments_of(cropped, self.app.console, below, above=ground)
            else:
                text = gap + crop(cell.plain, width, self._glyphs, column.align)
                segments.append(Segment(text, layer(below, cell.style, ground)))
            gap = " " * _GAP
        return line_of(segments, self._fitted_width, layer(self._style, ground))

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show or hide the cursor."""
        super().watch_has_focus(has_focus)
        self.refresh()


def _width_of(columns: Sequence[Column[_RowT]]) -> int:
    return _GUTTER + sum(column.width + _GAP for column in columns) - _GAP
