"""Key hints: the keys that work here and now, in the last row.

In place of Textual's Footer, which keeps a watcher for every key that it ever showed and so grows
with each change of the focus; this is one row of text, however long the console runs.
"""

from __future__ import annotations

from rich.text import Text
from textual.events import Click, Mount, MouseMove
from textual.screen import Screen

from aether_tui.theme import BLUE, MUTED
from aether_tui.widgets.text_line import TextLine

_GAP = "  "
# What everybody looks for at the end of the row stays when others have to go.
_LAST_IDS = frozenset(
    {"console.help", "console.quit", "login.quit", "rewind.back", "rewind.on", "rewind.live"}
)


class KeyHints(TextLine):
    """One row; where it is too narrow, hints before the last ones are left out."""

    def __init__(self) -> None:
        super().__init__()
        self._spans: list[tuple[int, int, str, str]] = []

    def on_mount(self, _: Mount) -> None:
        """Follow the bindings of the screen."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def render(self) -> Text:
        """Draw what fits."""
        hints: list[tuple[Text, str, str, bool]] = []
        seen: set[str] = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not binding.show or not active.enabled or binding.action in seen:
                continue
            seen.add(binding.action)
            label = Text.assemble(
                (self.app.get_key_display(binding), f"bold {BLUE}"),
                (f" {binding.description}", MUTED),
            )
            is_last = (binding.id or "") in _LAST_IDS
            hints.append((label, binding.key, binding.tooltip, is_last))
        while hints and sum(hint[0].cell_len + len(_GAP) for hint in hints) > self.size.width:
            expendable = [hint for hint in hints if not hint[3]] or hints
            hints.remove(expendable[-1])
        line = Text(no_wrap=True)
        self._spans = []
        for label, key, tooltip, _ in hints:
            line.append(_GAP if line else "")
            start = line.cell_len
            line.append_text(label)
            self._spans.append((start, line.cell_len, key, tooltip))
        return line

    def on_click(self, event: Click) -> None:
        """A click on a hint is its key."""
        for start, end, key, _ in self._spans:
            if start <= event.x < end:
                self.app.simulate_key(key)

    def on_mouse_move(self, event: MouseMove) -> None:
        """Explain the hint under the mouse."""
        inside = [tip for start, end, _, tip in self._spans if start <= event.x < end]
        self.tooltip = inside[0] if inside else None

    def _bindings_changed(self, _: Screen[object]) -> None:
        self.refresh()
