"""What became known of a transaction later: fraud or legitimate.

In:   a label, when it enters the stream (in a backtest: when it is old enough).
Out:  the state has learnt it: its merchant's and account's spells, and the layer's weights.
Relies on nothing of the transaction but what the label carries; a label of a transaction that this
shard never saw still teaches its merchant's spell.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from aether_core.scoring.fusion import Evidence, score_of, weigh
from aether_core.scoring.spells import (
    ACCOUNT,
    MERCHANT,
    LifeTable,
    Spell,
    is_forgotten,
    learn_label,
    withdraw_label,
)
from aether_core.scoring.state import ShardState
from aether_core.scoring.takeover import fraud_share, likelihood_ratio

EVIDENCE: Final = struct.Struct(f"<{len(Evidence._fields)}f")
"""Packed `Evidence`."""

_FRAUD_IN_SPELL = 0.9
"""Share of a compromised merchant's payments that are fraud."""

_STRAY = 0.0005
"""Chance of a fraud that nothing explains: a lost card, a wrong label."""

_ORDINARY_SURPRISE = 0.7


class Label(msgspec.Struct, frozen=True, array_like=True, tag="label", gc=False):
    """One transaction's resolution, with what scoring must know of it."""

    account_id: str
    merchant: str
    occurred_at_ms: int
    is_fraud: bool
    evidence: bytes | None = None
    """As its assessment said; None where that was ordinary, or is not known."""
    is_withdrawn: bool = False
    """The same label was given before, and is taken back."""


def learn(state: ShardState, label: Label) -> None:
    """Let the state learn a label. Deterministic in the order of transactions and labels."""
    at = label.occurred_at_ms / 1000.0
    merchant = state.merchant_spells.get(label.merchant)
    account = state.account_spells.get(label.account_id)
    if label.evidence is None and not label.is_fraud:
        merchant, account = _still_suspected(state, label, merchant, account)
        if merchant is None and account is None:
            return
    amount, takeover, leak, own = 0.0, 0.0, 0.0, _ORDINARY_SURPRISE
    if label.evidence is not None:
        found = unpack_evidence(label.evidence)
        causes = weigh(found, state.learner.weights)
        amount, takeover, leak = map(score_of, causes[:3])
        own = found.own
        if label.is_withdrawn:
            state.learner.forget(found, is_fraud=label.is_fraud)
        else:
            state.learner.learn(found, is_fraud=label.is_fraud)
    if label.is_fraud and not label.is_withdrawn:
        if merchant is None:
            calm = state.merchant_lives.form.calm
            merchant = state.merchant_spells[label.merchant] = Spell(calm, at, at)
        if account is None:
            calm = state.account_lives.form.calm
            account = state.account_spells[label.account_id] = Spell(calm, at, at)
    if merchant is not None:
        outside = max(_STRAY, 1.0 - (1.0 - amount) * (1.0 - takeover))
        in_spell = 1.0 - (1.0 - outside) * (1.0 - _FRAUD_IN_SPELL)
        _move(state.merchant_spells, label.merchant, state.merchant_lives, label, in_spell, outside)
    if account is not None:
        outside = max(_STRAY, 1.0 - (1.0 - amount) * (1.0 - leak))
        in_spell = 1.0 - (1.0 - outside) * (1.0 - fraud_share(likelihood_ratio(own)))
        _move(state.account_spells, label.account_id, state.account_lives, label, in_spell, outside)


def unpack_evidence(packed: bytes) -> Evidence:
    """Return what was packed, also by a version with fewer detectors: the others were calm."""
    return Evidence(*struct.unpack(f"<{len(packed) // 4}f", packed))


def _still_suspected(
    state: ShardState, label: Label, merchant: Spell | None, account: Spell | None
) -> tuple[Spell | None, Spell | None]:
    """Return the spells that the legitimate label of an ordinary payment tells something about.

    That is nine in ten labels, and nearly always none. What is over for long is forgotten.
    """
    if account is not None and account.chance <= ACCOUNT.calm:
        account = None
    if merchant is not None and merchant.chance <= MERCHANT.calm:
        if is_forgotten(merchant, label.occurred_at_ms / 1000.0):
            del state.merchant_spells[label.merchant]
        merchant = None
    return merchant, account


def _move(
    spells: dict[str, Spell],
    name: str,
    lives: LifeTable,
    label: Label,
    in_spell: float,
    outside: float,
) -> None:
    """Let a label move a spell; one that is withdrawn moves it back, the last one ends it."""
    spell = spells[name]
    if not label.is_withdrawn:
        learn_label(
            spell, lives, label.occurred_at_ms / 1000.0,
            is_fraud=label.is_fraud, in_spell=in_spell, outside=outside,
        )  # fmt: skip
        return
    withdraw_label(spell, is_fraud=label.is_fraud, in_spell=in_spell, outside=outside)
    if spell.fraud_count <= 0:
        del spells[name]
