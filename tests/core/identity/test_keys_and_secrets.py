"""Private keys and secrets lie nowhere in the clear."""

from __future__ import annotations

import os
from pathlib import Path

import asyncpg
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr, ValidationError

from aether_core.errors import CannotStart
from aether_core.identity.keys import load_key_ring, load_sealing_key, rotate_signing_key
from aether_core.identity.opaque import (
    hash_opaque,
    is_same_secret,
    make_refresh_token,
    open_successor,
    seal_successor,
)
from aether_core.settings import Settings


def test_l04_the_sealing_key_is_ours_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    key = load_sealing_key(settings)
    path = settings.key_directory / "sealing.key"
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert settings.key_directory.stat().st_mode & 0o777 == 0o700
    assert load_sealing_key(settings) == key
    assert [p.name for p in settings.key_directory.iterdir()] == ["sealing.key"]
    path.chmod(0o644)
    with pytest.raises(CannotStart, match="chmod 600"):
        load_sealing_key(settings)


@pytest.mark.parametrize("weak", ["", "x", "secret", "change me", "a" * 31])
def test_l04_a_weak_secret_is_refused(tmp_path: Path, weak: str) -> None:
    with pytest.raises(ValidationError, match="sealing_key"):
        Settings(home=tmp_path, sealing_key=SecretStr(weak))


def test_one_secret_serves_several_machines(tmp_path: Path) -> None:
    secret = SecretStr("a secret of thirty-two characters or more")
    here = Settings(home=tmp_path / "here", sealing_key=secret)
    there = Settings(home=tmp_path / "there", sealing_key=secret)
    assert load_sealing_key(here) == load_sealing_key(there)
    assert not (tmp_path / "here").exists()


async def test_the_database_has_no_private_key(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        sealing_key = os.urandom(32)
        ring = await load_key_ring(connection, sealing_key)
        private = ring.signing.private_key.private_bytes_raw()
        row = await connection.fetchrow("SELECT * FROM signing_keys")
        assert row is not None
        assert private not in row["private_key_sealed"]
        sealed = row["private_key_sealed"]
        kid = row["kid"].encode()
        assert AESGCM(sealing_key).decrypt(sealed[:12], sealed[12:], kid) == private
        assert list(ring.verifying) == [ring.signing.kid]
        # The same key again, not another one.
        assert (await load_key_ring(connection, sealing_key)).signing.kid == ring.signing.kid
        # Under another sealing key it is of no use for signing, and goes on verifying.
        other = await load_key_ring(connection, os.urandom(32))
        assert other.signing.kid != ring.signing.kid
        assert other.verifying.keys() == {ring.signing.kid, other.signing.kid}
    finally:
        await connection.close()


async def test_a_new_key_is_published_before_it_signs(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        sealing_key = os.urandom(32)
        first = (await load_key_ring(connection, sealing_key)).signing.kid
        async with connection.transaction():
            second = await rotate_signing_key(connection, sealing_key)
        ring = await load_key_ring(connection, sealing_key)
        assert ring.signing.kid == first
        assert ring.verifying.keys() == {first, second}
        await connection.execute(
            "UPDATE signing_keys SET created_at = created_at - interval '1 minute',"
            " retired_at = retired_at - interval '1 minute'"
        )
        ring = await load_key_ring(connection, sealing_key)
        assert ring.signing.kid == second
        assert ring.verifying.keys() == {first, second}
        # When the last token that it signed has expired, it is gone.
        await connection.execute(
            "UPDATE signing_keys SET retired_at = retired_at - interval '2 hours'"
        )
        assert (await load_key_ring(connection, sealing_key)).verifying.keys() == {second}
    finally:
        await connection.close()


def test_a_successor_opens_only_with_the_token_itself() -> None:
    token, successor = make_refresh_token(), make_refresh_token()
    sealed = seal_successor(token, successor)
    assert successor.encode() not in sealed
    assert open_successor(token, sealed) == successor
    assert open_successor(make_refresh_token(), sealed) is None
    assert open_successor(token, sealed[:-1] + bytes([sealed[-1] ^ 1])) is None
    assert is_same_secret(token, hash_opaque(token))
    assert not is_same_secret(token + "x", hash_opaque(token))
