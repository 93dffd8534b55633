"""Rewind dialog: asks for the past minute to look back to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from aether_tui.instants import EXAMPLES, InstantNotUnderstood, read_past
from aether_tui.widgets.dialog import Dialog

_TEXT_LENGTH_MAX = 40


class RewindDialog(Dialog[datetime | None]):
    """Returns the instant, or None when it was cancelled. It changes nothing: Enter is enough."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="rewind.cancel", tooltip="Stay where you are"),
        Binding("tab", "app.focus_next", "Next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", "Previous", show=False, priority=True),
    ]

    def __init__(self, now: Callable[[], datetime], shown: datetime | None) -> None:
        """now: by the gateway's clock. shown: the minute that is looked at already."""
        super().__init__()
        self._now = now
        self._instant = Input(
            "" if shown is None else f"{shown:%Y-%m-%dT%H:%MZ}",
            placeholder="14:07",
            max_length=_TEXT_LENGTH_MAX,
            compact=True,
            id="instant",
        )
        self._message = Static("", classes="message", markup=False)

    def compose(self) -> ComposeResult:
        """What may be typed, the line, and two buttons."""
        with Vertical(id="dialog", classes="card"):
            yield Static("Look back to", classes="card-title", markup=False)
            yield Static(
                f"A past minute, in UTC: {EXAMPLES}.\nNothing can be changed there.", markup=False
            )
            yield self._instant
            yield self._message
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Look back", id="confirm", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Begin with the line."""
        self._instant.focus()

    @on(Input.Submitted)
    @on(Button.Pressed, "#confirm")
    def _submit(self) -> None:
        try:
            instant = read_past(self._instant.value, self._now())
        except InstantNotUnderstood as error:
            self._message.update(str(error))
            self._instant.focus()
        else:
            self.dismiss(instant)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Close without looking back."""
        self.dismiss(None)
