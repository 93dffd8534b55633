"""About: the few lines by which a dialog names what an act would be about."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from rich.text import Text

from aether_tui.filtering import read_decimal
from aether_tui.theme import BRIGHT, FAINT, MUTED, Glyphs
from aether_tui.values import Alert
from aether_tui.wording import join_lines, write_decision, write_score

_NAMED_MAX = 5


def about_alert(alert: Alert, glyphs: Glyphs) -> Text:
    """Name one alert."""
    return Text.assemble(
        (f"{alert.amount} {alert.currency}", f"bold {BRIGHT}"),
        ("  at  ", FAINT),
        alert.merchant,
        "\n",
        ("account ", FAINT),
        alert.account_id,
        ("   score ", FAINT),
        f"{write_score(alert.score)} ",
        write_decision(alert.decision, glyphs),
    )


def about_alerts(alerts: Sequence[Alert], glyphs: Glyphs) -> Text:
    """Name the first of several alerts, and what all of them come to in each currency."""
    lines = [
        Text.assemble((f"{a.amount} {a.currency}", BRIGHT), ("  at  ", FAINT), a.merchant)
        for a in alerts[:_NAMED_MAX]
    ]
    if len(alerts) > _NAMED_MAX:
        lines.append(Text(f"{glyphs.ellipsis} and {len(alerts) - _NAMED_MAX} more", MUTED))
    sums: dict[str, Decimal] = {}
    for alert in alerts:
        sums[alert.currency] = sums.get(alert.currency, Decimal(0)) + (
            read_decimal(alert.amount) or Decimal(0)
        )
    together = ", ".join(f"{total} {currency}" for currency, total in sorted(sums.items()))
    lines.append(Text.assemble(("together ", FAINT), (together, f"bold {BRIGHT}")))
    return join_lines(lines)
