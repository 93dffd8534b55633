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
from typing import Any, Final, TypeAlias

import msgspec
from redis import exceptions as redis_errors
from redis.asyncio import Redis as Node
from redis.asyncio.connection import AbstractConnection

from aether_core.errors import (
    AetherError,
    BacklogFull,
    BacklogReason,
    NotTogether,
    OutcomeUnknown,
    StreamUnavailable,
)
from aether_core.settings import StreamSettings
from aether_core.stream import contract
from aether_core.stream.client import StreamClient
from aether_core.stream.link import Link, Turn, packed

Redis: TypeAlias = StreamClient

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


@dataclass(frozen=True, slots=True)
class Copies:
    """How many copies must be on disk before an append is answered, besides `appendfsync always`.

    own: 1 to wait for the server's own disk, 0 where the server does so by itself.
    replicas: whose disks are waited for.
    """

    own: int
    replicas: int


class StreamPublisher:
    """Appends groups through one connection of its own to each server, in the order of the calls.

    A call carries a token: were it ever sent twice (by a client library's retry), the second
    would get the first one's answer.
    """

    def __init__(self, redis: Redis, settings: StreamSettings) -> None:
        self._redis = redis
        self._settings = settings
        self._gateway = secrets.token_bytes(8)
        self._links: dict[Node, Link] = {}
        self._names_of: dict[int, tuple[bytes, ...]] = {}
        # Less than the time limit of the whole call, so that a refusal to wait longer is heard.
        wait_ms = int(settings.timeout_s * 800)
        self._wait_end = b"$%d\r\n%d\r\n" % (len(str(wait_ms)), wait_ms)

    async def append(
        self,
        groups: dict[int, list[Submission]],
        incarnations: dict[int, int],
        copies: Copies | None = None,
    ) -> dict[int, list[Outcome]]:
        """Append each shard's group; outcomes stand in the order of the submissions.

        copies: what to wait for; None: nothing beyond what the server waits for by itself.
        A shard's failure is in its outcomes, never an exception: StreamUnavailable when nothing
        was appended, OutcomeUnknown when the connection broke after the call was sent, or the
        copies are not on disk in time.
        """
        terms = self._terms(len(incarnations))
        shares: dict[Node, list[int]] = {}
        outcomes: dict[int, list[Outcome]] = {}
        for shard in groups:
            try:
                node = await self._redis.master_of(contract.stream_key(shard))
            except (redis_errors.RedisError, OSError, TimeoutError):
                outcomes[shard] = [StreamUnavailable()] * len(groups[shard])
            else:
                shares.setdefault(node, []).append(shard)
        exchanges = [
            self._exchange(
                node,
                [self._call(shard, incarnations[shard], groups[shard], terms) for shard in shards],
                copies,
            )
            for node, shards in shares.items()
        ]
        if len(exchanges) == 1:
            answered = [await exchanges[0]]
        else:
            answered = await asyncio.gather(*exchanges)
        for shards, answers in zip(shares.values(), answered, strict=True):
            for shard, answer in zip(shards, answers, strict=True):
                outcomes[shard] = (
                    _outcomes(answer, incarnations[shard])
                    if isinstance(answer, bytes)
                    else [answer] * len(groups[shard])
                )
        return outcomes

    async def append_all(
        self,
        groups: dict[int, list[Submission]],
        incarnations: dict[int, int],
        copies: Copies | None = None,
    ) -> dict[int, list[Outcome]]:
        """Append all groups or nothing, in one call; as `append` otherwise.

        Where a key was used with another body its outcome is KeyReused and all others are
        NotTogether. Several shards must not be spread over a cluster: see `can_append_all`.
        """
        shards = list(groups)
        names: list[bytes] = []
        arguments = list(self._terms(len(incarnations)))
        for shard in shards:
            names += self._names(shard)
            arguments += (
                contract.incarnation_field(incarnations[shard]).encode(),
                b"%d" % len(groups[shard]),
            )
            for submission in groups[shard]:
                arguments += (submission.digest, submission.body_digest, submission.payload)
        function = contract.FUNCTION_ACCEPT_ALL.encode()
        call = packed([b"FCALL", function, b"%d" % len(names), *names, *arguments])
        answer: bytes | list[bytes] | AetherError
        try:
            node = await self._redis.master_of(contract.stream_key(shards[0]))
        except (redis_errors.RedisError, OSError, TimeoutError):
            answer = StreamUnavailable()
        else:
            (answer,) = await self._exchange(node, [call], copies)
        if isinstance(answer, list):
            return {
                shard: _outcomes(words, incarnations[shard])
                for shard, words in zip(shards, answer, strict=True)
            }
        assert not isinstance(answer, bytes)  # noqa: S101 - the function answers with an array
        return {shard: [answer] * len(groups[shard]) for shard in shards}

    async def can_append_all(self, shard_count: int) -> bool:
        """Whether `append_all` takes groups of so many shards: a cluster takes one.

        Errors of the server pass when it was never reached.
        """
        return shard_count <= 1 or not await self._redis.is_cluster()

    async def close(self) -> None:
        """Give the connections back."""
        for link in list(self._links.values()):
            await link.drop()

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
        arguments = [
            b"FCALL",
            contract.FUNCTION_ACCEPT.encode(),
            b"4",
            *self._names(shard),
            *terms,
            contract.incarnation_field(incarnation).encode(),
        ]
        for submission in group:
            arguments += (submission.digest, submission.body_digest, submission.payload)
        return packed(arguments)

    def _names(self, shard: int) -> tuple[bytes, ...]:
        """Return the keys of a shard, made once."""
        names = self._names_of.get(shard)
        if names is None:
            keys = (
                contract.stream_key(shard),
                contract.meta_key(shard),
                contract.calls_key(shard),
                contract.idempotency_key_prefix(shard),
            )
            names = self._names_of[shard] = tuple(key.encode() for key in keys)
        return names

    async def _exchange(self, node: Node, calls: list[bytes], copies: Copies | None) -> list[Any]:
        """Send calls to one server; return for each its answer, or what went wrong with it."""
        link = self._links.get(node)
        if link is None:
            link = self._links[node] = Link(node)
        answers: list[Any] = []
        turn: Turn | None = None
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                async with link.sending:
                    connection = await link.connected()
                    turn = link.queue()
                    await link.send(
                        connection, calls if copies is None else [*calls, self._wait(copies)]
                    )
                await turn.come()
                for _ in calls:
                    # One by one: what is answered is known, whatever breaks later.
                    answers.append(await _read(connection))  # noqa: PERF401
                if copies is not None:
                    answers = _if_copied(answers, await _read(connection), copies)
                turn.is_over = True
        except (redis_errors.RedisError, OSError, TimeoutError):
            self._redis.look_again()
            if turn is None:
                return [StreamUnavailable()] * len(calls)
            if copies is not None:
                # It is in the stream, and nobody has said that it is on disk.
                answers.clear()
        finally:
            if turn is not None:
                await turn.end()
        if any(isinstance(answer, StreamUnavailable) for answer in answers):
            self._redis.look_again()
        # A call may have been executed although its answer did not arrive.
        return answers + [OutcomeUnknown()] * (len(calls) - len(answers))

    def _wait(self, copies: Copies) -> bytes:
        return (
            b"*4\r\n$7\r\nWAITAOF\r\n$1\r\n%d\r\n$1\r\n%d\r\n" % (copies.own, copies.replicas)
            + self._wait_end
        )


async def _read(connection: AbstractConnection) -> Any:  # noqa: ANN401 - whatever the server sent
    try:
        return await connection.read_response()
    except redis_errors.ResponseError as error:
        return _refusal(error)


def _if_copied(answers: list[Any], copied: Any, copies: Copies) -> list[Any]:  # noqa: ANN401 - as sent
    """Return the answers when enough copies are on disk; otherwise nobody knows what will be."""
    if (
        isinstance(copied, list)
        and int(copied[0]) >= copies.own
        and int(copied[1]) >= copies.replicas
    ):
        return answers
    return [answer if isinstance(answer, AetherError) else OutcomeUnknown() for answer in answers]


def _outcomes(answer: bytes, incarnation: int) -> list[Outcome]:
    """Read the words of an answer, as `functions.lua` describes them."""
    outcomes: list[Outcome] = []
    for word in answer.split(b" "):
        if word == b"!":
            outcomes.append(KeyReused())
        elif word == b"-":
            outcomes.append(NotTogether())
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
    if text.startswith("AETHERFULL"):
        return BacklogFull(BacklogReason.LENGTH)
    if isinstance(error, redis_errors.OutOfMemoryError):
        return BacklogFull(BacklogReason.MEMORY)
    if text.startswith("AETHERINCARNATION") or "unction not found" in text:
        return IncarnationMoved()
    return StreamUnavailable()
