"""Passwords: which are taken, and how they are hashed without holding anything else up.

bcrypt hashes 72 bytes; a longer password is refused rather than cut. Hashing takes a quarter of a
second of processor time on purpose: it runs in a few threads of low priority behind a bounded
queue, so that a flood of sign-ins slows sign-ins and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import bcrypt

from aether_core.errors import InvalidInput, TooManyAttempts
from aether_core.identity.common_passwords import COMMON_PASSWORDS

PASSWORD_LENGTH_MIN: Final = 8
"""Characters."""
PASSWORD_BYTES_MAX: Final = 72
"""Bytes of UTF-8: what bcrypt hashes."""

_T = TypeVar("_T")

# aaaaaaaa and abababab are as common as any.
_DIFFERENT_MIN: Final = 3
# At a quarter of a second each the last of them waits for some seconds.
_WAITING_MAX: Final = 24
_RETRY_AFTER_S: Final = 5
# Beside a gateway that has all it can do, a sign-in still gets a quarter of a processor.
_NICENESS: Final = 5


def check_password(password: str, email: str) -> None:
    """Raise InvalidInput for a password that is too short, too long or easily guessed.

    email: in its normal form.
    """
    if len(password) < PASSWORD_LENGTH_MIN:
        raise InvalidInput("password", f"A password has at least {PASSWORD_LENGTH_MIN} characters.")
    size = len(password.encode("utf-8", "surrogatepass"))
    if size > PASSWORD_BYTES_MAX:
        raise InvalidInput(
            "password",
            f"A password has at most {PASSWORD_BYTES_MAX} bytes of UTF-8; this one has {size}.",
        )
    if any(0xD800 <= ord(character) <= 0xDFFF for character in password):
        raise InvalidInput("password", "This password is not valid Unicode.")
    plain = password.strip().casefold()
    if plain in COMMON_PASSWORDS or len(set(plain)) < _DIFFERENT_MIN:
        raise InvalidInput("password", "This password is one of the commonest; choose another.")
    if plain in {email, email.partition("@")[0]}:
        raise InvalidInput("password", "A password must not be the e-mail address.")


class PasswordHasher:
    """Hashes and checks passwords in threads of its own; close it when the process ends."""

    def __init__(self, cost: int, thread_count: int | None = None) -> None:
        self._cost = cost
        # bcrypt lets go of the interpreter's lock: each thread uses a processor of its own. Half
        # of them stay free for everything else.
        self._threads = ThreadPoolExecutor(
            thread_count or max(1, (os.cpu_count() or 1) // 2), "passwords", _give_way
        )
        self._waiting = 0
        # Of the right form and cost; that no password has it is all but certain.
        self._dummy_hash = bcrypt.gensalt(cost).decode() + "." * 31

    async def hash(self, password: str) -> str:
        """Return the hash of a checked password. Raises TooManyAttempts when too many wait."""
        salt = bcrypt.gensalt(self._cost)
        return (await self._run(bcrypt.hashpw, password.encode(), salt)).decode()

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether a password has this hash. Raises TooManyAttempts when too many wait.

        Without a hash (there is no such user) or with a password that no user can have it costs
        the same and is false.
        """
        raw = password.encode("utf-8", "surrogatepass")
        known = password_hash is not None and len(raw) <= PASSWORD_BYTES_MAX
        expected = password_hash if known and password_hash is not None else self._dummy_hash
        same = await self._run(bcrypt.checkpw, raw[:PASSWORD_BYTES_MAX], expected.encode())
        return same and known

    def is_outdated(self, password_hash: str) -> bool:
        """Whether a hash was made at another cost than is asked for now."""
        return password_hash[4:6] != f"{self._cost:02d}"

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, function: Callable[[bytes, bytes], _T], a: bytes, b: bytes) -> _T:
        if self._waiting >= _WAITING_MAX:
            raise TooManyAttempts(_RETRY_AFTER_S)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, function, a, b)
        finally:
            self._waiting -= 1


def _give_way() -> None:
    """Let everything else go first: on Linux a thread has a niceness of its own."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
