"""Control entries: resolutions and suppressions at a place in the stream; evidence of rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take each step."""
    op.create_table(
        "control_orders",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("change", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_control_orders")),
    )
    op.create_table(
        "control_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["number"],
            ["control_orders.number"],
            name=op.f("fk_control_entries_number_control_orders"),
        ),
        sa.PrimaryKeyConstraint("shard", "id", name=op.f("pk_control_entries")),
    )
    op.add_column("transactions", sa.Column("evidence", sa.LargeBinary()))
