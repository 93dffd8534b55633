"""Metrics: what this process counts, as Prometheus reads it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class RequestCounts:
    """Answers by status since the start of this process."""

    by_status: dict[int, int] = field(default_factory=dict)

    def add(self, status: int) -> None:
        """Count one answer."""
        self.by_status[status] = self.by_status.get(status, 0) + 1
