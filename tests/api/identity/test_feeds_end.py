"""A live feed ends within a second of its token, wherever that was ended; and feeds are counted.

Two gateways over the same servers. A feed is an answer that is complete when it ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from aether_api.parts import Parts
from aether_core.database.connection import borrow
from aether_core.database.users import User
from aether_core.identity import accounts
from aether_core.settings import Settings
from tests.api.identity.gateways import Gateway, running_gateway


@asynccontextmanager
async def feed_of(gateway: Gateway, token: str) -> AsyncIterator[asyncio.Task[httpx.Response]]:
    """Open a feed; the task is done when it has ended."""
    parts: Parts = gateway.app.state.parts
    before = parts.live.open_count
    async with asyncio.TaskGroup() as group:
        task = group.create_task(
            gateway.http.get("/events", headers={"Authorization": f"Bearer {token}"})
        )
        end = time.monotonic() + 20
        while parts.live.open_count == before:
            assert time.monotonic() < end, "the feed does not open"
            await asyncio.sleep(0.01)
        yield task
        task.cancel()


async def _sign_out(gateway: Gateway, _user: User, token: str) -> None:
    await gateway.http.post("/auth/logout", headers={"Authorization": f"Bearer {token}"})


async def _disable(gateway: Gateway, user: User, _token: str) -> None:
    async with borrow(gateway.access.pool) as connection, connection.transaction():
        revocation = await accounts.set_active(connection, user, is_active=False)
    await gateway.access.apply(revocation)


async def _change_role(gateway: Gateway, user: User, _token: str) -> None:
    async with borrow(gateway.access.pool) as connection, connection.transaction():
        revocation = await accounts.change_role(connection, user, "customer")
    await gateway.access.apply(revocation)


@pytest.mark.parametrize("ending", [_sign_out, _disable, _change_role])
async def test_w01_what_ends_a_token_ends_its_feeds_everywhere(
    gateway: Gateway,
    settings: Settings,
    ending: Callable[[Gateway, User, str], Awaitable[None]],
) -> None:
    user = await gateway.make_user("analyst")
    token = (await gateway.login(user))["access_token"]
    async with (
        running_gateway(settings) as other,
        feed_of(gateway, token) as here,
        feed_of(other, token) as there,
    ):
        await ending(gateway, user, token)
        ended_at = time.monotonic()
        for answer in (await here, await there):
            assert answer.text.startswith("id: ")
        # Not by the next comment, which would find out as well.
        assert time.monotonic() - ended_at < 8.0


async def test_w01_a_feed_ends_with_the_life_of_its_token(settings: Settings) -> None:
    identity = settings.identity.model_copy(update={"access_token_s": 5})
    async with running_gateway(settings.model_copy(update={"identity": identity})) as gateway:
        token = (await gateway.login(await gateway.make_user()))["access_token"]
        expires_at = time.time() + 5
        async with feed_of(gateway, token) as feed:
            await feed
        assert expires_at - 1 < time.time() < expires_at + 1


async def test_w03_all_feeds_together_have_a_limit(settings: Settings) -> None:
    limits = settings.gateway.model_copy(update={"event_streams_max": 2})
    async with running_gateway(settings.model_copy(update={"gateway": limits})) as gateway:
        tokens = [
            (await gateway.login(await gateway.make_user()))["access_token"] for _ in range(3)
        ]
        async with feed_of(gateway, tokens[0]), feed_of(gateway, tokens[1]):
            refused = await gateway.http.get(
                "/events", headers={"Authorization": f"Bearer {tokens[2]}"}
            )
            assert refused.status_code == 503
            assert refused.headers["retry-after"]
        async with feed_of(gateway, tokens[2]):
            assert gateway.app.state.parts.live.open_count == 1
