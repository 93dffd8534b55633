"""Which passwords are taken, and what hashing costs others: nothing."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aether_core.errors import InvalidInput, TooManyAttempts
from aether_core.identity.passwords import PASSWORD_BYTES_MAX, PasswordHasher, check_password

_EMAIL = "ada@example.com"


@given(st.text(max_size=100))
@settings(max_examples=300)
def test_what_is_taken_bcrypt_hashes_whole(password: str) -> None:
    if _is_taken(password):
        assert len(password) >= 8
        assert len(password.encode()) <= PASSWORD_BYTES_MAX
        assert password.strip().casefold() != _EMAIL


def test_the_edges_of_length() -> None:
    check_password("abcdefg9", _EMAIL)
    check_password("ab9" * 24, _EMAIL)
    for wrong in ("abcdef9", "ab9" * 24 + "x", "é" * 36 + "x", "\ud800bcdefgh"):
        with pytest.raises(InvalidInput):
            check_password(wrong, _EMAIL)


@given(st.text(st.characters(codec="utf-8"), min_size=8, max_size=18))
@settings(max_examples=25, deadline=None)
def test_only_the_same_bytes_match(password: str) -> None:
    async def run() -> None:
        hasher = PasswordHasher(4)
        try:
            hashed = await hasher.hash(password)
            assert await hasher.matches(password, hashed)
            assert not await hasher.matches(password[:-1], hashed)
            assert not await hasher.matches(password + "\x00", hashed)
        finally:
            hasher.close()

    asyncio.run(run())


async def test_nobody_has_the_dummy_password() -> None:
    hasher = PasswordHasher(4)
    for password in ("", "x", "x" * 72, "x" * 1000, "\ud800"):
        assert not await hasher.matches(password, None)
    hashed = await hasher.hash("x" * 72)
    # Cut at 72 bytes it would match.
    assert not await hasher.matches("x" * 73, hashed)
    hasher.close()


async def test_hashing_does_not_hold_the_loop_up_and_has_a_bound() -> None:
    hasher = PasswordHasher(8, thread_count=1)

    async def one() -> bool:
        try:
            return await hasher.matches("wrong horse", None)
        except TooManyAttempts:
            return True

    tasks = [asyncio.create_task(one(), name="hash") for _ in range(40)]
    longest = 0.0
    while not all(task.done() for task in tasks):
        began = time.perf_counter()
        await asyncio.sleep(0)
        longest = max(longest, time.perf_counter() - began)
    assert longest < 0.25
    assert sum(task.result() for task in tasks) == 16
    hasher.close()


def _is_taken(password: str) -> bool:
    try:
        check_password(password, _EMAIL)
    except InvalidInput:
        return False
    return True
