"""Makes the plots of docs/fraud.md from payments that are simulated: `python -m docs.make_plots`.

The payments, the half that is measured and the rivals are those of `python -m bench fraud`, seed 0.
Takes a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.fraud import Rivals, measure
from bench.ranking import Scored, calibration
from docs.charts import Curve, Point, draw_chart

IMAGES = Path(__file__).parent / "images"

# Points of a curve: more say nothing more, and are bytes.
_POINTS = 200


def main() -> None:
    """Measure, and write the plots."""
    rivals = measure()
    for name, text in make_plots(rivals).items():
        (IMAGES / name).write_text(text, encoding="utf-8")


def make_plots(rivals: Rivals) -> dict[str, str]:
    """Return each plot's file name and text."""
    everybody = (
        ("Aether, labels 7 days late", rivals.known),
        ("Aether, no labels", rivals.blind),
        ("z-score per account", rivals.own_z),
        ("z-score of all", rivals.common_z),
    )
    return {
        "fraud-precision.svg": draw_chart(
            "Of the frauds, how many; of what is flagged, how much is fraud",
            "recall",
            "precision",
            [Curve(name, precision_and_recall(scored)) for name, scored in everybody],
        ),
        "fraud-calibration.svg": draw_chart(
            "What a score says, and what came of it",
            "mean score",
            "share of fraud",
            [
                Curve("Aether, labels 7 days late", _calibration(rivals.known), has_marks=True),
                Curve("Aether, no labels", _calibration(rivals.blind), has_marks=True),
                Curve("calibrated", ((0.0, 0.0), (1.0, 1.0))),
            ],
        ),
        "fraud-cards.svg": draw_chart(
            "How many frauds are found by looking at so many payments",
            "share of payments looked at, the highest scores first (square root)",
            "recall",
            [Curve(name, found_by_effort(scored)) for name, scored in everybody],
        ),
    }


def precision_and_recall(scored: Sequence[Scored]) -> list[Point]:
    """Return (recall, precision) at each threshold, thinned."""
    return _thin([(recall, precision) for recall, precision, _ in _thresholds(scored)])


def found_by_effort(scored: Sequence[Scored]) -> list[Point]:
    """Return (square root of the share looked at, recall) at each threshold, thinned."""
    return _thin([(share**0.5, recall) for recall, _, share in _thresholds(scored)])


def _thresholds(scored: Sequence[Scored]) -> list[tuple[float, float, float]]:
    """Return recall, precision and share of payments for each score as threshold."""
    ordered = sorted(scored, key=lambda one: -one.score)
    frauds = sum(one.is_fraud for one in ordered)
    found = 0
    points = []
    for number, one in enumerate(ordered, 1):
        found += one.is_fraud
        if number == len(ordered) or ordered[number].score != one.score:
            points.append((found / frauds, found / number, number / len(ordered)))
    return points


def _thin(points: list[Point]) -> list[Point]:
    """Return the first point at or after each of so many steps along x, and the last."""
    kept: list[Point] = []
    for x, y in points:
        if not kept or x >= kept[-1][0] + 1 / _POINTS:
            kept.append((x, y))
    return [*kept, points[-1]]


def _calibration(scored: Sequence[Scored]) -> list[Point]:
    return [(mean, share) for _, _, _, mean, share in calibration(scored)]


if __name__ == "__main__":
    main()
