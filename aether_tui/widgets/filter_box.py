"""Filter box: one line to type a filter in, and beneath it what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from aether_tui.completing import FilterSuggester, complete
from aether_tui.filtering import Field
from aether_tui.messages import FilterLeft, FilterTyped

FILTER_LENGTH_MAX = 500
_EXAMPLE = 'decision:review amount:>1000 merchant:"café" since:15m !currency:EUR words'


class FilterBox(Vertical):
    """Shown while it is typed in or holds something."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape", "clear", "Clear", id="filter.clear", tooltip="Clear the filter, then leave"
        ),
        # With priority: what is typed after it in the same breath goes behind the completion.
        Binding(
            "tab",
            "complete",
            "Complete",
            priority=True,
            id="filter.complete",
            tooltip="Complete the word: a field's name, or a value that it may have",
        ),
    ]

    def __init__(
        self,
        fields: Mapping[str, Field[Any]],
        *,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._fields = fields
        self._input = Input(
            placeholder=_EXAMPLE,
            max_length=FILTER_LENGTH_MAX,
            suggester=FilterSuggester(fields),
            compact=True,
        )
        self._message = Static("", classes="message", markup=False)

    def compose(self) -> ComposeResult:
        """The line and its message."""
        yield self._input
        yield self._message

    @property
    def text(self) -> str:
        """What is typed."""
        return self._input.value

    def open(self) -> None:
        """Show the line and begin to type, at once: the next letters may be there already."""
        self.add_class("-open")
        self.screen.set_focus(self._input, scroll_visible=False)

    def complain(self, sentence: str) -> None:
        """Say what is wrong; nothing, with an empty sentence."""
        self._message.update(sentence)
        self.set_class(bool(sentence), "-wrong")

    def clear(self) -> None:
        """Empty the line and hide it."""
        self._input.value = ""
        self.remove_class("-open")

    def action_clear(self) -> None:
        """Empty the line; when it is empty, leave it."""
        if self._input.value:
            self._input.value = ""
        else:
            self.remove_class("-open")
            self.post_message(FilterLeft())

    def action_complete(self) -> None:
        """Complete the last word."""
        completed = complete(self._input.value, self._fields)
        if completed is not None:
            self._input.value = completed
            self._input.cursor_position = len(completed)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(FilterTyped(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.set_class(bool(event.value), "-open")
        self.post_message(FilterLeft())
