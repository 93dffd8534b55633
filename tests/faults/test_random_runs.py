"""A few runs of random faults, as `make faults` makes them for an hour.

`AETHER_FAULTS_SEED` chooses others; a failure names the seed of its run.
"""

from __future__ import annotations

import pytest

from tests.faults.run import run_once
from tests.faults.system import FaultSystem, commit, some

pytestmark = pytest.mark.slow

RATE = 120.0


@pytest.mark.parametrize("number", some(range(50), 3))
def test_random_faults(faults: FaultSystem, number: int, seed: int) -> None:
    run_seed = seed * 100 + number
    verdict, done = run_once(faults, run_seed, RATE)
    listed = [str(violation) for violation in verdict.violations]
    assert listed == [], f"seed {run_seed}, commit {commit()}, after: {done}"
