"""Every setting of Aether: name, unit, bounds and default, read once at start.

Only this module reads the environment. A process calls `load_settings` once and hands each
function the group that it needs. Variables carry the prefix `AETHER_`; the groups nest with two
underscores (`AETHER_STREAM__SHARD_COUNT`).
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from aether_core.errors import CannotStart
from aether_core.telemetry import LogLevel

if TYPE_CHECKING:
    from aether_core.scoring import Thresholds

# A Unix socket's path holds at most 107 bytes (man 7 unix), its file name included.
_SOCKET_DIRECTORY_LENGTH_MAX = 80

# An origin as browsers write it (RFC 6454): no path, no wildcard, never `null`.
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")

SecondFactor: TypeAlias = Literal["offered", "staff", "everyone"]

_CHECKOUT = Path(__file__).resolve().parent.parent


class StreamSettings(BaseModel):
    """The stream between gateways and writers."""

    shard_count: int | None = Field(None, ge=1, le=1024)
    """Streams that the accounts are shared out to. Fixed when the system first starts: later only
    the same number, or none, is accepted. None: 8 for a new system."""
    backlog_max: int = Field(2_000_000, ge=100)
    """Most entries not yet written, per shard; beyond it the gateway answers 503."""
    idempotency_window_s: int = Field(24 * 3600, ge=60, le=30 * 24 * 3600)
    """How long an Idempotency-Key is remembered, where the memory for keys allows it."""
    idempotency_memory_max_mb: int = Field(512, ge=1)
    """Memory for keys, at most 64 bytes each; when it is used up the oldest are forgotten early."""
    memory_max_mb: int = Field(1024, ge=64)
    """Memory of the embedded Valkey; when it is used up nothing more is accepted."""
    feed_length_max: int = Field(20_000, ge=100)
    """Events that the live feed keeps for consoles that reconnect."""
    timeout_s: float = Field(5.0, gt=0, le=60)
    """Longest wait for an answer of the stream's server."""
    backlog_age_max_s: float = Field(6 * 3600, ge=1)
    """Age of the oldest entry not yet written beyond which the gateway answers 503."""
    memory_share_max: float = Field(0.85, gt=0, le=1)
    """Share of the stream server's `maxmemory` beyond which the gateway answers 503."""
    wait_fsync: Literal["auto", "always", "never"] = "auto"
    """Whether appends wait for the fsync of a server that does not do so by itself (WAITAOF)."""
    replica_copies: int = Field(0, ge=0, le=9)
    """Replicas on whose disks an append must be before it is answered (WAITAOF)."""


class WriterSettings(BaseModel):
    """The writers behind the stream."""

    process_count: int = Field(1, ge=1, le=64)
    """Writer processes that supervisord starts; the shards are shared out among them."""
    batch_size_max: int = Field(5_000, ge=1, le=50_000)
    """Most entries written in one database transaction."""
    idle_wait_ms: int = Field(500, ge=10, le=10_000)
    """How long a blocking read of the stream waits for a first entry."""
    rebalance_s: float = Field(1.0, gt=0, le=60)
    """How often a writer looks whether it owns its fair share of the shards."""
    snapshot_entries: int = Field(100_000, ge=100)
    """Entries of a shard after which its scoring state is saved."""
    statement_timeout_s: float = Field(30.0, gt=0, le=600)
    """Longest database statement before the batch is given up and read again."""
    feed_transactions_per_s: int = Field(200, ge=1)
    """Ordinary transactions that a writer shows in the live feed; alerts are always shown."""
    trace_days: int = Field(7, ge=1, le=365)
    """Days for which `aether trace` knows when a batch was read, committed and published."""


class GatewaySettings(BaseModel):
    """The HTTP gateway."""

    process_count: int = Field(1, ge=1, le=64)
    """Gateway processes behind the one port."""
    body_bytes_max: int = Field(64 * 1024, ge=1024, le=16 * 1024 * 1024)
    """Largest body of an ordinary request."""
    bulk_bytes_max: int = Field(1024 * 1024 * 1024, ge=1024, le=16 * 1024 * 1024 * 1024)
    """Largest body of a bulk submission; it is never held as a whole."""
    bulk_item_count_max: int = Field(1_000_000, ge=1, le=10_000_000)
    """Most transactions of one bulk submission."""
    wait_s_max: int = Field(30, ge=1, le=300)
    """Longest that a submission with `Prefer: wait` waits until it is written."""
    waiting_count_max: int = Field(20_000, ge=1)
    """Transactions that wait for their append in one gateway process; beyond it: 503."""
    connection_count_max: int = Field(5_000, ge=1)
    """Connections that one gateway process serves; beyond it: 503."""
    trusted_proxies: str = ""
    """Addresses, separated by commas, whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    cors_origins: str = ""
    """Origins, separated by commas, whose pages may call the interface with a token of their own
    (`https://shop.example`); compared whole. Empty: none."""
    group_size_max: int = Field(512, ge=1, le=10_000)
    """Most transactions of one shard that are appended in one call."""
    database_connection_count_max: int = Field(8, ge=1, le=100)
    """Connections to PostgreSQL per gateway process."""
    event_streams_per_user_max: int = Field(8, ge=1)
    """Live feeds that one user may hold open in one gateway process."""
    event_streams_max: int = Field(1_000, ge=1)
    """Live feeds that are open in one gateway process."""
    event_buffer_max: int = Field(1_000, ge=10)
    """Events that wait for one slow feed client before it gets a gap instead."""
    event_resume_max: int = Field(5_000, ge=10)
    """Events that a client which comes back gets at most; beyond it: a gap."""

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, value: str) -> str:
        for origin in filter(None, (part.strip() for part in value.split(","))):
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin such as https://shop.example")
        return value


class IdentitySettings(BaseModel):
    """Accounts, tokens and sessions."""

    bcrypt_cost: int = Field(12, ge=4, le=16)
    """log2 of bcrypt's rounds; 12 takes about a quarter of a second on a small machine."""
    access_token_s: int = Field(900, ge=5, le=3600)
    """Life of an access token."""
    refresh_token_s: int = Field(30 * 24 * 3600, ge=60)
    """Life of a sign-in, however often it is refreshed."""
    session_idle_s: int = Field(24 * 3600, ge=60)
    """How long a sign-in goes on without being refreshed; for those begun from then on."""
    second_factor: SecondFactor = "offered"
    """Who must give a one-time code besides the password: `staff` (all but customers) or
    `everyone`; nobody must where it is `offered`. Who must and has none set up can do nothing but
    set it up."""
    issuer: str = "aether"
    """`iss` of the access tokens."""
    audience: str = "aether-api"
    """`aud` of the access tokens."""
    login_attempts_max: int = Field(10, ge=1)
    """Wrong passwords for one account from one address before they must wait; five times as many
    from one address for any account, ten times as many for one account from new addresses."""
    login_failures_max: int = Field(10_000, ge=1)
    """Wrong passwords of everybody together before those must wait who sign in from an address
    that is new for their account."""
    login_window_s: int = Field(300, ge=1)
    """The time over which wrong passwords and registrations are counted."""
    registrations_max: int = Field(100, ge=1)
    """Registrations from one address before it must wait."""


class ScoringSettings(BaseModel):
    """Thresholds of the decisions."""

    review_min: float = Field(0.70, ge=0, le=1)
    """Score from which a transaction goes to review."""
    decline_min: float = Field(0.95, ge=0, le=1)
    """Score from which a transaction is declined."""

    def thresholds(self) -> Thresholds:
        """Return them as scoring takes them."""
        # Loaded where it is used: a command that scores nothing starts without it.
        from aether_core.scoring import Thresholds

        return Thresholds(self.review_min, self.decline_min)


class AlertSettings(BaseModel):
    """Alerts while people work on them."""

    lock_s: int = Field(900, ge=5, le=86_400)
    """How long an alert that an analyst has taken is theirs; taking it again prolongs that."""
    reopen_s: int = Field(600, ge=0, le=30 * 86_400)
    """How long a resolution can be taken back."""
    joins_within_s: int = Field(3_600, ge=0, le=7 * 86_400)
    """A flagged transaction joins an open alert of its account, in its currency, when it occurred
    at most this long after the last of that alert's; otherwise it raises one of its own."""
    budget_per_hour: float = Field(30.0, ge=0, le=100_000)
    """Alerts an hour that people can look at. Where a day has raised more, `/alerts/budget` and the
    queues name the score that cuts there; nothing is lost by it. 0: no budget."""


class ForecastSettings(BaseModel):
    """The forecaster."""

    history_min: int = Field(10, ge=10, le=1440)
    """Complete minutes that a forecast needs; the first ones have wide intervals."""
    history_max: int = Field(720, ge=30, le=20_160)
    """Most minutes that a model is fitted to."""
    horizon: int = Field(30, ge=10, le=180)
    """Minutes ahead that are forecast."""
    interval_s: float = Field(15.0, ge=0.2, le=3600)
    """How often the forecaster looks for a new complete minute."""
    fit_timeout_s: float = Field(60.0, ge=1, le=600)
    """Longest time for a fit; then the last forecast is kept and its age shown."""


class RewindSettings(BaseModel):
    """What is kept so that somebody can look back."""

    keep_days: int = Field(14, ge=1, le=365)
    """Days for which the pipeline of each minute and each forecast are kept (`?at=`)."""


class Settings(BaseSettings):
    """All settings of one installation."""

    model_config = SettingsConfigDict(
        env_prefix="AETHER_", env_nested_delimiter="__", extra="ignore", validate_default=True
    )

    home: Annotated[Path, NoDecode] = _CHECKOUT / ".aether"
    """The data of this installation: `.aether` in the checkout, from wherever it is started."""
    host: str = "127.0.0.1"
    """Address that the gateway listens on."""
    port: int = Field(8420, ge=1, le=65535)
    """Port that the gateway listens on."""
    database_url: SecretStr | None = None
    """postgresql://… of an external PostgreSQL; unset: the embedded one."""
    redis_url: SecretStr | None = None
    """redis://… of an external Valkey or Redis; unset: the embedded one."""
    log_level: LogLevel = "info"
    """Least level that is logged: debug, info, warning or error."""
    dashboard_directory: Annotated[Path, NoDecode] = _CHECKOUT / "frontend" / "dist"
    """The built dashboard, which the gateway serves."""
    admin_email: str | None = None
    """The first admin of a scripted installation; unset: admin@localhost.example."""
    admin_password: SecretStr | None = None
    """That admin's password; unset: made at random and shown once."""
    sealing_key: SecretStr | None = Field(None, min_length=32)
    """Secret under which the signing keys are kept, the same on every machine of one system;
    unset: made at random in `keys/sealing.key`."""

    stream: StreamSettings = StreamSettings()
    writer: WriterSettings = WriterSettings()
    gateway: GatewaySettings = GatewaySettings()
    identity: IdentitySettings = IdentitySettings()
    scoring: ScoringSettings = ScoringSettings()
    alerts: AlertSettings = AlertSettings()
    forecast: ForecastSettings = ForecastSettings()
    rewind: RewindSettings = RewindSettings()

    @field_validator("home", "dashboard_directory")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator(
        "database_url", "redis_url", "admin_email", "admin_password", "sealing_key", mode="before"
    )
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @property
    def run_directory(self) -> Path:
        """Sockets and pid files; short enough for a Unix socket's path, mode 0700."""
        inside = self.home / "run"
        if len(os.fsencode(inside)) <= _SOCKET_DIRECTORY_LENGTH_MAX:
            return inside
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path(f"/tmp/aether-{os.getuid()}-{digest}")  # noqa: S108 - made 0700 and checked

    @property
    def spool_directory(self) -> Path:
        """Results of bulk submissions that wait for their clients to read them."""
        return self.home / "spool"

    @property
    def log_directory(self) -> Path:
        """One log file a process."""
        return self.home / "log"

    @property
    def key_directory(self) -> Path:
        """Private keys and passwords of this installation, mode 0700."""
        return self.home / "keys"

    @property
    def supervisor_socket(self) -> Path:
        """Where supervisord takes commands."""
        return self.run_directory / "supervisor.sock"

    @property
    def base_url(self) -> str:
        """Where a client on this machine reaches the gateway."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return f"http://{host}:{self.port}"

    @property
    def public_url(self) -> str:
        """Where clients anywhere reach the gateway: the issuer, when that is a URL.

        Never taken from a request's Host header, which a caller chooses.
        """
        issuer = self.identity.issuer
        return issuer.rstrip("/") if issuer.startswith(("https://", "http://")) else self.base_url


def load_settings() -> Settings:
    """Read the environment once. Raises CannotStart that names each wrong variable."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"AETHER_{'__'.join(str(part).upper() for part in e['loc'])}: {e['msg']}"
            for e in error.errors()
        )
        raise CannotStart(f"Wrong settings: {wrong}") from error
