"""Detectors that an analyst has silenced for an account, until a moment.

In:   suppressions, when they enter the stream.
Out:  the evidence of a transaction without what is suppressed.
Relies on `occurred_at` for the end of a suppression: a replay ends it at the same transaction.
"""

from __future__ import annotations

import msgspec

from aether_core.scoring.fusion import CALM, DETECTORS, Evidence
from aether_core.scoring.state import ShardState


class Suppression(msgspec.Struct, frozen=True, array_like=True, tag="suppression", gc=False):
    """One detector is silent for one account; until_ms: milliseconds since 1970, 0 ends it."""

    account_id: str
    detector: str
    until_ms: int


def suppress(state: ShardState, suppression: Suppression) -> None:
    """Let the state honour a suppression; a later one of the same detector replaces it."""
    of_account = state.suppressions.setdefault(suppression.account_id, {})
    if suppression.until_ms > 0:
        of_account[suppression.detector] = suppression.until_ms
    else:
        of_account.pop(suppression.detector, None)
    if not of_account:
        del state.suppressions[suppression.account_id]


def without_suppressed(
    found: Evidence, of_account: dict[str, int], occurred_at_ms: int
) -> Evidence:
    """Return the evidence as if the suppressed detectors had seen the ordinary."""
    calm = {
        field: min(getattr(found, field), getattr(CALM, field))
        for detector, until_ms in of_account.items()
        if occurred_at_ms < until_ms and (field := DETECTORS.get(detector)) is not None
    }
    return found._replace(**calm) if calm else found
