"""Stream depth: entries not yet written, per shard, with the age of the oldest."""

from __future__ import annotations

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from aether_tui.theme import BLUE, BRIGHT, FAINT, LINE, MUTED, ORANGE, Glyphs
from aether_tui.values import ShardDepth, StreamDepth
from aether_tui.wording import crop_text, draw_bar, join_lines, write_age, write_count

# A writer commits several times a second: an entry that waits for seconds is worth a sign.
_LAG_NOTICEABLE_S = 5.0


class StreamDepthView(Widget):
    """A total and one bar a shard; the bars share one scale."""

    depth: reactive[StreamDepth | None] = reactive(None)

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._glyphs = glyphs

    def render(self) -> Text:
        """Draw what fits; the shards with the largest backlog first when not all fit."""
        depth = self.depth
        if depth is None:
            return Text("")
        width, height = self.size
        total = Text.assemble(
            (write_count(depth.transactions_in_queue), f"bold {BRIGHT}"),
            (" waiting", MUTED),
        )
        if depth.oldest_seconds:
            total.append(f"  oldest {write_age(depth.oldest_seconds)}", self._lag_style(depth))
        lines = [crop_text(total, width, self._glyphs)]
        room = max(0, height - 1)
        shards = sorted(depth.shards, key=lambda s: s.shard)
        if len(shards) > room:
            shards = sorted(shards, key=lambda s: (-s.backlog, s.shard))[: max(0, room - 1)]
        top = max((shard.backlog for shard in depth.shards), default=0)
        lines += [self._shard_line(shard, top, width) for shard in shards]
        hidden = len(depth.shards) - len(shards)
        if hidden and room:
            lines.append(Text(f"{hidden} more shards, with less", FAINT))
        return join_lines(lines)

    def _shard_line(self, shard: ShardDepth, top: int, width: int) -> Text:
        label, figure = f"{shard.shard:>3} ", f" {write_count(shard.backlog):>7}"
        bar_width = max(0, width - len(label) - len(figure))
        filled, empty = draw_bar(shard.backlog / top if top else 0.0, bar_width, self._glyphs)
        return Text.assemble((label, FAINT), (filled, BLUE), (empty, LINE), (figure, MUTED))

    @staticmethod
    def _lag_style(depth: StreamDepth) -> str:
        return ORANGE if (depth.oldest_seconds or 0.0) >= _LAG_NOTICEABLE_S else FAINT
