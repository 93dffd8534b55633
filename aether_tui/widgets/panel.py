"""Panel: a frame with a title that is always in exactly one state, and says which.

loading, empty and error show a sentence in place of the content; stale keeps the content,
dimmed, with its age in the frame and the reason beneath.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from aether_tui.session import Reading
from aether_tui.wording import write_age

State = Literal["loading", "empty", "ready", "stale", "error"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Condition:
    """A state and the sentence that goes with it. age_s: of stale content."""

    state: State = "loading"
    sentence: str = "Loading"
    age_s: float = 0.0


class Panel(Vertical):
    """A frame around one widget or more."""

    condition: reactive[Condition] = reactive(Condition())
    note: reactive[str] = reactive("")
    """Our own few words at the lower edge while the content is fresh; never text from outside."""

    def __init__(
        self,
        title: str,
        *content: Widget,
        empty: str = "Nothing yet.",
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id, classes="-loading")
        self.border_title = title
        self._content = content
        self._empty = empty

    def compose(self) -> ComposeResult:
        """The content and the two lines that explain its state."""
        yield Static("Loading", classes="placeholder", markup=False)
        yield from self._content
        yield Static("", classes="complaint", markup=False)

    def take(self, reading: Reading[_T], now: float, *, is_empty: bool = False) -> None:
        """Show the state of this reading."""
        if reading.value is None:
            self.condition = (
                Condition("loading") if reading.error is None else Condition("error", reading.error)
            )
        elif reading.is_stale(now):
            reason = reading.error or "No news."
            self.condition = Condition("stale", reason, reading.age_s(now))
        elif is_empty:
            self.condition = Condition("empty", self._empty)
        else:
            self.condition = Condition("ready", "")

    def watch_condition(self, before: Condition, condition: Condition) -> None:
        """Change class and sentences; nothing is redrawn when nothing changed."""
        if before.state != condition.state:
            self.remove_class(f"-{before.state}")
            self.add_class(f"-{condition.state}")
        if not self.is_mounted:
            return
        if condition.state in {"loading", "empty", "error"}:
            self.query_one(".placeholder", Static).update(condition.sentence)
        elif condition.state == "stale" and condition.sentence != before.sentence:
            self.query_one(".complaint", Static).update(condition.sentence)
        self._write_edge()

    def watch_note(self) -> None:
        """Write the lower edge."""
        self._write_edge()

    def on_mount(self) -> None:
        """Show what was set before there was anything to show it in."""
        condition = self.condition
        self.set_class(condition.state != "loading", f"-{condition.state}")
        self.set_class(condition.state == "loading", "-loading")
        self.query_one(".placeholder", Static).update(condition.sentence)
        self._write_edge()

    def _write_edge(self) -> None:
        if self.condition.state == "stale":
            self.border_subtitle = f"STALE {write_age(self.condition.age_s)}"
        else:
            self.border_subtitle = self.note
