"""Dead letters: accepted entries that could not be written, and why."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from rich.text import Text

from aether_tui.cleaning import clean
from aether_tui.theme import BRIGHT, FAINT, GREEN, MUTED, VERMILION, Glyphs
from aether_tui.values import DeadLetter, OpenedLetter
from aether_tui.widgets.row_table import Column, RowTable
from aether_tui.wording import join_lines, write_instant, write_time

_BASE64_GROUP = 4


class LetterTable(RowTable[DeadLetter]):
    """One row a letter, newest first."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002
        columns: tuple[Column[DeadLetter], ...] = (
            Column("time", 8, lambda d: Text(write_time(d.created_at), MUTED)),
            Column("state", 11, lambda d: write_state(d.state, glyphs)),
            Column("shard", 5, lambda d: Text(str(d.shard), MUTED), align="right"),
            Column("entry", 16, lambda d: Text(d.entry, FAINT), rank=1),
            Column("error", 20, lambda d: Text(d.error), is_flexible=True),
        )
        super().__init__(columns, lambda d: d.id, glyphs, id=id)


def write_state(state: str, glyphs: Glyphs) -> Text:
    """What became of a letter, by sign and word."""
    match state:
        case "open":
            return Text(f"{glyphs.warn} open", f"bold {VERMILION}")
        case "replayed":
            return Text(f"{glyphs.good} replayed", GREEN)
        case "discarded":
            return Text(f"{glyphs.bad} discarded", MUTED)
        case other:
            return Text(f"? {other}", MUTED)


def about_letter(letter: DeadLetter) -> Text:
    """Name a letter in a dialog."""
    return Text.assemble(
        ("shard ", FAINT), str(letter.shard), ("  entry ", FAINT), letter.entry, "\n",
        Text(letter.error, MUTED),
    )  # fmt: skip


def describe_letter(letter: DeadLetter, glyphs: Glyphs) -> Text:
    """What it is, where it stood, what became of it, and the error."""
    lines: list[Text | str] = [write_state(letter.state, glyphs), *_content(letter), ""]
    lines += [
        _line("id", letter.id),
        _line("shard", str(letter.shard)),
        _line("entry", letter.entry),
        _line("set aside", write_instant(letter.created_at)),
    ]
    if letter.replayed_at is not None:
        lines.append(_line("replayed", _who(letter.replayed_at, letter.replayed_by)))
        lines.append(_line("goes on as", letter.replayed_as or ""))
    if letter.discarded_at is not None:
        lines.append(_line("discarded", _who(letter.discarded_at, letter.discarded_by)))
        lines.append(_line("because", letter.note or ""))
    return join_lines([*lines, "", Text(letter.error, MUTED)])


def _content(letter: DeadLetter) -> list[Text]:
    """The transaction that it is; else its bytes, as far as they are text."""
    transaction = letter.transaction if isinstance(letter, OpenedLetter) else None
    if transaction is None:
        text = letter.payload_text if isinstance(letter, OpenedLetter) else ""
        return [
            Text("Its bytes cannot be read as a transaction:", FAINT),
            Text(text or _read_payload(letter.payload), MUTED),
        ]
    return [
        Text.assemble(
            (f"{transaction.amount} {transaction.currency}", f"bold {BRIGHT}"),
            ("  at  ", FAINT),
            (transaction.merchant, BRIGHT),
        ),
        _line("account", transaction.account_id),
        _line("kind", transaction.kind or ""),
        _line("occurred", write_instant(transaction.occurred_at)),
    ]


def _line(label: str, value: str) -> Text:
    return Text.assemble((f"{label:<11}", FAINT), value)


def _who(at: datetime, by: str | None) -> str:
    return f"{write_instant(at)} by {by}" if by else write_instant(at)


def _read_payload(payload: str) -> str:
    """The payload's beginning as harmless text; what is no text at all shows as U+FFFD."""
    text = payload.rstrip("…")
    whole = text[: len(text) // _BASE64_GROUP * _BASE64_GROUP]
    try:
        return clean(base64.b64decode(whole).decode("utf-8", "replace"))
    except binascii.Error:
        return payload
