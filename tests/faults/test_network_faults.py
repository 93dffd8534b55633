"""The network between processes and servers fails: cut, silent in one direction or both, slow.

A silent link loses nothing for good: what was sent arrives when it heals, as from a network that
retransmits, though somebody may have given it up meanwhile.
"""

from __future__ import annotations

import random
import time

import pytest

from tests.faults.history import Acked
from tests.faults.proxy import Link
from tests.faults.system import FaultSystem, some
from tests.faults.wire import Side

pytestmark = pytest.mark.slow


def links(faults: FaultSystem, between: str) -> list[Link]:
    """Return the links of `gateway-valkey` and the like."""
    role, _, server = between.partition("-")
    nodes = faults.gateways if role == "gateway" else faults.writers
    return [node.to_valkey if server == "valkey" else node.to_postgres for node in nodes]


@pytest.mark.parametrize(
    "between", ["gateway-valkey", "writer-valkey", "writer-postgres", "gateway-postgres"]
)
def test_f40_partitioned(faults: FaultSystem, between: str, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - repeatable
    pids = [node.process.pid for node in faults.nodes]
    with faults.load(120):
        for break_it in (Link.refuse, Link.blackhole, to_server_only, from_server_only):
            faults.wait_acked(20)
            for link in links(faults, between):
                break_it(link)
            time.sleep(rng.uniform(0.3, 1.5))  # how long is what is tried
            for link in links(faults, between):
                link.heal()
        faults.wait_acked(20)
    faults.all_is_well()
    assert [node.process.pid for node in faults.nodes] == pids


def to_server_only(link: Link) -> None:
    link.blackhole(Side.REPLY)


def from_server_only(link: Link) -> None:
    link.blackhole(Side.REQUEST)


def test_f40_the_gateways_lose_postgres_and_accept_all_the_same(faults: FaultSystem) -> None:
    faults.accepted(faults.order(), 0)
    faults.accepted(faults.order(), 1)
    for node in faults.gateways:
        node.to_postgres.blackhole()
    for number in range(10):
        assert isinstance(faults.submit(faults.order(), number % 2), Acked)
    faults.all_is_well()


@pytest.mark.parametrize("number", some(range(20), 2))
def test_f41_swizzle_clog(faults: FaultSystem, number: int, seed: int) -> None:
    """All links fall silent one after the other, and heal in another order."""
    rng = random.Random(seed * 1000 + number)  # noqa: S311 - repeatable
    every = [link for node in faults.nodes for link in node.links]
    with faults.load(120):
        faults.wait_acked(20)
        for order in (rng.sample(every, len(every)), rng.sample(every, len(every))):
            for link in order:
                link.blackhole()
                time.sleep(rng.uniform(0, 0.2))
            for link in rng.sample(order, len(order)):
                link.heal()
                time.sleep(rng.uniform(0, 0.2))
        faults.wait_acked(20)
    faults.all_is_well()


def test_f42_slow_and_in_pieces(faults: FaultSystem) -> None:
    with faults.load(60):
        faults.wait_acked(20)
        for node in faults.gateways:
            node.to_valkey.slow(0.05, piece=16)
        for node in faults.writers:
            node.to_postgres.slow(0.02, piece=64)
        faults.wait_acked(100)
    faults.all_is_well()
