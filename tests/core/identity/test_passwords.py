"""Which passwords are taken, and what hashing costs others: nothing."""

from __future__ import annotations

import asyncio
import base64
import hashlib

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aether_core.errors import InvalidInput, TooManyAttempts
from aether_core.identity.password_rule import check_password
from aether_core.identity.passwords import PasswordHasher, make_password

_EMAIL = "ada@example.com"


@given(st.text(max_size=140))
@settings(max_examples=300)
def test_what_is_taken_has_the_length(password: str) -> None:
    if _reason(password) is None:
        assert 12 <= len(password) <= 128
        assert password.strip().casefold() != _EMAIL


def test_the_edges_of_length() -> None:
    whole = "zq7 kwv, 3fj." * 10
    assert _reason(whole[:12]) is None
    assert _reason(whole[:128]) is None
    assert _reason("ü🐎ж" + whole[:125]) is None
    for wrong, reason in (
        (whole[:11], "at least 12"),
        (whole[:129], "at most 128"),
        ("\ud800" + whole[:20], "Unicode"),
    ):
        assert reason in str(_reason(wrong))


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("1qaz2wsx3edc", "commonest"),
        ("Password2026!", "common word"),
        ("P@ssw0rd-2026!", "common word"),
        ("Summer2026!!!", "common word"),
        ("monkeydragon99", "common word"),
        ("welcome-2026-11", "common word"),
        ("abcabcabcabc", "short pattern"),
        ("xy7xy7xy7xy7x", "short pattern"),
        ("aaaaaaaaaaaaaaaa", "short pattern"),
        ("qwertyuiop1234", "common word"),
        ("0987654321!?.,", "keyboard"),
        ("aaaaaaaaaaab", "keyboard"),
        ("abcdefghijklmnop", "keyboard"),
        ("ada.lovelace1815", "e-mail"),
        ("LoveLace-1815!", "e-mail"),
        ("ada.lovelace@example.com", "e-mail"),
        ("aether-2026-11", "our name"),
    ],
)
def test_what_everybody_tries_is_refused_and_says_why(password: str, reason: str) -> None:
    assert reason in str(_reason(password, "ada.lovelace@example.com"))


@pytest.mark.parametrize(
    "password",
    [
        *("correct horse", "staple-horse-9", "8392746591823"),
        *("mountain strawberry remember", "пароль от сердца"),
    ],
)
def test_what_is_long_and_of_no_pattern_needs_no_kinds_of_characters(password: str) -> None:
    assert _reason(password) is None


def test_passwords_made_here_are_taken() -> None:
    for _ in range(500):
        assert _reason(make_password()) is None


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=130))
@settings(max_examples=25, deadline=None)
def test_only_the_same_bytes_match(password: str) -> None:
    async def run() -> None:
        hasher = PasswordHasher(4)
        try:
            hashed = await hasher.hash(password)
            assert await hasher.matches(password, hashed)
            assert not await hasher.matches(password[:-1], hashed)
            assert not await hasher.matches(password + "\x00", hashed)
            assert not hasher.is_outdated(hashed)
        finally:
            hasher.close()

    asyncio.run(run())


async def test_nobody_has_the_dummy_password() -> None:
    hasher = PasswordHasher(4)
    for password in ("", "x", "x" * 72, "x" * 1000, "\ud800"):
        assert not await hasher.matches(password, None)
    hasher.close()


async def test_hashes_that_were_made_before_go_on() -> None:
    hasher = PasswordHasher(4)
    for password in ("correct horse", "x" * 72):
        old = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
        assert await hasher.matches(password, old)
        assert not await hasher.matches(password + "y", old)  # cut at 72 bytes it would match
        assert hasher.is_outdated(old)
        new = await hasher.hash(password)
        assert not hasher.is_outdated(new)
        assert await hasher.matches(password, new)
    hasher.close()


async def test_a_digest_that_another_site_lost_is_no_password() -> None:
    """What bcrypt gets is nobody else's digest of the password (password shucking)."""
    hasher = PasswordHasher(4)
    password = b"correct horse battery"
    hashed = (await hasher.hash(password.decode())).removeprefix("aether1").encode()
    for digest in ("md5", "sha1", "sha256", "sha384", "sha512"):
        raw = hashlib.new(digest, password).digest()
        for lost in (raw[:72], raw.hex().encode()[:72], base64.b64encode(raw)[:72]):
            if b"\x00" not in lost:
                assert not bcrypt.checkpw(lost, hashed)
    hasher.close()


async def test_hashing_does_not_hold_the_loop_up_and_has_a_bound() -> None:
    hasher = PasswordHasher(8, thread_count=1)

    async def one() -> bool:
        try:
            return await hasher.matches("wrong horse", None)
        except TooManyAttempts:
            return True

    tasks = [asyncio.create_task(one(), name="hash") for _ in range(40)]
    turns = 0
    while not all(task.done() for task in tasks):
        await asyncio.sleep(0)
        turns += 1
    # On the loop's own thread, the loop would have turned about once for each hash.
    assert turns > 5 * len(tasks)
    assert sum(task.result() for task in tasks) == 16
    hasher.close()


def _reason(password: str, email: str = _EMAIL) -> str | None:
    try:
        check_password(password, email)
    except InvalidInput as error:
        return error.detail
    return None
