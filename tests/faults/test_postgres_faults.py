"""PostgreSQL crashes at every point of a batch, and again while it recovers.

Intake goes on meanwhile; what waits is written afterwards.
"""

from __future__ import annotations

import random
import time

import pytest

from tests.faults.history import Acked
from tests.faults.rules import Moment, Rule
from tests.faults.servers import PostgresServer
from tests.faults.system import FaultSystem, some
from tests.faults.wire import Side

pytestmark = pytest.mark.slow


def test_f28_the_first_process_is_killed(
    faults: FaultSystem, fault_postgres: PostgresServer
) -> None:
    pids = [node.process.pid for node in faults.nodes]
    with faults.load(150):
        faults.wait_acked(50)
        fault_postgres.kill()
        # Old children may still live: it refuses until they are gone, and is started again.
        fault_postgres.start()
        faults.wait_acked(50)
    faults.all_is_well()
    assert [node.process.pid for node in faults.nodes] == pids


MOMENTS = [
    pytest.param(Rule("copy_data", moment=Moment.INSIDE), id="copy"),
    pytest.param(Rule("commit_batch", moment=Moment.AFTER), id="commit"),
    pytest.param(Rule("commit_batch", side=Side.REPLY), id="committed"),
    pytest.param(None, id="any-time"),
    pytest.param(Rule("advance"), id="position"),
    pytest.param(Rule("commit_batch"), id="before-commit"),
]


@pytest.mark.parametrize("rule", some(MOMENTS, 3))
def test_f29_it_stops_at_once(
    faults: FaultSystem, fault_postgres: PostgresServer, rule: Rule | None
) -> None:
    with faults.load(150):
        faults.wait_acked(30)
        if rule is not None:
            faults.watch(rule, faults.writers)
            faults.struck(rule)
        fault_postgres.stop_immediately()
        if rule is not None:
            faults.release(rule)
        # Intake does not depend on it.
        faults.wait_acked(100)
        fault_postgres.start()
        faults.wait_acked(30)
    faults.all_is_well()


def test_f29_it_stops_again_while_it_recovers(
    faults: FaultSystem, fault_postgres: PostgresServer, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311 - repeatable
    with faults.load(150):
        faults.wait_acked(50)
        fault_postgres.stop_immediately()
        for _ in range(2):
            fault_postgres.start(wait=False)
            time.sleep(rng.uniform(0.5, 1.2))  # the moment is what is tried
            fault_postgres.stop_immediately()
        began = len(faults.history.attempts)
        faults.wait_acked(50)
        outcomes = [attempt.outcome for attempt in faults.history.attempts[began:]]
        assert sum(isinstance(outcome, Acked) for outcome in outcomes) >= 50
        fault_postgres.start()
    faults.all_is_well()
