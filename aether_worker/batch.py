"""Batch: what one database transaction of the writer holds.

In:   entries of owned shards after their positions, in order.
Out:  rows, alerts, dead letters, load and the step of each position, ready to be written. The
      shards' scoring states have learnt the entries; whoever cannot commit the batch reloads them.
Does no I/O. An entry that cannot be a transaction becomes a dead letter here; one that only
PostgreSQL refuses is found by `poison`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from math import log
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import msgspec
from asyncpg.pgproto.pgproto import UUID as RowUUID  # noqa: N811 - it is no constant

from aether_core.alert import AlertView
from aether_core.control import Control, apply_control, decode_entry
from aether_core.database.batches import BatchTimes
from aether_core.database.dead_letters import DeadLetter
from aether_core.database.incidents import Flagged
from aether_core.database.positions import Advance
from aether_core.database.shadows import ShadowNotes
from aether_core.database.snapshots import Snapshot
from aether_core.database.transactions import LoadBucket
from aether_core.money import EXPONENTS, MINOR_UNITS_MAX
from aether_core.scoring import Assessment, Thresholds, score_transaction
from aether_core.stream.contract import Entry, incarnation_field
from aether_core.transaction import (
    Transaction,
    instant_of_ms,
    instant_of_us,
    transaction_id_bytes,
)
from aether_worker.shards import OwnedShard

# Year 1 to 9999, what both Python and PostgreSQL can say.
_OCCURRED_AT_US_MIN = -62_135_596_800_000_000
_OCCURRED_AT_US_MAX = 253_402_300_799_999_999
_MINUTE_MS = 60_000

_PART = 200
"""Entries that are prepared at a stretch: some four milliseconds."""


class Scored(msgspec.Struct, frozen=True, gc=False):
    """One transaction with its id, acceptance (ms since 1970) and assessment."""

    id: UUID
    ms: int
    transaction: Transaction
    assessment: Assessment


@dataclass(slots=True)
class Batch:
    """Everything that is committed together; shards stand in ascending order."""

    owned: list[OwnedShard] = field(default_factory=list)
    entries: dict[int, list[Entry]] = field(default_factory=dict)
    """Shard → its next entries in order, none of them empty."""
    advances: list[Advance] = field(default_factory=list)
    scored: list[Scored] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    flagged: list[Flagged] = field(default_factory=list)
    control_rows: list[tuple[Any, ...]] = field(default_factory=list)
    shadow: ShadowNotes = field(default_factory=ShadowNotes)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    load: list[LoadBucket] = field(default_factory=list)
    snapshots: dict[int, Snapshot] = field(default_factory=dict)
    times: BatchTimes | None = None
    alerts: list[AlertView] = field(default_factory=list)
    """Those that the flagged transactions raised or joined; known when they are written."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is already known of entries by their ids: written before, or impossible to write."""

    written: frozenset[UUID] = frozenset()
    poison: Mapping[UUID, str] = field(default_factory=dict)


class _Minute:
    """One minute's load of one shard and currency, while it is added up."""

    __slots__ = ("amount", "count", "decline_count", "log_sum", "review_count")

    def __init__(self) -> None:
        self.count = self.review_count = self.decline_count = self.amount = 0
        self.log_sum = 0.0


def entry_uuid(entry: Entry, shard: int, incarnation: int) -> UUID:
    """Return the id of an entry; of its own incarnation where it names one."""
    try:
        # asyncpg's own UUID: equal to Python's, and made in a fifth of the time.
        # One that was put there by hand counts to the stream that it was found in.
        named = _incarnation_of(entry.field)
        of_entry = incarnation if named is None else named
        return RowUUID(transaction_id_bytes(*entry.id, shard, of_entry))
    except (OverflowError, ValueError):
        return uuid5(NAMESPACE_OID, f"aether:{shard}:{entry.id}:{incarnation}")


def foreign_ids(owned: OwnedShard, entries: list[Entry]) -> list[UUID]:
    """Return the ids of entries that another incarnation accepted: they may be written already."""
    field_name = incarnation_field(owned.incarnation).encode()
    return [
        entry_uuid(entry, owned.shard, owned.incarnation)
        for entry in entries
        if entry.field != field_name
    ]


def prepare(
    batch: Batch,
    owned: Mapping[int, OwnedShard],
    thresholds: Thresholds,
    verdicts: Verdicts,
    snapshot_entries: int,
) -> Iterator[None]:
    """Score the entries of a batch and lay out their rows, pausing every few milliseconds.

    What has been prepared is of no use until the last part is.
    """
    for shard in sorted(batch.entries):
        yield from _prepare_shard(batch, owned[shard], batch.entries[shard], thresholds, verdicts)
        if owned[shard].unsaved_count >= snapshot_entries:
            snapshot = owned[shard].snapshot()
            if snapshot is not None:
                batch.snapshots[shard] = snapshot


def _prepare_shard(
    batch: Batch,
    owned: OwnedShard,
    entries: list[Entry],
    thresholds: Thresholds,
    verdicts: Verdicts,
) -> Iterator[None]:
    shard = owned.shard
    minutes: dict[tuple[int, str], _Minute] = {}
    dead_before, rows_before, flagged_before = (
        len(batch.dead_letters),
        len(batch.rows),
        len(batch.flagged),
    )
    repeated = 0
    for place, entry in enumerate(entries, start=1):
        if place % _PART == 0:
            yield
        identifier = entry_uuid(entry, shard, owned.incarnation)
        if identifier in verdicts.written:
            repeated += 1
            continue
        transaction = _content_of(entry, verdicts.poison.get(identifier))
        if isinstance(transaction, Control):
            # It is no transaction: for the books it counts as an entry that left no row.
            repeated += 1
            if apply_control(owned.state, transaction):
                owned.last_scored = identifier
                batch.control_rows.append((identifier, shard, transaction.order))
            continue
        if isinstance(transaction, str):
            batch.dead_letters.append(
                DeadLetter(
                    identifier, shard, owned.incarnation, entry.id, entry.payload, transaction
                )
            )
            continue
        assessment = score_transaction(
            owned.state,
            thresholds,
            account_id=transaction.account_id,
            merchant=transaction.merchant,
            currency=transaction.currency,
            minor_units=transaction.minor_units,
            exponent=EXPONENTS[transaction.currency],
            occurred_at_ms=transaction.occurred_at_us // 1000,
            location=transaction.location,
        )
        owned.last_scored = identifier
        _lay_out(batch, shard, Scored(identifier, entry.id.ms, transaction, assessment), minutes)
    row_count = len(batch.rows) - rows_before
    owned.unsaved_count += row_count
    batch.owned.append(owned)
    batch.advances.append(
        Advance(
            shard=shard,
            incarnation=owned.incarnation,
            expected=owned.prepared,
            reached=entries[-1].id,
            committed_count=row_count,
            flagged_count=len(batch.flagged) - flagged_before,
            dead_letter_count=len(batch.dead_letters) - dead_before,
            repeated_count=repeated,
        )
    )
    batch.load += [
        LoadBucket(
            minute=instant_of_ms(minute_ms),
            shard=shard,
            currency=currency,
            transaction_count=minute.count,
            review_count=minute.review_count,
            decline_count=minute.decline_count,
            amount_minor_units=minute.amount,
            log_amount_sum=minute.log_sum,
        )
        for (minute_ms, currency), minute in minutes.items()
    ]
    owned.prepared = entries[-1].id


@lru_cache(maxsize=64)
def _incarnation_of(field: bytes) -> int | None:
    """Return the incarnation that an entry's field names; None when it names none."""
    try:
        return int(field, 16)
    except ValueError:
        return None


def _content_of(entry: Entry, known_error: str | None) -> Transaction | Control | str:
    """Return what the entry holds, or why it cannot be written."""
    if known_error is not None:
        return known_error
    if _incarnation_of(entry.field) is None:
        return "the entry does not name its stream's incarnation"
    try:
        transaction = decode_entry(entry.payload)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return f"not a transaction of a known version: {error}"
    if isinstance(transaction, Control):
        return transaction
    if not 0 < transaction.minor_units <= MINOR_UNITS_MAX:
        return "the amount is out of range"
    if transaction.currency not in EXPONENTS:
        return "the currency is unknown"
    if not _OCCURRED_AT_US_MIN <= transaction.occurred_at_us <= _OCCURRED_AT_US_MAX:
        return "occurred_at is out of range"
    return transaction


def _lay_out(
    batch: Batch, shard: int, scored: Scored, minutes: dict[tuple[int, str], _Minute]
) -> None:
    transaction, assessment = scored.transaction, scored.assessment
    decision = assessment.decision
    occurred_at: datetime = instant_of_us(transaction.occurred_at_us)
    created_at = instant_of_ms(scored.ms)
    batch.scored.append(scored)
    if assessment.shadow is not None:
        batch.shadow.add(scored.id, shard, decision, assessment.shadow)
    # In the order of transactions.ROW_COLUMNS.
    batch.rows.append(
        (
            scored.id,
            shard,
            transaction.user_id,
            transaction.account_id,
            transaction.minor_units,
            transaction.currency,
            transaction.merchant,
            transaction.location,
            transaction.kind,
            transaction.description,
            transaction.metadata,
            occurred_at,
            created_at,
            assessment.score,
            decision,
            assessment.reasons or None,
            transaction.idempotency_digest,
            transaction.body_digest,
            assessment.evidence,
        )
    )
    minute_ms = scored.ms - scored.ms % _MINUTE_MS
    minute = minutes.get((minute_ms, transaction.currency))
    if minute is None:
        minute = minutes[minute_ms, transaction.currency] = _Minute()
    minute.count += 1
    minute.amount += transaction.minor_units
    minute.log_sum += log(transaction.minor_units)
    if decision == "approve":
        return
    minute.review_count += decision == "review"
    minute.decline_count += decision == "decline"
    batch.flagged.append(
        Flagged(
            scored.id,
            shard,
            transaction.account_id,
            transaction.merchant,
            transaction.minor_units,
            transaction.currency,
            assessment.score,
            decision,
            assessment.reasons,
            occurred_at,
            created_at,
        )
    )
