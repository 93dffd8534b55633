"""Passwords: hashed whole, and without holding anything else up.

bcrypt reads 72 bytes at most and would stop at a NUL. What it gets is therefore not the password
but HMAC-SHA-384 of it in base64: 64 characters that depend on every byte. The key of the HMAC is a
fixed text, no secret: it makes our digests unlike those of anybody else. A plain digest would let
whoever has the unsalted digests that another site lost try them here as they are, without ever
finding the passwords behind them ("password shucking"). A secret key (a pepper) would have to be
the same on every machine and could never be lost or replaced; the machines of one system may have
sealing keys of their own, so there is none.

Hashing takes a quarter of a second of processor time on purpose: it runs in a few threads of low
priority behind a bounded queue. While that queue is full, and a little longer, it is a flood: then
hashing gets only what nothing else wants, so that a flood slows sign-ins and little else.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import os
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import bcrypt

from aether_core.errors import TooManyAttempts

_T = TypeVar("_T")

# What a hash begins with that was made in this way; another way gets another name. Older hashes
# are bcrypt's own of the password itself.
_SCHEME: Final = "aether1"
_DOMAIN: Final = b"aether password 1"
_OLD_BYTES_MAX: Final = 72
# At a quarter of a second each the last of them waits for some seconds.
_WAITING_MAX: Final = 24
_RETRY_AFTER_S: Final = 5
# Beside a gateway that has all it can do, a sign-in still gets a quarter of a processor.
_NICENESS: Final = 5
_FLOOD_S: Final = 10.0
_RANDOM_BYTES: Final = 15


def make_password() -> str:
    """Return a password of 120 random bits, in 20 characters."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


class PasswordHasher:
    """Hashes and checks passwords in threads of its own; close it when the process ends."""

    def __init__(self, cost: int, thread_count: int | None = None) -> None:
        self._cost = cost
        # bcrypt lets go of the interpreter's lock: each thread uses a processor of its own. Half
        # of them stay free for everything else.
        count = thread_count or max(1, (os.cpu_count() or 1) // 2)
        self._threads = ThreadPoolExecutor(count, "passwords", _give_way)
        # A thread that has become idle cannot come back, so these are others.
        self._idle_threads = ThreadPoolExecutor(count, "passwords-flood", _become_idle)
        self._free = asyncio.Semaphore(count)
        self._waiting = 0
        self._is_flood_until = 0.0
        # Of the right form and cost; that no password has it is all but certain.
        self._dummy_hash = _SCHEME + bcrypt.gensalt(cost).decode() + "." * 31

    async def hash(self, password: str) -> str:
        """Return the hash of a checked password. Raises TooManyAttempts when too many wait."""
        salt = bcrypt.gensalt(self._cost)
        hashed = await self._run(bcrypt.hashpw, _digest(password.encode()), salt)
        return _SCHEME + hashed.decode()

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether a password has this hash. Raises TooManyAttempts when too many wait.

        Without a hash (there is no such user) it costs the same and is false.
        """
        raw = password.encode("utf-8", "surrogatepass")
        expected = self._dummy_hash if password_hash is None else password_hash
        known = password_hash is not None
        if expected.startswith(_SCHEME):
            given, expected = _digest(raw), expected.removeprefix(_SCHEME)
        else:
            # Made before: longer ones were refused then, and cut one would match.
            known = known and len(raw) <= _OLD_BYTES_MAX
            given = raw[:_OLD_BYTES_MAX]
        same = await self._run(bcrypt.checkpw, given, expected.encode())
        return same and known

    def check_room(self) -> None:
        """Raise TooManyAttempts when too many wait: before anything is spent on one more."""
        if self._waiting >= _WAITING_MAX:
            self._is_flood_until = time.monotonic() + _FLOOD_S
            raise TooManyAttempts(_RETRY_AFTER_S)

    def is_outdated(self, password_hash: str) -> bool:
        """Whether a hash was made in another way or at another cost than one made now."""
        return not password_hash.startswith(f"{_SCHEME}$2b${self._cost:02d}$")

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._idle_threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, function: Callable[[bytes, bytes], _T], a: bytes, b: bytes) -> _T:
        self.check_room()
        self._waiting += 1
        try:
            async with self._free:
                # Known only now: those who came before the flood was one are part of it.
                is_flood = time.monotonic() < self._is_flood_until
                threads = self._idle_threads if is_flood else self._threads
                return await asyncio.get_running_loop().run_in_executor(threads, function, a, b)
        finally:
            self._waiting -= 1


def _digest(raw: bytes) -> bytes:
    """Return what bcrypt gets for a password: 64 bytes, none of them NUL."""
    return base64.b64encode(hmac.digest(_DOMAIN, raw, "sha384"))


def _give_way() -> None:
    """Let everything else go first: on Linux a thread has a niceness of its own."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def _become_idle() -> None:
    """Run when nothing else wants to (SCHED_IDLE), where the system knows of that."""
    _give_way()
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))
