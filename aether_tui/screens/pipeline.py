"""Pipeline: where every accepted transaction is, what was lost, and what could not be written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import DescendantBlur, DescendantFocus

from aether_tui.board import ALL_DEAD_LETTERS, DEAD_LETTERS, PIPELINE, AnyTopic
from aether_tui.messages import NewsWanted, RowHighlighted, RowOpened, SessionEnded
from aether_tui.problems import GatewayError, SignedOut
from aether_tui.screens.place import PIPELINE_PLACE, PlaceScreen
from aether_tui.session import Desk
from aether_tui.values import DeadLetter, Pipeline
from aether_tui.widgets.books import describe_books
from aether_tui.widgets.card import Card
from aether_tui.widgets.confirm import Ask, ConfirmDialog
from aether_tui.widgets.dead_letters import LetterTable, about_letter, describe_letter
from aether_tui.widgets.lines import Lines
from aether_tui.widgets.lost_ranges import LostTable, describe_lost
from aether_tui.widgets.panel import Condition, Panel
from aether_tui.widgets.shard_table import ShardTable
from aether_tui.wording import join_lines

_REPLAY = Binding(
    "p",
    "replay",
    "Replay",
    id="pipeline.replay",
    priority=True,
    tooltip="Let the dead letter try again, at a new place in the stream",
)
_DISCARD = Binding(
    "d",
    "discard",
    "Discard",
    id="pipeline.discard",
    priority=True,
    tooltip="Give the dead letter up for good; asks for a reason",
)


class PipelineScreen(PlaceScreen):
    """The identity line, one row a shard, lost ranges and dead letters where there are any."""

    place = PIPELINE_PLACE
    topics: ClassVar[tuple[AnyTopic, ...]] = (PIPELINE, DEAD_LETTERS, ALL_DEAD_LETTERS)
    past_topics: ClassVar[tuple[AnyTopic, ...]] = topics

    BINDINGS: ClassVar[list[BindingType]] = [
        _REPLAY,
        _DISCARD,
        Binding(
            "v",
            "toggle_settled",
            "Settled",
            show=False,
            id="pipeline.settled",
            tooltip="Dead letters that are open, or all of them",
        ),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._identity = Lines(id="identity-lines")
        self._identity_panel = Panel("Identity", self._identity, id="identity")
        self._shards = ShardTable(desk.glyphs, id="shards")
        self._shard_panel = Panel("Shards", self._shards, id="shard-panel")
        self._lost = LostTable(desk.glyphs, id="lost")
        self._lost_panel = Panel("Lost", self._lost, id="lost-panel")
        self._letters = LetterTable(desk.glyphs, id="letters")
        self._letter_panel = Panel("Dead letters", self._letters, id="letter-panel")
        self._sees_settled = False

    def compose_body(self) -> ComposeResult:
        """The sum above, its parts beneath."""
        yield self._identity_panel
        yield self._shard_panel
        yield self._lost_panel
        yield self._letter_panel

    def on_mount(self) -> None:
        """Begin in the table."""
        self._shards.focus()

    def help_notes(self) -> tuple[str, ...]:
        """What the columns mean."""
        return (
            "COLUMNS",
            "  lag    how long the oldest entry has waited.",
            "  batch  entries that were committed together last.",
            "  took   milliseconds from reading the first of them until all were committed.",
        )

    def draw(self, now: float) -> None:
        """Show sum and parts."""
        reading = self.desk.session.board.reading(PIPELINE)
        pipeline = reading.value
        self._identity_panel.take(reading, now)
        if reading.is_missing:
            self._shard_panel.condition = Condition("empty", "No shard is known of this minute.")
        else:
            empty = "There are no shards yet." if pipeline and not pipeline.shards else None
            self._shard_panel.take(reading, now, empty=empty)
        if pipeline is not None:
            width = self._identity.size.width
            # The curve is of the last minutes.
            rates = self.desk.session.rates if self.desk.session.past is None else ()
            lines = describe_books(pipeline, rates, width, self.desk.glyphs)
            self._identity.show(join_lines(lines))
            owners = {shard.owner for shard in pipeline.shards if shard.owner}
            writers = "1 writer" if len(owners) == 1 else f"{len(owners)} writers"
            self._shard_panel.note = f"{len(pipeline.shards)} shards, {writers}"
        else:
            self._shard_panel.note = ""
        # Of another moment there is nothing to be seen until it is known.
        self._shards.show(pipeline.shards if pipeline is not None else ())
        has_lost = pipeline is not None and not pipeline.identity.holds
        self._identity_panel.set_class(has_lost, "-alarm")
        self._draw_lost(pipeline)
        self._lost_panel.take(reading, now)
        self._draw_letters(now, count=pipeline.identity.dead_letters if pipeline else 0)

    def _draw_lost(self, pipeline: Pipeline | None) -> None:
        lost = pipeline.lost if pipeline is not None else ()
        self._lost_panel.display = bool(lost)
        self._lost.show(lost)
        self._lost_panel.note = "Enter says what to do"

    def _draw_letters(self, now: float, count: int) -> None:
        """The list appears when there is something in it."""
        topic = ALL_DEAD_LETTERS if self._sees_settled else DEAD_LETTERS
        reading = self.desk.session.board.reading(topic)
        letters = reading.value or ()
        self._letter_panel.display = bool(count or letters)
        self._letters.show(letters)
        words = "None were found." if self._sees_settled else "None is open."
        self._letter_panel.take(reading, now, empty=None if letters else words)
        open_count = sum(letter.is_open for letter in letters)
        note = "v all of them" if not self._sees_settled else f"{open_count} open, v only these"
        if count > len(letters) > 0 and self._sees_settled:
            note = f"the newest {len(letters)} of {count:,}, v open ones"
        self._letter_panel.note = note

    # --- what can be done about dead letters ---

    def action_toggle_settled(self) -> None:
        """Show every dead letter, or those that are open."""
        self._sees_settled = not self._sees_settled
        self.draw_all()
        self.post_message(NewsWanted())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to replay and discard where the cursor is on a letter that is open."""
        if action in {"replay", "discard"}:
            letter = self._letters.cursor_row
            may = self.desk.session.may("operations:write")
            return may and self._letters.has_focus and letter is not None and letter.is_open
        if action == "toggle_settled":
            return bool(self._letter_panel.display)
        return super().check_action(action, parameters)

    @on(RowHighlighted, "#letters")
    @on(DescendantFocus)
    @on(DescendantBlur)
    def _offers_changed(self) -> None:
        self.refresh_bindings()

    @on(RowOpened, "#lost")
    def _lost_opened(self) -> None:
        lost = self._lost.cursor_row
        if lost is not None:
            self.app.push_screen(Card("Lost entries", describe_lost(lost)))

    @on(RowOpened, "#letters")
    def _letter_opened(self) -> None:
        letter = self._letters.cursor_row
        if letter is not None:
            self._open_letter(letter)

    @work(exclusive=True, group="letter")
    async def _open_letter(self, letter: DeadLetter) -> None:
        opened = letter
        try:
            # What the gateway says of it is of now.
            if self.desk.session.past is None:
                opened = await self.desk.client.dead_letter(letter.id)
        except SignedOut as error:
            self.post_message(SessionEnded(str(error)))
            return
        except GatewayError:
            pass  # what the list knows of it is better than nothing
        may = self.desk.session.may("operations:write") and opened.is_open
        card = Card(
            "Dead letter",
            describe_letter(opened, self.desk.glyphs),
            (_REPLAY, _DISCARD) if may else (),
        )
        match await self.app.push_screen_wait(card):
            case "replay":
                self._ask_to_replay(opened)
            case "discard":
                self._ask_to_discard(opened)

    def action_replay(self) -> None:
        """Ask, then let the letter try again."""
        if letter := self._letters.cursor_row:
            self._ask_to_replay(letter)

    def action_discard(self) -> None:
        """Ask why, then give the letter up."""
        if letter := self._letters.cursor_row:
            self._ask_to_discard(letter)

    def _ask_to_replay(self, letter: DeadLetter) -> None:
        about = about_letter(letter)
        about.append(
            "\n\nIt is appended to its account's shard once more, behind what came since, under a "
            "new id. If the cause of the error is still there, it comes back to this list."
        )

        def replay(text: str | None) -> None:
            if text is not None:
                client = self.desk.client
                self._settle(lambda: client.replay_dead_letter(letter.id), "Not replayed")

        self.app.push_screen(ConfirmDialog("Replay?", about, "Replay"), replay)

    def _ask_to_discard(self, letter: DeadLetter) -> None:
        about = about_letter(letter)
        about.append(
            "\n\nIt was accepted and will never be written. It stays listed with its bytes; "
            "whoever submitted it is told so when they ask for it."
        )

        def discard(note: str | None) -> None:
            if note is not None:
                client = self.desk.client
                self._settle(lambda: client.discard_dead_letter(letter.id, note), "Not discarded")

        ask = Ask("Reason, kept with the letter")
        self.app.push_screen(ConfirmDialog("Discard?", about, "Discard", ask), discard)

    @work(group="letters")
    async def _settle(self, act: Callable[[], Awaitable[DeadLetter]], failed: str) -> None:
        try:
            letter = await act()
        except SignedOut as error:
            self.notify("Nothing was changed.", severity="warning", markup=False)
            self.post_message(SessionEnded(str(error)))
            return
        except GatewayError as error:
            self.notify(str(error), title=failed, severity="error", markup=False)
        else:
            self._correct(letter)
            done = f"replayed as {letter.replayed_as}" if letter.replayed_as else letter.state
            self.notify(f"Entry {letter.entry}: {done}.", markup=False)
        self.post_message(NewsWanted())
        self.draw_all()

    def _correct(self, letter: DeadLetter) -> None:
        """Show what became of a letter before the next answer does."""
        board = self.desk.session.board
        for topic, keeps in ((DEAD_LETTERS, letter.is_open), (ALL_DEAD_LETTERS, True)):
            known = board.value(topic)
            if known is not None:
                changed = tuple(letter if d.id == letter.id else d for d in known)
                board.correct(topic, tuple(d for d in changed if keeps or d.id != letter.id))
