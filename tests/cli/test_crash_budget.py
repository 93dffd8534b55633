"""A process that crashes again and again starts more and more slowly, and says so."""

from __future__ import annotations

from pathlib import Path

from aether_cli.crash_budget import CrashBudget, pause_s
from aether_core.settings import Settings


def test_some_quick_starts_are_free_then_pauses_grow_to_a_bound() -> None:
    pauses = [pause_s(count) for count in range(40)]
    assert pauses[:8] == [0.0] * 8
    assert pauses[8:12] == [1.0, 2.0, 4.0, 8.0]
    assert pauses == sorted(pauses)
    assert max(pauses) == 30.0


def test_starts_are_counted_across_processes_and_forgiven(tmp_path: Path) -> None:
    slept: list[float] = []
    settings = Settings(home=tmp_path / "home")
    for _start in range(10):
        # Each start is a process of its own: nothing is kept in memory.
        CrashBudget(settings, "writer-1").pace(slept.append)
    assert slept == [1.0, 2.0]
    assert CrashBudget(settings, "writer-1").is_storm()
    assert not CrashBudget(settings, "writer-2").is_storm()
    CrashBudget(settings, "writer-1").forgive()
    assert not CrashBudget(settings, "writer-1").is_storm()
