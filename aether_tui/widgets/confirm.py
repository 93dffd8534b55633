"""Confirm dialog: names what will be done to what, and asks for a text where one is needed.

One key alone decides nothing: Enter in the line only moves on to the button, and without a line
the cursor waits on Cancel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.suggester import SuggestFromList
from textual.widgets import Button, Input, Static

from aether_tui.widgets.dialog import Dialog

TEXT_LENGTH_MAX = 500


@dataclass(frozen=True)
class Ask:
    """The line that is asked for. on_change: hears every change, so that a draft can be kept."""

    placeholder: str
    text: str = ""
    missing: str = "A reason is needed."
    is_needed: bool = True
    suggestions: tuple[str, ...] = ()
    on_change: Callable[[str], None] | None = None


class ConfirmDialog(Dialog[str | None]):
    """Returns the text (empty where none was asked for), or None when it was cancelled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="confirm.cancel", tooltip="Change nothing"),
        # With priority: what is typed after it in the same breath must find the next field.
        Binding("tab", "app.focus_next", "Next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", "Previous", show=False, priority=True),
    ]

    def __init__(self, title: str, about: Text, verb: str, ask: Ask | None = None) -> None:
        super().__init__()
        self._title = title
        self._about = about
        self._verb = verb
        self._ask = ask

    def compose(self) -> ComposeResult:
        """Title, object, perhaps a line, and two buttons."""
        with Vertical(id="dialog", classes="card"):
            yield Static(self._title, classes="card-title", markup=False)
            yield Static(self._about, markup=False)
            if self._ask is not None:
                yield Input(
                    self._ask.text,
                    placeholder=self._ask.placeholder,
                    max_length=TEXT_LENGTH_MAX,
                    suggester=SuggestFromList(self._ask.suggestions, case_sensitive=False),
                    # A draft is gone on with; a proposal is typed over.
                    select_on_focus=self._ask.on_change is None,
                    compact=True,
                    id="reason",
                )
            yield Static("", id="dialog-message", classes="message", markup=False)
            with Horizontal(classes="buttons"):
                yield Button(Text("Cancel"), id="cancel", compact=True)
                yield Button(Text(self._verb), id="confirm", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Begin with the line, or with Cancel."""
        self.query_one("#reason" if self._ask is not None else "#cancel").focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        if self._ask is not None and self._ask.on_change is not None:
            self._ask.on_change(event.value.strip())

    @on(Input.Submitted)
    def _go_on(self) -> None:
        if self._text() is not None:
            self._say("Enter confirms, Escape changes nothing.", is_error=False)
            self.query_one("#confirm", Button).focus()

    @on(Button.Pressed, "#confirm")
    def _confirm(self) -> None:
        text = self._text()
        if text is not None:
            self.dismiss(text)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Close without doing anything."""
        self.dismiss(None)

    def _text(self) -> str | None:
        """Return what is typed; None, and say so, while something is missing."""
        if self._ask is None:
            return ""
        line = self.query_one("#reason", Input)
        text = line.value.strip()
        if not text and self._ask.is_needed:
            self._say(self._ask.missing)
            line.focus()
            return None
        return text

    def _say(self, sentence: str, *, is_error: bool = True) -> None:
        message = self.query_one("#dialog-message", Static)
        message.set_class(not is_error, "-calm")
        message.update(sentence)
