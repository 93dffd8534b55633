"""Publisher: appends groups of transactions to the shards' streams.

In:   groups of validated transactions from the gateway's acceptance loop.
Out:  for each one where it stands in the stream, durable: with `appendfsync always` the server
      answers only after the fsync.
Idempotency check, backpressure check and append are one call of a server-side function per shard;
the calls of all shards travel together, so that they share the server's next fsync.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from importlib import resources
from typing import Final, TypeAlias

import msgspec
import redis.asyncio as redis_asyncio
from redis import exceptions as redis_errors
from redis.asyncio.connection import AbstractConnection

from aether_core.errors import AetherError, BacklogFull, OutcomeUnknown, StreamUnavailable
from aether_core.settings import StreamSettings
from aether_core.stream import contract

Redis: TypeAlias = "redis_asyncio.Redis"

_TOKEN_SIZE: Final = 12


class Submission(msgspec.Struct, frozen=True, gc=False):
    """One transaction on its way into the stream."""

    payload: bytes
    digest: bytes = b""
    """Idempotency digest; empty without a key."""
    body_digest: bytes = b""


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """The transaction is in the stream. `replayed`: it was, under the same key, before."""

    id: contract.EntryId
    incarnation: int
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The idempotency key was used before with another body; nothing was appended."""


Outcome: TypeAlias = "Accepted | KeyReused | AetherError"


def functions_source() -> str:
    """Return the server-side functions' source."""
    return resources.files("aether_core.stream").joinpath("functions.lua").read_text("utf-8")


class IncarnationMoved(StreamUnavailable):
    """The stream is another incarnation than this gateway knows; agree on it again."""


class StreamPublisher:
    """Appends groups through one connection of its own, one round trip at a time.

    A call carries a token: were it ever sent twice (by a client library's retry), the second
    would get the first one's answer.
    """

    def __init__(self, redis: Redis, settings: StreamSettings) -> None:
        self._redis = redis
        self._settings = settings
        self._gateway = secrets.token_bytes(8)
        self._connection: AbstractConnection | None = None
        self._names_of: dict[int, tuple[bytes, ...]] = {}

    async def append(
        self, groups: dict[int, list[Submission]], incarnations: dict[int, int]
    ) -> dict[int, list[Outcome]]:
        """Append each shard's group; outcomes stand in the order of the submissions.

        A shard's failure is in its outcomes, never an exception: StreamUnavailable when nothing
        was appended, OutcomeUnknown when the connection broke after the call was sent.
        """
        outcomes: dict[int, list[Outcome]] = {}
        terms = self._terms(len(incarnations))
        calls = [
            (shard, self._call(shard, incarnations[shard], group, terms))
            for shard, group in groups.items()
        ]
        try:
            connection = await self._connected()
        except (redis_errors.RedisError, OSError, TimeoutError):
            return {shard: [StreamUnavailable()] * len(groups[shard]) for shard, _ in calls}
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                await connection.send_packed_command([call for _, call in calls])
                for shard, _ in calls:
                    outcomes[shard] = await self._read(
                        connection, incarnations[shard], len(groups[shard])
                    )
        except (redis_errors.RedisError, OSError, TimeoutError):
            await self._drop()
        except BaseException:
            await self._drop()
            raise
        for shard, _ in calls:
            # The call may have been executed although its answer did not arrive.
            outcomes.setdefault(shard, [OutcomeUnknown()] * len(groups[shard]))
        return outcomes

    async def close(self) -> None:
        """Give the connection back."""
        await self._drop()

    def _terms(self, shard_count: int) -> tuple[bytes, ...]:
        """Return the arguments that are the same for each shard of a call."""
        return (
            self._gateway,
            secrets.token_bytes(_TOKEN_SIZE),
            b"%d" % self._settings.backlog_max,
            *(b"%d" % term for term in contract.idempotency_terms(self._settings, shard_count)),
        )

    def _call(
        self, shard: int, incarnation: int, group: list[Submission], terms: tuple[bytes, ...]
    ) -> bytes:
        """Return the call as it travels; the library's own packing takes three times as long."""
        arguments = [
            *self._names(shard),
            *terms,
            contract.incarnation_field(incarnation).encode(),
        ]
        for submission in group:
            arguments += (submission.digest, submission.body_digest, submission.payload)
        parts = [b"*%d\r\n" % len(arguments)]
        for argument in arguments:
            parts += (b"$%d\r\n" % len(argument), argument, b"\r\n")
        return b"".join(parts)

    def _names(self, shard: int) -> tuple[bytes, ...]:
        """Return the function's name and the keys of a shard, made once."""
        names = self._names_of.get(shard)
        if names is None:
            keys = (
                contract.stream_key(shard),
                contract.meta_key(shard),
                contract.calls_key(shard),
                contract.idempotency_key_prefix(shard),
            )
            function = contract.FUNCTION_ACCEPT.encode()
            names = (b"FCALL", function, b"4", *(key.encode() for key in keys))
            self._names_of[shard] = names
        return names

    async def _connected(self) -> AbstractConnection:
        if self._connection is None:
            self._connection = await self._redis.connection_pool.get_connection()
        elif self._connection.is_connected:
            return self._connection
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                await self._connection.connect()
        except BaseException:
            await self._drop()
            raise
        return self._connection

    async def _read(
        self, connection: AbstractConnection, incarnation: int, count: int
    ) -> list[Outcome]:
        try:
            answer = await connection.read_response()
        except redis_errors.ResponseError as error:
            return [_refusal(error)] * count
        return _outcomes(answer, incarnation)

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)
            await self._redis.connection_pool.release(connection)


def _outcomes(answer: bytes, incarnation: int) -> list[Outcome]:
    """Read the words of an answer, as `functions.lua` describes them."""
    outcomes: list[Outcome] = []
    for word in answer.split(b" "):
        if word == b"!":
            outcomes.append(KeyReused())
        elif word.startswith(b"="):
            ms, sequence, first = word[1:].split(b"-")
            entry = contract.EntryId(int(ms), int(sequence))
            outcomes.append(Accepted(entry, int(first), replayed=True))
        else:
            place, _, run = word.partition(b"+")
            ms, _, sequence = place.partition(b"-")
            ms_number, begin = int(ms), int(sequence)
            outcomes += [
                Accepted(contract.EntryId(ms_number, number), incarnation)
                for number in range(begin, begin + int(run or 1))
            ]
    return outcomes


def _refusal(error: redis_errors.ResponseError) -> AetherError:
    """Tell what a server's refusal means. Nothing was appended in any of these cases."""
    text = str(error)
    if text.startswith("AETHERFULL") or isinstance(error, redis_errors.OutOfMemoryError):
        return BacklogFull()
    if text.startswith("AETHERINCARNATION") or "unction not found" in text:
        return IncarnationMoved()
    return StreamUnavailable()
