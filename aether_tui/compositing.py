"""Compositing: of a screen's widgets only those lines are drawn that are seen.

In:   what Textual has laid out, and the lines that are to be drawn.
Out:  their pieces, between the places where a widget begins or ends.
Textual draws whole widgets, also those that others cover, and keeps what is in front: of a screen
of panels half of all lines is the ground of containers that nobody sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import cast

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip


class FrontCompositor(Compositor):
    """Draws from front to back, and stops where nothing is bare any more."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """Draw what has changed, of each line no more than that; None: nothing has."""
        regions = self._dirty_regions.copy()
        self._dirty_regions.clear()
        spans = [span for span in self._regions_to_spans(regions) if span[0] < self.size.height]
        if not spans:
            return None
        ends = [line[1:] for line in self.cuts]
        return ChopsUpdate(self._draw(spans), spans, ends)

    def _render_chops(
        self, crop: Region, is_rendered_line: Callable[[int], bool]
    ) -> Sequence[Mapping[int, Strip]]:
        """Return each line's pieces by the cell at which they begin."""
        rows = (y for y in crop.line_range if y < len(self.cuts) and is_rendered_line(y))
        chops = self._draw((y, *crop.column_span) for y in rows)
        return cast("Sequence[Mapping[int, Strip]]", chops)

    def _draw(self, spans: Iterable[tuple[int, int, int]]) -> list[dict[int, Strip | None]]:
        """Return the pieces that lie on these parts of lines, and None for the others.

        spans: line, first cell, and the cell after the last.
        """
        cuts = self.cuts
        chops: list[dict[int, Strip | None]] = [dict.fromkeys(line[:-1]) for line in cuts]
        bare: dict[int, set[int]] = {}
        for y, start, end in spans:
            line = cuts[y]
            bare.setdefault(y, set()).update(
                cut for cut, following in pairwise(line) if cut < end and following > start
            )
        for widget, (region, clip) in self.visible_widgets.items():
            shown = region.intersection(clip)
            left, right = shown.column_span
            seen = [
                y
                for y in shown.line_range
                if y in bare and any(left <= cut < right for cut in bare[y])
            ]
            if not seen:
                continue
            rows = Region(left - region.x, seen[0] - region.y, shown.width, seen[-1] - seen[0] + 1)
            strips = widget.render_lines(rows)
            for y in seen:
                places = [cut for cut in cuts[y] if left <= cut <= right]
                pieces = strips[y - seen[0]].divide([cut - left for cut in places[1:]])
                for cut, piece in zip(places, pieces, strict=False):
                    if cut in bare[y]:
                        bare[y].remove(cut)
                        chops[y][cut] = piece
                if not bare[y]:
                    del bare[y]
        return chops
