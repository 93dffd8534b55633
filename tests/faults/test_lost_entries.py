"""Entries that somebody removes from a stream before they are written are missed, and said so.

The loss itself is beyond anybody's power; that it goes unnoticed is not (F38).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from aether_core.stream.contract import stream_key
from tests.faults.servers import PostgresServer, running_valkey
from tests.faults.stage import Stage
from tests.faults.system import FaultSystem

pytestmark = pytest.mark.slow


class _Identity(msgspec.Struct):
    difference: int
    holds: bool


class _Pipeline(msgspec.Struct):
    identity: _Identity


@pytest.fixture
def doomed(
    fault_postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> Iterator[FaultSystem]:
    """A system of this test's own: what is lost stays lost."""
    stage = Stage()
    database_url = fault_postgres.make_database()
    with running_valkey() as valkey:
        system = FaultSystem(
            stage=stage,
            valkey=valkey,
            database_url=database_url,
            home=tmp_path_factory.mktemp("f"),
            seed=seed,
            gateway_count=1,
            writer_count=1,
            patience_s=10,
        )
        try:
            system.open()
            yield system
        finally:
            system.close()
            stage.close()
    fault_postgres.drop_database(database_url)


def test_f38_trimmed_by_hand_before_it_was_written(doomed: FaultSystem) -> None:
    system = doomed
    (writer,) = system.writers
    with system.load(150):
        system.wait_acked(60)
    system.all_is_well()
    assert identity(system).holds
    writer.kill()
    with system.load(150):
        system.wait_acked(60)
    removed = system.valkey_command("XTRIM", stream_key(0), "MAXLEN", 0)
    assert isinstance(removed, int)
    assert removed > 0
    found = {violation.invariant for violation in system.judge().violations}
    # The last entry that was added is never reached: "not everything is written" (I8) is right too.
    assert {"I1", "I7"} <= found <= {"I1", "I7", "I8"}
    # Operators see it too, and for good.
    after = identity(system)
    assert (after.holds, after.difference) == (False, removed)


def identity(system: FaultSystem) -> _Identity:
    answer = system.stage.run(system.clients.ask("/operations/pipeline"))
    assert answer.status == 200
    return msgspec.json.decode(answer.body, type=_Pipeline).identity
