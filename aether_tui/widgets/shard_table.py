"""Shard table: how far each shard is committed, and by whom."""

from __future__ import annotations

from rich.text import Text

from aether_tui.theme import BRIGHT, FAINT, MUTED, ORANGE, VERMILION, Glyphs
from aether_tui.values import ShardState
from aether_tui.widgets.row_table import Column, RowTable
from aether_tui.wording import write_age, write_count, write_time

_LAG_NOTICEABLE_S = 5.0


class ShardTable(RowTable[ShardState]):
    """One row a shard."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002
        columns: tuple[Column[ShardState], ...] = (
            Column("shard", 5, lambda s: Text(str(s.shard), BRIGHT), align="right"),
            Column("owner", 9, lambda s: _owner(s, glyphs), is_flexible=True),
            Column("accepted", 11, lambda s: _count(s.entries_added), align="right", rank=3),
            Column("committed", 10, lambda s: _count(s.committed), align="right"),
            Column("dead", 4, lambda s: _bad_count(s.dead_letters), align="right"),
            Column("lost", 4, lambda s: _bad_count(s.lost), align="right"),
            Column("backlog", 7, lambda s: _count(s.backlog), align="right"),
            Column("lag", 4, _lag, align="right"),
            Column("batch", 5, _batch, align="right"),
            Column("took", 6, _took, align="right"),
            Column(
                "position",
                18,
                lambda s: Text(s.position, FAINT),
                align="right",
                rank=2,
            ),
            Column("updated", 8, _updated, rank=1),
        )
        super().__init__(columns, lambda s: str(s.shard), glyphs, can_open=False, id=id)


def _owner(shard: ShardState, glyphs: Glyphs) -> Text:
    if shard.owner is None:
        return Text(f"{glyphs.warn} no writer", f"bold {ORANGE}")
    return Text(shard.owner)


def _count(number: int) -> Text:
    return Text(write_count(number), MUTED)


def _bad_count(number: int) -> Text:
    return Text(write_count(number), f"bold {VERMILION}") if number else Text("0", FAINT)


def _batch(shard: ShardState) -> Text:
    batch = shard.last_batch
    return Text("-", FAINT) if batch is None else _count(batch.entries)


def _took(shard: ShardState) -> Text:
    batch = shard.last_batch
    return Text("-", FAINT) if batch is None else Text(f"{batch.commit_ms:,.0f}ms", MUTED)


def _lag(shard: ShardState) -> Text:
    if not shard.backlog or shard.oldest_seconds is None:
        return Text("-", FAINT)
    style = ORANGE if shard.oldest_seconds >= _LAG_NOTICEABLE_S else MUTED
    return Text(write_age(shard.oldest_seconds), style)


def _updated(shard: ShardState) -> Text:
    return Text("-" if shard.updated_at is None else write_time(shard.updated_at), FAINT)
