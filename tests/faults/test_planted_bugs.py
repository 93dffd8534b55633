"""The oracle proved: each bug that somebody could make turns the suite red.

A broken build goes through the scenario that must show its bug, and the oracle must name what is
violated. The same scenarios on the product as it is find nothing: the other files run them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.faults.aof import PowerWatch, copy_data, put_back
from tests.faults.client import Mix
from tests.faults.conftest import short_home
from tests.faults.oracle import Expectation, Verdict
from tests.faults.rules import Rule
from tests.faults.servers import PostgresServer, running_valkey
from tests.faults.stage import Stage
from tests.faults.system import FaultSystem
from tests.faults.wire import Message, Side
from tests.running import wait_until

pytestmark = pytest.mark.slow


@contextmanager
def built_with(
    bug: str, postgres: PostgresServer, home: Path, seed: int, writer_count: int
) -> Iterator[FaultSystem]:
    """Run a system with a bug planted in each of its processes."""
    stage = Stage()
    database_url = postgres.make_database()
    try:
        with running_valkey() as valkey:
            system = FaultSystem(
                stage=stage,
                valkey=valkey,
                database_url=database_url,
                home=home,
                seed=seed,
                gateway_count=1,
                writer_count=writer_count,
                launcher=("tests.faults.planted.launch", bug),
                patience_s=4,
            )
            try:
                system.open()
                yield system
            finally:
                system.close()
    finally:
        stage.close()
        postgres.drop_database(database_url)


# --- scenarios ---


def killed_at(system: FaultSystem, label: str) -> Verdict:
    """F07 to F12: a writer dies at a message, which never arrives."""
    with system.load(150, Mix(outliers=0.3)):
        system.wait_acked(60)
        rule = system.watch(Rule(label, nth=3), system.writers)
        writer = system.struck(rule)
        writer.kill()
        system.cut(rule)
        writer.start()
        system.wait_acked(30)
    return system.judge()


def killed_before_an_alert_is_published(system: FaultSystem) -> Verdict:
    """F12."""

    def is_alert(message: Message) -> bool:
        return message.detail == "alert"

    with system.load(150, Mix(outliers=0.3)):
        system.wait_acked(60)
        rule = system.watch(Rule("publish", where=is_alert), system.writers)
        writer = system.struck(rule)
        writer.kill()
        system.cut(rule)
    return system.judge()


def commits_wait(system: FaultSystem) -> Verdict:
    """F09: a commit takes long, while consoles watch."""
    with system.load(150, Mix(outliers=0.3)):
        system.wait_acked(100)
        for _ in range(10):  # not every batch has an alert
            rule = system.watch(Rule("commit_batch"), system.writers)
            system.struck(rule)
            with suppress(pytest.fail.Exception):
                wait_until(lambda: bool(system.console.uncommitted), "an early alert", 0.5)
            system.release(rule)
    return system.judge()


def two_writers_under_load(system: FaultSystem) -> Verdict:
    """F14, F17: both believe that the shards are theirs."""
    with system.load(150):
        system.wait_acked(300)
    return system.judge()


def repeated_orders(system: FaultSystem) -> Verdict:
    """F34."""
    with system.load(100, Mix(duplicate=1.0, repeated_later=1.0)):
        system.wait_acked(60)
    return system.judge()


def killed_inside_a_group(system: FaultSystem) -> Verdict:
    """F02, of orders that are to be taken together."""
    orders = [system.order(key=None) for _ in range(12)]
    rule = system.watch(Rule("accept", side=Side.REPLY), system.gateways)
    pending = system.stage.start(system.clients.submit_together(orders))
    system.struck(rule).kill()
    system.cut(rule)
    pending.result(30)
    return system.judge()


def written_later(system: FaultSystem) -> Verdict:
    """F31: intake goes on while nobody writes."""
    for writer in system.writers:
        writer.kill()
    with system.load(200):
        system.wait_acked(150)
    return system.judge()


def power_cut(system: FaultSystem) -> Verdict:
    """F21, on a server that was set up with a weaker `appendfsync`."""
    system.valkey_command("CONFIG", "SET", "appendfsync", "no")
    with system.load(150):
        system.wait_acked(30)
        # Nobody reads meanwhile: what was acknowledged is in Valkey alone.
        for writer in system.writers:
            writer.kill()
        watch = PowerWatch(system.valkey, [node.to_valkey for node in system.gateways])
        system.wait_acked(60)
        watch.cut_power("no")
    return system.judge(Expectation(writer_count=0, allows_gap=True))


def restored(system: FaultSystem) -> Verdict:
    """F39: an older copy, and a gateway that comes back before the writer."""
    with system.load(150):
        system.wait_acked(60)
        copy_data(system.valkey, system.home / "copy")
        system.wait_acked(60)
    system.settle()
    for writer in system.writers:
        writer.kill()
    system.valkey.kill()
    put_back(system.valkey, system.home / "copy")
    system.valkey.start()
    system.stage.run(system.clients.repeat_some(100))
    return system.judge(Expectation(writer_count=0, allows_gap=True))


@dataclass(frozen=True)
class Plant:
    """A bug, the scenario that must show it, and the invariants of which one must be violated."""

    bug: str
    scenario: Callable[[FaultSystem], Verdict]
    invariants: frozenset[str]
    writer_count: int = 1


PLANTS = [
    Plant("position_before_the_rows", partial(killed_at, label="copy_data"), frozenset({"I1"})),
    Plant("position_after_the_rows", partial(killed_at, label="advance"), frozenset({"I6"})),
    Plant("trim_before_the_commit", partial(killed_at, label="commit_batch"), frozenset({"I1"})),
    Plant("load_outside_the_transaction", partial(killed_at, label="advance"), frozenset({"I6"})),
    Plant("published_before_the_commit", commits_wait, frozenset({"I9"})),
    Plant("published_once_only", killed_before_an_alert_is_published, frozenset({"I9"})),
    Plant("no_fence", two_writers_under_load, frozenset({"I6"}), writer_count=2),
    Plant("no_idempotency", repeated_orders, frozenset({"I1"})),
    Plant("groups_in_parts", killed_inside_a_group, frozenset({"answers"})),
    Plant("capped_stream", written_later, frozenset({"I1"})),
    Plant("nothing", power_cut, frozenset({"I1"})),
    Plant("accepts_after_any_restart", restored, frozenset({"I1", "I3"})),
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.bug}")
def test_a_planted_bug_is_found(
    plant: Plant,
    fault_postgres: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
) -> None:
    home = short_home(tmp_path_factory)
    with built_with(plant.bug, fault_postgres, home, seed, plant.writer_count) as system:
        verdict = plant.scenario(system)
    found = {violation.invariant for violation in verdict.violations}
    assert plant.invariants <= found, [str(violation) for violation in verdict.violations]


def test_without_the_locks_the_fence_alone_suffices(
    fault_postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    home = short_home(tmp_path_factory)
    with built_with("shards_of_everybody", fault_postgres, home, seed, 2) as system:
        verdict = two_writers_under_load(system)
    assert [str(violation) for violation in verdict.violations] == []
