"""`python -m tests.faults.run --seed N --minutes M`: random faults under load, run after run.

Each run has a seed of its own, which chooses the faults, their moments and the clients' orders.
After each run everything is healed and the oracle judges all of it. One line a run; a violation is
printed with its seed and commit, its logs are kept, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from traceback import format_exc

import pytest

from tests.faults.chaos import HARMLESS, NAMES, Chaos
from tests.faults.client import Mix
from tests.faults.oracle import Verdict, Violation
from tests.faults.servers import PostgresServer, running_postgres, running_valkey
from tests.faults.stage import Stage
from tests.faults.system import FaultSystem, commit

_RUNS_PER_SYSTEM = 25
"""Then everything starts afresh, so that no run has to look at too many rows."""


@dataclass
class Tally:
    """Sums over all runs."""

    runs: int = 0
    faults: int = 0
    acked: int = 0
    unknown: int = 0
    rows: int = 0
    alerts: int = 0
    lost: int = 0
    doubled: int = 0
    failed_seeds: list[int] = field(default_factory=list)

    def add(self, seed: int, faults: int, verdict: Verdict) -> None:
        """Count one run."""
        self.runs += 1
        self.faults += faults
        self.acked += verdict.acked
        self.unknown += verdict.unknown
        self.rows += verdict.rows
        self.alerts += verdict.alerts
        self.lost += verdict.lost
        self.doubled += verdict.doubled
        if verdict.violations:
            self.failed_seeds.append(seed)


@contextmanager
def opened_system(postgres: PostgresServer, seed: int) -> Iterator[FaultSystem]:
    """Start a system with a database and a Valkey of its own."""
    stage = Stage()
    database_url = postgres.make_database()
    home = Path(tempfile.mkdtemp(prefix="aether-faults-"))
    is_clean = False
    try:
        with running_valkey() as valkey:
            system = FaultSystem(
                stage=stage,
                valkey=valkey,
                postgres=postgres,
                database_url=database_url,
                home=home,
                seed=seed,
            )
            try:
                system.open()
                yield system
                is_clean = True
            finally:
                system.close()
                _copy_logs(home, valkey.home, postgres.home)
    except KeyboardInterrupt:
        is_clean = True
        raise
    except (Exception, pytest.fail.Exception) as error:
        error.add_note(f"logs in {home}")
        raise
    finally:
        stage.close()
        postgres.wait()
        postgres.drop_database(database_url)
        if is_clean:
            shutil.rmtree(home, ignore_errors=True)


def _copy_logs(home: Path, *servers: Path) -> None:
    """Put the servers' logs beside those of the processes."""
    for server in servers:
        for log in server.glob("*.log"):
            shutil.copy(log, home)


def run_once(
    system: FaultSystem, seed: int, rate: float, only: tuple[str, ...] = ()
) -> tuple[Verdict, list[str]]:
    """Break up to four things under load, heal, judge. Returns the verdict and the faults."""
    rng = random.Random(seed)  # noqa: S311 - repeatable
    system.begin_run(seed)
    chaos = Chaos(system, rng, only)
    done: list[str] = []
    try:
        mix = Mix(abandoned=rng.choice((0.0, 0.1, 0.3)), bulk=rng.choice((0.0, 0.02, 0.05)))
        with system.load(rate * rng.uniform(0.5, 1.5), mix):
            chaos.pause(0.1, 0.5)
            for _ in range(rng.choice((1, 1, 2, 3, 4))):
                try:
                    done.append(chaos.break_something())
                except HARMLESS as error:
                    done.append(f"({type(error).__name__})")
                chaos.pause(0, 0.5)
        verdict = system.judge(chaos.expectation)
    except (Exception, pytest.fail.Exception) as error:
        error.add_note(f"after: {'; '.join(done)}")
        raise
    verdict.violations += chaos.complaints
    return verdict, done


class Found(Exception):
    """A run that violated something: its system is of no more use."""


@dataclass(frozen=True)
class Plan:
    """What is to be run."""

    seed: int
    minutes: float
    runs: int
    rate: float
    only: tuple[str, ...]


def run_all(plan: Plan) -> Tally:
    """Run until the time or the runs are over."""
    tally = Tally()
    end = time.monotonic() + plan.minutes * 60

    def is_over() -> bool:
        return time.monotonic() >= end or tally.runs >= plan.runs

    with running_postgres() as postgres:
        while not is_over():
            seed = plan.seed + tally.runs
            try:
                with opened_system(postgres, seed) as system:
                    for _ in range(_RUNS_PER_SYSTEM):
                        if is_over():
                            break
                        _run_and_tell(system, plan, tally)
            except Found:
                pass
            except KeyboardInterrupt:
                _say("interrupted: what was done so far counts")
                break
            except (Exception, pytest.fail.Exception):  # noqa: BLE001 - told, and the next begins
                tally.add(seed, 0, Verdict(violations=[Violation("run", "no system")]))
                _say(f"seed {seed} FAILED: its system did not start or end\n{format_exc()}")
    return tally


def _run_and_tell(system: FaultSystem, plan: Plan, tally: Tally) -> None:
    began = time.monotonic()
    seed = plan.seed + tally.runs
    try:
        verdict, done = run_once(system, seed, plan.rate, plan.only)
    except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - told, and the next begins
        told = " ".join((repr(error), *getattr(error, "__notes__", ())))
        verdict, done = Verdict(violations=[Violation("run", told)]), ["?"]
    real = [name for name in done if not name.startswith("(")]
    tally.add(seed, len(real), verdict)
    _say(
        f"seed {seed:<6} {'FAILED' if verdict.violations else 'ok':<6}"
        f" {time.monotonic() - began:5.1f} s  acked {verdict.acked:<5} unknown {verdict.unknown:<4}"
        f" lost {verdict.lost} doubled {verdict.doubled}  {'; '.join(done)}"
    )
    if verdict.violations:
        _say(f"  commit {commit()}, logs in {system.home}; again: --seed {seed} --runs 1")
        for violation in verdict.violations:
            _say(f"  {violation}")
        raise Found


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Read the arguments, run, print the sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="of the first run; default: random")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--runs", type=int, default=1_000_000, help="at most so many")
    parser.add_argument("--rate", type=float, default=150.0, help="orders per second, about")
    parser.add_argument("--only", nargs="*", default=(), choices=NAMES, help="these faults")
    arguments = parser.parse_args()
    seed = arguments.seed
    if seed is None:
        seed = random.randrange(1_000_000)  # noqa: S311 - a seed to start from
    # A shell that starts it in the background lets it, and all that it starts, ignore these.
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    plan = Plan(seed, arguments.minutes, arguments.runs, arguments.rate, tuple(arguments.only))
    _say(f"commit {commit()}, first seed {seed}")
    began = time.monotonic()
    tally = run_all(plan)
    _say(
        f"\n{tally.acked} transactions acknowledged, {tally.faults} faults injected in"
        f" {tally.runs} runs: {tally.lost} lost, {tally.doubled} doubled.\n"
        f"{tally.unknown} orders had an unknown outcome on the way; {tally.rows} rows,"
        f" {tally.alerts} alerts; {(time.monotonic() - began) / 60:.1f} minutes;"
        f" seeds {seed} to {seed + max(tally.runs, 1) - 1}, commit {commit()}"
    )
    if tally.failed_seeds:
        _say(f"FAILED seeds: {tally.failed_seeds}")
    return 1 if tally.failed_seeds else 0


if __name__ == "__main__":
    sys.exit(main())
