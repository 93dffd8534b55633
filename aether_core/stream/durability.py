"""Durability: what the stream's server keeps of an acknowledged transaction, and what it may lose.

In:   the settings of each server, as far as it tells them.
Out:  one promise for all of them, warnings for operators, and the copies that appends must wait
      for so that the promise holds.
The embedded server fsyncs before every answer. A server that does so once a second is waited for
with WAITAOF (Valkey and Redis 7.2): answers take up to a second, and are as good.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from redis import exceptions as redis_errors

from aether_core.errors import CannotStart, StreamUnavailable
from aether_core.settings import StreamSettings
from aether_core.stream.connection import refuses_credentials
from aether_core.stream.publisher import Copies

if TYPE_CHECKING:
    from redis.asyncio import Redis as Node

    from aether_core.stream.publisher import Redis

# Functions came with 7.0; Valkey forked from 7.2 and reports that as its redis_version.
_SERVER_VERSION_MIN: Final = (7, 0)
_ASKED: Final = (
    "appendonly", "appendfsync", "maxmemory-policy", "save", "no-appendfsync-on-rewrite",
)  # fmt: skip


_PROBE_MS: Final = 2_500
_PROBES_MAX: Final = 1_000
"""Keys that are tried until one belongs to this node of a cluster."""


class Promise(IntEnum):
    """What holds for an acknowledged transaction, the weakest first."""

    EVICTING = 1
    MEMORY_ONLY = 2
    NO_FSYNC = 3
    UNKNOWN = 4
    EVERYSEC = 5
    FSYNC = 6

    @property
    def text(self) -> str:
        """How it is said in `/health/ready`, metrics and logs."""
        return _TEXTS[self]


_TEXTS: Final = {
    Promise.EVICTING: "none: entries may be evicted",
    Promise.MEMORY_ONLY: "memory only",
    Promise.NO_FSYNC: "no fsync: a power cut may lose what the system has not written yet",
    Promise.UNKNOWN: "unknown",
    Promise.EVERYSEC: "everysec: up to one second may be lost",
    Promise.FSYNC: "fsync",
}


@dataclass(frozen=True, slots=True)
class Durability:
    """What all of the stream's servers together promise."""

    promise: Promise
    warnings: tuple[str, ...]
    """Where they cannot keep our promises, one sentence each, for operators."""
    copies: Copies | None
    """What every append has to wait for; None: nothing but the answer."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """What one server tells of itself; None: it does not tell."""

    keeps_file: bool | None
    fsync: str | None
    policy: str | None
    save: str | None
    pauses_fsync: bool
    replica_count: int
    can_wait: bool


async def check_server(redis: Redis, settings: StreamSettings) -> Durability:
    """Look at every server that holds a part of the stream.

    Raises CannotStart when one cannot serve at all, StreamUnavailable when one is out of reach or
    a replica.
    """
    try:
        facts = [await _facts_of(master) for master in await redis.masters()]
    except (redis_errors.RedisError, OSError, TimeoutError) as error:
        if refuses_credentials(error):
            raise CannotStart(
                "The stream's server refuses the password in AETHER_REDIS_URL."
            ) from error
        raise StreamUnavailable from error
    judged = [_judge(one, settings) for one in facts]
    return Durability(
        promise=min(promise for promise, _, _ in judged),
        warnings=tuple(dict.fromkeys(w for _, warnings, _ in judged for w in warnings)),
        # One wait for all: where a server needs none it costs nothing.
        copies=_copies([own for _, _, own in judged], settings),
    )


def _copies(own: list[bool], settings: StreamSettings) -> Copies | None:
    if not any(own) and not settings.replica_copies:
        return None
    return Copies(own=int(any(own)), replicas=settings.replica_copies)


async def _facts_of(master: Node) -> _Facts:
    info: dict[str, Any] = {}
    for section in ("server", "persistence", "memory", "replication"):
        info |= await master.info(section)
    version = tuple(int(part) for part in str(info["redis_version"]).split(".")[:2])
    if version < _SERVER_VERSION_MIN:
        raise CannotStart(f"The stream's server {info['redis_version']} is older than 7.0.")
    if info.get("role") == "slave":
        raise StreamUnavailable("The stream's server is a replica, which accepts nothing.")
    try:
        told = await master.config_get(*_ASKED)
    except redis_errors.RedisError:
        told = {}
    configured = {_text(key): _text(value) for key, value in told.items() if value is not None}
    # INFO tells some of it, also on managed servers that refuse CONFIG.
    keeps_file = info.get("aof_enabled")
    policy = configured.get("maxmemory-policy", info.get("maxmemory_policy"))
    fsync = configured.get("appendfsync")
    return _Facts(
        keeps_file=None if keeps_file is None else bool(int(keeps_file)),
        fsync=fsync,
        policy=None if policy is None else _text(policy),
        save=configured.get("save"),
        pauses_fsync=configured.get("no-appendfsync-on-rewrite") == "yes",
        replica_count=int(info.get("connected_slaves", 0)),
        can_wait=fsync == "always" or (fsync != "no" and await _can_wait(master)),
    )


async def _can_wait(master: Node) -> bool:
    """Try whether the server says when a write is on its disk: it may not tell its settings."""
    for number in range(_PROBES_MAX):
        batch = master.pipeline(transaction=False)
        batch.execute_command("SET", f"aether:probe:{{{number}}}", "1", "PX", 1000)
        batch.execute_command("WAITAOF", 1, 0, _PROBE_MS)
        try:
            _, copied = await batch.execute()
        except redis_errors.MovedError:
            continue
        except redis_errors.OutOfMemoryError:
            return True
        except redis_errors.ResponseError:
            return False
        return int(copied[0]) >= 1
    return False


def _judge(facts: _Facts, settings: StreamSettings) -> tuple[Promise, list[str], bool]:
    """Return a server's promise, its warnings, and whether appends wait for its own disk."""
    promise, warnings = _judge_file(facts)
    waits = False
    # Where fsync is left to the system nobody ever says that it was done.
    may_wait = facts.keeps_file and facts.can_wait and facts.fsync != "no"
    if settings.wait_fsync == "always" and not may_wait:
        raise CannotStart(
            "AETHER_STREAM__WAIT_FSYNC is always, and the stream's server cannot be waited for: "
            "it needs WAITAOF (7.2), an append-only file and appendfsync everysec."
        )
    is_worth_it = promise in (Promise.EVERYSEC, Promise.UNKNOWN) or facts.pauses_fsync
    if may_wait and (
        settings.wait_fsync == "always" or (settings.wait_fsync == "auto" and is_worth_it)
    ):
        waits = True
        promise = Promise.FSYNC
        warnings = [
            "Appends wait up to a second for the server's fsync: appendfsync always is quicker."
        ]
    if facts.pauses_fsync and promise is Promise.FSYNC and not waits:
        promise = Promise.NO_FSYNC
        warnings.append(
            "The stream's server does not fsync while it rewrites its file: set "
            "no-appendfsync-on-rewrite no."
        )
    if facts.policy is None:
        promise = min(promise, Promise.UNKNOWN)
        warnings.append("The stream's server does not tell whether it evicts keys.")
    elif facts.policy != "noeviction":
        promise = Promise.EVICTING
        warnings.append(
            f"The stream's server evicts keys ({facts.policy}): entries could be lost; "
            "set maxmemory-policy noeviction."
        )
    if facts.save and facts.keeps_file:
        warnings.append(
            f"The stream's server also saves snapshots (save {facts.save}), which costs memory "
            "and adds nothing to its append-only file."
        )
    if facts.replica_count > settings.replica_copies:
        warnings.append(
            f"The stream's server has {facts.replica_count} replicas, of which appends wait for "
            f"{settings.replica_copies}: a failover may lose what another one had not yet."
        )
    return promise, warnings, waits


def _judge_file(facts: _Facts) -> tuple[Promise, list[str]]:
    if facts.keeps_file is None:
        return Promise.UNKNOWN, ["The stream's server does not tell whether it keeps a file."]
    if not facts.keeps_file:
        rest = f"; snapshots (save {facts.save}) keep what is older" if facts.save else ""
        return Promise.MEMORY_ONLY, [
            f"The stream's server keeps no append-only file: a crash loses entries{rest}."
        ]
    if facts.fsync is None:
        return Promise.UNKNOWN, [
            "The stream's server does not tell when it fsyncs; durability is as it was set up."
        ]
    if facts.fsync == "always":
        return Promise.FSYNC, []
    if facts.fsync == "everysec":
        return Promise.EVERYSEC, [
            "The stream's server runs with appendfsync everysec: a power cut can lose a second."
        ]
    return Promise.NO_FSYNC, [
        f"The stream's server leaves fsync to the system (appendfsync {facts.fsync})."
    ]


def _text(value: Any) -> str:  # noqa: ANN401 - the library's types say less than it does
    return value.decode() if isinstance(value, bytes) else str(value)
