"""Revocations on their way to every gateway: announced on one stream, kept in memory by each.

In:   revocations that are durable in PostgreSQL.
Out:  a RevocationSet that says in well under a microsecond whether a token is void.
The stream carries the news within milliseconds; a gateway that heard nothing of it asks again or
refuses (`aether_api.access`). PostgreSQL remains the truth: the stream may be lost at any time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, cast

from aether_core.database.revocations import Revocation, RevocationKind

if TYPE_CHECKING:
    from aether_core.stream.publisher import Redis

STREAM_KEY: Final = "aether:revocations"
"""The stream that gateways follow; entries have the fields kind, subject, version, expires_at."""

logger = logging.getLogger(__name__)

_LENGTH_MAX: Final = 100_000
_READ_COUNT: Final = 1_000


class RevocationSet:
    """What is void at present; entries leave when their tokens have expired by themselves."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._versions: dict[str, tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._until) + len(self._versions)

    def add(self, revocation: Revocation) -> None:
        """Take in a revocation; one that is known already changes nothing."""
        if revocation.kind == "subject":
            version, until = self._versions.get(revocation.subject, (0, 0.0))
            self._versions[revocation.subject] = (
                max(version, revocation.version),
                max(until, revocation.expires_at),
            )
        else:
            # Ids of tokens and of sign-ins are random: one table holds both.
            self._until[revocation.subject] = revocation.expires_at

    def add_all(self, revocations: Iterable[Revocation]) -> None:
        """Take in several."""
        for revocation in revocations:
            self.add(revocation)

    def voids(self, token_id: str, session_id: str | None, subject: str, version: int) -> bool:
        """Whether a token with these claims was revoked."""
        if token_id in self._until or session_id in self._until:
            return True
        known = self._versions.get(subject)
        return known is not None and version < known[0]

    def forget_expired(self) -> None:
        """Drop what voids only tokens that have expired, with a minute to spare for clocks."""
        before = time.time() - 60
        self._until = {k: until for k, until in self._until.items() if until > before}
        self._versions = {k: v for k, v in self._versions.items() if v[1] > before}


async def announce_revocation(redis: Redis, revocation: Revocation) -> None:
    """Tell every gateway. Raises redis.RedisError or OSError: the revocation is durable anyway."""
    await redis.xadd(
        STREAM_KEY,
        {
            "kind": revocation.kind,
            "subject": revocation.subject,
            "version": str(revocation.version),
            "expires_at": repr(revocation.expires_at),
        },
        maxlen=_LENGTH_MAX,
        approximate=True,
    )


async def find_last_announcement(redis: Redis) -> bytes:
    """Return the place in the stream after which news will come."""
    newest = cast("list[Any]", await redis.xrevrange(STREAM_KEY, count=1))
    return bytes(newest[0][0]) if newest else b"0-0"


async def read_announcements(
    redis: Redis, after: bytes, *, wait_ms: int | None
) -> tuple[list[Revocation], bytes]:
    """Return what was announced after a place, and the place to go on from.

    wait_ms: how long to wait for a first one; None: not at all.
    """
    answer = await redis.xread({STREAM_KEY: after}, count=_READ_COUNT, block=wait_ms)
    if not answer:
        return [], after
    entries = cast("list[Any]", answer)[0][1]
    revocations = [_revocation(fields) for _, fields in entries]
    return [r for r in revocations if r is not None], bytes(entries[-1][0])


def _revocation(fields: list[bytes]) -> Revocation | None:
    """Read an entry; one of another form is left to those who look into PostgreSQL."""
    named = dict(zip(fields[::2], fields[1::2], strict=False))
    try:
        return Revocation(
            kind=cast("RevocationKind", named[b"kind"].decode()),
            subject=named[b"subject"].decode(),
            version=int(named[b"version"]),
            expires_at=float(named[b"expires_at"]),
        )
    except (KeyError, ValueError):
        logger.warning("An entry of %s has an unknown form and is skipped.", STREAM_KEY)
        return None
