"""Proves that the console never shows old news as fresh, and comes back by itself.

The gateway is killed and started again, its tokens live for seconds, the session is ended by
somebody else: what was on screen stays, says how old it is, and goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aether_tui.live import Phase
from aether_tui.screens.login import LoginScreen
from tests.conftest import ValkeyServer
from tests.running import RunningSystem, running_system
from tests.tui.driving import STANDARD, Console, Traffic, new_merchant, signed_in


def _phase(console: Console) -> Phase:
    assert console.app.session is not None
    return console.app.session.connection.phase


async def test_a_killed_gateway_is_said_and_its_return_brings_what_was_missed(
    running_system: RunningSystem,
) -> None:
    system = running_system
    traffic = Traffic(system, system.make_client())
    before, meanwhile, after = new_merchant(), new_merchant(), new_merchant()
    async with signed_in(system, system.make_user("operator")) as console:
        await console.press("2")
        await traffic.send(before)
        await console.sees(before)
        system.gateway.kill()
        await console.sees("RECONNECTING", "Last news", "r tries now")
        await console.sees("STALE", before)
        # Back-off: the waits grow while nobody asks.
        await console.sees("RECONNECTING 2 in")
        system.gateway.start()
        await console.wait(system.is_ready, "the gateway")
        await traffic.send(meanwhile)
        await console.press("r")
        await console.sees("LIVE", before, meanwhile)
        await console.sees_no("STALE", "r tries now")
        await traffic.send(after)
        await console.sees(before, meanwhile, after)
        rows = [line for line in console.text().splitlines() if "12.34" in line]
        assert [m in r for m, r in zip((before, meanwhile, after), rows, strict=True)] == [True] * 3


@pytest.fixture
def short_lived(database_url: str, valkey: ValkeyServer, tmp_path: Path) -> Iterator[RunningSystem]:
    """A system whose access tokens live for eight seconds."""
    with running_system(
        database_url=database_url,
        redis_url=valkey.url,
        home=tmp_path / "home",
        forecaster=False,
        environment={"AETHER_IDENTITY__ACCESS_TOKEN_S": "8"},
    ) as system:
        yield system


async def test_tokens_expire_silently(short_lived: RunningSystem) -> None:
    system = short_lived
    traffic = Traffic(system, system.make_client())
    async with signed_in(system, system.make_user("operator"), STANDARD) as console:
        tokens = console.app.client._tokens
        assert tokens is not None
        phases = set()

        def renewed_twice() -> bool:
            phases.add(_phase(console))
            assert not isinstance(console.app.screen, LoginScreen)
            now = console.app.client._tokens
            if now is not None and now.access_token != tokens.access_token:
                seen.add(now.access_token)
            return len(seen) == 2

        seen: set[str] = set()
        await console.wait(renewed_twice, "two renewals")
        merchant = new_merchant()
        await traffic.send(merchant)
        await console.sees(merchant, "LIVE")
        assert phases == {Phase.LIVE}


async def test_a_session_that_somebody_ended_asks_again_and_keeps_the_place(
    running_system: RunningSystem,
) -> None:
    system = running_system
    traffic = Traffic(system, system.make_client())
    account = system.make_user("admin")
    merchant = new_merchant()
    async with signed_in(system, account) as console:
        await console.press("2")
        await traffic.send(merchant)
        await console.sees(merchant)
        await console.press("up", "enter")
        await console.sees("REASONS", merchant)
        frozen = console.app.screen
        tokens = console.app.client._tokens
        assert tokens is not None
        with system.http() as http:
            bearer = {"Authorization": f"Bearer {tokens.access_token}"}
            assert http.post("/auth/logout", headers=bearer).is_success
        await console.press("r")
        await console.sees("The session has ended. Sign in again.")
        assert frozen in console.app.screen_stack
        console.fill("#password", account.password)
        await console.press("enter")
        await console.wait(lambda: console.app.screen is frozen, "the same screen")
        await console.sees("PAUSED", "REASONS", merchant)
        await console.wait(lambda: _phase(console) is Phase.LIVE, "the live feed")
