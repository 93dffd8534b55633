"""Detail: all that is known of one transaction or alert, as lines of plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Literal, TypeAlias

from rich.text import Text

from aether_tui.theme import BLUE, BRIGHT, FAINT, LINE, MUTED, TEXT, Glyphs
from aether_tui.values import Alert, AlertChange, Reason, Trace, TraceStep, Transaction
from aether_tui.widgets.text_view import TextView
from aether_tui.wording import (
    crop_text,
    draw_bar,
    short_name,
    style_of_score,
    write_change,
    write_decision,
    write_instant,
    write_loss,
    write_number,
    write_resolution,
    write_score,
    write_time,
)

_LABEL_WIDTH = 12
_SCORE_BAR_WIDTH = 20
# Beyond six spreads one more says nothing new: the bar is full.
_Z_SCORE_FULL = 6.0


Part: TypeAlias = Literal["state", "description", "done", "history"]


class Detail(TextView):
    """A state, a description, what was done about it, and a history whose lines are cut."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._parts: dict[Part, Sequence[Text]] = {}

    def show(self, parts: Mapping[Part, Sequence[Text]]) -> None:
        """Show these lines of the functions beneath; parts that are not named stay."""
        self._parts |= parts
        lines = [*self._parts.get("state", ()), *self._parts.get("description", ())]
        for below in (self._parts.get("done"), self._parts.get("history")):
            if below:
                lines += [Text(), *below]
        self.show_lines(lines)


def describe_transaction(transaction: Transaction, glyphs: Glyphs) -> list[Text]:
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
    return [line for line in lines if line is not None]


def describe_alert(alert: Alert, glyphs: Glyphs) -> list[Text]:
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
        *_present(_field("at stake", _stake(alert, glyphs))),
        *_present(_field("burst", _burst(alert))),
        *_present(_field("occurred", write_instant(alert.occurred_at))),
        *_present(_field("raised", write_instant(alert.created_at))),
        *_present(_field("id", alert.transaction_id)),
        *_present(_field("whose", alert.assignee)),
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
    return lines


def describe_burst(alert: Alert, newest: Sequence[Transaction]) -> list[Text]:
    """The transactions that belong to one alert, newest first."""
    lines = [_heading("The burst")]
    lines += [
        Text.assemble(
            (f"{write_time(one.occurred_at)}  ", MUTED),
            (f"{one.amount} {one.currency}", BRIGHT),
            ("  at  ", FAINT),
            one.merchant,
        )
        for one in newest
    ]
    if alert.transaction_count > len(newest):
        lines.append(Text(f"and {alert.transaction_count - len(newest)} before them", MUTED))
    return lines


def describe_lock(holder: str | None, left_s: float, *, is_mine: bool) -> Text:
    """Who may decide an alert at the moment, and for how long."""
    if holder is None:
        return Text("Nobody has taken it.", FAINT)
    minutes, seconds = divmod(max(0, int(left_s)), 60)
    left = f"{minutes}:{seconds:02d} left"
    if is_mine:
        return Text.assemble(("You have taken it", f"bold {BLUE}"), (f", {left}", MUTED))
    return Text.assemble((holder, BRIGHT), (f" has taken it, {left}", MUTED))


def describe_changes(changes: Sequence[AlertChange], glyphs: Glyphs) -> list[Text]:
    """What people did to an alert, newest first, and their notes."""
    lines = [_heading("What was done")]
    for change in changes:
        lines.append(
            Text.assemble(
                (f"{write_time(change.at)}  ", MUTED),
                (f"{short_name(change.actor)} ", BRIGHT),
                write_change(change),
            )
        )
        if change.note:
            lines.append(Text(f"  {glyphs.quote} {change.note}", TEXT))
    if not changes:
        lines.append(Text("Nothing yet.", MUTED))
    return lines


def describe_trace(trace: Trace) -> list[Text]:
    """A transaction's way through the pipeline, each step with what it took."""
    lines = [_heading("Its way")]
    before_ms = 0.0
    for step in trace.steps:
        took = write_time(step.at) + "Z" if step is trace.steps[0] else f"+{_ms(step, before_ms)}"
        lines.append(
            Text.assemble(
                (f"{step.name:<{_LABEL_WIDTH}}", FAINT),
                (f"{took:>12}", BRIGHT),
                (f"{step.after_ms:>12,.1f} ms in all" if step is trace.steps[-1] else "", MUTED),
            )
        )
        before_ms = step.after_ms
    place = f"shard {trace.shard}, entry {trace.entry}"
    if trace.batch_entry_count is not None:
        place += f", in a batch of {trace.batch_entry_count:,}"
    lines.append(Text(place, FAINT))
    if trace.state != "processed" or not trace.steps:
        lines.append(Text(trace.detail, MUTED))
    if trace.replayed_as is not None:
        lines.append(Text(f"It goes on as {trace.replayed_as}.", BRIGHT))
    return lines


def describe_history(
    transactions: Sequence[Transaction], current_id: str, glyphs: Glyphs
) -> list[Text]:
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
                no_wrap=True,
                overflow="ellipsis",
            )
        )
    if not transactions:
        lines.append(Text("No other transactions.", MUTED))
    return lines


def _ms(step: TraceStep, before_ms: float) -> str:
    return f"{step.after_ms - before_ms:,.1f} ms"


def _burst(alert: Alert) -> str | None:
    if alert.transaction_count < 2:
        return None
    return f"{alert.transaction_count} transactions, {alert.total_amount} {alert.currency} in all"


def _stake(alert: Alert, glyphs: Glyphs) -> str | None:
    if alert.expected_loss is None:
        return None
    return f"{write_loss(alert.expected_loss, glyphs)} a typical amount in {alert.currency}"


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
    return [head, Text(reason.text, MUTED), Text(numbers, FAINT)]


def _heading(title: str) -> Text:
    return Text(title.upper(), f"bold {MUTED}")


def _field(label: str, value: str | None) -> Text | None:
    if value is None or value == "":
        return None
    return Text.assemble((f"{label:<{_LABEL_WIDTH}}", FAINT), value)


def _present(line: Text | None) -> list[Text]:
    return [] if line is None else [line]
