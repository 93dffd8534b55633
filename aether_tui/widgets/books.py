"""Books: the identity of the pipeline in words, and how fast it commits."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from aether_tui.theme import BRIGHT, FAINT, GREEN, MUTED, ORANGE, VERMILION, Glyphs
from aether_tui.values import Pipeline
from aether_tui.wording import draw_curve, write_age, write_count, write_rate

_CURVE_WIDTH_MAX = 40


def describe_books(
    pipeline: Pipeline, rates: Sequence[float], width: int, glyphs: Glyphs
) -> list[Text]:
    """Write accepted = committed + dead letters + backlog, the verdict, and the rate."""
    return [_sum(pipeline), *_verdict(pipeline, glyphs), _rate(pipeline, rates, width, glyphs)]


def _sum(pipeline: Pipeline) -> Text:
    identity = pipeline.identity
    letters = f"bold {ORANGE if identity.dead_letters else BRIGHT}"
    return Text.assemble(
        ("accepted ", FAINT),
        (write_count(identity.entries_added), f"bold {BRIGHT}"),
        ("  =  committed ", FAINT),
        (write_count(identity.committed), f"bold {BRIGHT}"),
        ("  +  dead letters ", FAINT),
        (write_count(identity.dead_letters), letters),
        ("  +  backlog ", FAINT),
        (write_count(identity.backlog), f"bold {BRIGHT}"),
    )


def _verdict(pipeline: Pipeline, glyphs: Glyphs) -> list[Text]:
    """Known losses are named beneath; a difference beyond them is nobody's yet."""
    lost = sum(shard.lost for shard in pipeline.shards)
    unexplained = pipeline.identity.difference - lost
    lines = []
    if lost:
        lines.append(
            Text(f"{glyphs.bad} {write_count(lost)} LOST, named below", f"bold {VERMILION}")
        )
    if unexplained or (not pipeline.identity.holds and not lost):
        lines.append(
            Text(
                f"{glyphs.bad} DIFFERENCE {unexplained:+,}: entries are missing or counted twice."
                " Stop the writers and call whoever keeps the stream.",
                f"bold {VERMILION}",
            )
        )
    if not lines:
        lines.append(Text(f"{glyphs.good} every accepted transaction is accounted for", GREEN))
    return lines


def _rate(pipeline: Pipeline, rates: Sequence[float], width: int, glyphs: Glyphs) -> Text:
    oldest_s = max((s.oldest_seconds or 0.0 for s in pipeline.shards), default=0.0)
    line = Text.assemble(
        ("committed ", FAINT),
        (write_rate(pipeline.committed_per_second), BRIGHT),
        ("   oldest waits ", FAINT),
        (write_age(oldest_s) if pipeline.identity.backlog else "-", BRIGHT),
        "   ",
    )
    room = width - line.cell_len - len(" last 10 min")
    if len(rates) > 1 and room > 10:
        line.append(draw_curve(rates, min(_CURVE_WIDTH_MAX, room), glyphs), MUTED)
        line.append(f" last {write_age(float(len(rates)))}", FAINT)
    return line
