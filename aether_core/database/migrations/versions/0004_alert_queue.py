"""The queue of alerts: expected losses, and what amounts of each currency are like."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_FILL_TOTALS = """
INSERT INTO currency_totals (shard, currency, transaction_count, log_amount_sum)
SELECT shard, currency, sum(transaction_count), sum(log_amount_sum)
FROM load_buckets GROUP BY shard, currency
"""

# As `copy_alerts` does for each new one.
_FILL_LOSSES = """
UPDATE alerts SET expected_loss = score * amount_minor_units / coalesce(
  (SELECT exp(sum(log_amount_sum) / sum(transaction_count)) FROM currency_totals AS t
   WHERE t.currency = alerts.currency), amount_minor_units)
"""


def upgrade() -> None:
    """Take each step."""
    op.create_table(
        "currency_totals",
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("transaction_count", sa.BigInteger(), nullable=False),
        sa.Column("log_amount_sum", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("shard", "currency", name=op.f("pk_currency_totals")),
    )
    op.execute(_FILL_TOTALS)
    op.add_column("alerts", sa.Column("expected_loss", sa.Double()))
    op.execute(_FILL_LOSSES)
    op.alter_column("alerts", "expected_loss", nullable=False)
    losses_first: list[sa.ColumnClause[str]] = [
        sa.literal_column("expected_loss DESC"),
        sa.literal_column("id DESC"),
    ]
    op.create_index(
        "ix_alerts_queue", "alerts", losses_first, postgresql_where=sa.text("status = 'open'")
    )
    op.create_index(
        "ix_alerts_taken_until",
        "alerts",
        ["taken_until"],
        postgresql_where=sa.text("taken_until IS NOT NULL"),
    )
