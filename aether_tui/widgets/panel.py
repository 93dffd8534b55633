"""Panel: a frame with a title that is always in exactly one state, and says which.

loading, empty and error show a sentence in place of the content; stale keeps the content,
dimmed, with its age in the frame and the reason beneath.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from aether_tui.board import Reading
from aether_tui.widgets.lines import Lines
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
    """A frame around one widget or more. The title is our own text, never one from outside."""

    condition: reactive[Condition] = reactive(Condition())
    note: reactive[str] = reactive("")
    """A few words of our own at the lower edge while the content is fresh."""

    def __init__(
        self,
        title: str,
        *content: Widget,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id, classes="-loading")
        self.border_title = title
        self._content = tuple(widget.add_class("content") for widget in content)
        self._placeholder = Lines("Loading", classes="placeholder")
        self._complaint = Lines(classes="complaint")

    def compose(self) -> ComposeResult:
        """The content and the two lines that explain its state."""
        yield self._placeholder
        yield from self._content
        yield self._complaint

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw the edges, and one line between them: they do not differ."""
        left, top, width, _ = crop
        gutter = self.styles.gutter
        first = max(top, gutter.top)
        last = min(crop.bottom, self.region.height - gutter.bottom)
        if last - first <= 1:
            return super().render_lines(crop)
        above = super().render_lines(Region(left, top, width, first + 1 - top))
        below = Region(left, last, width, crop.bottom - last)
        return [
            *above,
            *above[-1:] * (last - first - 1),
            *(super().render_lines(below) if below else []),
        ]

    def take(self, reading: Reading[_T], now: float, *, empty: str | None = None) -> None:
        """Show the state of this reading. empty: what to say since it holds nothing."""
        if reading.is_missing:
            # Nothing has failed: it was not recorded.
            self.condition = Condition("empty", reading.error or "Nothing was recorded.")
        elif reading.value is None:
            self.condition = (
                Condition() if reading.error is None else Condition("error", reading.error)
            )
        elif reading.is_stale(now):
            age_s = round(reading.age_s(now), 1)
            self.condition = Condition("stale", reading.error or "No news.", age_s)
        elif empty is not None:
            self.condition = Condition("empty", empty)
        else:
            self.condition = Condition("ready", "")

    def watch_condition(self, before: Condition, condition: Condition) -> None:
        """Change class and sentences; nothing is laid out anew when nothing changed."""
        if before.state != condition.state:
            self.remove_class(f"-{before.state}")
            self.add_class(f"-{condition.state}")
        self._placeholder.show(condition.sentence)
        self._complaint.show(condition.sentence)
        self._write_edge()

    def watch_note(self) -> None:
        """Write the lower edge."""
        self._write_edge()

    def _write_edge(self) -> None:
        is_stale = self.condition.state == "stale"
        self.border_subtitle = f"STALE {write_age(self.condition.age_s)}" if is_stale else self.note
