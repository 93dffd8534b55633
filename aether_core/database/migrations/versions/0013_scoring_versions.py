"""Scoring versions: thresholds and weights under a number, which is live when, what shadows say."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take each step."""
    op.create_table(
        "scoring_versions",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("review_min", sa.Double(), nullable=False),
        sa.Column("decline_min", sa.Double(), nullable=False),
        sa.Column("emphasis", postgresql.JSONB(), nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_scoring_versions")),
    )
    op.create_table(
        "scoring_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger()),
        sa.Column("began_order", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("began_by", sa.Text(), nullable=False),
        sa.Column("previous", sa.BigInteger()),
        sa.Column("ended_order", sa.BigInteger()),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("ended_by", sa.Text()),
        sa.ForeignKeyConstraint(
            ["number"],
            ["scoring_versions.number"],
            name=op.f("fk_scoring_runs_number_scoring_versions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scoring_runs")),
    )
    op.create_index(
        "ix_scoring_runs_present",
        "scoring_runs",
        ["role"],
        postgresql_where=sa.text("ended_at IS NULL"),
        unique=True,
    )
    op.create_table(
        "shadow_counts",
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("live", sa.Text(), nullable=False),
        sa.Column("shadow", sa.Text(), nullable=False),
        sa.Column("transaction_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run", "shard", "live", "shadow", name=op.f("pk_shadow_counts")),
    )
    op.create_table(
        "shadow_differences",
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.Column("live", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run", "transaction_id", name=op.f("pk_shadow_differences")),
    )
