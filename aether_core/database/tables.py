"""Every table, key and index of Aether, once.

The migrations arrive here (a test proves it); the statements in this package are written against
it. Conventions: money is whole minor units beside its currency, instants are `timestamptz` in UTC,
the ids of transactions are UUIDv7 made from the place in the stream, so that the primary key is in
the order of time and a second write of an entry is impossible.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, TIMESTAMP, UUID

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_INSTANT = TIMESTAMP(timezone=True)
_NOW = sa.text("now()")


def _currency() -> sa.Column[str]:
    return sa.Column("currency", sa.Text, nullable=False)


def _batch_columns(*, nullable: bool) -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("entry_count", sa.Integer, nullable=nullable),
        sa.Column("read_at", _INSTANT, nullable=nullable),
        sa.Column("scored_at", _INSTANT, nullable=nullable),
        sa.Column("committed_at", _INSTANT, nullable=nullable),
        # Unknown of a batch whose writer died before it could say so.
        sa.Column("published_at", _INSTANT),
    )


transactions = sa.Table(
    "transactions",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("shard", sa.SmallInteger, nullable=False),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("account_id", sa.Text, nullable=False),
    sa.Column("amount_minor_units", sa.BigInteger, nullable=False),
    _currency(),
    sa.Column("merchant", sa.Text, nullable=False),
    sa.Column("location", sa.Text),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("metadata", JSONB),
    sa.Column("occurred_at", _INSTANT, nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("score", sa.Double, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("reasons", JSONB),
    # What a new incarnation of the stream needs to recognise a repeated request.
    sa.Column("idempotency_digest", BYTEA),
    sa.Column("body_digest", BYTEA),
    # What the detectors found, packed, for the day of its label; not of ordinary transactions.
    sa.Column("evidence", BYTEA),
    sa.CheckConstraint("amount_minor_units > 0", name="amount_positive"),
    sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_code"),
    sa.CheckConstraint("decision IN ('approve', 'review', 'decline')", name="decision_known"),
    # An account's history, newest first.
    sa.Index("ix_transactions_account_id_id", "account_id", sa.text("id DESC")),
    # The few that were flagged, for analysts; keeps their list flat in the size of the table.
    sa.Index(
        "ix_transactions_flagged_id",
        sa.text("id DESC"),
        postgresql_where=sa.text("decision <> 'approve'"),
    ),
    # One partition a month of acceptance (`partitions.py`).
    postgresql_partition_by="RANGE (id)",
)

alerts = sa.Table(
    "alerts",
    metadata,
    # The id of the transaction that raised it: a second alert for it is impossible.
    sa.Column("id", UUID, primary_key=True),
    sa.Column("transaction_id", UUID, nullable=False),
    sa.Column("shard", sa.SmallInteger, nullable=False),
    sa.Column("account_id", sa.Text, nullable=False),
    sa.Column("merchant", sa.Text, nullable=False),
    sa.Column("amount_minor_units", sa.BigInteger, nullable=False),
    _currency(),
    sa.Column("score", sa.Double, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("reasons", JSONB, nullable=False),
    sa.Column("occurred_at", _INSTANT, nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("status", sa.Text, nullable=False, server_default="open"),
    sa.Column("resolution", sa.Text),
    sa.Column("resolved_by", sa.Text),
    sa.Column("resolved_at", _INSTANT),
    sa.Column("note", sa.Text),
    # One more with each change that somebody makes: `alert_history` has them.
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    # Somebody's lock. When its time is over nobody needs to take it away.
    sa.Column("taken_by", sa.Text),
    sa.Column("taken_until", _INSTANT),
    sa.Column("assignee", sa.Text),
    # Score times amount, in typical amounts of the currency: the order of the queue.
    sa.Column("expected_loss", sa.Double, nullable=False),
    # The first, which has the alert's id, and those that joined it: `alert_transactions` has them.
    sa.Column("transaction_count", sa.Integer, nullable=False, server_default="1"),
    sa.Column("total_minor_units", sa.BigInteger, nullable=False),
    sa.Column("last_occurred_at", _INSTANT, nullable=False),
    sa.CheckConstraint("status IN ('open', 'resolved')", name="status_known"),
    sa.CheckConstraint(
        "(status = 'resolved') = (resolution IS NOT NULL AND resolved_by IS NOT NULL"
        " AND resolved_at IS NOT NULL)",
        name="resolved_completely",
    ),
    sa.CheckConstraint("resolution IN ('fraud', 'legitimate')", name="resolution_known"),
    sa.CheckConstraint(
        "(taken_by IS NULL) = (taken_until IS NULL) AND (taken_by IS NULL OR status = 'open')",
        name="taken_completely",
    ),
    sa.Index("ix_alerts_status_id", "status", sa.text("id DESC")),
    # The lists of one account, of one merchant and of one analyst, newest first.
    sa.Index("ix_alerts_account_id_id", "account_id", sa.text("id DESC")),
    sa.Index("ix_alerts_merchant_id", "merchant", sa.text("id DESC")),
    sa.Index(
        "ix_alerts_assignee_id",
        "assignee",
        sa.text("id DESC"),
        postgresql_where=sa.text("assignee IS NOT NULL"),
    ),
    # What was decided since an instant: the queue as it was then.
    sa.Index(
        "ix_alerts_resolved_at",
        "resolved_at",
        postgresql_where=sa.text("resolved_at IS NOT NULL"),
    ),
    # What is taken: a few among all.
    sa.Index(
        "ix_alerts_taken_until",
        "taken_until",
        postgresql_where=sa.text("taken_until IS NOT NULL"),
    ),
    # The queue, largest expected loss first.
    sa.Index(
        "ix_alerts_queue",
        sa.text("expected_loss DESC"),
        sa.text("id DESC"),
        postgresql_where=sa.text("status = 'open'"),
    ),
)

# Every flagged transaction belongs to one alert.
alert_transactions = sa.Table(
    "alert_transactions",
    metadata,
    sa.Column("transaction_id", UUID, primary_key=True),
    sa.Column("alert_id", UUID, sa.ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False),
    sa.Index("ix_alert_transactions_alert_id", "alert_id", "transaction_id"),
)

# What people did to alerts. Triggers refuse every change, and deleting while there is the alert.
alert_history = sa.Table(
    "alert_history",
    metadata,
    sa.Column("alert_id", UUID, primary_key=True),
    # The alert's version after the change: two cannot make the same one.
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", _INSTANT, nullable=False, server_default=sa.text("clock_timestamp()")),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("resolution", sa.Text),
    sa.Column("assignee", sa.Text),
    sa.Column("taken_until", _INSTANT),
    sa.Column("note", sa.Text),
    sa.CheckConstraint(
        "action IN ('take', 'release', 'assign', 'note', 'resolve', 'reopen')",
        name="action_known",
    ),
)

positions = sa.Table(
    "positions",
    metadata,
    sa.Column("shard", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("incarnation", sa.BigInteger, nullable=False),
    # The last entry that is committed, as the stream numbers it: milliseconds and sequence.
    sa.Column("entry_ms", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("entry_sequence", sa.BigInteger, nullable=False, server_default="0"),
    # Where the last batch began: the next owner publishes that batch's alerts once more.
    sa.Column("previous_ms", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("previous_sequence", sa.BigInteger, nullable=False, server_default="0"),
    # Entries that the stream had counted before this incarnation began, and those found in it that
    # an earlier one has written.
    sa.Column("base_count", sa.BigInteger, nullable=False, server_default="0"),
    # Counts of this incarnation: entries ever added = committed + dead letters + backlog.
    sa.Column("committed_count", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("flagged_count", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("dead_letter_count", sa.BigInteger, nullable=False, server_default="0"),
    # Entries of it that somebody removed before they were written, and that nobody has
    # acknowledged yet: `lost_ranges` names them.
    sa.Column("lost_count", sa.BigInteger, nullable=False, server_default="0"),
    # What the last look at the stream found: how far was committed, how many entries had been
    # added, the last id. A stream that has less than that has lost something.
    sa.Column("checked_ms", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("checked_sequence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("seen_count", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("seen_ms", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("seen_sequence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("owner", sa.Text),
    sa.Column("updated_at", _INSTANT, nullable=False, server_default=_NOW),
    # The last batch's way, by its writer's clock; the next one moves it to `batches`.
    *_batch_columns(nullable=True),
)

batches = sa.Table(
    "batches",
    metadata,
    # The batches before the last of each shard: entries after `after`, up to `last`.
    sa.Column("shard", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("last_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("last_sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("incarnation", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("after_ms", sa.BigInteger, nullable=False),
    sa.Column("after_sequence", sa.BigInteger, nullable=False),
    *_batch_columns(nullable=False),
)

incarnations = sa.Table(
    "incarnations",
    metadata,
    sa.Column("shard", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("incarnation", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("started_at", _INSTANT, nullable=False, server_default=_NOW),
    sa.Column("reason", sa.Text, nullable=False),
    # Set when it was replaced: what had been written of it by then.
    sa.Column("ended_at", _INSTANT),
    sa.Column("committed_count", sa.BigInteger),
    sa.Column("flagged_count", sa.BigInteger),
    sa.Column("dead_letter_count", sa.BigInteger),
    sa.Column("last_ms", sa.BigInteger),
    sa.Column("last_sequence", sa.BigInteger),
)

lost_ranges = sa.Table(
    "lost_ranges",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("shard", sa.SmallInteger, nullable=False),
    sa.Column("incarnation", sa.BigInteger, nullable=False),
    # Entries between these two ids, neither included; without an end where nobody can know it.
    sa.Column("after_ms", sa.BigInteger, nullable=False),
    sa.Column("after_sequence", sa.BigInteger, nullable=False),
    sa.Column("before_ms", sa.BigInteger),
    sa.Column("before_sequence", sa.BigInteger),
    # How many are missing; at least so many where it is not exact.
    sa.Column("entry_count", sa.BigInteger, nullable=False),
    sa.Column("is_exact", sa.Boolean, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("found_at", _INSTANT, nullable=False, server_default=_NOW),
    sa.Column("acknowledged_at", _INSTANT),
    sa.Column("acknowledged_by", sa.Text),
    sa.Column("note", sa.Text),
)

# What changes scoring from outside, in the order in which it was decided.
control_orders = sa.Table(
    "control_orders",
    metadata,
    sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("change", BYTEA, nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False, server_default=_NOW),
)

# Where each shard's stream has taken an order.
control_entries = sa.Table(
    "control_entries",
    metadata,
    sa.Column("shard", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("id", UUID, primary_key=True),
    sa.Column("number", sa.BigInteger, sa.ForeignKey("control_orders.number"), nullable=False),
)

# What became known of transactions that no alert holds.
labels = sa.Table(
    "labels",
    metadata,
    sa.Column("transaction_id", UUID, primary_key=True),
    sa.Column("resolution", sa.Text, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("labelled_at", _INSTANT, nullable=False),
    sa.Column("labelled_by", sa.Text, nullable=False),
    sa.CheckConstraint("resolution IN ('fraud', 'legitimate')", name="resolution_known"),
)

# Detectors that analysts have silenced for an account.
suppressions = sa.Table(
    "suppressions",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("account_id", sa.Text, nullable=False),
    sa.Column("detector", sa.Text, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("expires_at", _INSTANT, nullable=False),
    sa.Column("ended_at", _INSTANT),
    sa.Column("ended_by", sa.Text),
    # One at a time; one that has expired makes way for the next.
    sa.Index(
        "ix_suppressions_in_force",
        "account_id",
        "detector",
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
)

# What scoring is set to, under a number; never changed. Which of them is live is in scoring_runs.
scoring_versions = sa.Table(
    "scoring_versions",
    metadata,
    sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("review_min", sa.Double, nullable=False),
    sa.Column("decline_min", sa.Double, nullable=False),
    # Detector → what its evidence is multiplied by.
    sa.Column("emphasis", JSONB, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
)

# When which version was live, or ran in shadow. Begins and ends at orders: where those stand in a
# shard's stream says exactly which of its transactions lie within.
scoring_runs = sa.Table(
    "scoring_runs",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    # None: what the settings say.
    sa.Column("number", sa.BigInteger, sa.ForeignKey("scoring_versions.number")),
    sa.Column("began_order", sa.BigInteger, nullable=False),
    sa.Column("began_at", _INSTANT, nullable=False),
    sa.Column("began_by", sa.Text, nullable=False),
    # The live run that going back returns to; None: the settings.
    sa.Column("previous", sa.BigInteger),
    sa.Column("ended_order", sa.BigInteger),
    sa.Column("ended_at", _INSTANT),
    sa.Column("ended_by", sa.Text),
    sa.Index(
        "ix_scoring_runs_present",
        "role",
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
)

# How often the live version and the shadow came to which decisions. No foreign key: what a stream
# says of a run that the tables do not know (restored from a backup) must not stop a writer.
shadow_counts = sa.Table(
    "shadow_counts",
    metadata,
    sa.Column("run", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("shard", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("live", sa.Text, primary_key=True),
    sa.Column("shadow", sa.Text, primary_key=True),
    sa.Column("transaction_count", sa.BigInteger, nullable=False),
)

# Where they disagreed: all that the live version flagged, examples of the rest.
shadow_differences = sa.Table(
    "shadow_differences",
    metadata,
    sa.Column("run", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("transaction_id", UUID, primary_key=True),
    sa.Column("live", sa.Text, nullable=False),
    sa.Column("score", sa.Double, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
)

snapshots = sa.Table(
    "snapshots",
    metadata,
    sa.Column("shard", sa.SmallInteger, primary_key=True, autoincrement=False),
    # The state is that after this transaction; those after it are scored again from the rows.
    sa.Column("transaction_id", UUID, nullable=False),
    sa.Column("state", BYTEA, nullable=False),
    sa.Column("made_at", _INSTANT, nullable=False, server_default=_NOW),
)

dead_letters = sa.Table(
    "dead_letters",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("shard", sa.SmallInteger, nullable=False),
    sa.Column("incarnation", sa.BigInteger, nullable=False),
    sa.Column("entry_ms", sa.BigInteger, nullable=False),
    sa.Column("entry_sequence", sa.BigInteger, nullable=False),
    sa.Column("payload", BYTEA, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False, server_default=_NOW),
    # Noted before the payload is appended once more: after a crash in between nobody knows whether
    # it was, and must look.
    sa.Column("replay_began_at", _INSTANT),
    sa.Column("replayed_at", _INSTANT),
    # The id of its new place in the stream.
    sa.Column("replayed_as", UUID),
    sa.Column("replayed_by", sa.Text),
    sa.Column("discarded_at", _INSTANT),
    sa.Column("discarded_by", sa.Text),
    sa.Column("note", sa.Text),
    sa.CheckConstraint(
        "(replayed_at IS NULL) = (replayed_as IS NULL)"
        " AND (replayed_at IS NULL) = (replayed_by IS NULL)",
        name="replayed_completely",
    ),
    sa.CheckConstraint(
        "(discarded_at IS NULL) = (discarded_by IS NULL)", name="discarded_completely"
    ),
    sa.CheckConstraint("replayed_at IS NULL OR discarded_at IS NULL", name="settled_once"),
    # Those that wait for somebody; what is done stays for good.
    sa.Index(
        "ix_dead_letters_open_id",
        sa.text("id DESC"),
        postgresql_where=sa.text("replayed_at IS NULL AND discarded_at IS NULL"),
    ),
)

load_buckets = sa.Table(
    "load_buckets",
    metadata,
    sa.Column("minute", _INSTANT, primary_key=True),
    # One row a shard, so that writers never wait for one another's rows.
    sa.Column("shard", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("transaction_count", sa.BigInteger, nullable=False),
    sa.Column("review_count", sa.BigInteger, nullable=False),
    sa.Column("decline_count", sa.BigInteger, nullable=False),
    # Many maximal amounts overflow a bigint.
    sa.Column("amount_minor_units", sa.Numeric(38, 0), nullable=False),
    # Sum of the natural logarithms of the amounts in minor units.
    sa.Column("log_amount_sum", sa.Double, nullable=False),
)

currency_totals = sa.Table(
    "currency_totals",
    metadata,
    # All of `load_buckets` that ever was, of one shard: what amounts of a currency are like.
    sa.Column("shard", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("transaction_count", sa.BigInteger, nullable=False),
    sa.Column("log_amount_sum", sa.Double, nullable=False),
)

dropped_rows = sa.Table(
    "dropped_rows",
    metadata,
    # What was dropped by age still counts: positions = rows + dropped.
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("shard", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("transaction_count", sa.BigInteger, nullable=False),
    sa.Column("dropped_at", _INSTANT, nullable=False, server_default=_NOW),
)

forecasts = sa.Table(
    "forecasts",
    metadata,
    sa.Column("made_at", _INSTANT, primary_key=True),
    sa.Column("payload", JSONB, nullable=False),
)

# The pipeline as it was found at the beginning of each minute, for whoever looks back.
pipeline_minutes = sa.Table(
    "pipeline_minutes",
    metadata,
    sa.Column("minute", _INSTANT, primary_key=True),
    sa.Column("payload", JSONB, nullable=False),
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("email", sa.Text, nullable=False, unique=True),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("account_id", sa.Text, nullable=False, unique=True),
    sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.text("true")),
    # Access tokens of an earlier version are void. A counter, since clocks of machines differ.
    sa.Column("token_version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", _INSTANT, nullable=False, server_default=_NOW),
    # Kept here as well, since sessions are forgotten.
    sa.Column("last_sign_in_at", _INSTANT),
    # The second factor: its secret, sealed with the user's id; since when it is asked for (a secret
    # without that waits to be confirmed); and the time step of the last code, which is good once.
    sa.Column("totp_secret_sealed", BYTEA),
    sa.Column("totp_since", _INSTANT),
    sa.Column("totp_step", sa.BigInteger, nullable=False, server_default="0"),
    sa.CheckConstraint("totp_since IS NULL OR totp_secret_sealed IS NOT NULL", name="totp_whole"),
    sa.CheckConstraint("role IN ('customer', 'analyst', 'operator', 'admin')", name="role_known"),
    # The list, newest first, and its filter by how an address begins.
    sa.Index("ix_users_created_at_id", "created_at", "id"),
    sa.Index("ix_users_email_prefix", "email", postgresql_ops={"email": "text_pattern_ops"}),
)

recovery_codes = sa.Table(
    "recovery_codes",
    metadata,
    # SHA-256: a code is 120 random bits. A used one is deleted.
    sa.Column("code_hash", BYTEA, primary_key=True),
    sa.Column("user_id", UUID, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Index("ix_recovery_codes_user_id", "user_id"),
)

clients = sa.Table(
    "clients",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    # SHA-256: a secret is 256 random bits, which no dictionary holds. None once it was revoked.
    sa.Column("secret_hash", BYTEA),
    # The secret before it, while both are good: two columns, so that there are never three.
    sa.Column("older_secret_hash", BYTEA),
    sa.Column("older_secret_until", _INSTANT),
    sa.Column("scopes", ARRAY(sa.Text), nullable=False),
    sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.text("true")),
    sa.Column("token_version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", _INSTANT, nullable=False, server_default=_NOW),
    sa.Column("rotated_at", _INSTANT),
    sa.CheckConstraint(
        "(older_secret_hash IS NULL) = (older_secret_until IS NULL)",
        name="older_secret_ends",
    ),
)

signing_keys = sa.Table(
    "signing_keys",
    metadata,
    sa.Column("kid", sa.Text, primary_key=True),
    # Ed25519, raw: 32 bytes.
    sa.Column("public_key", BYTEA, nullable=False),
    # AES-256-GCM under the installation's sealing key, which is never in the database.
    sa.Column("private_key_sealed", BYTEA, nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False, server_default=_NOW),
    # From then on it signs nothing; it verifies until the last token it signed has expired.
    sa.Column("retired_at", _INSTANT),
)

sessions = sa.Table(
    "sessions",
    metadata,
    # A sign-in: the family of refresh tokens that descend from it.
    sa.Column("id", UUID, primary_key=True),
    sa.Column("user_id", UUID, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
    # What was granted, with spaces between; all that the role may do when it is missing.
    sa.Column("scope", sa.Text),
    sa.Column("created_at", _INSTANT, nullable=False, server_default=_NOW),
    sa.Column("expires_at", _INSTANT, nullable=False),
    sa.Column("ended_at", _INSTANT),
    # When and from where it was used last: by its password, or by a refresh token.
    sa.Column("last_used_at", _INSTANT, nullable=False, server_default=_NOW),
    sa.Column("address", sa.Text, nullable=False, server_default=""),
    sa.Column("user_agent", sa.Text, nullable=False, server_default=""),
    # Unused for so long, it has ended.
    sa.Column("idle_s", sa.Integer, nullable=False, server_default="86400"),
    sa.Index("ix_sessions_user_id", "user_id"),
    sa.Index("ix_sessions_expires_at", "expires_at"),
)

refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    # SHA-256 of the token.
    sa.Column("token_hash", BYTEA, primary_key=True),
    sa.Column("session_id", UUID, sa.ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False, server_default=_NOW),
    sa.Column("used_at", _INSTANT),
    # For an honest retry within the grace: the successor, sealed with the presented token.
    sa.Column("successor_sealed", BYTEA),
    sa.Index("ix_refresh_tokens_session_id", "session_id"),
)

device_authorizations = sa.Table(
    "device_authorizations",
    metadata,
    # SHA-256 of the device code.
    sa.Column("device_code_hash", BYTEA, primary_key=True),
    # Short, for people to read and type; worth something only to who is signed in, for minutes.
    sa.Column("user_code", sa.Text, nullable=False, unique=True),
    sa.Column("client_id", sa.Text, nullable=False),
    # What the device asks for; all that may be had when it is missing. Then: what it was granted.
    sa.Column("wanted_scope", sa.Text),
    sa.Column("granted_scope", sa.Text),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default="pending"),
    sa.Column("interval_s", sa.Integer, nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False, server_default=_NOW),
    sa.Column("expires_at", _INSTANT, nullable=False),
    sa.Column("polled_at", _INSTANT),
    # Who decided; the version of the tokens that the user had then.
    sa.Column("user_id", UUID, sa.ForeignKey("users.id", ondelete="CASCADE")),
    sa.Column("token_version", sa.Integer),
    # The sign-in that came of it.
    sa.Column("session_id", UUID),
    sa.CheckConstraint("state IN ('pending', 'approved', 'denied', 'used')", name="state_known"),
    sa.CheckConstraint(
        "(state = 'pending') = (user_id IS NULL) AND (state = 'pending') = (token_version IS NULL)",
        name="decided_by_somebody",
    ),
    sa.CheckConstraint("(state = 'used') = (session_id IS NOT NULL)", name="used_completely"),
    sa.Index("ix_device_authorizations_expires_at", "expires_at"),
    sa.Index("ix_device_authorizations_user_id", "user_id"),
)

revocations = sa.Table(
    "revocations",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    # 'token': one access token, by jti. 'session': all of a sign-in.
    # 'subject': those of a user or client whose version is below `version`.
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False, server_default="0"),
    # When the last token that it voids has expired by itself.
    sa.Column("expires_at", _INSTANT, nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False, server_default=_NOW),
    sa.CheckConstraint("kind IN ('token', 'session', 'subject')", name="kind_known"),
    sa.Index("ix_revocations_expires_at", "expires_at"),
    sa.Index("ix_revocations_created_at", "created_at"),
)

audit = sa.Table(
    "audit",
    metadata,
    # The place in a sequence without gaps. A trigger sets it, the instant and the hashes, and
    # another refuses every change (`migrations/versions/0002_identity.py`).
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", _INSTANT, nullable=False),
    sa.Column("actor_kind", sa.Text, nullable=False),
    sa.Column("actor_id", sa.Text, nullable=False),
    sa.Column("actor_name", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    # JSON as text: the hash covers these very bytes.
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("previous_hash", BYTEA, nullable=False),
    sa.Column("hash", BYTEA, nullable=False),
    sa.CheckConstraint(
        "actor_kind IN ('user', 'client', 'command', 'system', 'anonymous')",
        name="actor_kind_known",
    ),
    sa.CheckConstraint("action ~ '^[a-z_]+\\.[a-z_]+$'", name="action_form"),
    sa.CheckConstraint("outcome IN ('success', 'failure')", name="outcome_known"),
    sa.Index("ix_audit_action_id", "action", sa.text("id DESC")),
    sa.Index("ix_audit_actor_id_id", "actor_id", sa.text("id DESC")),
    sa.Index("ix_audit_actor_name_id", "actor_name", sa.text("id DESC")),
    sa.Index("ix_audit_subject_id", "subject", sa.text("id DESC")),
    sa.Index("ix_audit_at", "at"),
)

system = sa.Table(
    "system",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
