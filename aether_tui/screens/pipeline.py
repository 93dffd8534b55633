"""Pipeline: where every accepted transaction is, and whether the books agree."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult

from aether_tui.board import DEAD_LETTERS, PIPELINE, AnyTopic
from aether_tui.messages import RowOpened
from aether_tui.screens.place import PIPELINE_PLACE, PlaceScreen
from aether_tui.session import Desk
from aether_tui.theme import BRIGHT, FAINT, GREEN, MUTED, ORANGE, VERMILION
from aether_tui.values import Pipeline
from aether_tui.widgets.dead_letters import LetterCard, LetterTable
from aether_tui.widgets.lines import Lines
from aether_tui.widgets.panel import Panel
from aether_tui.widgets.shard_table import ShardTable
from aether_tui.wording import draw_curve, join_lines, write_age, write_count, write_rate


class PipelineScreen(PlaceScreen):
    """The identity line, the rate, and one row a shard."""

    place = PIPELINE_PLACE
    topics: ClassVar[tuple[AnyTopic, ...]] = (PIPELINE, DEAD_LETTERS)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._identity = Lines(id="identity-lines")
        self._identity_panel = Panel("Identity", self._identity, id="identity")
        self._shards = ShardTable(desk.glyphs, id="shards")
        self._shard_panel = Panel("Shards", self._shards, id="shard-panel")
        self._letters = LetterTable(desk.glyphs, id="letters")
        self._letter_panel = Panel("Dead letters", self._letters, id="letter-panel")

    def compose_body(self) -> ComposeResult:
        """The sum above, its parts beneath."""
        yield self._identity_panel
        yield self._shard_panel
        yield self._letter_panel

    def on_mount(self) -> None:
        """Begin in the table."""
        self._shards.focus()

    def draw(self, now: float) -> None:
        """Show sum and parts."""
        reading = self.desk.session.board.reading(PIPELINE)
        pipeline = reading.value
        self._identity_panel.take(reading, now)
        self._shard_panel.take(
            reading,
            now,
            empty="There are no shards yet." if pipeline and not pipeline.shards else None,
        )
        if pipeline is not None:
            self._identity.show(join_lines(self._lines(pipeline)))
            self._identity_panel.set_class(not pipeline.identity.holds, "-alarm")
            self._shards.show(pipeline.shards)
            owners = {shard.owner for shard in pipeline.shards if shard.owner}
            self._shard_panel.note = f"{len(pipeline.shards)} shards, {len(owners)} writers"

        self._draw_letters(now, count=pipeline.identity.dead_letters if pipeline else 0)

    @on(RowOpened, "#letters")
    def _letter_opened(self) -> None:
        letter = self._letters.cursor_row
        if letter is not None:
            self.app.push_screen(LetterCard(letter))

    def _draw_letters(self, now: float, count: int) -> None:
        """The list appears when there is something in it."""
        reading = self.desk.session.board.reading(DEAD_LETTERS)
        letters = reading.value or ()
        self._letter_panel.display = bool(count or letters)
        self._letters.show(letters)
        self._letter_panel.take(reading, now, empty=None if letters else "None were found.")
        is_part = count > len(letters) > 0
        self._letter_panel.note = f"the newest {len(letters)} of {count:,}" if is_part else ""

    def _lines(self, pipeline: Pipeline) -> list[Text]:
        identity, glyphs = pipeline.identity, self.desk.glyphs
        books = Text.assemble(
            ("accepted ", FAINT),
            (write_count(identity.entries_added), f"bold {BRIGHT}"),
            ("  =  committed ", FAINT),
            (write_count(identity.committed), f"bold {BRIGHT}"),
            ("  +  dead letters ", FAINT),
            (
                write_count(identity.dead_letters),
                f"bold {ORANGE if identity.dead_letters else BRIGHT}",
            ),
            ("  +  backlog ", FAINT),
            (write_count(identity.backlog), f"bold {BRIGHT}"),
        )
        if identity.holds:
            verdict = Text(f"{glyphs.good} every accepted transaction is accounted for", GREEN)
        else:
            verdict = Text(
                f"{glyphs.bad} DIFFERENCE {identity.difference:+,}: entries are missing or counted"
                " twice. Stop the writers and call whoever keeps the stream.",
                f"bold {VERMILION}",
            )
        return [books, verdict, self._rate_line(pipeline)]

    def _rate_line(self, pipeline: Pipeline) -> Text:
        oldest_s = max((s.oldest_seconds or 0.0 for s in pipeline.shards), default=0.0)
        line = Text.assemble(
            ("committed ", FAINT),
            (write_rate(pipeline.committed_per_second), BRIGHT),
            ("   oldest waits ", FAINT),
            (write_age(oldest_s) if pipeline.identity.backlog else "-", BRIGHT),
            "   ",
        )
        rates = self.desk.session.rates
        room = self._identity.size.width - line.cell_len - len(" last 10 min")
        if len(rates) > 1 and room > 10:
            line.append(draw_curve(rates, min(40, room), self.desk.glyphs), MUTED)
            line.append(f" last {write_age(float(len(rates)))}", FAINT)
        return line
