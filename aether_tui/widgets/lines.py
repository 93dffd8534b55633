"""Lines: a text that is laid out anew only when it has changed."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static


class Lines(Static):
    """Plain or styled text, never markup.

    Textual lays the whole screen out again whenever a Static is given a text; a screen that is
    drawn with every flush of the feed must not cause that with a text that it showed before.
    """

    def __init__(
        self,
        text: Text | str = "",
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(text, id=id, classes=classes, markup=False)
        self._shown: Text | str = text

    def show(self, text: Text | str) -> None:
        """Show this text."""
        if text != self._shown:
            self._shown = text
            self.update(text)
