"""Dialog: what lies over a screen and leaves it in sight.

Textual draws the screen below a modal one through Rich, segment by segment, each time that anything
changes; that took a third of the time from a key to the dialog that it opens.
"""

from __future__ import annotations

from typing import TypeVar

from textual.geometry import Region
from textual.screen import ModalScreen
from textual.strip import Strip

_ResultT = TypeVar("_ResultT")


class Dialog(ModalScreen[_ResultT]):
    """A modal screen whose own ground is the screen below, as it is."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """Take the lines of the screen below, without what would react to the mouse there."""
        stack = self.app.screen_stack
        place = stack.index(self) if self in stack else 0
        if place == 0:
            return super().render_lines(crop)
        # Textual has no public name for what a screen looks like.
        lines = stack[place - 1]._compositor.render_strips(self.size)  # noqa: SLF001
        left, right = crop.column_span
        return [line.discard_meta().crop(left, right) for line in lines[crop.y : crop.bottom]]
