"""Filter box: one line to type a filter in, and beneath it what is wrong with it."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from aether_tui.messages import FilterLeft, FilterTyped

FILTER_LENGTH_MAX = 500
_EXAMPLE = 'decision:review amount:>1000 merchant:"café" since:15m !currency:EUR words'


class FilterBox(Vertical):
    """Shown while it is typed in or holds something."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape", "clear", "Clear", id="filter.clear", tooltip="Clear the filter, then leave"
        ),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._input = Input(placeholder=_EXAMPLE, max_length=FILTER_LENGTH_MAX, compact=True)
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

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(FilterTyped(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.set_class(bool(event.value), "-open")
        self.post_message(FilterLeft())
