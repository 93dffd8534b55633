"""Detail: all that is known of one transaction or alert, as lines of plain text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from rich.text import Text
from textual.containers import VerticalScroll

from aether_tui.theme import BRIGHT, FAINT, LINE, MUTED, Glyphs
from aether_tui.values import Alert, Reason, Transaction
from aether_tui.widgets.lines import Lines
from aether_tui.wording import (
    crop_text,
    draw_bar,
    join_lines,
    style_of_score,
    write_decision,
    write_instant,
    write_number,
    write_resolution,
    write_score,
    write_time,
)

_LABEL_WIDTH = 12
_SCORE_BAR_WIDTH = 20
# Beyond six spreads one more says nothing new: the bar is full.
_Z_SCORE_FULL = 6.0


class Detail(VerticalScroll):
    """A description that wraps, and beneath it a history whose lines do not."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines = Lines()
        self._history = Lines(classes="history")

    def compose(self) -> list[Lines]:
        """Two texts."""
        return [self._lines, self._history]

    def show(self, lines: Text) -> None:
        """Show these lines of one of the functions beneath."""
        self._lines.show(lines)

    def show_history(self, lines: Text) -> None:
        """Show these lines under the description."""
        self._history.show(lines)


def describe_transaction(transaction: Transaction, glyphs: Glyphs) -> Text:
    """Every field, then the reasons for the score."""
    lines = [
        Text.assemble(
            (f"{transaction.amount} {transaction.currency}", f"bold {BRIGHT}"),
            ("  at  ", FAINT),
            (transaction.merchant, BRIGHT),
        ),
        Text.assemble(
            write_decision(transaction.decision, glyphs), "  ", *_score(transaction, glyphs)
        ),
        Text(""),
        _field("id", transaction.id),
        _field("account", transaction.account_id),
        _field("kind", transaction.kind),
        _field("location", transaction.location),
        _field("description", transaction.description),
        _field("occurred", write_instant(transaction.occurred_at)),
        _field("accepted", write_instant(transaction.created_at)),
        _field("status", transaction.status),
        _field("submitter", transaction.user_id),
        *(_field(key, str(value)) for key, value in (transaction.metadata or {}).items()),
        Text(""),
        *_reasons(transaction.reasons, glyphs, is_scored=transaction.score is not None),
    ]
    return join_lines(line for line in lines if line is not None)


def describe_alert(alert: Alert, glyphs: Glyphs) -> Text:
    """What an analyst needs in order to decide, and what was decided."""
    lines: list[Text] = [
        Text.assemble(
            (f"{alert.amount} {alert.currency}", f"bold {BRIGHT}"),
            ("  at  ", FAINT),
            (alert.merchant, BRIGHT),
        ),
        Text.assemble(write_decision(alert.decision, glyphs), "  ", *_score(alert, glyphs)),
        Text(""),
        *_present(_field("account", alert.account_id)),
        *_present(_field("occurred", write_instant(alert.occurred_at))),
        *_present(_field("raised", write_instant(alert.created_at))),
        *_present(_field("id", alert.transaction_id)),
    ]
    if not alert.is_open:
        lines += [
            Text(""),
            Text.assemble(
                ("decided".ljust(_LABEL_WIDTH), FAINT), write_resolution(alert.resolution, glyphs)
            ),
            *_present(_field("by", alert.resolved_by)),
            *_present(
                _field("at", write_instant(alert.resolved_at) if alert.resolved_at else None)
            ),
            *_present(_field("because", alert.note)),
        ]
    lines += [Text(""), *_reasons(alert.reasons, glyphs, is_scored=True)]
    return join_lines(lines)


def describe_history(transactions: Sequence[Transaction], current_id: str, glyphs: Glyphs) -> Text:
    """The account's last transactions, newest first, the current one marked."""
    width = max((len(t.amount) for t in transactions), default=0)
    lines = [_heading("Account history")]
    for transaction in transactions:
        mark = glyphs.cursor if transaction.id == current_id else " "
        lines.append(
            Text.assemble(
                (f"{mark} {write_time(transaction.created_at)}  ", MUTED),
                (f"{transaction.amount:>{width}} {transaction.currency}  ", BRIGHT),
                crop_text(write_decision(transaction.decision, glyphs), 11, glyphs),
                (transaction.merchant, MUTED),
            )
        )
    if not transactions:
        lines.append(Text("No other transactions.", MUTED))
    return join_lines(lines)


def _score(scored: Transaction | Alert, glyphs: Glyphs) -> list[tuple[str, str]]:
    if scored.score is None:
        return [("not scored yet", MUTED)]
    style = style_of_score(scored.score)
    filled, empty = draw_bar(scored.score, _SCORE_BAR_WIDTH, glyphs)
    return [
        ("score ", FAINT),
        (f"{write_score(scored.score)} ", f"bold {style}"),
        (filled, style),
        (empty, LINE),
    ]


def _reasons(reasons: Sequence[Reason], glyphs: Glyphs, *, is_scored: bool) -> list[Text]:
    lines = [_heading("Reasons")]
    if not reasons:
        words = "Nothing unusual was found." if is_scored else "They come with the score."
        return [*lines, Text(words, MUTED)]
    return lines + list(chain.from_iterable(_reason(reason, glyphs) for reason in reasons))


def _reason(reason: Reason, glyphs: Glyphs) -> list[Text]:
    head = Text.assemble((f"{reason.detector:<{_LABEL_WIDTH}}", BRIGHT))
    if reason.z_score is not None:
        filled, empty = draw_bar(abs(reason.z_score) / _Z_SCORE_FULL, _SCORE_BAR_WIDTH, glyphs)
        head.append(f"{reason.z_score:+.1f} {glyphs.sigma} ", f"bold {BRIGHT}")
        head.append(filled, style_of_score(min(1.0, abs(reason.z_score) / _Z_SCORE_FULL)))
        head.append(empty, LINE)
    numbers = (
        f"observed {write_number(reason.observed)}, expected {write_number(reason.expected)} "
        f"{glyphs.plus_minus} {write_number(reason.spread)} over {reason.observations or 0} before"
    )
    return [head, Text(f"  {reason.text}", MUTED), Text(f"  {numbers}", FAINT)]


def _heading(title: str) -> Text:
    return Text(title.upper(), f"bold {MUTED}")


def _field(label: str, value: str | None) -> Text | None:
    if value is None or value == "":
        return None
    return Text.assemble((f"{label:<{_LABEL_WIDTH}}", FAINT), value)


def _present(line: Text | None) -> list[Text]:
    return [] if line is None else [line]
