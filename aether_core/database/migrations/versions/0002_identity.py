"""Identity: audit trail, sign-ins of devices, where sessions are used, secrets that overlap."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take each step."""
    _add_audit()
    _add_devices()
    _add_uses_of_sessions()
    _add_older_secrets()


# --- the audit trail ---

# The key is LOCK_AUDIT of `connection.py`. The lock comes first and the last entry is read after
# it, by a statement of its own, so that it is the last one indeed. `hash_entry` in `audit.py` makes
# the same hash: change neither without a new name for the scheme.
_CHAIN = """
CREATE FUNCTION aether_chain_audit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  head record;
BEGIN
  PERFORM pg_advisory_xact_lock(4712300576840482823);
  SELECT id, hash INTO head FROM audit ORDER BY id DESC LIMIT 1;
  NEW.id = coalesce(head.id, 0) + 1;
  NEW.at = clock_timestamp();
  NEW.previous_hash = coalesce(head.hash, decode(repeat('00', 32), 'hex'));
  SELECT sha256(string_agg(int4send(octet_length(part)) || part, ''::bytea ORDER BY place))
  INTO NEW.hash
  FROM unnest(ARRAY[
    convert_to('aether audit 1', 'UTF8'),
    convert_to(NEW.id::text, 'UTF8'),
    convert_to((extract(epoch FROM NEW.at) * 1000000)::bigint::text, 'UTF8'),
    convert_to(NEW.actor_kind, 'UTF8'),
    convert_to(NEW.actor_id, 'UTF8'),
    convert_to(NEW.actor_name, 'UTF8'),
    convert_to(NEW.action, 'UTF8'),
    convert_to(NEW.subject, 'UTF8'),
    convert_to(NEW.outcome, 'UTF8'),
    convert_to(NEW.address, 'UTF8'),
    convert_to(NEW.request_id, 'UTF8'),
    convert_to(NEW.details, 'UTF8'),
    NEW.previous_hash
  ]) WITH ORDINALITY AS parts (part, place);
  RETURN NEW;
END
$$
"""

_REFUSE = """
CREATE FUNCTION aether_refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'The audit trail is append-only: % is refused.', TG_OP
    USING ERRCODE = 'insufficient_privilege';
END
$$
"""


def _add_audit() -> None:
    texts = [
        sa.Column(name, sa.Text(), nullable=False)
        for name in (
            "actor_kind", "actor_id", "actor_name", "action", "subject", "outcome", "address",
            "request_id", "details",
        )
    ]  # fmt: skip
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        *texts,
        sa.Column("previous_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("hash", postgresql.BYTEA(), nullable=False),
        sa.CheckConstraint(
            "actor_kind IN ('user', 'client', 'command', 'system', 'anonymous')",
            name=op.f("ck_audit_actor_kind_known"),
        ),
        sa.CheckConstraint("action ~ '^[a-z_]+\\.[a-z_]+$'", name=op.f("ck_audit_action_form")),
        sa.CheckConstraint(
            "outcome IN ('success', 'failure')", name=op.f("ck_audit_outcome_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    for column in ("action", "actor_id", "actor_name", "subject"):
        op.create_index(
            f"ix_audit_{column}_id", "audit", [column, sa.literal_column("id DESC")], unique=False
        )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    op.execute(_CHAIN)
    op.execute(_REFUSE)
    op.execute(
        "CREATE TRIGGER audit_is_chained BEFORE INSERT ON audit"
        " FOR EACH ROW EXECUTE FUNCTION aether_chain_audit()"
    )
    # For each statement: also one that matches no row, and TRUNCATE, is refused.
    op.execute(
        "CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
        " FOR EACH STATEMENT EXECUTE FUNCTION aether_refuse_audit_change()"
    )
    # In every session, whatever it takes its changes for.
    op.execute("ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_is_append_only")
    # Beside the trigger: our own role may add and read, and would have to give itself more first.
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON audit FROM CURRENT_USER, PUBLIC")


# --- sign-ins of devices (RFC 8628) ---


def _add_devices() -> None:
    op.add_column("sessions", sa.Column("scope", sa.Text(), nullable=True))
    instant = postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "device_authorizations",
        sa.Column("device_code_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("user_code", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("wanted_scope", sa.Text(), nullable=True),
        sa.Column("granted_scope", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("interval_s", sa.Integer(), nullable=False),
        sa.Column("created_at", instant, server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.Column("polled_at", instant, nullable=True),
        sa.Column("user_id", sa.UUID(), nullable=True),
        sa.Column("token_version", sa.Integer(), nullable=True),
        sa.Column("session_id", sa.UUID(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'approved', 'denied', 'used')",
            name=op.f("ck_device_authorizations_state_known"),
        ),
        sa.CheckConstraint(
            "(state = 'pending') = (user_id IS NULL)"
            " AND (state = 'pending') = (token_version IS NULL)",
            name=op.f("ck_device_authorizations_decided_by_somebody"),
        ),
        sa.CheckConstraint(
            "(state = 'used') = (session_id IS NOT NULL)",
            name=op.f("ck_device_authorizations_used_completely"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_device_authorizations_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("device_code_hash", name=op.f("pk_device_authorizations")),
        sa.UniqueConstraint("user_code", name=op.f("uq_device_authorizations_user_code")),
    )
    for column in ("expires_at", "user_id"):
        op.create_index(
            f"ix_device_authorizations_{column}", "device_authorizations", [column], unique=False
        )


# --- sessions and secrets ---


def _add_uses_of_sessions() -> None:
    instant = postgresql.TIMESTAMP(timezone=True)
    op.add_column("users", sa.Column("last_sign_in_at", instant))
    op.add_column(
        "sessions",
        sa.Column("last_used_at", instant, nullable=False, server_default=sa.text("now()")),
    )
    for name in ("address", "user_agent"):
        op.add_column("sessions", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_users_created_at_id", "users", ["created_at", "id"])
    op.create_index(
        "ix_users_email_prefix", "users", ["email"], postgresql_ops={"email": "text_pattern_ops"}
    )


def _add_older_secrets() -> None:
    instant = postgresql.TIMESTAMP(timezone=True)
    op.alter_column("clients", "secret_hash", nullable=True)
    op.add_column("clients", sa.Column("older_secret_hash", postgresql.BYTEA()))
    op.add_column("clients", sa.Column("older_secret_until", instant))
    op.add_column("clients", sa.Column("rotated_at", instant))
    op.create_check_constraint(
        op.f("ck_clients_older_secret_ends"),
        "clients",
        "(older_secret_hash IS NULL) = (older_secret_until IS NULL)",
    )
