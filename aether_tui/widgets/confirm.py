"""Confirm dialog: names what will be done to what, and asks why.

Nothing happens without a reason.
"""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

REASON_LENGTH_MAX = 500


class ConfirmDialog(ModalScreen[str | None]):
    """Returns the reason, or None when it was cancelled.

    The cursor waits in the reason's line; Enter there only moves on to the button, so that no
    single key decides anything.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="confirm.cancel", tooltip="Change nothing"),
    ]

    def __init__(self, title: str, about: Text, verb: str) -> None:
        super().__init__()
        self._title = title
        self._about = about
        self._verb = verb

    def compose(self) -> ComposeResult:
        """Title, object, reason, and two buttons."""
        with Vertical(id="dialog", classes="card"):
            yield Static(self._title, classes="card-title", markup=False)
            yield Static(self._about, markup=False)
            yield Input(
                placeholder="Reason, kept with the alert",
                max_length=REASON_LENGTH_MAX,
                compact=True,
                id="reason",
            )
            yield Static("", id="dialog-message", classes="message", markup=False)
            with Horizontal(classes="buttons"):
                yield Button(Text("Cancel"), id="cancel", compact=True)
                yield Button(Text(self._verb), id="confirm", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Begin with the reason."""
        self.query_one("#reason", Input).focus()

    @on(Input.Submitted)
    def _go_on(self) -> None:
        if self._reason():
            self._say("Enter confirms, Escape changes nothing.", is_error=False)
            self.query_one("#confirm", Button).focus()

    @on(Button.Pressed, "#confirm")
    def _confirm(self) -> None:
        if reason := self._reason():
            self.dismiss(reason)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Close without doing anything."""
        self.dismiss(None)

    def _reason(self) -> str:
        reason = self.query_one("#reason", Input).value.strip()
        if not reason:
            self._say("A reason is needed.")
            self.query_one("#reason", Input).focus()
        return reason

    def _say(self, sentence: str, *, is_error: bool = True) -> None:
        message = self.query_one("#dialog-message", Static)
        message.set_class(not is_error, "-calm")
        message.update(sentence)
