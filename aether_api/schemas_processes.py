"""Bodies of the answers about processes."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from aether_api.schemas import _Answer


class Process(_Answer):
    """One process with everything that it started."""

    name: str = Field(examples=["writer:writer-1"])
    group: str = Field(examples=["writer"])
    state: str = Field(
        examples=["RUNNING"], description="As supervisord has it; FINISHED: it did its one task."
    )
    pid: int | None
    uptime_seconds: float
    restarts: int = Field(description="Since supervisord began, as far as its log tells.")
    cpu_seconds: float = Field(description="Processor time since it began.")
    memory_bytes: int = Field(description="Proportional set size: what is shared counts in parts.")
    can_restart: bool


class Processes(_Answer):
    """The processes of one machine."""

    host: str
    is_supervised: bool
    at: datetime
    processes: list[Process]


class LogTail(_Answer):
    """The last lines of a log, oldest first."""

    name: str
    lines: list[str]
