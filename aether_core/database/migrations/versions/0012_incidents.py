"""Incidents: an alert has all the flagged transactions of one burst, not the first alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take each step."""
    op.create_table(
        "alert_transactions",
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_id"],
            ["alerts.id"],
            name=op.f("fk_alert_transactions_alert_id_alerts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("transaction_id", name=op.f("pk_alert_transactions")),
    )
    op.create_index(
        "ix_alert_transactions_alert_id", "alert_transactions", ["alert_id", "transaction_id"]
    )
    op.execute(
        "INSERT INTO alert_transactions (transaction_id, alert_id)"
        " SELECT transaction_id, id FROM alerts"
    )
    op.add_column(
        "alerts", sa.Column("transaction_count", sa.Integer(), server_default="1", nullable=False)
    )
    op.add_column("alerts", sa.Column("total_minor_units", sa.BigInteger()))
    op.add_column("alerts", sa.Column("last_occurred_at", sa.DateTime(timezone=True)))
    op.execute(
        "UPDATE alerts SET total_minor_units = amount_minor_units, last_occurred_at = occurred_at"
    )
    op.alter_column("alerts", "total_minor_units", nullable=False)
    op.alter_column("alerts", "last_occurred_at", nullable=False)
