"""Keys: what works on every screen. Each has an id, so that people can give it another key.

Digits, letters and control keys only: terminals and multiplexers swallow the rest.
"""

from __future__ import annotations

from textual.binding import Binding

from aether_tui.rewinding import REWIND_BINDINGS
from aether_tui.screens.place import PLACES

CONSOLE_BINDINGS: tuple[Binding, ...] = (
    *(
        Binding(
            place.digit,
            f"go('{place.name}')",
            place.title,
            show=False,
            id=f"go.{place.name}",
            tooltip=f"Open the screen {place.title}",
        )
        for place in PLACES
    ),
    *REWIND_BINDINGS,
    Binding(
        "r",
        "refresh_now",
        "Refresh",
        show=False,
        id="console.refresh",
        tooltip="Ask for everything now, reconnect now, draw everything anew",
    ),
    Binding(
        "question_mark,f1",
        "help",
        "Help",
        id="console.help",
        tooltip="Every key that works here",
    ),
    Binding(
        "ctrl+p",
        "command_palette",
        "Palette",
        id="console.palette",
        tooltip="Find an action by its name",
    ),
    Binding(
        "ctrl+l",
        "sign_out",
        "Sign out",
        show=False,
        id="console.sign_out",
        tooltip="End the session and forget everything",
    ),
    Binding(
        "T",
        "next_palette",
        "Colours",
        show=False,
        id="console.palette_colours",
        tooltip="Dark, light, high contrast, or no colour",
    ),
    Binding("q", "quit", "Quit", id="console.quit", tooltip="Leave the console"),
    Binding("ctrl+q", "quit", "Quit", show=False, priority=True, id="console.quit_always"),
)
