"""Results: what was measured, held against what was wanted; a table and a file."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS_PATH = Path(__file__).parent / "results.json"


@dataclass(frozen=True, slots=True)
class Result:
    """One figure.

    reference: what it is compared with, measured in the same run; None for a plain figure.
    ratio: value / reference. target: the bound that the figure (or the ratio, where there is a
    reference) must keep, as text such as ">= 0.4".
    """

    name: str
    value: float
    unit: str
    target: str
    holds: bool
    reference: float | None = None
    ratio: float | None = None


def at_least(
    name: str, value: float, unit: str, bound: float, reference: float | None = None
) -> Result:
    """Return a figure that should be large."""
    return _result(name, value, unit, bound, reference, is_large=True)


def at_most(
    name: str, value: float, unit: str, bound: float, reference: float | None = None
) -> Result:
    """Return a figure that should be small."""
    return _result(name, value, unit, bound, reference, is_large=False)


def machine() -> dict[str, str | int]:
    """Describe the machine and the commit, so that figures can be told apart."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "cores": os.cpu_count() or 0,
        "processor": model,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average": f"{os.getloadavg()[0]:.2f}",
    }


def show(results: list[Result]) -> None:
    """Print a readable table."""
    table = Table("what", "value", "unit", "reference", "ratio", "target", "holds")
    for result in results:
        table.add_row(
            result.name,
            _number(result.value),
            result.unit,
            "" if result.reference is None else _number(result.reference),
            "" if result.ratio is None else f"{result.ratio:.2f}",
            result.target,
            "yes" if result.holds else "NO",
        )
    console = Console()
    console.print(table)
    console.print(", ".join(f"{key} {value}" for key, value in machine().items()))


def save(results: list[Result]) -> None:
    """Write results.json; figures of other names that were measured before are kept."""
    old: list[dict[str, object]] = []
    if RESULTS_PATH.exists():
        old = json.loads(RESULTS_PATH.read_text())
    names = {result.name for result in results}
    described = [asdict(result) | {"machine": machine()} for result in results]
    kept = [one for one in old if one["name"] not in names]
    RESULTS_PATH.write_text(json.dumps(kept + described, indent=1) + "\n")


def _result(
    name: str, value: float, unit: str, bound: float, reference: float | None, *, is_large: bool
) -> Result:
    ratio = None if reference is None else value / reference
    judged = value if ratio is None else ratio
    return Result(
        name=name,
        value=value,
        unit=unit,
        target=f"{'>=' if is_large else '<='} {bound:g}{'' if ratio is None else ' x'}",
        holds=judged >= bound if is_large else judged <= bound,
        reference=reference,
        ratio=ratio,
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
