"""Labels: what became known of transactions that raised no alert, as by a chargeback."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take each step."""
    op.create_table(
        "labels",
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("labelled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("labelled_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("transaction_id", name=op.f("pk_labels")),
        sa.CheckConstraint(
            "resolution IN ('fraud', 'legitimate')", name=op.f("ck_labels_resolution_known")
        ),
    )
