"""Card: a text over the screen, closed by Escape; keys may choose what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from aether_tui.theme import BLUE, MUTED
from aether_tui.widgets.dialog import Dialog


class Card(Dialog[str | None]):
    """Returns the name of the act that was chosen, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "close", "Close", id="card.close", tooltip="Close the card"),
    ]

    def __init__(self, title: str, text: Text, acts: Sequence[Binding] = ()) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._acts = tuple(acts)

    def compose(self) -> ComposeResult:
        """Title, text, and the keys that do something about it."""
        with VerticalScroll(id="card", classes="card"):
            yield Static(self._title, classes="card-title", markup=False)
            yield Static(self._text, classes="card-text", markup=False)
            if self._acts:
                yield Static(self._hints(), classes="card-acts", markup=False)

    def on_mount(self) -> None:
        """Let the arrows scroll it, and the acts' keys work."""
        for act in self._acts:
            self._bindings.bind(act.key, f"choose('{act.action}')", act.description)
        self.query_one("#card").focus()

    def action_close(self) -> None:
        """Choose nothing."""
        self.dismiss(None)

    def action_choose(self, act: str) -> None:
        """Close, and say what was chosen."""
        self.dismiss(act)

    def _hints(self) -> Text:
        line = Text()
        for act in self._acts:
            line.append(f"{act.key} ", f"bold {BLUE}").append(f"{act.description}   ", MUTED)
        return line
