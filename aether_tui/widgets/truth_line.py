"""Truth line: who is looking at what, and how fresh it is. The first row of every screen."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from rich.text import Text
from textual.reactive import reactive

from aether_tui.live import Phase
from aether_tui.session import Vitals
from aether_tui.theme import BLUE, BRIGHT, FAINT, GREEN, MUTED, ORANGE, VERMILION, Glyphs
from aether_tui.widgets.text_line import TextLine
from aether_tui.wording import crop, write_age, write_count, write_rate

_GAP = "  "
# Below this a slow line explains it as well; above it ages and times of day mislead.
_CLOCK_NOTICEABLE_S = 5.0


class TruthLine(TextLine):
    """One row; parts that do not fit are left out from the least important."""

    vitals: reactive[Vitals] = reactive(Vitals())
    is_paused: reactive[bool] = reactive(False)

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._drawn_at = 0

    def tick(self) -> None:
        """Draw ages and clock anew, if a second has passed."""
        if int(time.time()) != self._drawn_at:
            self.refresh()

    def render(self) -> Text:
        """Draw the row."""
        now = time.monotonic()
        self._drawn_at = int(time.time())
        clock = Text(datetime.now(UTC).strftime("%H:%M:%SZ "), MUTED)
        parts = self._parts(now)
        room = self.size.width - clock.cell_len
        # The least important first: the user's name is cut by its own rule, the server goes whole.
        for expendable in ("server", "email", "rate"):
            if sum(part.cell_len + len(_GAP) for part in parts.values()) <= room:
                break
            parts.pop(expendable, None)
        line = Text(" ")
        line.append_text(Text(_GAP).join(parts.values()))
        line.append(" " * max(1, self.size.width - line.cell_len - clock.cell_len))
        line.append_text(clock)
        line.no_wrap = True
        return line

    def _parts(self, now: float) -> dict[str, Text]:
        vitals = self.vitals
        is_old = vitals.is_stale(now) or vitals.connection.phase is not Phase.LIVE
        figure = FAINT if is_old else BRIGHT
        user_width = 28 if self.size.width >= 100 else 16
        parts = {
            "name": Text("AETHER", f"bold {BLUE}"),
            "server": Text(vitals.server, MUTED),
            "email": Text(crop(vitals.email, user_width, self._glyphs).rstrip(), MUTED),
            "role": Text(vitals.role.upper(), f"bold {BRIGHT}"),
            "connection": self._connection(now),
        }
        if vitals.rewound_to is not None:
            parts = self._rewound(parts, vitals.rewound_to)
            is_old = False
            figure = BRIGHT
        if abs(vitals.clock_ahead_s) >= _CLOCK_NOTICEABLE_S:
            side = "behind" if vitals.clock_ahead_s > 0 else "ahead"
            off = f"{self._glyphs.warn} CLOCK {write_age(abs(vitals.clock_ahead_s))} {side}"
            parts["clock"] = Text(off, f"bold {ORANGE}")
        if vitals.is_read_only:
            parts["role"].append(" READ-ONLY", f"bold {ORANGE}")
        if vitals.rate_per_second is not None:
            parts["rate"] = Text(write_rate(vitals.rate_per_second), figure)
        if vitals.backlog is not None:
            parts["backlog"] = Text.assemble(
                ("backlog ", FAINT), (write_count(vitals.backlog), figure)
            )
        if vitals.open_alerts is not None:
            word = Text.assemble(("alerts ", FAINT), (write_count(vitals.open_alerts), figure))
            if vitals.open_alerts:
                word.append(self._glyphs.warn, f"bold {ORANGE}")
            parts["alerts"] = word
        return parts

    def _rewound(self, parts: dict[str, Text], at: datetime) -> dict[str, Text]:
        """Say of when all else is; the line to the gateway only where it is broken."""
        is_today = at.date() == datetime.now(UTC).date()
        when = f"{at:%H:%M}Z" if is_today else f"{at:%Y-%m-%d %H:%M}Z"
        connection = parts.pop("connection")
        parts["moment"] = Text(f" REWOUND {when} ", f"bold reverse {ORANGE}")
        if self.vitals.connection.phase is not Phase.LIVE:
            parts["connection"] = connection
        return parts

    def _connection(self, now: float) -> Text:
        vitals, glyphs = self.vitals, self._glyphs
        connection = vitals.connection
        age = None if vitals.heard_at is None else now - vitals.heard_at
        match connection.phase:
            case Phase.SIGNED_OUT:
                return Text(f"{glyphs.broken} SIGNED OUT", f"bold {VERMILION}")
            case Phase.CONNECTING:
                return Text(f"{glyphs.waiting} CONNECTING", f"bold {MUTED}")
            case Phase.RECONNECTING:
                wait = max(0.0, (connection.retry_at or now) - now)
                when = f"in {wait:.0f}s" if wait >= 0.5 else "now"
                word = f"{glyphs.broken} RECONNECTING {connection.attempt} {when}"
                return Text(word, f"bold {VERMILION}")
        if age is None or vitals.is_stale(now):
            return Text(f"{glyphs.waiting} STALE {write_age(age or 0.0)}", f"bold {ORANGE}")
        if self.is_paused:
            return Text(f"{glyphs.live} PAUSED {write_age(age)}", f"bold {ORANGE}")
        return Text(f"{glyphs.live} LIVE {write_age(age)}", f"bold {GREEN}")
