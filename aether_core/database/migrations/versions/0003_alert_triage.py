"""Alerts: versions, locks of analysts, assignees, and the history of what people did to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INSTANT = postgresql.TIMESTAMP(timezone=True)

_REFUSE_CHANGE = """
CREATE FUNCTION aether_refuse_alert_history_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'The history of alerts is append-only: % is refused.', TG_OP
    USING ERRCODE = 'insufficient_privilege';
END
$$
"""

# Retention gives up resolved alerts, and with them what was done to them.
_REFUSE_DELETE = """
CREATE FUNCTION aether_refuse_alert_history_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM alerts WHERE id = OLD.alert_id) THEN
    RAISE EXCEPTION 'The history of an alert stays as long as the alert.'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN OLD;
END
$$
"""

# What was resolved before there was a history: its one change is known from the alert.
_FILL = """
INSERT INTO alert_history (alert_id, version, at, actor, action, resolution, note)
SELECT id, 2, resolved_at, resolved_by, 'resolve', resolution, note
FROM alerts WHERE status = 'resolved'
"""


def upgrade() -> None:
    """Take each step."""
    _add_columns()
    _add_history()
    op.execute(_FILL)
    op.execute("UPDATE alerts SET version = 2 WHERE status = 'resolved'")


def _add_columns() -> None:
    op.add_column("alerts", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("alerts", sa.Column("taken_by", sa.Text()))
    op.add_column("alerts", sa.Column("taken_until", _INSTANT))
    op.add_column("alerts", sa.Column("assignee", sa.Text()))
    op.create_check_constraint(
        op.f("ck_alerts_taken_completely"),
        "alerts",
        "(taken_by IS NULL) = (taken_until IS NULL) AND (taken_by IS NULL OR status = 'open')",
    )
    newest_first: sa.ColumnClause[str] = sa.literal_column("id DESC")
    op.create_index("ix_alerts_account_id_id", "alerts", ["account_id", newest_first])
    op.create_index("ix_alerts_merchant_id", "alerts", ["merchant", newest_first])
    op.create_index(
        "ix_alerts_assignee_id",
        "alerts",
        ["assignee", newest_first],
        postgresql_where=sa.text("assignee IS NOT NULL"),
    )


def _add_history() -> None:
    op.create_table(
        "alert_history",
        sa.Column("alert_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", _INSTANT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("taken_until", _INSTANT, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "action IN ('take', 'release', 'assign', 'note', 'resolve', 'reopen')",
            name=op.f("ck_alert_history_action_known"),
        ),
        sa.PrimaryKeyConstraint("alert_id", "version", name=op.f("pk_alert_history")),
    )
    op.execute(_REFUSE_CHANGE)
    op.execute(_REFUSE_DELETE)
    op.execute(
        "CREATE TRIGGER alert_history_is_append_only BEFORE UPDATE OR TRUNCATE ON alert_history"
        " FOR EACH STATEMENT EXECUTE FUNCTION aether_refuse_alert_history_change()"
    )
    op.execute(
        "CREATE TRIGGER alert_history_stays BEFORE DELETE ON alert_history"
        " FOR EACH ROW EXECUTE FUNCTION aether_refuse_alert_history_delete()"
    )
