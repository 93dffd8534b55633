"""One transaction, scored from what was known before it.

In:   the shard's state and a transaction of one of its accounts, in the order of the stream.
Out:  its assessment; the state has learnt the transaction.
Relies on the caller to present every transaction of the shard once and in order: then scores are a
function of the stream, whatever the batch sizes and restarts in between.
"""

from __future__ import annotations

from math import exp, log

from aether_core.scoring.decision import Assessment, Reason, Thresholds, decide, fuse, score_of
from aether_core.scoring.reasons import AmountSeen, BurstSeen, reasons_for
from aether_core.scoring.state import BASELINE, RECORD, ShardState
from aether_core.scoring.velocity import (
    COUNT_MIN,
    WINDOW_HABIT_S,
    WINDOW_LONG_S,
    WINDOW_SHORT_S,
    habit_exposure,
    learning_weight,
    score_count,
)
from aether_core.scoring.zscore import learn_amount, score_amount

# From here on the reasons are written out, though the decision may still be to approve.
_NEARLY_Z = 2.8

# What an account without any past gets: nothing is known, so nothing is unusual.
_UNKNOWN_SCORE = score_of(0.0)


def score_transaction(
    state: ShardState,
    thresholds: Thresholds,
    *,
    account_id: str,
    currency: str,
    minor_units: int,
    exponent: int,
    occurred_at_ms: int,
) -> Assessment:
    """Score a transaction against its account's past, then let the state learn it.

    minor_units: at least 1 (anything less is no payment: score 0, nothing learnt).
    exponent: decimal places of the currency; only the wording of reasons depends on it.
    occurred_at_ms: milliseconds since 1970; one that lies before earlier ones counts for less.
    Takes a few microseconds. Deterministic; never NaN.
    """
    if minor_units <= 0:
        return Assessment(0.0, decide(0.0, thresholds))
    at = occurred_at_ms / 1000.0
    log_amount = log(minor_units)
    place = state.accounts.get(account_id)
    if place is None:
        _open_account(state, account_id, currency, log_amount, at)
        return Assessment(_UNKNOWN_SCORE, decide(_UNKNOWN_SCORE, thresholds))
    last, first, short, long, recent, habit, count, mean, squares, code = RECORD.unpack_from(
        state.records, place
    )

    # Let the windows fade to the newest time seen. A late transaction never turns the fading
    # round: it weighs what its own moment still weighs, both when tested and when learnt.
    now_short = now_long = now_habit = 1.0
    if at >= last:
        passed = at - last
        last = at
        short *= exp(-passed / WINDOW_SHORT_S)
        fading = exp(-passed / WINDOW_LONG_S)
        long *= fading
        recent *= fading
        habit *= exp(-passed / WINDOW_HABIT_S)
    else:
        now_short = exp((at - last) / WINDOW_SHORT_S)
        now_long = exp((at - last) / WINDOW_LONG_S)
        now_habit = exp((at - last) / WINDOW_HABIT_S)
        first = min(first, at)

    # How fast: `recent` is the part of the habit that is still inside the long window.
    known = max(0.0, habit - recent)
    velocity_z = 0.0
    if long >= COUNT_MIN:
        exposure = habit_exposure(last - first)
        velocity_z = max(
            score_count(short * now_short, known, exposure, WINDOW_SHORT_S),
            score_count(long * now_long, known, exposure, WINDOW_LONG_S),
        )

    # How much: an account's first currency lies in its record, further ones beside it.
    baseline = (count, mean, squares)
    if state.currencies.get(currency) == code:
        amount_z = score_amount(count, mean, squares, log_amount)
        count, mean, squares = learn_amount(count, mean, squares, log_amount)
    else:
        baseline = _learn_further_currency(state, place, currency, log_amount)
        amount_z = score_amount(*baseline, log_amount)

    z = fuse(amount_z, velocity_z)
    score = score_of(z)
    decision = decide(score, thresholds)
    reasons: tuple[Reason, ...] = ()
    if z >= _NEARLY_Z or decision != "approve":
        reasons = reasons_for(
            AmountSeen(minor_units, currency, exponent, amount_z, baseline),
            BurstSeen(short * now_short, long * now_long, known, last - first, velocity_z),
        )

    weight = learning_weight(velocity_z)
    RECORD.pack_into(
        state.records,
        place,
        last,
        first,
        short + now_short,
        long + now_long,
        recent + weight * now_long,
        habit + weight * now_habit,
        count,
        mean,
        squares,
        code,
    )
    return Assessment(score, decision, reasons)


def _open_account(
    state: ShardState, account_id: str, currency: str, log_amount: float, at: float
) -> None:
    """Begin the record of an account with its first transaction."""
    code = state.currencies.setdefault(currency, len(state.currencies))
    state.accounts[account_id] = len(state.records)
    state.records += RECORD.pack(
        at, at, 1.0, 1.0, 1.0, 1.0, *learn_amount(0.0, 0.0, 0.0, log_amount), code
    )


def _learn_further_currency(
    state: ShardState, place: int, currency: str, log_amount: float
) -> tuple[float, float, float]:
    """Learn an amount in a currency that is not the account's first.

    Returns the baseline as it was before: (count, mean, squares), zeros when there was none.
    """
    code = state.currencies.setdefault(currency, len(state.currencies))
    key = (place // RECORD.size, code)
    baseline_place = state.baseline_places.get(key)
    if baseline_place is None:
        state.baseline_places[key] = len(state.baselines)
        state.baselines += BASELINE.pack(*learn_amount(0.0, 0.0, 0.0, log_amount))
        return 0.0, 0.0, 0.0
    count, mean, squares = BASELINE.unpack_from(state.baselines, baseline_place)
    learnt = learn_amount(count, mean, squares, log_amount)
    BASELINE.pack_into(state.baselines, baseline_place, *learnt)
    return count, mean, squares
