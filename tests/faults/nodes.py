"""Nodes: the processes of a system, each behind two links of its own.

Unmodified processes; only their URLs name a link where the server's address would stand.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit, urlunsplit

from tests.faults.pgwire import PostgresConversation
from tests.faults.proxy import Address, Link
from tests.faults.resp import RespConversation
from tests.faults.stage import Stage
from tests.running import RunningProcess

_POSTGRES_SOCKET = ".s.PGSQL.5432"


@dataclass
class Node:
    """A process that may be killed, frozen and cut off."""

    process: RunningProcess
    to_valkey: Link
    to_postgres: Link
    port: int | None = None
    """Where a gateway listens."""
    is_frozen: bool = False
    is_wanted: bool = True
    """Whether it is to be started again when all is healed."""
    was_ended: bool = field(default=True)
    """Whether a test ended it, or it never ran: otherwise its end is a fault of its own."""

    @property
    def name(self) -> str:
        """Its name among the nodes, and of its log."""
        return self.process.name

    @property
    def links(self) -> tuple[Link, Link]:
        """Its ways to both servers."""
        return (self.to_valkey, self.to_postgres)

    def start(self) -> None:
        """Start it; it was ended before."""
        self.process.start()
        self.was_ended = False

    def kill(self) -> None:
        """End it as a crash would."""
        self.was_ended = True
        self.process.kill()
        self.is_frozen = False

    def stop(self, deadline_s: float = 30.0) -> int:
        """Ask it to end and return its exit status."""
        self.was_ended = True
        return self.process.stop(deadline_s)

    def freeze(self) -> None:
        """Stop it in time (SIGSTOP)."""
        self.is_frozen = True
        self.process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on (SIGCONT)."""
        self.is_frozen = False
        self.process.signal(signal.SIGCONT)


def links_of(
    stage: Stage, name: str, redis_url: str, database_url: str, directory: Path
) -> tuple[Link, Link]:
    """Make a node's links: to Valkey and to PostgreSQL."""
    valkey = Link(
        stage, f"{name} to valkey", _valkey_address(redis_url),
        directory / name / "valkey.sock", RespConversation,
    )  # fmt: skip
    postgres = Link(
        stage, f"{name} to postgres", _postgres_address(database_url),
        directory / name / _POSTGRES_SOCKET, PostgresConversation,
    )  # fmt: skip
    return valkey, postgres


def redis_url_through(url: str, link: Link) -> str:
    """Return the URL of the same Valkey by way of a link."""
    address = link.address
    password = urlsplit(url).password
    credentials = f":{password}@" if password else ""
    if isinstance(address, Path):
        return f"unix://{credentials}{quote(str(address))}"
    return f"redis://{credentials}{address[0]}:{address[1]}/0"


def database_url_through(url: str, link: Link) -> str:
    """Return the URL of the same database by way of a link."""
    parts = urlsplit(url)
    address = link.address
    credentials = parts.netloc.rpartition("@")[0]
    if isinstance(address, Path):
        query = f"host={quote(str(address.parent), safe='')}"
        return urlunsplit((parts.scheme, f"{credentials}@", parts.path, query, ""))
    netloc = f"{credentials}@{address[0]}:{address[1]}"
    return urlunsplit((parts.scheme, netloc, parts.path, "", ""))


def _valkey_address(url: str) -> Address:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return Path(unquote(parts.path))
    return (parts.hostname or "127.0.0.1", parts.port or 6379)


def _postgres_address(url: str) -> Address:
    parts = urlsplit(url)
    directory = parse_qs(parts.query).get("host")
    if directory:
        return Path(directory[0]) / _POSTGRES_SOCKET
    return (parts.hostname or "127.0.0.1", parts.port or 5432)
