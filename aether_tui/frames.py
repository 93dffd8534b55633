"""Frames: a screen is drawn soon after it has changed, and once."""

from __future__ import annotations

from typing import TypeVar

from textual.events import ScreenResume
from textual.screen import Screen
from textual.timer import Timer

from aether_tui.collecting import collecting_afterwards
from aether_tui.compositing import FrontCompositor

_FRAME_S = 1 / 120
"""Textual's sixtieth makes what a key did wait for up to two of them after a frame."""

_ResultT = TypeVar("_ResultT")


class SingleFrameScreen(Screen[_ResultT]):
    """A screen that comes back into sight at once.

    Textual styles it anew, lays out what has changed and draws that, then draws everything.
    """

    _frames: Timer | None = None
    _styled_for: tuple[int, bool] | None = None
    """Which colours it wears, and whether the terminal had the focus."""

    def __init__(
        self,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(name, id, classes)
        self._compositor = FrontCompositor()

    def _on_screen_resume(self, event: ScreenResume) -> None:
        """Keep the styles, unless they changed while another screen was in front.

        Textual calls its own method of this name afterwards, as it does for each class.
        """
        wanted = self.app._css_update_count, self.app.app_focus  # noqa: SLF001 - no public name
        event.refresh_styles = event.refresh_styles and wanted != self._styled_for
        self._styled_for = wanted

    @property
    def _update_timer(self) -> Timer:
        """What draws a frame when something has changed."""
        if self._frames is None:
            self._frames = self.set_interval(_FRAME_S, self._on_timer_update, pause=True)
        return self._frames

    def _compositor_refresh(self) -> None:
        """Draw a frame."""
        with collecting_afterwards():
            super()._compositor_refresh()

    def _on_timer_update(self) -> None:
        """Let the layout draw everything."""
        is_laid_out = self._layout_required or self._scroll_required
        if self._repaint_required and is_laid_out and self.is_current:
            self._compositor._dirty_regions.add(self.size.region)  # noqa: SLF001 - no public name
            self._repaint_required = False
        super()._on_timer_update()
