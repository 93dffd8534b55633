"""Past minutes: the pipeline of each minute, and the alerts that were decided since an instant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take each step."""
    op.create_table(
        "pipeline_minutes",
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("minute", name=op.f("pk_pipeline_minutes")),
    )
    op.create_index(
        "ix_alerts_resolved_at",
        "alerts",
        ["resolved_at"],
        postgresql_where=sa.text("resolved_at IS NOT NULL"),
    )
