"""Fraud scoring as pure functions: state and transaction in, score and new state out.

`score_transaction`, `learn` (a label that arrived), `suppress`, `adopt` (a census of all shards)
and `ShardState.arrange` (versions) are the ways in. They perform no I/O, ask no clock and read no
environment, so the same entries give the same scores live, in a replay and in a backtest.
"""

from aether_core.scoring.census import Census, adopt
from aether_core.scoring.decision import Assessment, Reason, Thresholds
from aether_core.scoring.fusion import DETECTORS
from aether_core.scoring.labels import Label, learn
from aether_core.scoring.score import score_transaction
from aether_core.scoring.state import ShardState
from aether_core.scoring.suppression import Suppression, suppress
from aether_core.scoring.version import Arrangement, Version

__all__ = [
    "DETECTORS",
    "Arrangement",
    "Assessment",
    "Census",
    "Label",
    "Reason",
    "ShardState",
    "Suppression",
    "Thresholds",
    "Version",
    "adopt",
    "learn",
    "score_transaction",
    "suppress",
]
