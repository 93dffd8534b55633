"""Valkey crashes, loses power, loses its data, gets an old copy of it, or runs out of memory."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from aether_core.stream.contract import FEED_KEY
from tests.faults.aof import (
    PowerWatch,
    append_only_directory,
    copy_data,
    current_file,
    cut_to,
    lose_everything,
    put_back,
)
from tests.faults.client import Mix
from tests.faults.history import Acked, Declined, Unknown
from tests.faults.oracle import Expectation
from tests.faults.rules import Rule
from tests.faults.system import FaultSystem, some
from tests.faults.wire import Side
from tests.running import wait_until

pytestmark = pytest.mark.slow

LOST_STREAM = Expectation(writer_count=0, allows_gap=True)


def pids(faults: FaultSystem) -> list[int]:
    return [node.process.pid for node in faults.nodes]


def test_f19_killed_under_load(faults: FaultSystem) -> None:
    before = pids(faults)
    with faults.load(200):
        faults.wait_acked(100)
        faults.valkey.kill()
        began = len(faults.history.attempts)
        wait_until(lambda: len(faults.history.attempts) > began + 30, "answers meanwhile")
        assert not any(
            isinstance(attempt.outcome, Acked) for attempt in faults.history.attempts[began + 20 :]
        )
        faults.valkey.start()
        faults.wait_acked(50)
    faults.all_is_well()
    assert pids(faults) == before


def test_f20_killed_while_it_rewrites_its_file(faults: FaultSystem, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - repeatable
    with faults.load(150):
        for _ in some(range(8), 2):
            faults.wait_acked(30)
            faults.valkey_command("BGREWRITEAOF")
            time.sleep(rng.uniform(0.001, 0.1))  # the moment is what is tried
            faults.valkey.kill()
            faults.valkey.start()
        faults.wait_acked(30)
    faults.all_is_well()


def test_f21_the_power_goes_under_load(faults: FaultSystem) -> None:
    for _ in some(range(5), 1):
        with faults.load(200):
            faults.wait_acked(20)
            cut_power(faults)
            faults.valkey.start()
            faults.wait_acked(30)
    faults.all_is_well()


def cut_power(faults: FaultSystem) -> int:
    """Cut the power after some more acknowledgements."""
    configured = faults.valkey_command("CONFIG", "GET", "appendfsync")
    assert isinstance(configured, list)
    policy = configured[1].decode()
    watch = PowerWatch(faults.valkey, [node.to_valkey for node in faults.nodes])
    faults.wait_acked(40)
    return watch.cut_power(policy)


@pytest.mark.parametrize("part", some([0.5, 0.99, 1.0, 0.0, 0.1, 0.9], 3))
def test_f22_the_file_ends_inside_an_append(faults: FaultSystem, part: float) -> None:
    """part: of the append's bytes that are left."""
    wait_until(lambda: faults.backlog() == 0, "the backlog to be written")
    # No answer may leave after the append: what anybody was answered is durable.
    for writer in faults.writers:
        writer.to_valkey.blackhole(Side.REPLY)
    file = current_file(faults.valkey)
    before = file.stat().st_size
    order = faults.order()
    rule = faults.watch(Rule("accept", side=Side.REPLY), faults.gateways)
    pending = faults.send(order)
    rule.wait()
    size = file.stat().st_size - before
    faults.valkey.kill()
    cut_to(faults.valkey, before + int(size * part))
    faults.cut(rule)
    for writer in faults.writers:
        writer.to_valkey.cut()
    assert isinstance(pending.result(30), Unknown)
    faults.valkey.start()
    faults.heal()
    wait_until(lambda: isinstance(faults.submit(order), Acked), "the retry")
    acked = [a.outcome for a in faults.history.attempts if a.order is order]
    first = next(outcome for outcome in acked if isinstance(outcome, Acked))
    assert first.is_replayed == (part == 1.0)
    assert faults.accepted(order).view.id == first.view.id
    faults.all_is_well()
    if 0 < part < 1:
        assert "runcat" in (faults.valkey.home / "valkey.log").read_text()


def test_f24_restarted_with_an_empty_directory(faults: FaultSystem) -> None:
    before = incarnations(faults)
    with faults.load(150):
        faults.wait_acked(150)
    faults.all_is_well()
    restart_empty(faults)
    begin_anew(faults, before)


def test_f24_emptied_by_mistake(faults: FaultSystem) -> None:
    before = incarnations(faults)
    with faults.load(150):
        faults.wait_acked(150)
    faults.all_is_well()
    faults.valkey_command("FLUSHALL")
    begin_anew(faults, before)


def test_f24_lost_again_before_the_gateways_heard_anything(faults: FaultSystem) -> None:
    """They saw the feed empty before and find it empty again; alerts came and went in between."""
    mix = Mix(outliers=0.3, account_count=5)
    with faults.load(150, mix):
        faults.wait_acked(100)
    faults.all_is_well()
    before = incarnations(faults)
    for writer in faults.writers:
        writer.kill()
    restart_empty(faults)
    with faults.load(150, mix):
        faults.wait_acked(60)
    assert faults.valkey_command("XLEN", FEED_KEY) == 0
    for gateway in faults.gateways:
        gateway.to_valkey.refuse()
    faults.drain()
    assert faults.valkey_command("XLEN", FEED_KEY) != 0
    restart_empty(faults)
    faults.all_is_well(LOST_STREAM)
    after = incarnations(faults)
    assert all(after[shard] != before[shard] for shard in before)
    # Who sees alerts of now has been told of the gap: none is left for the test that follows.
    with faults.load(150, mix):
        faults.wait_acked(100)
    faults.all_is_well(LOST_STREAM)


def restart_empty(faults: FaultSystem) -> None:
    """Let Valkey lose everything and come back."""
    faults.valkey.kill()
    lose_everything(faults.valkey)
    faults.valkey.start()


def begin_anew(faults: FaultSystem, before: dict[object, object]) -> None:
    """What was lost is noticed, and keys of before are still known."""
    repeat_some(faults)
    with faults.load(150):
        faults.wait_acked(100)
    faults.all_is_well(LOST_STREAM)
    after = incarnations(faults)
    assert all(after[shard] != before[shard] for shard in before)
    reasons = faults.query("SELECT reason FROM incarnations WHERE ended_at IS NULL")
    assert all("lost" in str(reason) for reason in reasons)
    logs = "".join(node.process.log for node in faults.nodes)
    assert '"level": "critical"' in logs


def repeat_some(faults: FaultSystem) -> None:
    """Repeat orders of before: their keys are still known."""
    violations = faults.settle()
    assert not violations, "; ".join(map(str, violations))
    outcomes = faults.stage.run(faults.clients.repeat_some(30))
    assert all(isinstance(outcome, Acked) and outcome.is_replayed for outcome in outcomes), outcomes


def test_f39_restored_from_an_older_copy(faults: FaultSystem, tmp_path: Path) -> None:
    with faults.load(150):
        faults.wait_acked(100)
        copy_data(faults.valkey, tmp_path / "copy")
        faults.wait_acked(150)
    faults.all_is_well()
    before = incarnations(faults)
    faults.valkey.kill()
    put_back(faults.valkey, tmp_path / "copy")
    faults.valkey.start()
    repeat_some(faults)
    with faults.load(150):
        faults.wait_acked(100)
    faults.all_is_well(LOST_STREAM)
    assert incarnations(faults) != before
    reasons = faults.query("SELECT reason FROM incarnations WHERE ended_at IS NULL")
    assert any("restored" in str(reason) for reason in reasons)


def incarnations(faults: FaultSystem) -> dict[object, object]:
    shards = faults.query("SELECT shard FROM positions ORDER BY shard")
    found = faults.query("SELECT incarnation FROM positions ORDER BY shard")
    return dict(zip(shards, found, strict=True))


def limit_memory(faults: FaultSystem, more: int) -> None:
    """Set the limit to what is used and `more` bytes."""
    info = faults.valkey_command("INFO", "memory")
    assert isinstance(info, dict)
    faults.valkey_command("CONFIG", "SET", "maxmemory", max(1, info["used_memory"] + more))


def test_f25_memory_is_used_up_by_the_backlog(faults: FaultSystem) -> None:
    """Writers are away until nothing more is accepted; then they drain, under the same limit.

    Large entries, so that what takes the room is the backlog, which writers can clear away, rather
    than keys and feed, which stay.
    """
    faults.drain()
    for writer in faults.writers:
        writer.kill()
    limit_memory(faults, 4_000_000)
    fill(faults)
    with faults.load(100):
        wait_declined(faults)
        for writer in faults.writers:
            writer.start()
        faults.wait_acked(50)
    faults.all_is_well()


def fill(faults: FaultSystem) -> None:
    """Append large entries until no more are taken."""
    for number in range(100):
        try:
            faults.append(f"account-{number}", b"\xc1" * 100_000)
        except AssertionError as error:
            assert "too much work" in str(error)  # noqa: PT017 - any other must pass
            return
    pytest.fail("the memory has no limit")


def test_f25_memory_is_suddenly_too_small(faults: FaultSystem) -> None:
    with faults.load(150):
        faults.wait_acked(50)
        limit_memory(faults, -1_000_000)
        wait_declined(faults)
        faults.valkey_command("CONFIG", "SET", "maxmemory", "1gb")
        faults.wait_acked(50)
    faults.all_is_well()


def wait_declined(faults: FaultSystem) -> None:
    began = len(faults.history.attempts)

    def is_declined() -> bool:
        return any(
            attempt.outcome == Declined("/problems/backlog-full")
            for attempt in faults.history.attempts[began:]
        )

    wait_until(is_declined, "a 503 for the backlog")


def test_the_file_is_where_it_is_expected(faults: FaultSystem) -> None:
    assert current_file(faults.valkey).parent == append_only_directory(faults.valkey)
