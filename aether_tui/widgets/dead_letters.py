"""Dead letters: accepted entries that could not be written, and why."""

from __future__ import annotations

import base64
import binascii
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from aether_tui.cleaning import clean
from aether_tui.theme import FAINT, MUTED, Glyphs
from aether_tui.values import DeadLetter
from aether_tui.widgets.row_table import Column, RowTable
from aether_tui.wording import join_lines, write_instant, write_time

_BASE64_GROUP = 4


class LetterTable(RowTable[DeadLetter]):
    """One row a letter, newest first."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002
        columns: tuple[Column[DeadLetter], ...] = (
            Column("time", 8, lambda d: Text(write_time(d.created_at), MUTED)),
            Column("shard", 5, lambda d: Text(str(d.shard), MUTED), align="right"),
            Column("entry", 16, lambda d: Text(d.entry, FAINT), rank=1),
            Column("error", 20, lambda d: Text(d.error), is_flexible=True),
        )
        super().__init__(columns, lambda d: d.id, glyphs, id=id)


class LetterCard(ModalScreen[None]):
    """All that is known of one letter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "Close", id="letter.close", tooltip="Close the card"),
    ]

    def __init__(self, letter: DeadLetter) -> None:
        super().__init__()
        self._letter = letter

    def compose(self) -> ComposeResult:
        """Where it stood, the error, and the beginning of its bytes."""
        letter = self._letter
        with VerticalScroll(id="letter", classes="card"):
            yield Static("Dead letter", classes="card-title", markup=False)
            yield Static(
                join_lines(
                    [
                        Text.assemble(("id         ", FAINT), letter.id),
                        Text.assemble(("shard      ", FAINT), str(letter.shard)),
                        Text.assemble(("entry      ", FAINT), letter.entry),
                        Text.assemble(("set aside  ", FAINT), write_instant(letter.created_at)),
                        "",
                        Text(letter.error),
                        "",
                        Text(_read_payload(letter.payload), MUTED),
                    ]
                ),
                markup=False,
            )

    def on_mount(self) -> None:
        """Let the arrows scroll it."""
        self.query_one("#letter").focus()


def _read_payload(payload: str) -> str:
    """The payload's beginning as harmless text; what is no text at all shows as U+FFFD."""
    text = payload.rstrip("…")
    whole = text[: len(text) // _BASE64_GROUP * _BASE64_GROUP]
    try:
        return clean(base64.b64decode(whole).decode("utf-8", "replace"))
    except binascii.Error:
        return payload
