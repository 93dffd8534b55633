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
class FollowingChanged(Message):
    """The live table follows the newest transaction, or holds still."""

    is_following: bool


@dataclass
class ScreenChosen(Message):
    """A name in the navigation was clicked."""

    name: str


@dataclass
class SessionEnded(Message):
    """The gateway no longer accepts the session."""

    reason: str


@dataclass
class RefreshWanted(Message):
    """Somebody asked for everything afresh, now."""


@dataclass
class SummaryWanted(Message):
    """The number of open alerts has changed."""
