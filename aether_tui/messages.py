"""Every message that the console's parts send one another. News flows up; data flows down."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message
from textual.widget import Widget


@dataclass
class RowHighlighted(Message):
    """The cursor of a table came to rest on another row, or on none."""

    table: Widget
    key: str | None

    @property
    def control(self) -> Widget:
        """The table, for selectors."""
        return self.table


@dataclass
class RowOpened(Message):
    """Enter, or a second click, on a row."""

    table: Widget
    key: str

    @property
    def control(self) -> Widget:
        """The table, for selectors."""
        return self.table


@dataclass
class MarksChanged(Message):
    """Other rows of a table are marked than before."""

    table: Widget

    @property
    def control(self) -> Widget:
        """The table, for selectors."""
        return self.table


@dataclass
class FollowingChanged(Message):
    """The live table follows the newest transaction, or holds still."""

    is_following: bool


@dataclass
class ScreenChosen(Message):
    """Another screen is wanted, with the cursor on this row if one is named."""

    name: str
    key: str | None = None


@dataclass
class FilterTyped(Message):
    """The text of the filter line has changed."""

    text: str


@dataclass
class FilterLeft(Message):
    """Enter or Escape in the filter line: the table is wanted again."""


@dataclass
class SessionEnded(Message):
    """The gateway no longer accepts the session."""

    reason: str


@dataclass
class NewsWanted(Message):
    """What one did has changed something: ask for it now rather than in turn."""
