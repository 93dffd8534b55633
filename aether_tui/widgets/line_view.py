"""Line view: what scrolls and draws its own lines, those in sight, with all their colours.

Textual styles every line anew that has moved, and passes it through half a dozen copies; a line
that was drawn here is taken as it is.
"""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.strip import Strip

from aether_tui.segments import filtered


class LineScrollBar(ScrollBar):
    """A scrollbar whose lines are of three or four kinds, and drawn once each."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw what is visible."""
        bar = self.render()
        if not isinstance(bar, ScrollBarRender):
            return super().render_lines(crop)
        style = self.app.console.get_style(bar.style)
        if style.color is None or style.bgcolor is None:
            return super().render_lines(crop)
        drawn = bar.render_bar(
            size=self.size.height,
            virtual_size=bar.virtual_size,
            window_size=bar.window_size,
            position=bar.position,
            thickness=bar.thickness,
            back_color=style.bgcolor,
            bar_color=style.color,
        )
        segments = drawn.segments[crop.y : crop.bottom]
        below = self.rich_style
        strips = {
            id(segment): Strip(Segment.apply_style([segment], below), bar.thickness)
            for segment in segments
        }
        return filtered(self, [strips[id(segment)] for segment in segments])


class LineView(ScrollView):
    """Subclasses draw a line as wide as what the scrollbar leaves."""

    def __init__(
        self,
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._style = Style.null()

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        """The scrollbar, made when it is first asked for."""
        if self._vertical_scrollbar is None:
            self._vertical_scrollbar = LineScrollBar(
                vertical=True, name="vertical", thickness=self.scrollbar_size_vertical
            )
            self._vertical_scrollbar.display = False
            self.app._start_widget(self, self._vertical_scrollbar)  # noqa: SLF001 - as Textual does
        return self._vertical_scrollbar

    def draw_line(self, y: int) -> Strip:
        """Draw one visible line, over `_style`."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """Draw one visible line without what is beside it."""
        return self.draw_line(y)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw what is visible, in the frame that Textual draws; under a shade it draws all."""
        self._style = self.rich_style  # which Textual makes anew each time
        if self.opacity < 1.0:
            return super().render_lines(crop)
        gutter, width = self.styles.gutter, self.region.width
        inside = range(gutter.top, self.region.height - gutter.bottom)
        before = behind = Strip([])
        if gutter.width:
            (framed,) = super().render_lines(Region(0, gutter.top, width, 1))
            before, behind = framed.crop(0, gutter.left), framed.crop(width - gutter.right)
        strips = []
        for y in crop.line_range:
            if y in inside:
                strip = self.draw_line(y - gutter.top)
                spare = width - gutter.width - strip.cell_length  # where a scrollbar may be
                if gutter.width or (spare > 0 and not self.show_vertical_scrollbar):
                    blank = [Segment(" " * spare, self._style)] if spare > 0 else []
                    strip = Strip([*before, *strip, *blank, *behind], width)
            else:
                (strip,) = super().render_lines(Region(0, y, width, 1))
            strips.append(strip.crop(*crop.column_span))
        return filtered(self, strips)

    def notify_style_update(self) -> None:
        """Other colours: the scrollbar has the old ones."""
        super().notify_style_update()
        if self.is_mounted and self.show_vertical_scrollbar:
            self.vertical_scrollbar.refresh()
