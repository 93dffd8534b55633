"""App: the console as a whole. Signs in, follows the live feed, asks for what is looked at.

In:   the gateway, over HTTP and Server-Sent Events; keys and clicks.
Out:  the screens, which draw what the session holds and never fetch what others show too.
News is drawn at most sixteen times a second; ages move on once a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from textual import events, on, work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.filter import LineFilter, Monochrome
from textual.screen import ModalScreen, Screen
from textual.timer import Timer
from textual.widget import Widget

from aether_tui.ascii import AsciiOnly
from aether_tui.board import DECIDED_ALERTS, DEPTH, PIPELINE, SUMMARY, AnyTopic, Board
from aether_tui.client import GatewayClient
from aether_tui.collecting import PauseCollector
from aether_tui.keys import CONSOLE_BINDINGS
from aether_tui.live import Connection, LiveFeed, Phase
from aether_tui.memory import Drafts, Remembered, SignInMemory
from aether_tui.messages import NewsWanted, ScreenChosen, SessionEnded
from aether_tui.painting import PaintingDriver
from aether_tui.palettes import DARK, NO_COLOUR, PALETTES, THEME_NAMES, Repaint, theme_of
from aether_tui.problems import GatewayError, SignedOut
from aether_tui.rewinding import RewindingApp
from aether_tui.screens.alerts import AlertsScreen
from aether_tui.screens.audit import AuditScreen
from aether_tui.screens.forecast import ForecastScreen
from aether_tui.screens.login import LoginScreen
from aether_tui.screens.overview import OverviewScreen
from aether_tui.screens.pipeline import PipelineScreen
from aether_tui.screens.place import PLACES, PlaceScreen, first_past_place, places_for
from aether_tui.screens.system import SystemScreen
from aether_tui.screens.transactions import TransactionsScreen
from aether_tui.session import RECENT_MAX, Desk, Session
from aether_tui.theme import ASCII_GLYPHS, UNICODE_GLYPHS
from aether_tui.values import Alert, Counters, Event, Gap, Hello, Identity, Transaction
from aether_tui.widgets.help import Help, collect_keys

# Fast enough to look immediate, slow enough for a burst to be one repaint; at a rate that nobody
# can read, four repaints a second say as much and leave the processor alone.
_GATHER_S = 0.06
_GATHER_BUSY_S = 0.25
# What is drawn under a dialog is drawn with all of it, and somebody types there.
_GATHER_UNDER_DIALOG_S = 0.5
_BREATH_S = 0.01
_BUSY_PER_S = 20.0
_TICK_S = 1.0
# Nobody waits longer than this for a gateway that does not answer, only to leave.
_FAREWELL_S = 2.0
# A dialog is there after a few milliseconds; a card without a focus must not hold keys for long.
_DIALOG_READY_S = 0.3
_SCREENS: tuple[type[PlaceScreen], ...] = (
    OverviewScreen,
    TransactionsScreen,
    AlertsScreen,
    ForecastScreen,
    PipelineScreen,
    SystemScreen,
    AuditScreen,
)

_log = logging.getLogger(__name__)


class ConsoleApp(RewindingApp):
    """Aether's terminal console."""

    TITLE = "Aether"
    CSS_PATH = "aether.tcss"
    # Narrow and low at the standard 80 x 24; beneath 60 x 18 nothing useful fits.
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - as Textual declares it
        (0, "-too-narrow"),
        (60, "-narrow"),
        (110, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - as Textual declares it
        (0, "-too-low"),
        (18, "-low"),
        (32, "-high"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [*CONSOLE_BINDINGS]

    def __init__(
        self,
        base_url: str,
        *,
        email: str = "",
        is_ascii: bool = False,
        is_read_only: bool = False,
        drafts: Drafts | None = None,
        memory: SignInMemory | None = None,
        name: str | None = None,
        exports: Path | None = None,
        palette: str = DARK.name,
        rewound_to: datetime | None = None,
    ) -> None:
        """name: what people call the server. memory: keeps its sign-in, where that is wanted.

        exports: the one directory that tables are exported to. palette: one of THEME_NAMES.
        rewound_to: an instant of the minute that is shown first.
        """
        self._ascii_filters: tuple[LineFilter, ...] = (AsciiOnly(),) if is_ascii else ()
        self._paint_filters: tuple[LineFilter, ...] = ()
        super().__init__()
        self.client = GatewayClient(base_url)
        self.glyphs = ASCII_GLYPHS if is_ascii else UNICODE_GLYPHS
        self.session: Session | None = None
        self._email = email
        self._is_read_only = is_read_only
        self._drafts = drafts or Drafts()
        self._memory = memory
        self._remembered: Remembered | None = None
        self._feed: LiveFeed | None = None
        self._is_signing_in = False
        self._wants_history = False
        self._gathering: Timer | None = None
        self._drawn_at = 0.0
        self._collector = PauseCollector()
        self._server = name or urlsplit(self.client.base_url).netloc
        self.set_class(is_ascii, "-ascii")
        for one in PALETTES.values():
            self.register_theme(theme_of(one))
        # The variable NO_COLOR is a choice as well, and Textual has taken it in already.
        self._is_no_color_forced = self.no_color
        self._palette = NO_COLOUR if self.no_color else palette
        self._exports = exports
        self._rewound_to = rewound_to
        self._paint()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's own filters, then ours."""
        return [*super().get_line_filters(), *self._paint_filters, *self._ascii_filters]

    def action_next_palette(self) -> None:
        """Draw in the next palette."""
        place = THEME_NAMES.index(self._palette)
        self.action_palette(THEME_NAMES[(place + 1) % len(THEME_NAMES)])

    def action_palette(self, name: str) -> None:
        """Draw in these colours, or in none."""
        if self._is_no_color_forced:
            self.notify("NO_COLOR is set: the console draws in greys.", markup=False)
            return
        self._palette = name
        self._paint()
        for screen in {*self.screen_stack, *self._installed_screens.values()}:
            if isinstance(screen, Screen) and screen.is_attached:
                for widget in screen.walk_children(Widget, with_self=True):
                    widget.refresh()

    def _paint(self) -> None:
        palette = PALETTES.get(self._palette, DARK)
        self.theme = theme_of(palette).name
        if self._is_no_color_forced:
            return
        self.no_color = self._palette == NO_COLOUR
        if self.no_color:
            self._paint_filters = (Monochrome(),)
        else:
            self._paint_filters = () if palette is DARK else (Repaint(palette),)

    def on_mount(self) -> None:
        """Ask who is there, unless it is known from before."""
        self.set_interval(_TICK_S, self._tick)
        if self._memory is not None:
            self._remembered = self._memory.open()
            self.client.on_refresh_token = self._memory.keep
            self._email = self._email or self._memory.email
        self._sign_in("")

    async def on_unmount(self) -> None:
        """End the session, so that nobody can go on with it; one that is remembered goes on."""
        if self._memory is None or not (self._memory.is_ours and self._memory.is_wanted):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL_S):
                    await self.client.sign_out()
        await self.client.close()
        if self._memory is not None:
            self._memory.close()

    def get_key_display(self, binding: Binding) -> str:
        """A key as it is written in hints and help; by its name where a sign is not possible."""
        display = super().get_key_display(binding)
        return binding.key if self.glyphs.is_ascii and not display.isascii() else display

    async def on_event(self, event: events.Event) -> None:
        """Note that somebody types, beside what Textual does with it.

        Keys that come in one breath with the one that opens a dialog belong to the dialog: they
        wait until it has a focus. Over a slow line, fast typing arrives like that.
        """
        if isinstance(event, events.Resize):
            # Each terminal moves its text about in its own way.
            self._distrust_terminal(event.size.width)
            self.call_later(self.refresh)
        elif isinstance(event, events.Key) and not event.is_forwarded:
            self._collector.key_pressed(time.monotonic())
            await self._dialog_ready()
        await super().on_event(event)

    def get_driver_class(self) -> type[Driver]:
        """In a terminal the driver that draws what changed; elsewhere Textual's choice."""
        driver = super().get_driver_class()
        return PaintingDriver if driver is LinuxDriver else driver

    def _distrust_terminal(self, width: int | None = None) -> None:
        if isinstance(self._driver, PaintingDriver):
            self._driver.painter.forget(width)

    async def _dialog_ready(self) -> None:
        end = time.monotonic() + _DIALOG_READY_S
        while isinstance(self.screen, ModalScreen) and self.screen.focused is None:
            if time.monotonic() > end:
                return
            await asyncio.sleep(0.005)

    # --- the session ---

    @work(exclusive=True, group="sign-in")
    async def _sign_in(self, reason: str) -> None:
        self._is_signing_in = True
        remembered, self._remembered = self._remembered, None
        if remembered is not None and self._email != remembered.email:
            remembered = None  # somebody else was named on the command line
        identity = await self.push_screen_wait(
            LoginScreen(
                self.client,
                self.glyphs,
                self._email,
                reason,
                memory=self._memory,
                remembered=remembered,
            )
        )
        self._is_signing_in = False
        self._email = identity.email
        if self._memory is not None:
            self._memory.email = identity.email
            self._memory.keep(self.client.refresh_token)
        if self.session is None or self.session.identity != identity:
            await self._begin(identity)
        self._follow_feed()
        self._tick()

    async def _begin(self, identity: Identity) -> None:
        await self._leave()
        session = Session(self._server, identity, self._is_read_only)
        self.session = session
        self._feed = LiveFeed(self.client, self._take_event, self._take_connection)
        self._wants_history = True
        desk = Desk(self.client, session, self.glyphs, self._drafts, self._exports)
        places = places_for(session)
        for screen in _SCREENS:
            if screen.place in places:
                self.install_screen(screen(desk), screen.place.name)
        rewound_to, self._rewound_to = self._rewound_to, None
        if rewound_to is None:
            await self.push_screen(places[0].name)
        else:
            await self.push_screen(first_past_place(session).name)
            self.rewind_to(rewound_to)

    async def _leave(self) -> None:
        """Forget what was shown to whoever was signed in before."""
        self.session = None
        self._feed = None
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        for place in PLACES:
            if self.is_screen_installed(place.name):
                screen = self.get_screen(place.name)
                self.uninstall_screen(screen)
                if screen.is_attached:
                    await screen.remove()

    def _end_session(self, reason: str) -> None:
        """The gateway knows us no longer: ask to sign in again, over what was in front."""
        if self._is_signing_in or self.session is None:
            return
        _log.info("session ended")
        self.workers.cancel_group(self, "feed")
        self.session.connection = Connection(Phase.SIGNED_OUT)
        self._draw()
        self._sign_in(reason)

    @work(exclusive=True, group="sign-out")
    async def action_sign_out(self) -> None:
        """End the session, and forget everything."""
        self.workers.cancel_group(self, "feed")
        await self.client.sign_out()
        await self._leave()
        self._sign_in("Signed out.")

    @on(SessionEnded)
    def _session_ended(self, event: SessionEnded) -> None:
        self._end_session(event.reason)

    # --- the live feed ---

    @work(exclusive=True, group="feed")
    async def _follow_feed(self) -> None:
        if self._feed is None:
            return
        try:
            await self._feed.run()
        except SignedOut as error:
            self._end_session(str(error))

    def _take_connection(self, connection: Connection) -> None:
        if self.session is None:
            return
        _log.info("live feed: %s %s", connection.phase.value, connection.reason)
        self.session.connection = connection
        self._changed()

    def _take_event(self, event: Event) -> None:
        session = self.session
        if session is None:
            return
        session.heard_at = time.monotonic()
        match event:
            case Hello():
                session.set_clock(event.at)
                if not event.resumed:
                    self._wants_history = True
                session.live_board.ask_soon(self._wanted(), time.monotonic())
                self._tick()
            case Transaction():
                session.add_transaction(event)
            case Alert():
                session.add_alert(event)
                topics = (SUMMARY,) if event.is_open else (SUMMARY, DECIDED_ALERTS)
                session.live_board.ask_soon(topics, time.monotonic())
            case Counters():
                session.add_counters(event)
            case Gap():
                session.add_gap()
                self._wants_history = True
                session.live_board.ask_soon(self._wanted(), time.monotonic())
            case _:
                return  # a heartbeat: the truth line moves with the clock
        # In the past nothing new is to be seen; the present is kept for later.
        if session.past is None:
            self._changed()

    # --- questions ---

    def _tick(self) -> None:
        """A second has passed: ages have changed, and some questions are due."""
        self._collector.tick(time.monotonic())
        if self.session is None or self._is_signing_in:
            return
        board = self.session.board
        for topic in board.due(self._wanted(), time.monotonic()):
            self._ask(board, topic)
        if self._wants_history and self.session.connection.phase is Phase.LIVE:
            self._load_history()
        # Staff hear counters every second: what was drawn with them is not old yet.
        if time.monotonic() - self._drawn_at > _TICK_S / 2:
            self._draw()

    def _wanted(self) -> list[AnyTopic]:
        """What the screen in front shows, and what the first row shows everywhere."""
        session, place = self.session, self._front()
        if session is None or place is None:
            return []
        if session.past is not None:
            topics = {PIPELINE, *place.past_topics}
        else:
            topics = {SUMMARY, *place.topics} | ({DEPTH} if session.counters is None else set())
        return [topic for topic in topics if topic.scope is None or session.may(topic.scope)]

    def _ask_soon(self, topics: Iterable[AnyTopic]) -> None:
        if self.session is not None:
            self.session.board.ask_soon(topics, time.monotonic())

    @work(group="questions")
    async def _ask(self, board: Board, topic: AnyTopic) -> None:
        if self.session is None:
            return
        try:
            # The moment that is shown may be another one when the answer comes.
            await board.ask(topic, self.client, time.monotonic)
        except SignedOut as error:
            self._end_session(str(error))
        self._changed()

    def moment_rested(self) -> None:
        """Ask what is not known yet of the moment that is shown; of the present, how it is now."""
        if self.session is not None and self.session.past is None:
            self._ask_soon(self._wanted())
        self._tick()

    @work(exclusive=True, group="history")
    async def _load_history(self) -> None:
        session = self.session
        self._wants_history = False
        try:
            newest_first = await self.client.transactions(limit=RECENT_MAX)
        except SignedOut as error:
            self._end_session(str(error))
        except GatewayError as error:
            _log.warning("history: %s", error)
            self._wants_history = True
            if session is not None:
                session.history_error = str(error)
                self._changed()
        else:
            if session is not None:
                session.add_history(newest_first)
            self._changed()

    # --- drawing ---

    def _front(self) -> PlaceScreen | None:
        for screen in reversed(self.screen_stack):
            if isinstance(screen, PlaceScreen):
                return screen
        return None

    def _changed(self) -> None:
        """Draw soon, and with it whatever else comes until then."""
        # None are left while the console closes, and news may still come in.
        screens = self.screen_stack
        if screens and self._gathering is None:
            counters = self.session.counters if self.session else None
            is_busy = counters is not None and counters.rate_per_second > _BUSY_PER_S
            gather_s = _GATHER_BUSY_S if is_busy else _GATHER_S
            if isinstance(screens[-1], ModalScreen):
                gather_s = _GATHER_UNDER_DIALOG_S
            # What comes after a quiet moment is drawn at once, with what came in the same breath.
            wait_s = max(_BREATH_S, gather_s - (time.monotonic() - self._drawn_at))
            self._gathering = self.set_timer(wait_s, self._draw_gathered)

    def _draw_gathered(self) -> None:
        self._gathering = None
        self._draw()

    def _draw(self) -> None:
        self._drawn_at = time.monotonic()
        place = self._front()
        if place is not None:
            place.draw_all()

    # --- what one can do everywhere ---

    async def action_go(self, name: str) -> None:
        """Open a screen."""
        if self.is_screen_installed(name) and self.screen is not self.get_screen(name):
            await self.switch_screen(name)
            self._tick()

    @on(ScreenChosen)
    async def _screen_chosen(self, event: ScreenChosen) -> None:
        await self.action_go(event.name)
        if event.key is not None and isinstance(self.screen, PlaceScreen):
            self.screen.open_row(event.key)

    @on(NewsWanted)
    def action_refresh_now(self) -> None:
        """Ask for everything that is looked at, and do not wait to reconnect.

        All is drawn anew as well: other programs may have written to the terminal.
        """
        self._distrust_terminal()
        self.screen.refresh()
        if self._feed is not None:
            self._feed.retry_now()
        self._ask_soon(self._wanted())
        self._tick()

    def action_help(self) -> None:
        """Show every key that works here."""
        notes = self.screen.help_notes() if isinstance(self.screen, PlaceScreen) else ()
        self.push_screen(Help(collect_keys(self.screen), notes))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: what the keys do here, by name. Nothing that runs programs or writes."""
        for key in collect_keys(screen):
            if not key.is_movement and key.action != "command_palette":
                yield SystemCommand(
                    f"{key.name}  ({key.keys})",
                    key.tooltip,
                    partial(self.run_action, key.action, key.node),
                )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only the screens that this person may open."""
        if action == "go":
            return self.is_screen_installed(str(parameters[0]))
        if action in {"refresh_now", "sign_out", "help", "command_palette"}:
            return self.session is not None
        return super().check_action(action, parameters)
