"""Client: commands to the stream's server, be it one or a Valkey or Redis Cluster.

In:   commands, each of which concerns one key or none.
Out:  answers of the server that holds the key.
Whether it is a cluster shows when the server first answers; callers need not know. A command goes
again to another node only where the first one has refused it (MOVED, ASK), so never twice: whether
a command whose answer was lost may be repeated is its caller's to know.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final, cast

import redis.asyncio as redis_asyncio
from redis import exceptions as redis_errors
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot

_REDIRECTIONS_MAX: Final = 5
_TELL_S_MAX: Final = 1.0
"""Longest wait for one node to tell the cluster's shape, before another one is asked."""
_JOINT = re.compile(r",(?=[a-z]+://)")
_KEYLESS: Final = frozenset(
    {"CLUSTER", "CONFIG", "DBSIZE", "FUNCTION", "INFO", "PING", "SLOWLOG", "TIME", "WAITAOF"}
)
_KEY_THIRD: Final = frozenset({"EVAL", "EVALSHA", "FCALL", "FCALL_RO"})
_KEY_SECOND: Final = frozenset({"MEMORY", "OBJECT", "XINFO"})


class StreamClient(redis_asyncio.Redis):
    """One server, or all masters of a cluster. Make it by `open_redis`."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        """Connects when it is first used.

        url: of a server, or of one or more nodes of a cluster, separated by commas.
        timeout_s: of connecting and of each answer; a blocking read must wait for less.
        """
        self._urls = _JOINT.split(url)
        self._options: dict[str, Any] = {
            "protocol": 2,
            "socket_timeout": timeout_s,
            "socket_connect_timeout": timeout_s,
            "retry": Retry(NoBackoff(), 0),
            "decode_responses": False,
        }
        pool = redis_asyncio.ConnectionPool.from_url(self._urls[0], **self._options)
        super().__init__(connection_pool=pool)
        self.auto_close_connection_pool = True
        _leave_answers(self)
        self._slots: list[tuple[int, int, str]] | None = None
        """First slot, last slot, address of its master; None: it is a single server."""
        self._nodes: dict[str, redis_asyncio.Redis] = {}
        self._tellers: tuple[str, ...] = ()
        """Who told the slots last time: asked first."""
        self._is_known = False
        self._is_stale = False
        self._finding = asyncio.Lock()

    async def is_cluster(self) -> bool:
        """Whether the keys are spread over several servers."""
        await self._find_out()
        return self._slots is not None

    async def masters(self) -> list[redis_asyncio.Redis]:
        """Return a client of each server that holds keys."""
        await self._find_out()
        if self._slots is None:
            return [self]
        return [self._node(address) for address in sorted({slot[2] for slot in self._slots})]

    async def master_of(self, key: str | bytes) -> redis_asyncio.Redis:
        """Return the client of the server that holds a key; always the same object for one."""
        await self._find_out()
        return self if self._slots is None else self._node(self._address_of(key))

    def look_again(self) -> None:
        """Ask for the cluster's shape before the next command: a node refused or is away."""
        self._is_stale = True

    async def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as there
        """Send a command to the server that it concerns."""
        await self._find_out()
        if self._slots is None:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        key = _key_of(args)
        address = self._slots[0][2] if key is None else self._address_of(key)
        is_asking = False
        for _ in range(_REDIRECTIONS_MAX):
            node = self._node(address)
            try:
                if is_asking:
                    return await _ask(node, args, options)
                return await node.execute_command(*args, **options)
            except redis_errors.AskError as error:
                address, is_asking = _address(error.host, error.port), True
            except redis_errors.MovedError as error:
                address, is_asking = _address(error.host, error.port), False
                self.look_again()
            except redis_errors.ClusterDownError as error:
                self.look_again()
                raise redis_errors.ConnectionError(str(error)) from error
            except (redis_errors.ConnectionError, redis_errors.TimeoutError, OSError):
                self.look_again()
                raise
        raise redis_errors.ConnectionError("the cluster sends a command in circles")

    def pipeline(self, transaction: bool = False, shard_hint: str | None = None) -> Any:  # noqa: ANN401 - as there
        """Return commands that travel together; `transaction` is not for clusters."""
        return Batch(self, lambda: super(StreamClient, self).pipeline(transaction, shard_hint))

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close the connections to all servers."""
        for node in self._nodes.values():
            await node.aclose()
        await super().aclose(close_connection_pool)

    def _address_of(self, key: str | bytes) -> str:
        assert self._slots is not None  # noqa: S101 - asked by the callers
        slot = key_slot(key.encode() if isinstance(key, str) else key)
        for first, last, address in self._slots:
            if first <= slot <= last:
                return address
        self.look_again()
        raise redis_errors.ConnectionError(f"no node of the cluster holds slot {slot}")

    def _node(self, address: str) -> redis_asyncio.Redis:
        node = self._nodes.get(address)
        if node is None:
            host, _, port = address.rpartition(":")
            parts = _parts(self._urls[0]) | self._options | {"host": host, "port": int(port)}
            is_encrypted = parts.pop("connection_class", None) is redis_asyncio.SSLConnection
            node = redis_asyncio.Redis(ssl=is_encrypted, **parts)
            _leave_answers(node)
            self._nodes[address] = node
        return node

    async def _find_out(self) -> None:
        """Learn whether it is a cluster, and which of its masters holds what."""
        if self._is_known and not self._is_stale:
            return
        async with self._finding:
            if not self._is_known:
                await self._learn_mode()
            elif self._is_stale and self._slots is not None:
                await self._learn_slots()
            self._is_stale = False

    async def _learn_mode(self) -> None:
        try:
            info = await super().execute_command("INFO", "server")  # type: ignore[no-untyped-call]
            is_cluster = "cluster" in (info.get("redis_mode"), info.get("server_mode"))
        except redis_errors.ResponseError:
            # Refused or renamed: a server that does not tell is taken for a single one.
            is_cluster = False
        except (redis_errors.ConnectionError, redis_errors.TimeoutError, OSError):
            # Several addresses are those of a cluster; another of its nodes may answer.
            if len(self._urls) == 1:
                raise
            is_cluster = True
        if is_cluster:
            await self._learn_slots()
        self._is_known = True

    async def _learn_slots(self) -> None:
        failure: BaseException | None = None
        seeds = (_address(part["host"], part["port"]) for part in map(_parts, self._urls))
        known = (slot[2] for slot in self._slots or ())
        for address in dict.fromkeys((*self._tellers, *known, *seeds)):
            try:
                # All commands wait for this, also those to nodes that are well.
                async with asyncio.timeout(_TELL_S_MAX):
                    answer = await self._node(address).execute_command("CLUSTER", "SLOTS")
            except (redis_errors.RedisError, OSError, TimeoutError) as error:
                failure = error
                continue
            host = address.rpartition(":")[0]
            self._slots = [
                (first, last, _address(master[0] or host, master[1]))
                for first, last, master, *_replicas in answer
            ]
            if self._slots:
                self._tellers = (address,)
                return
        raise redis_errors.ConnectionError("no node of the cluster answers") from failure


class Batch:
    """Commands that travel together to each server, and are answered in their order."""

    def __init__(self, client: StreamClient, make_single: Any) -> None:  # noqa: ANN401 - a callable
        self._client = client
        self._make_single = make_single
        self._commands: list[tuple[Any, ...]] = []

    def __len__(self) -> int:
        return len(self._commands)

    def execute_command(self, *args: Any) -> Batch:  # noqa: ANN401 - what the library takes
        """Add a command."""
        self._commands.append(args)
        return self

    async def execute(self) -> list[Any]:
        """Send all. Raises the first error once all are answered."""
        commands, self._commands = self._commands, []
        if not await self._client.is_cluster():
            pipeline = self._make_single()
            for command in commands:
                pipeline.execute_command(*command)
            return list(await pipeline.execute())
        shares: dict[int, tuple[redis_asyncio.Redis, list[int]]] = {}
        for index, command in enumerate(commands):
            key = _key_of(command)
            if key is None:
                raise ValueError(f"{command[0]} concerns no key")
            node = await self._client.master_of(key)
            shares.setdefault(id(node), (node, []))[1].append(index)
        answers: list[Any] = [None] * len(commands)
        await asyncio.gather(
            *(
                self._send(node, [(index, commands[index]) for index in indices], answers)
                for node, indices in shares.values()
            )
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return answers

    async def _send(
        self,
        node: redis_asyncio.Redis,
        share: list[tuple[int, tuple[Any, ...]]],
        answers: list[Any],
    ) -> None:
        pipeline = node.pipeline(transaction=False)
        for _, command in share:
            pipeline.execute_command(*command)
        try:
            found = await pipeline.execute(raise_on_error=False)
        except (redis_errors.RedisError, OSError, TimeoutError) as error:
            self._client.look_again()
            found = [error] * len(share)
        for (index, command), answer in zip(share, found, strict=True):
            is_elsewhere = isinstance(answer, redis_errors.MovedError | redis_errors.AskError)
            if is_elsewhere or isinstance(answer, redis_errors.ClusterDownError):
                self._client.look_again()
            answers[index] = (
                await self._client.execute_command(*command) if is_elsewhere else answer
            )


async def _ask(node: redis_asyncio.Redis, args: tuple[Any, ...], options: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever the server sent
    """Send a command whose slot is just moving to the node that takes it over."""
    async with node.client() as one:
        await one.execute_command("ASKING")
        return await one.execute_command(*args, **options)


def _key_of(args: tuple[Any, ...]) -> Any:  # noqa: ANN401 - a key as it was given
    """Return the key that a command concerns; None when it concerns none."""
    name, _, second = str(args[0]).upper().partition(" ")
    if name in _KEYLESS:
        return None
    if name == "XREAD":
        words = [word.upper() if isinstance(word, str) else word for word in args]
        return args[(words.index("STREAMS") if "STREAMS" in words else words.index(b"STREAMS")) + 1]
    if name in _KEY_THIRD:
        return args[3] if int(args[2]) else None
    return args[2] if name in _KEY_SECOND and not second else args[1]


def _parts(url: str) -> dict[str, Any]:
    return {"host": "localhost", "port": 6379} | cast("dict[str, Any]", parse_url(url))


def _address(host: str | bytes, port: int) -> str:
    return f"{host.decode() if isinstance(host, bytes) else host}:{port}"


def _leave_answers(client: redis_asyncio.Redis) -> None:
    # The library would build a dictionary for every entry, which costs more than reading it.
    for command in ("XREAD", "XRANGE", "XREVRANGE"):
        client.set_response_callback(command, _as_it_is)


def _as_it_is(response: Any, **_options: Any) -> Any:  # noqa: ANN401 - whatever the server sent
    return response
