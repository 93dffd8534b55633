"""One-time codes besides the password, and sign-ins that end when nobody uses them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take each step."""
    op.add_column("users", sa.Column("totp_secret_sealed", postgresql.BYTEA()))
    op.add_column("users", sa.Column("totp_since", sa.DateTime(timezone=True)))
    op.add_column(
        "users", sa.Column("totp_step", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_users_totp_whole"), "users", "totp_since IS NULL OR totp_secret_sealed IS NOT NULL"
    )
    op.create_table(
        "recovery_codes",
        sa.Column("code_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_recovery_codes_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_recovery_codes")),
    )
    op.create_index("ix_recovery_codes_user_id", "recovery_codes", ["user_id"])
    op.add_column(
        "sessions", sa.Column("idle_s", sa.Integer(), server_default="86400", nullable=False)
    )
