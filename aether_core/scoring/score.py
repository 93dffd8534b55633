"""One transaction, scored from what was known before it.

In:   the shard's state and a transaction of one of its accounts, in the order of the stream.
Out:  its assessment; the state has learnt the transaction.
Relies on the caller to present every transaction and label of the shard once and in order: then
scores are a function of the stream, whatever the batch sizes and restarts in between.

This is the one function that runs for every transaction, within some ten microseconds: it works on
the account's record directly, and leaves to the detectors' modules what is not needed each time.
"""

from __future__ import annotations

from math import exp, log

from aether_core.scoring import novelty, spending
from aether_core.scoring.amount import LEARN_ABOVE, Baseline, expected_amount, learn_amount
from aether_core.scoring.clearing import Seen
from aether_core.scoring.decision import Assessment, Reason, Shadow, Thresholds, decide
from aether_core.scoring.fusion import Evidence, fused_log_odds, log_odds_of, score_of
from aether_core.scoring.labels import EVIDENCE
from aether_core.scoring.novelty import HABIT, judge_novelty
from aether_core.scoring.reasons import reasons_for
from aether_core.scoring.rush import judge_rush
from aether_core.scoring.spells import ACCOUNT, MERCHANT, LifeTable, Spell, chance_now
from aether_core.scoring.spending import SPENDING, Spent, judge_spending
from aether_core.scoring.state import BASELINE, RECORD, ShardState
from aether_core.scoring.suppression import without_suppressed
from aether_core.scoring.takeover import CALM, TELLING, fade, learn_payment, likelihood_ratio
from aether_core.scoring.velocity import (
    WINDOW_DAY_S,
    WINDOW_HABIT_S,
    WINDOW_LONG_S,
    WINDOW_SHORT_S,
    judge_burst,
    learning_weight,
)
from aether_core.scoring.version import InForce

# From here on the reasons are written out, though the decision may still be to approve.
_NEARLY = 0.25

# Log-odds from which the evidence is kept for the layer: the most suspicious few in a hundred.
_EVIDENCE_MIN = -5.0

# A transaction teaches the population by the chance that it is honest, at least by this.
_TEACHING_MIN = 0.005
_HONEST = -3.0

_CALM_ODDS = log_odds_of(CALM)
_MERCHANT_CALM = log_odds_of(MERCHANT.calm)
_ACCOUNT_CALM = log_odds_of(ACCOUNT.calm)
_NOTHING: Baseline = (0.0, 0.0, 0.0)


def score_transaction(
    state: ShardState,
    thresholds: Thresholds,
    *,
    account_id: str,
    merchant: str,
    currency: str,
    minor_units: int,
    exponent: int,
    occurred_at_ms: int,
    location: str | None = None,
) -> Assessment:
    """Score a transaction against all that is known, then let the state learn it.

    minor_units: at least 1 (anything less is no payment: score 0, nothing learnt).
    thresholds: of the settings; they count until the stream has made a version live.
    exponent: decimal places of the currency; only the wording of reasons depends on it.
    occurred_at_ms: milliseconds since 1970; one that lies before earlier ones counts for less.
    Deterministic; never NaN.
    """
    if minor_units <= 0:
        return Assessment(0.0, decide(0.0, thresholds))
    at = occurred_at_ms / 1000.0
    log_amount = log(minor_units)
    place = state.accounts.get(account_id)
    if place is None:
        place = _open_account(state, account_id, currency, at)
    (last, first, short, long, day, recent, habit, count, mean, squares, hands, code) = (
        RECORD.unpack_from(state.records, place)
    )

    # Let the windows fade to the newest time seen. A late transaction never turns the fading
    # round: it weighs what its own moment still weighs, both when tested and when learnt.
    passed = at - last
    now_short = now_long = now_day = now_habit = 1.0
    by_day, by_habit = exp(-abs(passed) / WINDOW_DAY_S), exp(-abs(passed) / WINDOW_HABIT_S)
    if passed >= 0.0:
        last = at
        short *= exp(-passed / WINDOW_SHORT_S)
        fading = exp(-passed / WINDOW_LONG_S)
        long *= fading
        recent *= fading
        day *= by_day
        habit *= by_habit
        if hands > CALM:
            hands = fade(hands, passed)
    else:
        now_short = exp(passed / WINDOW_SHORT_S)
        now_long = exp(passed / WINDOW_LONG_S)
        now_day, now_habit = by_day, by_habit
        first = min(first, at)

    # How fast: `recent` is the part of the habit that is still inside the long window.
    known = max(0.0, habit - recent)
    velocity_z, burst = judge_burst(
        short * now_short, long * now_long, day * now_day, known, last - first
    )
    number = place // RECORD.size

    # How much: an account's first currency lies in its record, further ones beside it.
    population = state.population.of(currency, log_amount)
    is_first_currency = state.currencies.get(currency) == code
    baseline = (
        (count, mean, squares) if is_first_currency else _further_baseline(state, place, currency)
    )
    expected, spread = expected_amount(baseline, population.mean)
    residual = (log_amount - expected) / spread
    # Of an amount above the usual it learns the usual: several payments must come to a spree.
    usual_part = exp(min(log_amount, expected + LEARN_ABOVE * spread)) if is_first_currency else 0.0
    spree_z, spree, spent = judge_spending(
        state.spendings, number * SPENDING.size, usual_part, passed, by_day, by_habit, last
    )
    own = state.population.own.surprise(residual)

    # What labels say of this account and this merchant; few have any.
    account_spell = state.account_spells.get(account_id)
    merchant_spell = state.merchant_spells.get(merchant)
    found = (
        population.tail.surprise(log_amount - population.anchor),
        own,
        log(hands / (1.0 - hands)) - _CALM_ODDS if hands > CALM else 0.0,
        0.0
        if account_spell is None or account_spell.chance <= ACCOUNT.calm
        else account_odds(account_spell, state.account_lives, at),
        _MERCHANT_CALM
        if merchant_spell is None
        else spell_odds(merchant_spell, state.merchant_lives, at),
        max(burst, spree),
        judge_rush(state.rushes, state.rush_form, merchant, at, place),
        *judge_novelty(
            state.habits,
            number * HABIT.size,
            merchant,
            location,
            minor_units,
            at,
            passed,
        ),
    )
    suppressed = state.suppressions.get(account_id)
    if suppressed:
        found = without_suppressed(Evidence(*found), suppressed, occurred_at_ms)
    learnt_weights = state.learner.weights
    thresholds, weights = state.in_force(thresholds)
    log_odds = fused_log_odds(weights, *found)
    score = score_of(log_odds)
    decision = decide(score, thresholds)
    reasons: tuple[Reason, ...] = ()
    if score >= _NEARLY or decision != "approve":
        reasons = reasons_for(
            Seen(
                thresholds, state, weights, Evidence(*found), suppressed, log_odds, population,
                baseline, expected, spread, minor_units, currency, exponent, merchant,
                merchant_spell, account_spell, at, short * now_short, long * now_long,
                day * now_day, known, last - first, velocity_z, Spent(*spent), spree_z,
            )
        )  # fmt: skip

    if hands > CALM or own > TELLING:
        hands = learn_payment(hands, likelihood_ratio(own))
    learnt = learn_amount(baseline, log_amount, expected, spread)
    if is_first_currency:
        count, mean, squares = learnt
    else:
        _keep_further_baseline(state, place, currency, learnt)
    weight = learning_weight(velocity_z)
    RECORD.pack_into(
        state.records,
        place,
        last,
        first,
        short + now_short,
        long + now_long,
        day + now_day,
        recent + weight * now_long,
        habit + weight * now_habit,
        count,
        mean,
        squares,
        hands,
        code,
    )
    # What is learnt must not depend on which version decides.
    plain = log_odds if weights is learnt_weights else fused_log_odds(learnt_weights, *found)
    honest = 1.0 if plain < _HONEST else max(1.0 - score_of(plain), _TEACHING_MIN)
    population.learn(log_amount, honest)
    state.population.own.add(residual, honest)
    if state.population.count_one():
        state.refresh_lives()
    evidence = EVIDENCE.pack(*found) if plain >= _EVIDENCE_MIN else None
    shadow = None if state.shadow is None else _in_shadow(state.shadow, state, found)
    return Assessment(score, decision, reasons, evidence, shadow)


def _in_shadow(version: InForce, state: ShardState, found: tuple[float, ...]) -> Shadow:
    """Return what another version makes of the same evidence."""
    score = score_of(fused_log_odds(version.weights(state.learner.weights), *found))
    return Shadow(state.shadow_run, score, version.decide(score))


def account_odds(spell: Spell, lives: LifeTable, at: float) -> float:
    """Return the log-odds of an account's spell above those of any account."""
    return spell_odds(spell, lives, at) - _ACCOUNT_CALM


def spell_odds(spell: Spell, lives: LifeTable, at: float) -> float:
    """Return the log-odds of a spell."""
    return log_odds_of(chance_now(spell, lives, at))


def _open_account(state: ShardState, account_id: str, currency: str, at: float) -> int:
    """Begin the record of an account; return its place."""
    code = state.currencies.setdefault(currency, len(state.currencies))
    place = state.accounts[account_id] = len(state.records)
    state.habits += novelty.FRESH
    state.spendings += spending.FRESH
    state.records += RECORD.pack(at, at, 0.0, 0.0, 0.0, 0.0, 0.0, *_NOTHING, CALM, code)
    return place


def _further_baseline(state: ShardState, place: int, currency: str) -> Baseline:
    """Return the baseline of a currency that is not the account's first; zeros if there is none."""
    code = state.currencies.setdefault(currency, len(state.currencies))
    found = state.baseline_places.get((place // RECORD.size, code))
    if found is None:
        return _NOTHING
    count, mean, squares = BASELINE.unpack_from(state.baselines, found)
    return count, mean, squares


def _keep_further_baseline(
    state: ShardState, place: int, currency: str, baseline: Baseline
) -> None:
    key = (place // RECORD.size, state.currencies[currency])
    found = state.baseline_places.get(key)
    if found is None:
        state.baseline_places[key] = len(state.baselines)
        state.baselines += BASELINE.pack(*baseline)
    else:
        BASELINE.pack_into(state.baselines, found, *baseline)
