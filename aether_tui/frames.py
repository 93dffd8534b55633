"""Frames: a screen is drawn soon after it has changed, and once."""

from __future__ import annotations

from typing import TypeVar

from textual.screen import Screen
from textual.timer import Timer

from aether_tui.compositing import FrontCompositor

_FRAME_S = 1 / 120
"""Textual's sixtieth makes what a key did wait for up to two of them after a frame."""

_ResultT = TypeVar("_ResultT")


class SingleFrameScreen(Screen[_ResultT]):
    """A screen without the second frame that Textual draws when one comes back into sight.

    It lays out what has changed and draws that, then draws everything.
    """

    _frames: Timer | None = None

    def __init__(
        self,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(name, id, classes)
        self._compositor = FrontCompositor()

    @property
    def _update_timer(self) -> Timer:
        """What draws a frame when something has changed."""
        if self._frames is None:
            self._frames = self.set_interval(_FRAME_S, self._on_timer_update, pause=True)
        return self._frames

    def _on_timer_update(self) -> None:
        """Let the layout draw everything."""
        is_laid_out = self._layout_required or self._scroll_required
        if self._repaint_required and is_laid_out and self.is_current:
            self._compositor._dirty_regions.add(self.size.region)  # noqa: SLF001 - no public name
            self._repaint_required = False
        super()._on_timer_update()
