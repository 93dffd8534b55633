"""Labels: what became known of a transaction that raised no alert, as by a chargeback.

In:   a transaction's id and whether it was fraud.
Out:  the label, with an order for every shard's stream in the same database transaction: scoring
      learns from it as from a resolution. Of what an alert holds, the alert's resolution is the
      label.
Labels change one after another, under the lock of the orders.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import replace

from aether_core.database.connection import Session
from aether_core.database.controls import add_orders, lock_orders
from aether_core.errors import LabelledByAlert, NotFound
from aether_core.scoring import Label
from aether_core.transaction import us_of_instant


class KeptLabel(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one transaction, since when and by whom."""

    transaction_id: UUID
    resolution: Literal["fraud", "legitimate"]
    note: str | None
    labelled_at: datetime
    labelled_by: str


class Labelled(NamedTuple):
    """The label as it is now, None without one; and whether that is another than before."""

    label: KeptLabel | None
    is_changed: bool


def audit_details(label: KeptLabel | None) -> dict[str, str | int | bool]:
    """Return what the audit trail keeps of a label that was given, or taken back."""
    return {"resolution": "none" if label is None else label.resolution}


async def label_transaction(
    connection: Session, identifier: UUID, resolution: str | None, *, note: str | None, by: str
) -> Labelled:
    """Label a transaction; None takes its label back. The same label again changes nothing.

    Raises NotFound for one that is not written, LabelledByAlert for one that an alert holds.
    """
    await lock_orders(connection)
    transaction = await connection.fetchrow(
        "SELECT account_id, merchant, occurred_at, evidence FROM transactions WHERE id = $1",
        identifier,
    )
    if transaction is None:
        raise NotFound("written transaction")
    alert_id = await connection.fetchval(
        "SELECT alert_id FROM alert_transactions WHERE transaction_id = $1", identifier
    )
    if alert_id is not None:
        raise LabelledByAlert(alert_id)
    before = await find_label(connection, identifier)
    if (before and before.resolution) == resolution:
        return Labelled(before, is_changed=False)

    def told(word: str) -> Label:
        account, merchant, occurred_at, evidence = transaction
        return label_of(account, merchant, occurred_at, evidence, word)

    orders = []
    if before is not None:
        orders.append(replace(told(before.resolution), is_withdrawn=True))
    if resolution is not None:
        orders.append(told(resolution))
    await add_orders(connection, orders)
    if resolution is None:
        await connection.execute("DELETE FROM labels WHERE transaction_id = $1", identifier)
    else:
        await connection.execute(
            "INSERT INTO labels (transaction_id, resolution, note, labelled_at, labelled_by)"
            " VALUES ($1, $2, $3, clock_timestamp(), $4) ON CONFLICT (transaction_id) DO UPDATE"
            " SET resolution = excluded.resolution, note = excluded.note,"
            " labelled_at = excluded.labelled_at, labelled_by = excluded.labelled_by",
            identifier,
            resolution,
            note,
            by,
        )
    return Labelled(await find_label(connection, identifier), is_changed=True)


async def find_label(connection: Session, identifier: UUID) -> KeptLabel | None:
    """Return a transaction's own label."""
    row = await connection.fetchrow("SELECT * FROM labels WHERE transaction_id = $1", identifier)
    if row is None:
        return None
    return KeptLabel(**{**dict(row), "transaction_id": UUID(int=row["transaction_id"].int)})


async def delete_labels(connection: Session, before: UUID) -> None:
    """Give up the labels of transactions before an id. What they have taught stays learnt."""
    await connection.execute("DELETE FROM labels WHERE transaction_id < $1", before)


def label_of(
    account_id: str, merchant: str, occurred_at: datetime, evidence: bytes | None, resolution: str
) -> Label:
    """Return what scoring learns of one transaction."""
    return Label(
        account_id=account_id,
        merchant=merchant,
        occurred_at_ms=us_of_instant(occurred_at) // 1000,
        is_fraud=resolution == "fraud",
        evidence=evidence,
    )
