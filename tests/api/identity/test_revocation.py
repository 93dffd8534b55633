"""A revoked token is refused at once here, within a second everywhere, and after any restart.

Two gateways over the same servers; Valkey killed, frozen and emptied in between (J19 to J22).
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import jwt
import pytest
import redis

from aether_core.database.connection import borrow
from aether_core.database.users import User
from aether_core.identity import accounts, keys
from aether_core.identity.revocation import STREAM_KEY
from aether_core.settings import Settings
from tests.api.identity.gateways import PASSWORD, Gateway, current, running_gateway
from tests.conftest import ValkeyServer


@pytest.fixture
async def other(gateway: Gateway, settings: Settings) -> AsyncIterator[Gateway]:
    """A second gateway; asked for after the first, so that both run."""
    async with running_gateway(settings) as running:
        yield running


async def _refused_within(gateway: Gateway, token: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (await gateway.me(token)).status_code == 200:
        assert time.monotonic() < end, "the token is still taken"
        await asyncio.sleep(0.01)


async def _until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    end = time.monotonic() + 20
    while not await condition():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.02)


async def _taken(gateway: Gateway, token: str) -> bool:
    return (await gateway.me(token)).status_code == 200


async def _log_out(gateway: Gateway, token: str) -> None:
    answer = await gateway.http.post("/auth/logout", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


async def test_j19_signed_out_here_is_signed_out_everywhere(
    gateway: Gateway, other: Gateway
) -> None:
    user = await gateway.make_user()
    first, second = await gateway.login(user), await gateway.login(user)
    for token in (first["access_token"], second["access_token"]):
        assert await _taken(gateway, token)
        assert await _taken(other, token)
    await _log_out(gateway, first["access_token"])
    assert not await _taken(gateway, first["access_token"])
    await _refused_within(other, first["access_token"], 1.0)
    # The other sign-in is another matter.
    assert await _taken(gateway, second["access_token"])
    assert await _taken(other, second["access_token"])
    refreshed = await other.http.post(
        "/auth/refresh", json={"refresh_token": first["refresh_token"]}
    )
    assert refreshed.status_code == 401


async def test_j19_also_after_every_server_started_afresh(
    settings: Settings, valkey: ValkeyServer
) -> None:
    async with running_gateway(settings) as gateway:
        token = (await gateway.login(await gateway.make_user()))["access_token"]
        await _log_out(gateway, token)
    valkey.kill()
    (valkey.home / "valkey" / "appendonlydir").rename(valkey.home / "lost")
    valkey.start()
    async with running_gateway(settings) as gateway:
        assert (await gateway.me(token)).status_code == 401


async def test_j20_without_valkey_nothing_is_believed(
    gateway: Gateway, other: Gateway, valkey: ValkeyServer
) -> None:
    user = await gateway.make_user()
    kept = (await gateway.login(user))["access_token"]
    void = (await gateway.login(user))["access_token"]
    assert await _taken(other, kept)
    assert await _taken(other, void)
    valkey.kill()
    end = time.monotonic() + 1.0
    while (answer := await other.me(kept)).status_code != 503:
        assert answer.status_code == 200
        assert time.monotonic() < end
        await asyncio.sleep(0.01)
    assert answer.headers["retry-after"]
    assert answer.json()["type"] == "/problems/unavailable"
    # Revoked while nobody hears of it.
    async with borrow(gateway.access.pool) as connection, connection.transaction():
        stated = jwt.decode(void, options={"verify_signature": False})
        await accounts.revoke_token(connection, stated["jti"])
    for _ in range(20):
        assert (await other.me(void)).status_code == 503
    valkey.start()
    await _until(lambda: _taken(other, kept), "the gateway recovers")
    assert (await other.me(void)).status_code == 401
    assert (await gateway.me(void)).status_code == 401


async def test_j20_a_frozen_valkey_is_no_valkey(gateway: Gateway, valkey: ValkeyServer) -> None:
    token = (await gateway.login(await gateway.make_user()))["access_token"]
    assert await _taken(gateway, token)
    os.kill(valkey.process.pid, signal.SIGSTOP)
    try:
        end = time.monotonic() + 3.0
        while (await gateway.me(token)).status_code != 503:
            assert time.monotonic() < end
            await asyncio.sleep(0.01)
        # Many who ask at once share one question, and its second of waiting.
        began = time.monotonic()
        answers = await asyncio.gather(*(gateway.me(token) for _ in range(50)))
        assert {answer.status_code for answer in answers} == {503}
        assert time.monotonic() - began < 3.0
    finally:
        os.kill(valkey.process.pid, signal.SIGCONT)
    await _until(lambda: _taken(gateway, token), "the gateway recovers")


async def test_news_that_valkey_lost_come_from_postgres(
    gateway: Gateway, other: Gateway, valkey: ValkeyServer
) -> None:
    token = (await gateway.login(await gateway.make_user()))["access_token"]
    assert await _taken(other, token)
    client = redis.Redis.from_url(valkey.url)
    # Full: the announcement is refused, while reading goes on.
    client.config_set("maxmemory", "1mb")
    try:
        await _log_out(gateway, token)
        await _refused_within(other, token, 1.5)
        assert client.exists(STREAM_KEY) == 0
    finally:
        client.config_set("maxmemory", "0")
        client.close()


async def test_foreign_entries_in_the_stream_do_no_harm(
    gateway: Gateway, valkey: ValkeyServer
) -> None:
    user = await gateway.make_user()
    token, kept = (await gateway.login(user))["access_token"], await gateway.login(user)
    client = redis.Redis.from_url(valkey.url)
    wrong: list[dict[Any, Any]] = [
        {"kind": "token"},
        {"x": "y"},
        {"kind": "token", "subject": b"\xff", "version": "x", "expires_at": "soon"},
    ]
    for entry in wrong:
        client.xadd(STREAM_KEY, entry)
    client.close()
    await _log_out(gateway, token)
    assert not await _taken(gateway, token)
    assert await _taken(gateway, kept["access_token"])


async def test_j21_a_disabled_user_is_out_at_once(gateway: Gateway, other: Gateway) -> None:
    user = await gateway.make_user()
    tokens = [(await gateway.login(user))["access_token"] for _ in range(3)]
    for token in tokens:
        assert await _taken(other, token)
    async with borrow(gateway.access.pool) as connection, connection.transaction():
        revocation = await accounts.set_active(connection, user, is_active=False)
    await gateway.access.apply(revocation)
    for token in tokens:
        assert not await _taken(gateway, token)
        await _refused_within(other, token, 1.0)
    answer = await other.http.post("/auth/login", json={"email": user.email, "password": PASSWORD})
    assert answer.status_code == 401


async def test_j22_another_role_needs_another_token(gateway: Gateway, other: Gateway) -> None:
    user = await gateway.make_user()
    tokens = await gateway.login(user)
    assert await _taken(other, tokens["access_token"])
    async with borrow(gateway.access.pool) as connection, connection.transaction():
        revocation = await accounts.change_role(connection, user, "analyst")
    await gateway.access.apply(revocation)
    assert not await _taken(gateway, tokens["access_token"])
    await _refused_within(other, tokens["access_token"], 1.0)
    # The sign-in goes on, with what the new role may do.
    refreshed = await other.http.post(
        "/auth/refresh", json={"refresh_token": tokens["refresh_token"]}
    )
    assert "alerts:write" in refreshed.json()["scope"]
    assert await _taken(gateway, refreshed.json()["access_token"])
    assert await _taken(other, refreshed.json()["access_token"])


async def test_j22_another_password_ends_every_sign_in(gateway: Gateway, other: Gateway) -> None:
    user = await gateway.make_user()
    tokens = await gateway.login(user)
    password_hash = await gateway.access.hasher.hash("another horse battery")
    async with borrow(gateway.access.pool) as connection, connection.transaction():
        revocation = await accounts.change_password(connection, user, password_hash)
    await gateway.access.apply(revocation)
    await _refused_within(other, tokens["access_token"], 1.0)
    refreshed = await other.http.post(
        "/auth/refresh", json={"refresh_token": tokens["refresh_token"]}
    )
    assert refreshed.status_code == 401
    new = {"email": user.email, "password": "another horse battery"}
    assert (await other.http.post("/auth/login", json=new)).status_code == 200


async def test_a_sign_in_cannot_slip_past_a_new_password(gateway: Gateway) -> None:
    async def change_password(user: User) -> None:
        password_hash = await gateway.access.hasher.hash("another horse battery")
        async with borrow(gateway.access.pool) as connection, connection.transaction():
            revocation = await accounts.change_password(connection, user, password_hash)
        await gateway.access.apply(revocation)

    for _ in range(5):
        user = await gateway.make_user()
        old = {"email": user.email, "password": PASSWORD}
        async with asyncio.TaskGroup() as group:
            group.create_task(change_password(user))
            logins = [group.create_task(gateway.http.post("/auth/login", json=old)) for _ in "1234"]
        for answer in (login.result() for login in logins):
            if answer.status_code == 200:
                tokens = answer.json()
                assert not await _taken(gateway, tokens["access_token"])
                refreshed = await gateway.http.post(
                    "/auth/refresh", json={"refresh_token": tokens["refresh_token"]}
                )
                assert refreshed.status_code == 401


async def test_keys_rotate_without_signing_anybody_out(gateway: Gateway, other: Gateway) -> None:
    user = await gateway.make_user()
    before = (await gateway.login(user))["access_token"]
    sealing_key = keys.load_sealing_key(gateway.access.settings)
    async with borrow(gateway.access.pool) as connection, connection.transaction():
        kid = await keys.rotate_signing_key(connection, sealing_key)
    # It is published before it signs …
    await _until(lambda: _publishes(other, kid), "the new key is published")
    assert await _signing_kid(other) != kid
    # … and then signs, while the old one still verifies.
    async with borrow(gateway.access.pool) as connection:
        await connection.execute(
            "UPDATE signing_keys SET created_at = created_at - interval '1 minute',"
            " retired_at = retired_at - interval '1 minute'"
        )
    await _until(lambda: _signs_with(gateway, kid), "the new key signs")
    after = (await gateway.login(user))["access_token"]
    for token in (before, after):
        assert await _taken(gateway, token)
        assert await _taken(other, token)


async def test_keys_that_were_stolen_are_void_at_once(gateway: Gateway, other: Gateway) -> None:
    user = await gateway.make_user()
    tokens = await gateway.login(user)
    assert await _taken(other, tokens["access_token"])
    sealing_key = keys.load_sealing_key(gateway.access.settings)
    async with borrow(gateway.access.pool) as connection, connection.transaction():
        await keys.rotate_signing_key(connection, sealing_key, void_older=True)
    for each in (gateway, other):
        await _refused_within(each, tokens["access_token"], 3.0)
    refreshed = await other.http.post(
        "/auth/refresh", json={"refresh_token": tokens["refresh_token"]}
    )
    assert await _taken(gateway, refreshed.json()["access_token"])
    assert await _taken(other, refreshed.json()["access_token"])


async def test_machines_with_keys_of_their_own_trust_one_another(
    gateway: Gateway, settings: Settings
) -> None:
    user = await gateway.make_user()
    elsewhere = settings.model_copy(update={"home": settings.home / "elsewhere"})
    async with running_gateway(elsewhere) as machine:
        here = (await gateway.login(user))["access_token"]
        there = (await machine.login(user))["access_token"]
        for token in (here, there):
            assert await _taken(gateway, token)
            assert await _taken(machine, token)
        assert await _signing_kid(machine) != await _signing_kid(gateway)


async def test_revocations_are_forgotten_when_their_tokens_have_expired(gateway: Gateway) -> None:
    user = await gateway.make_user()
    await _log_out(gateway, (await gateway.login(user))["access_token"])
    assert len(gateway.access._revoked) >= 1
    async with borrow(gateway.access.pool) as connection:
        life = await connection.fetchval("SELECT expires_at - created_at FROM revocations")
    assert life.total_seconds() > 3600
    revoked = gateway.access._revoked
    revoked._until = dict.fromkeys(revoked._until, time.time() - 120)
    revoked.forget_expired()
    assert len(revoked) == 0
    assert (await current(gateway, user)).is_active


async def _publishes(gateway: Gateway, kid: str) -> bool:
    found = (await gateway.http.get("/.well-known/jwks.json")).json()["keys"]
    return kid in {key["kid"] for key in found}


async def _signing_kid(gateway: Gateway) -> str:
    return (await gateway.access.key_ring()).signing.kid


async def _signs_with(gateway: Gateway, kid: str) -> bool:
    return await _signing_kid(gateway) == kid
