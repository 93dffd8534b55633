"""The backtest of a file of payments: each scored from the lines before it, in one pass.

In:   payments in the order of the file.
Out:  one line of scores for each, written as it goes. Of the file only the labels that are not old
      enough yet are held in memory.
"""

from __future__ import annotations

import csv
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aether_cli.backtesting.payments import BadLine, Payment, PaymentFile
from aether_cli.backtesting.price import Price, Pricing
from aether_cli.traffic.payment_files import writing
from aether_core.errors import InvalidInput
from aether_core.money import EXPONENTS
from aether_core.scoring import (
    Arrangement,
    Label,
    ShardState,
    Thresholds,
    Version,
    learn,
    score_transaction,
)

COLUMNS: Final = ("transaction_id", "score", "flagged", "reasons")

_CHUNK = 4096
"""Lines that are written together, and between two looks at the progress."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked of a backtest."""

    file: Path
    out: Path
    thresholds: Thresholds
    label_delay_ms: int | None = 7 * 86_400_000
    """How old a payment is when its label is known; None: labels are ignored."""
    is_strict: bool = False
    """Refuse the file at its first bad line."""
    version: Version | None = None
    """What decides; None: the thresholds."""
    joins_within_s: int = 3_600
    minutes_per_alert: float = 10.0


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    scored: int = 0
    flagged: int = 0
    bad: int = 0
    seconds: float = 0.0
    price: Price | None = None


def backtest_payments(
    wishes: Wishes,
    tell_bad: Callable[[BadLine], None],
    tell_progress: Callable[[int, int], None],
) -> Outcome:
    """Score a file and write the scores, which appear under their name when they are complete.

    tell_bad: called with each line that is left out. tell_progress: with bytes read and in all.
    Raises InvalidInput when the file cannot be read, or holds a bad line and none are wanted.
    """
    outcome = Outcome()
    source = PaymentFile(wishes.file)
    began = time.monotonic()
    part = wishes.out.with_name(f".part-{os.getpid()}-{wishes.out.name}")
    try:
        with writing(part) as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(COLUMNS)
            chunk: list[tuple[str, str, int, str]] = []
            for row in _score(source, wishes, outcome, tell_bad):
                chunk.append(row)
                if len(chunk) == _CHUNK:
                    writer.writerows(chunk)
                    chunk.clear()
                    tell_progress(source.read_count, source.byte_count)
            writer.writerows(chunk)
        part.replace(wishes.out)
    finally:
        part.unlink(missing_ok=True)
    tell_progress(source.byte_count, source.byte_count)
    outcome.seconds = time.monotonic() - began
    return outcome


def _score(
    source: PaymentFile, wishes: Wishes, outcome: Outcome, tell_bad: Callable[[BadLine], None]
) -> Iterator[tuple[str, str, int, str]]:
    state, thresholds = ShardState(), wishes.thresholds
    state.arrange(Arrangement(wishes.version))
    pricing = Pricing(wishes.joins_within_s, wishes.minutes_per_alert)
    delay_ms = wishes.label_delay_ms
    unknown: deque[Label] = deque()
    for line in source.lines():
        if not isinstance(line, Payment):
            if wishes.is_strict:
                raise InvalidInput("file", f"{source.path}, line {line.number}: {line.reason}")
            outcome.bad += 1
            tell_bad(line)
            continue
        at_ms = line.occurred_at_ms
        if delay_ms is not None:
            while unknown and unknown[0].occurred_at_ms <= at_ms - delay_ms:
                learn(state, unknown.popleft())
        assessment = score_transaction(
            state,
            thresholds,
            account_id=line.account_id,
            merchant=line.merchant,
            currency=line.currency,
            minor_units=line.minor_units,
            exponent=EXPONENTS[line.currency],
            occurred_at_ms=at_ms,
        )
        if delay_ms is not None and line.label is not None:
            unknown.append(
                Label(line.account_id, line.merchant, at_ms, line.label, assessment.evidence)
            )
        is_flagged = assessment.decision != "approve"
        outcome.scored += 1
        outcome.flagged += is_flagged
        pricing.span(at_ms)
        if is_flagged or line.label:
            pricing.add(line, is_flagged=is_flagged)
        reasons = ""
        if assessment.reasons:
            reasons = " ".join(reason.text for reason in assessment.reasons)
        yield line.transaction_id, f"{assessment.score:.9g}", int(is_flagged), reasons
    outcome.price = pricing.price()
