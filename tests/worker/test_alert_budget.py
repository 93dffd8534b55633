"""The budget names the score from which a day's alerts are no more than people can look at.

A real writer raises the alerts, on real PostgreSQL.
"""

from __future__ import annotations

from aether_core.database.alerts import AlertFilter, find_alerts
from aether_core.database.budget import WINDOW_HOURS, find_budget
from tests.worker.pipeline import Pipeline, transaction
from tests.worker.test_writing_a_batch import DAY_US, habit

RAISED = 6


async def raise_alerts(pipeline: Pipeline) -> list[float]:
    """Raise an alert each of several accounts; return their scores, the highest first."""
    for number in range(RAISED):
        account = f"account-{number}"
        usual = habit(account)[:-1]
        odd = transaction(
            account,
            20_000 * 2**number,
            occurred_at_us=usual[-1].occurred_at_us + DAY_US,
        )
        await pipeline.accept(*usual, odd)
    await pipeline.write_everything()
    alerts = await find_alerts(pipeline.connection, AlertFilter(), 100)
    return sorted((alert.score for alert in alerts), reverse=True)


async def test_the_cut_lets_as_many_through_as_the_budget_allows(pipeline: Pipeline) -> None:
    scores = await raise_alerts(pipeline)
    assert len(set(scores)) == len(scores) == RAISED
    for allowed in range(1, RAISED):
        budget = await find_budget(pipeline.connection, allowed / WINDOW_HOURS)
        assert budget.score_cut == scores[allowed - 1]
        assert (budget.open_within, budget.open_below) == (allowed, RAISED - allowed)
        within = await find_alerts(
            pipeline.connection, AlertFilter(score_min=budget.score_cut), 100
        )
        assert sorted((alert.score for alert in within), reverse=True) == scores[:allowed]
    assert budget.raised_per_hour == RAISED / WINDOW_HOURS


async def test_within_the_budget_nothing_is_cut(pipeline: Pipeline) -> None:
    await raise_alerts(pipeline)
    for per_hour in (0.0, RAISED / WINDOW_HOURS, 1_000.0):
        budget = await find_budget(pipeline.connection, per_hour)
        assert budget.score_cut is None
        assert (budget.open_within, budget.open_below) == (RAISED, 0)
