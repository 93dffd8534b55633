"""Chaos: faults chosen at random from a seed.

Each function breaks one thing while clients go on, and says what it did. What it leaves broken is
mended by `settle`. A fault finds the system in whatever state the fault before it left.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncpg
from redis import exceptions as redis_errors

from aether_core.database.connection import DRIVER_ERRORS
from tests.faults.aof import PowerWatch, lose_everything
from tests.faults.nodes import Node
from tests.faults.oracle import Expectation, Violation
from tests.faults.proxy import Link
from tests.faults.rules import Action, Moment, Rule
from tests.faults.system import FaultSystem
from tests.faults.wire import Side

_STRIKE_S = 2.0
_GRACE_S = 20.0
"""What supervisord gives a process to end."""

GATEWAY_POINTS = ("accept", "follow", "xread", "query")
WRITER_POINTS = (
    "read", "begin", "lock_positions", "copy", "copy_data", "copy_end", "load", "advance",
    "commit_batch", "publish", "trim", "own_shard", "query", "startup", "fcall",
)  # fmt: skip


@dataclass
class Chaos:
    """One run's dice, and what it did to the system."""

    system: FaultSystem
    rng: random.Random
    only: tuple[str, ...] = ()
    """Names of the faults to choose from; none: all."""
    allows_gap: bool = False
    complaints: list[Violation] = field(default_factory=list)
    """What it found wrong by itself."""

    @property
    def expectation(self) -> Expectation:
        """What the oracle has to know."""
        return Expectation(writer_count=0, allows_gap=self.allows_gap)

    def break_something(self) -> str:
        """Choose a fault, let it happen, and say which it was."""
        names = list(self.only or _FAULTS)
        weights = [_FAULTS[name][0] for name in names]
        (name,) = self.rng.choices(names, weights)
        return _FAULTS[name][1](self)

    # --- dice ---

    def pause(self, least: float, most: float) -> float:
        """Wait for a random time; return it in seconds."""
        seconds = self.rng.uniform(least, most)
        time.sleep(seconds)
        return seconds

    def node(self, among: list[Node] | None = None) -> Node | None:
        """Choose a process that runs and is not frozen."""
        alive = [
            node
            for node in among or self.system.nodes
            if node.process.is_running() and not node.is_frozen
        ]
        return self.rng.choice(alive) if alive else None

    def link(self) -> Link:
        """Choose a link."""
        node = self.rng.choice(self.system.nodes)
        return self.rng.choice(node.links)

    def rule(self) -> tuple[Rule, list[Node]]:
        """Choose a message, and where it is watched for."""
        system, rng = self.system, self.rng
        is_gateway = rng.random() < 0.35
        points = GATEWAY_POINTS if is_gateway else WRITER_POINTS
        side = rng.choice(list(Side))
        rule = Rule(
            rng.choice(points),
            side=side,
            moment=rng.choice(list(Moment)),
            nth=rng.choice((1, 1, 2, 3, 8)),
        )
        return rule, system.gateways if is_gateway else system.writers

    def struck(self, rule: Rule, nodes: list[Node]) -> Node | None:
        """Wait a while for a rule to strike; return the node, or None when it did not."""
        self.system.watch(rule, nodes)
        end = time.monotonic() + _STRIKE_S
        while not rule.has_struck and time.monotonic() < end:
            time.sleep(0.005)
        if not rule.has_struck:
            self.system.stage.run(_forget(rule))
            return None
        return next(node for node in self.system.nodes if rule.link in node.links)


async def _forget(rule: Rule) -> None:
    rule.decide(Action.NOTE)


def kill_at_a_message(chaos: Chaos) -> str:
    """F01 to F13: a process dies at a message, which is lost or arrives late."""
    rule, nodes = chaos.rule()
    node = chaos.struck(rule, nodes)
    if node is None:
        return f"({rule} never came)"
    is_late = chaos.rng.random() < 0.4
    if node.process.is_running():
        node.kill()
    chaos.pause(0, 0.5)
    (chaos.system.release if is_late else chaos.system.cut)(rule)
    if chaos.rng.random() < 0.7:
        node.start()
    return f"kill {node.name} at {rule}{', late' if is_late else ''}"


def cut_at_a_message(chaos: Chaos) -> str:
    """F05, F10, F16: a connection breaks at a message."""
    rule, nodes = chaos.rule()
    node = chaos.struck(rule, nodes)
    if node is None:
        return f"({rule} never came)"
    chaos.system.cut(rule)
    return f"cut {node.name} at {rule}"


def hold_a_message(chaos: Chaos) -> str:
    """F40: a message takes long."""
    rule, nodes = chaos.rule()
    node = chaos.struck(rule, nodes)
    if node is None:
        return f"({rule} never came)"
    waited = chaos.pause(0.1, 4)
    chaos.system.release(rule)
    return f"{node.name}: {rule} for {waited:.1f} s"


def kill_any_time(chaos: Chaos) -> str:
    """F04: a process dies."""
    node = chaos.node()
    if node is None:
        return "(nobody runs)"
    node.kill()
    if chaos.rng.random() < 0.7:
        node.start()
    return f"kill {node.name}"


def ask_to_end(chaos: Chaos) -> str:
    """F46, F47: SIGTERM, and a start after it."""
    node = chaos.node()
    if node is None:
        return "(nobody runs)"
    try:
        status = node.stop(_GRACE_S)
    except subprocess.TimeoutExpired:
        chaos.complaints.append(Violation("I8", f"{node.name} did not end in {_GRACE_S:.0f} s"))
        node.kill()
    else:
        # A process that has only just begun has no handler of its own yet.
        if status not in {0, -signal.SIGTERM}:
            chaos.complaints.append(Violation("I8", f"{node.name} ended with status {status}"))
    node.start()
    return f"restart {node.name}"


def freeze(chaos: Chaos) -> str:
    """F14: a process stands still."""
    node = chaos.node()
    if node is None:
        return "(nobody runs)"
    node.freeze()
    waited = chaos.pause(11, 13) if chaos.rng.random() < 0.08 else chaos.pause(0.1, 3)
    node.thaw()
    return f"freeze {node.name} for {waited:.1f} s"


def blackhole(chaos: Chaos) -> str:
    """F40: a link falls silent."""
    link = chaos.link()
    sides = chaos.rng.choice(((), (Side.REQUEST,), (Side.REPLY,)))
    link.blackhole(*sides)
    waited = chaos.pause(0.1, 4)
    if chaos.rng.random() < 0.3:
        link.cut()
    link.heal()
    return f"silence {link.name} {'/'.join(sides) or 'both ways'} for {waited:.1f} s"


def refuse(chaos: Chaos) -> str:
    """F40: a link breaks, and stays so."""
    link = chaos.link()
    link.refuse()
    waited = chaos.pause(0.1, 3)
    link.heal()
    return f"break {link.name} for {waited:.1f} s"


def slow(chaos: Chaos) -> str:
    """F42: a link is slow, and cuts everything into pieces."""
    link = chaos.link()
    link.slow(chaos.rng.uniform(0.001, 0.05), piece=chaos.rng.choice((1, 16, 512, None)))
    chaos.pause(0.5, 2)
    link.heal()
    return f"slow {link.name}"


def swizzle(chaos: Chaos) -> str:
    """F41: all links fall silent one by one, and heal in another order."""
    every = [link for node in chaos.system.nodes for link in node.links]
    for link in chaos.rng.sample(every, len(every)):
        link.blackhole()
        chaos.pause(0, 0.2)
    for link in chaos.rng.sample(every, len(every)):
        link.heal()
        chaos.pause(0, 0.2)
    return "swizzle"


def kill_valkey(chaos: Chaos) -> str:
    """F19, F20: Valkey dies, perhaps while it rewrites its file."""
    valkey = chaos.system.valkey
    is_rewriting = chaos.rng.random() < 0.4
    if valkey.process.poll() is not None:
        return "(Valkey is away)"
    if is_rewriting:
        chaos.system.valkey_command("BGREWRITEAOF")
        chaos.pause(0.001, 0.1)
    valkey.kill()
    chaos.pause(0, 1)
    valkey.start()
    return f"kill valkey{' as it rewrites' if is_rewriting else ''}"


def cut_valkeys_power(chaos: Chaos) -> str:
    """F21: what Valkey had not made durable is lost."""
    watch = PowerWatch(chaos.system.valkey, [node.to_valkey for node in chaos.system.nodes])
    chaos.pause(0.1, 1)
    lost = watch.cut_power("always")
    chaos.system.valkey.start()
    return f"cut valkey's power, {lost} bytes lost"


def freeze_valkey(chaos: Chaos) -> str:
    """F19: Valkey stands still."""
    chaos.system.valkey.process.send_signal(signal.SIGSTOP)
    waited = chaos.pause(0.1, 4)
    chaos.system.valkey.process.send_signal(signal.SIGCONT)
    return f"freeze valkey for {waited:.1f} s"


def cut_valkeys_clients(chaos: Chaos) -> str:
    """F05: Valkey ends all connections."""
    chaos.system.valkey_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    return "valkey ends all connections"


def squeeze_valkey(chaos: Chaos) -> str:
    """F25: Valkey has no memory left."""
    chaos.system.valkey_command("CONFIG", "SET", "maxmemory", 1)
    waited = chaos.pause(0.2, 2)
    chaos.system.valkey_command("CONFIG", "SET", "maxmemory", "1gb")
    return f"valkey without memory for {waited:.1f} s"


def lose_valkeys_data(chaos: Chaos) -> str:
    """F24: Valkey starts empty, after everything was written."""
    system = chaos.system
    chaos.allows_gap = True
    for node in system.gateways:
        node.to_valkey.refuse()
    system.drain()
    system.valkey.kill()
    lose_everything(system.valkey)
    system.valkey.start()
    for node in system.gateways:
        node.to_valkey.heal()
    chaos.pause(0.5, 1)
    return "valkey starts empty"


def crash_postgres(chaos: Chaos) -> str:
    """F28, F29: PostgreSQL crashes, perhaps again while it recovers."""
    postgres = chaos.system.postgres
    if postgres is None:
        return "(PostgreSQL is not ours)"
    end = chaos.rng.choice((postgres.kill, postgres.stop_immediately))
    end()
    again = 0
    while chaos.rng.random() < 0.25:
        again += 1
        postgres.start(wait=False)
        chaos.pause(0.3, 1)
        postgres.stop_immediately()
    chaos.pause(0, 1.5)
    postgres.start()
    return f"crash postgres ({end.__name__}{f', {again} times again' if again else ''})"


def end_sessions(chaos: Chaos) -> str:
    """F15: PostgreSQL ends sessions."""
    name = chaos.rng.choice(("aether writer", "aether gateway", "%"))
    chaos.system.query(_END_SESSIONS, name)
    return f"postgres ends sessions of {name}"


def lock_a_table(chaos: Chaos) -> str:
    """F32: an operator holds a lock."""
    table = chaos.rng.choice(("transactions", "positions", "alerts", "load_buckets"))
    seconds = chaos.rng.uniform(0.5, 4)
    chaos.system.hold_lock(table, seconds)
    return f"{table} is locked for {seconds:.1f} s"


def poison(chaos: Chaos) -> str:
    """F36: entries that cannot be written."""
    count = chaos.rng.randint(1, 12)
    chaos.system.append_poison(count)
    return f"{count} poison entries"


_FAULTS: dict[str, tuple[float, Callable[[Chaos], str]]] = {
    fault.__name__: (weight, fault)
    for weight, fault in (
        (8, kill_at_a_message),
        (5, cut_at_a_message),
        (4, hold_a_message),
        (3, kill_any_time),
        (2, ask_to_end),
        (3, freeze),
        (4, blackhole),
        (2, refuse),
        (1, slow),
        (1.5, swizzle),
        (3, kill_valkey),
        (2, cut_valkeys_power),
        (1.5, freeze_valkey),
        (1, cut_valkeys_clients),
        (1, squeeze_valkey),
        (0.7, lose_valkeys_data),
        (3, crash_postgres),
        (1.5, end_sessions),
        (1, lock_a_table),
        (2, poison),
    )
}

_END_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE $1
"""

NAMES = tuple(_FAULTS)

HARMLESS = (
    OSError,
    TimeoutError,
    AssertionError,
    asyncpg.PostgresError,
    *DRIVER_ERRORS,
    redis_errors.RedisError,
)
"""What a fault may run into because of the one before it: then it did not happen."""
