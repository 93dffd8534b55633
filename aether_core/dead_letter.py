"""Dead letters as operators see them: with their bytes in every form that helps to read them."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from uuid import UUID

import msgspec

from aether_core.database.dead_letters import KeptLetter
from aether_core.stream.contract import incarnation_field
from aether_core.transaction import TransactionView, decode_transaction, pending_view


class DeadLetterView(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted entry that could not be written; `payload` is base64."""

    id: UUID
    shard: int
    entry: str
    error: str
    payload: str
    created_at: datetime
    state: str
    replayed_at: datetime | None
    replayed_as: UUID | None
    replayed_by: str | None
    discarded_at: datetime | None
    discarded_by: str | None
    note: str | None


class OpenedDeadLetter(DeadLetterView, frozen=True, kw_only=True):
    """A dead letter with its bytes and, where they can be read, its fields."""

    incarnation: str
    payload_hex: str
    payload_text: str
    """ASCII; every other byte is escaped."""
    transaction: TransactionView | None


def view_of_letter(letter: KeptLetter) -> DeadLetterView:
    """Show a dead letter in a list."""
    return DeadLetterView(
        id=letter.id,
        shard=letter.shard,
        entry=str(letter.entry),
        error=letter.error,
        payload=b64encode(letter.payload).decode("ascii"),
        created_at=letter.created_at,
        state=letter.state,
        replayed_at=letter.replayed_at,
        replayed_as=letter.replayed_as,
        replayed_by=letter.replayed_by,
        discarded_at=letter.discarded_at,
        discarded_by=letter.discarded_by,
        note=letter.note,
    )


def open_letter(letter: KeptLetter) -> OpenedDeadLetter:
    """Show all that is known of a dead letter."""
    return OpenedDeadLetter(
        **msgspec.structs.asdict(view_of_letter(letter)),
        incarnation=incarnation_field(letter.incarnation),
        payload_hex=letter.payload.hex(" "),
        payload_text=repr(letter.payload)[2:-1],
        transaction=transaction_of_letter(letter),
    )


def transaction_of_letter(letter: KeptLetter) -> TransactionView | None:
    """Return what was accepted, as far as the bytes and their values can be shown."""
    try:
        return pending_view(letter.id, letter.entry.ms, decode_transaction(letter.payload))
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError):
        return None
