"""The audit trail as people read it, and whether it is whole.

In:   entries as they are kept, in order.
Out:  views of them; a verdict that names the first link of the chain that is broken.
What a verdict cannot see is an end that was cut off, or a chain that was made anew from some entry
on: for that, keep a head elsewhere and hold the trail against it.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from aether_core.database.audit import NO_HASH, AuditEntry, hash_entry
from aether_core.errors import InvalidInput

_HEAD_FORM: Final = re.compile(r"([0-9]{1,18}):([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True)
class AuditView:
    """An entry for people; all texts are harmless, since they were made so when it was added."""

    id: int
    at: datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    action: str
    subject: str
    outcome: str
    address: str
    request_id: str
    details: dict[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry at some time: whoever knows it knows all entries up to it."""

    id: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.id}:{self.hash.hex()}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. head: of the whole part; None without entries."""

    entry_count: int
    head: Head | None
    broken_at: int | None = None
    """The sequence of the first entry that does not fit."""
    trouble: str | None = None
    """What does not fit there."""


def parse_head(text: str) -> Head:
    """Read a head that was kept, as it was printed. Raises InvalidInput."""
    found = _HEAD_FORM.fullmatch(text.strip())
    if found is None:
        raise InvalidInput("expect", "A head is a sequence, a colon and 64 hexadecimal digits.")
    return Head(int(found[1]), bytes.fromhex(found[2]))


async def verify_chain(entries: AsyncIterator[AuditEntry], expected: Head | None) -> Verdict:
    """Go over all entries, from the first; stop at the first that does not fit.

    expected: a head that was kept: the trail must contain it.
    """
    count, last = 0, Head(0, NO_HASH)
    async for entry in entries:
        trouble = _trouble_of(entry, last, expected)
        if trouble is not None:
            return Verdict(count, last if count else None, entry.id, trouble)
        count, last = count + 1, Head(entry.id, entry.hash)
    head = last if count else None
    if expected is not None and expected.id > last.id:
        trouble = f"the end is missing: entry {expected.id} was the last one once"
        return Verdict(count, head, last.id + 1, trouble)
    return Verdict(count, head)


def view_of_entry(entry: AuditEntry) -> AuditView:
    """Return an entry for people."""
    return AuditView(
        entry.id,
        entry.at,
        entry.actor_kind,
        entry.actor_id,
        entry.actor_name,
        entry.action,
        entry.subject,
        entry.outcome,
        entry.address,
        entry.request_id,
        _details_of(entry.details),
        entry.hash.hex(),
    )


def _trouble_of(entry: AuditEntry, last: Head, expected: Head | None) -> str | None:
    """Say what does not fit, all of it: each part tells something else."""
    found = []
    if entry.id != last.id + 1:
        is_one = entry.id == last.id + 2
        missing = f"{last.id + 1}" if is_one else f"{last.id + 1} to {entry.id - 1}"
        found.append(f"gap: {missing} {'is' if is_one else 'are'} missing before it")
    if entry.previous_hash != last.hash:
        found.append("previous hash: it does not follow the entry before it")
    if entry.hash != hash_entry(entry):
        found.append("hash: its content is not what was written")
    elif expected is not None and entry.id == expected.id and entry.hash != expected.hash:
        found.append("head: it is another entry than the one whose hash was kept")
    return "; ".join(found) or None


def _details_of(text: str) -> dict[str, Any]:
    try:
        details = json.loads(text)
    except ValueError:
        details = None
    # Somebody has written past us.
    return details if isinstance(details, dict) else {"unreadable": text}
