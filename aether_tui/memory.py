"""Memory: the little that a console keeps on this machine, readable by its own user only.

In:   a directory that the command chose, or none; then nothing is kept.
Out:  drafts of notes, one file each, so that two consoles never overwrite one another's; and, for
      who asks for it, the refresh token of a server by its name. It is good for one use, so one
      console at a time has it, by a lock; others sign in for themselves.
A file is written beside its place and then moved there, so that a console that is killed in the
middle (a dropped SSH session) leaves the older text or the newer one. Files that others could
have written are not believed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import stat
import time
from pathlib import Path

import msgspec

DRAFT_AGE_MAX_S = 7 * 86_400.0
"""A draft that nobody came back to in this time is removed."""

_DRAFT_BYTES_MAX = 8 * 1024
_REMEMBERED_BYTES_MAX = 8 * 1024
_log = logging.getLogger(__name__)


def write_private(path: Path, content: bytes) -> None:
    """Replace a file in one step; only its owner can read it. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(beside, flags, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
    beside.replace(path)


def read_private(path: Path, bytes_max: int) -> bytes | None:
    """Return a file's content; None if there is none that is this user's alone, or of this size."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            status = os.fstat(file.fileno())
            is_ours = status.st_uid == os.getuid() and not status.st_mode & 0o077
            if not is_ours or not stat.S_ISREG(status.st_mode):
                _log.warning("%s is not believed: others may read or write it", path.name)
                return None
            content = file.read(bytes_max + 1)
    except OSError:
        return None
    return content if len(content) <= bytes_max else None


class Remembered(msgspec.Struct, frozen=True):
    """A session that a console left. It is gone on with at the same address only."""

    base_url: str
    email: str
    refresh_token: str


class SignInMemory:
    """One server's remembered session. Close it after use."""

    def __init__(self, directory: Path, name: str, base_url: str) -> None:
        """name: of the server, as people call it. Nothing is read before `open`."""
        self._path = directory / f"{_file_name(name)}.json"
        self._base_url = base_url
        self._lock: int | None = None
        self.email = ""
        self.is_wanted = False
        """Whether the session shall be remembered; also while there is none."""

    @property
    def is_ours(self) -> bool:
        """No other console has it open."""
        return self._lock is not None

    def open(self) -> Remembered | None:
        """Return what was left, unless another console goes on with it or it is for elsewhere."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            _log.warning("sign-ins are not remembered: %s", error.strerror)
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return None
        self._lock = lock
        content = read_private(self._path, _REMEMBERED_BYTES_MAX)
        try:
            found = msgspec.json.decode(content or b"", type=Remembered)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        if found.base_url != self._base_url:
            return None
        self.email, self.is_wanted = found.email, True
        return found

    def keep(self, refresh_token: str | None) -> None:
        """Keep the newest token if that is wanted; without one, or unwanted, keep nothing."""
        if not self.is_ours:
            return
        try:
            if self.is_wanted and refresh_token:
                kept = Remembered(self._base_url, self.email, refresh_token)
                write_private(self._path, msgspec.json.encode(kept))
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("the sign-in is not remembered: %s", error.strerror)

    def close(self) -> None:
        """Let another console have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class Drafts:
    """What was typed and not yet sent, by person and alert. Without a directory: in memory only."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._texts: dict[str, str] = {}
        self._remove_old()

    def find(self, email: str, alert_id: str) -> str:
        """Return the draft, or nothing."""
        name = _name(email, alert_id)
        if name not in self._texts and self._directory is not None:
            content = read_private(self._directory / name, _DRAFT_BYTES_MAX)
            if content is not None:
                self._texts[name] = content.decode("utf-8", "replace")
        return self._texts.get(name, "")

    def keep(self, email: str, alert_id: str, text: str) -> None:
        """Keep what is typed; an empty text is forgotten. A full disk costs the copy only."""
        name = _name(email, alert_id)
        if text:
            self._texts[name] = text
        else:
            self._texts.pop(name, None)
        if self._directory is None:
            return
        try:
            if text:
                write_private(self._directory / name, text.encode())
            else:
                (self._directory / name).unlink(missing_ok=True)
        except OSError as error:
            _log.warning("a draft is not kept on disk: %s", error.strerror)

    def _remove_old(self) -> None:
        if self._directory is None or not self._directory.is_dir():
            return
        oldest = time.time() - DRAFT_AGE_MAX_S
        for path in self._directory.iterdir():
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()


def _file_name(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)[:100]


def _name(email: str, alert_id: str) -> str:
    # Ids come from the gateway: hashed, none of them can name another file.
    return hashlib.sha256(f"{email}\0{alert_id}".encode()).hexdigest()[:32]
