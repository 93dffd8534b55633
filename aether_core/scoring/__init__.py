"""Fraud scoring as pure functions: state and transaction in, score and new state out.

`score_transaction` is the one way in. It performs no I/O, asks no clock and reads no environment,
so the same entries give the same scores live, in a replay and in a backtest.
"""

from aether_core.scoring.decision import Assessment, Reason, Thresholds
from aether_core.scoring.score import score_transaction
from aether_core.scoring.state import ShardState

__all__ = ["Assessment", "Reason", "ShardState", "Thresholds", "score_transaction"]
