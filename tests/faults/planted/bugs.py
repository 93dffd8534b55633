"""Bugs that somebody could make, each a patch of one function; `launch` applies one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from aether_core.database import transactions
from aether_core.database.connection import LOCK_CLASS_SHARD, Session
from aether_core.stream import publisher
from aether_core.stream.publisher import Outcome, StreamPublisher, Submission
from aether_core.stream.reader import trim
from aether_worker import shards, writer
from aether_worker.batch import Batch
from aether_worker.writer import Writer

_add_load = transactions.add_load
_functions_source = publisher.functions_source


def position_before_the_rows() -> None:
    """The position is written in a database transaction of its own, before the rows."""

    async def commit(self: Writer, batch: Batch) -> None:
        await _commit(self, _only_position(batch))
        with _without("lock_positions", "advance_positions"):
            await _commit(self, batch)

    _commit = Writer.commit
    _replace(Writer, "commit", commit)


def position_after_the_rows() -> None:
    """The position is written in a database transaction of its own, after the rows."""

    async def commit(self: Writer, batch: Batch) -> None:
        with _without("advance_positions"):
            await _commit(self, batch)
        await _commit(self, _only_position(batch))

    _commit = Writer.commit
    _replace(Writer, "commit", commit)


def trim_before_the_commit() -> None:
    """The stream is trimmed before the rows are committed."""

    async def write(self: Writer, batch: Batch) -> None:
        await trim(self._redis, {a.shard: a.reached for a in batch.advances})
        await self.commit(batch)
        await self.publish(batch)

    _replace(Writer, "write", write)


def published_before_the_commit() -> None:
    """Alerts are published before they are committed."""

    async def write(self: Writer, batch: Batch) -> None:
        await self.publish(batch)
        await self.commit(batch)
        await trim(self._redis, {a.shard: a.reached for a in batch.advances})

    _replace(Writer, "write", write)


def published_once_only() -> None:
    """What the last owner of a shard may have left unsaid is not published again."""
    _replace(Writer, "_publish_last_batch", _nothing)


def shards_of_everybody() -> None:
    """The shards' locks do not lock: every writer owns every shard. The fence must hold."""

    async def own(connection: Session, shard: int) -> bool:
        statement = "SELECT pg_try_advisory_lock_shared($1, $2)"
        return bool(await connection.fetchval(statement, LOCK_CLASS_SHARD, shard))

    async def count(_connection: Session) -> int:
        return 1

    _replace(shards, "try_own_shard", own)
    _replace(shards, "count_writers", count)


def no_fence() -> None:
    """The same, and the position is not checked."""
    shards_of_everybody()
    _replace(writer, "lock_positions", _nothing)


def no_idempotency() -> None:
    """Keys are not looked up before an append."""
    _change_functions("known = look_up(group.parts, digests)", "known = {}")


def groups_in_parts() -> None:
    """What must be taken together is appended shard by shard."""

    async def append_all(
        self: StreamPublisher,
        groups: dict[int, list[Submission]],
        *rest: Any,  # noqa: ANN401
    ) -> dict[int, list[Outcome]]:
        outcomes: dict[int, list[Outcome]] = {}
        for shard, group in groups.items():
            outcomes |= await _append_all(self, {shard: group}, *rest)
        return outcomes

    _append_all = StreamPublisher.append_all
    _replace(StreamPublisher, "append_all", append_all)


def capped_stream() -> None:
    """The stream is capped, as feeds are."""
    _change_functions("stream, '*', field", "stream, 'MAXLEN', '20', '*', field")


def accepts_after_any_restart() -> None:
    """A stream that was restored from an older copy takes entries before it is compared."""
    _change_functions("if compared[meta] ~= agreed[2] or", "if")


def load_outside_the_transaction() -> None:
    """The minutes' load is added before the batch, in a database transaction of its own."""

    async def commit(self: Writer, batch: Batch) -> None:
        await _add_load(self._connection, batch.load)
        _replace(writer, "add_load", _nothing)
        await _commit(self, batch)

    _commit = Writer.commit
    _replace(Writer, "commit", commit)


def nothing() -> None:
    """No bug: what the scenarios show of the product as it is."""


BUGS: dict[str, Callable[[], None]] = {
    bug.__name__: bug
    for bug in (
        nothing,
        position_before_the_rows,
        position_after_the_rows,
        trim_before_the_commit,
        published_before_the_commit,
        published_once_only,
        shards_of_everybody,
        no_fence,
        no_idempotency,
        groups_in_parts,
        capped_stream,
        accepts_after_any_restart,
        load_outside_the_transaction,
    )
}


def _only_position(batch: Batch) -> Batch:
    return replace(batch, rows=[], load=[], flagged=[], dead_letters=[], snapshots={})


@contextmanager
def _without(*names: str) -> Iterator[None]:
    """Let functions that the writer calls do nothing for a while; its commits never overlap."""
    before = {name: getattr(writer, name) for name in names}
    for name in names:
        _replace(writer, name, _nothing)
    try:
        yield
    finally:
        for name, function in before.items():
            _replace(writer, name, function)


def _replace(owner: object, name: str, function: Callable[..., Any]) -> None:
    assert hasattr(owner, name), name
    setattr(owner, name, function)


def _change_functions(old: str, new: str) -> None:
    source = _functions_source()
    assert old in source, old
    _replace(publisher, "functions_source", lambda: source.replace(old, new))


async def _nothing(*_arguments: Any, **_named: Any) -> None:  # noqa: ANN401 - stands for anything
    pass
