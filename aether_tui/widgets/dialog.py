"""Dialog: what lies over a screen and leaves it in sight.

Textual draws the screen below a modal one anew, whole and segment by segment, whenever anything
changes, the opening of the dialog included; that took most of the time from a key to the dialog
that it opens.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from textual.geometry import Region
from textual.screen import ModalScreen
from textual.strip import Strip

from aether_tui.frames import SingleFrameScreen

_ResultT = TypeVar("_ResultT")


class Dialog(ModalScreen[_ResultT], SingleFrameScreen[_ResultT]):
    """A modal screen whose own ground is the screen below, as it is."""

    # Textual has no public names for what a screen looks like and for what of it is drawn next.
    # ruff: noqa: SLF001

    _has_opened = False
    _ground: Region | None = None
    """What of the ground is being drawn at this moment; all of it, where none."""

    def _compositor_refresh(self) -> None:
        """Open over what the terminal shows already, and later draw what has changed alone."""
        if self.is_active and self._compositor._dirty_regions:
            if not self._has_opened:
                self._has_opened = True
                self._compositor._dirty_regions.discard(self.size.region)
            self._ground = self._uncovered(self._compositor._dirty_regions)
        try:
            super()._compositor_refresh()
        finally:
            self._ground = None

    def render_lines(self, crop: Region) -> list[Strip]:
        """Take the lines of the screen below, without what would react to the mouse there."""
        stack = self.app.screen_stack
        place = stack.index(self) if self in stack else 0
        if place == 0:
            return super().render_lines(crop)
        top = stack[-1]
        ground = top._ground if isinstance(top, Dialog) else None
        rows = (self.size.region if ground is None else ground).line_range
        lines = [Strip.blank(crop.width)] * crop.height
        if rows:
            below = stack[place - 1]._compositor._render_chops(self.size.region, rows.__contains__)
            for row in set(rows) & set(crop.line_range):
                line = Strip.join(below[row].values()).discard_meta()
                lines[row - crop.y] = line.crop(*crop.column_span)
        return lines

    def _uncovered(self, regions: Iterable[Region]) -> Region:
        """Return what surrounds those regions that do not lie within a widget."""
        covers = [
            region.intersection(clip)
            for widget, (region, clip) in self._compositor.visible_widgets.items()
            if widget is not self
        ]
        bare = [
            region
            for region in regions
            if not any(cover.contains_region(region) for cover in covers)
        ]
        return Region.from_union(bare) if bare else Region()
