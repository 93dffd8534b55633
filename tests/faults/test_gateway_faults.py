"""A gateway dies at every point of an append, and clients repeat themselves.

Whatever a client was told stays true; whatever it was not told happened once or not at all, and
asking again with the same key tells which. The ids are those of RELIABILITY, section 1.3.
"""

from __future__ import annotations

import random
import signal
import socket
from concurrent.futures import Future
from functools import partial

import pytest

from tests.faults.client import Mix
from tests.faults.history import Acked, Order, Outcome, Unknown
from tests.faults.nodes import Node
from tests.faults.rules import Action, Rule
from tests.faults.system import FaultSystem
from tests.faults.wire import Side
from tests.running import wait_until

pytestmark = pytest.mark.slow


def kill_at(faults: FaultSystem, rule: Rule, order: Order) -> tuple[Outcome, Node]:
    """Send an order, kill the gateway where the rule strikes, drop what is held."""
    faults.watch(rule, faults.gateways)
    pending = faults.send(order)
    gateway = faults.struck(rule)
    gateway.kill()
    faults.cut(rule)
    return pending.result(30), gateway


def test_f01_killed_before_the_append_arrives(faults: FaultSystem) -> None:
    order = faults.order()
    outcome, _ = kill_at(faults, Rule("accept"), order)
    assert isinstance(outcome, Unknown)
    wait_until(lambda: faults.backlog() == 0, "the backlog to be written")
    assert faults.rows_of(order) == []
    assert not faults.accepted(order, gateway=1).is_replayed
    faults.all_is_well()
    assert len(faults.rows_of(order)) == 1


def test_f01_killed_and_the_append_arrives_late(faults: FaultSystem) -> None:
    """As F01, but the network delivers what the dead gateway had sent, after the retry."""
    order = faults.order()
    rule = faults.watch(Rule("accept"), faults.gateways)
    pending = faults.send(order)
    faults.struck(rule).kill()
    assert isinstance(pending.result(30), Unknown)
    retried = faults.accepted(order, gateway=1)
    faults.release(rule)
    faults.all_is_well()
    assert faults.rows_of(order) == [retried.view.id]


def test_f02_killed_after_the_append(faults: FaultSystem) -> None:
    order = faults.order()
    outcome, _ = kill_at(faults, Rule("accept", side=Side.REPLY), order)
    assert isinstance(outcome, Unknown)
    wait_until(lambda: len(faults.rows_of(order)) == 1, "the row")
    retried = faults.accepted(order, gateway=1)
    assert retried.is_replayed
    assert faults.rows_of(order) == [retried.view.id]
    faults.all_is_well()


def test_f03_killed_before_its_answer_arrives(faults: FaultSystem) -> None:
    order = faults.order()
    link = faults.link_before(faults.gateways[0])
    rule = link.watch(Rule("bytes", side=Side.REPLY))
    address = link.address
    assert isinstance(address, tuple)
    pending = faults.send(order, port=address[1])
    rule.wait()
    faults.gateways[0].kill()
    faults.cut(rule)
    assert isinstance(pending.result(30), Unknown)
    retried = faults.accepted(order, gateway=1)
    assert retried.is_replayed
    faults.heal()
    faults.all_is_well()
    # The same from the gateway that died, once it is back.
    assert faults.accepted(order, gateway=0).view.id == retried.view.id


def test_f04_killed_again_and_again_under_load(faults: FaultSystem, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - repeatable
    with faults.load(200):
        for _ in range(4):
            faults.wait_acked(rng.randrange(20, 80))
            gateway = rng.choice(faults.gateways)
            if gateway.process.is_running():
                gateway.kill()
                gateway.start()
    faults.all_is_well()


def test_f05_the_answer_of_the_append_is_cut_off(faults: FaultSystem) -> None:
    order = faults.order()
    faults.watch(Rule("accept", side=Side.REPLY, action=Action.CUT), faults.gateways)
    outcome = faults.submit(order)
    assert isinstance(outcome, Unknown)
    assert "outcome-unknown" in outcome.reason
    assert faults.accepted(order).is_replayed
    faults.all_is_well()
    assert len(faults.rows_of(order)) == 1


def test_f33_one_key_at_once_through_two_gateways(faults: FaultSystem) -> None:
    for _ in range(10):
        order = faults.order()
        pending: list[Future[Outcome]] = [faults.send(order, n % 2) for n in range(6)]
        acked = [found for one in pending if isinstance(found := one.result(30), Acked)]
        assert len(acked) == len(pending)
        assert len({one.view.id for one in acked}) == 1
        assert sum(not one.is_replayed for one in acked) == 1
    faults.all_is_well()


def test_f34_every_order_three_times(faults: FaultSystem) -> None:
    with faults.load(100, Mix(keyless=0, duplicate=1.0, repeated_later=1.0, abandoned=0)):
        faults.wait_acked(300)
    faults.all_is_well()


def _has_agreed(gateway: Node, told: int) -> bool:
    """Whether a gateway serves, by what it said after so much."""
    return "agreed on" in gateway.process.log[told:]


def test_f46_a_rolling_restart_leaves_no_outcome_unknown(faults: FaultSystem) -> None:
    """As supervisord has it: both gateways share one socket, which outlives them."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        pair = [faults.add_gateway(listener) for _ in range(2)]
        wait_until(lambda: all("agreed on" in one.process.log for one in pair), "the pair")
        before = len(faults.history.attempts)
        with faults.load(100, Mix(abandoned=0), port=listener.getsockname()[1]):
            for gateway in pair:
                faults.wait_acked(100)
                gateway.process.signal(signal.SIGTERM)
                assert gateway.stop() == 0
                told = len(gateway.process.log)
                gateway.start()
                # Otherwise the next one's end might leave nobody who serves.
                wait_until(partial(_has_agreed, gateway, told), "the gateway to serve")
            faults.wait_acked(100)
        unlucky = [
            attempt
            for attempt in faults.history.attempts[before:]
            if not isinstance(attempt.outcome, Acked) and attempt.order.is_valid
        ]
        assert unlucky == []
        for gateway in pair:
            gateway.stop()
            faults.remove(gateway)
    faults.all_is_well()


def test_bulk_requests_break_off(faults: FaultSystem) -> None:
    """What has an id in half an answer is durable; what came as all or none is all there or not."""
    before = len(faults.history.attempts)
    with faults.load(40, Mix(bulk=0.8, duplicate=0.2)):
        for side in Side:
            rule = faults.watch(Rule("accept", side=side, nth=3), faults.gateways)
            gateway = faults.struck(rule)
            gateway.kill()
            faults.cut(rule)
            gateway.start()
            faults.wait_acked(150)
    faults.all_is_well()
    new = [attempt.outcome for attempt in faults.history.attempts[before:]]
    told = [o.view.created_at is None for o in new if isinstance(o, Acked)]
    assert sum(told) > 200
    assert any(isinstance(outcome, Unknown) for outcome in new)
    assert len(faults.history.groups) > 2
