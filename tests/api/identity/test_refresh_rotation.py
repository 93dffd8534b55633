"""A refresh token is good for one use, and a stolen one ends the family (J08, J25 to J28)."""

from __future__ import annotations

import asyncio

import httpx

from aether_core.database.connection import borrow
from aether_core.database.users import User
from aether_core.identity import accounts
from tests.api.identity.gateways import FORM, Gateway


async def _refresh(gateway: Gateway, token: str) -> httpx.Response:
    return await gateway.http.post("/auth/refresh", json={"refresh_token": token})


async def _grant(gateway: Gateway, token: str, **more: str) -> httpx.Response:
    return await gateway.form(
        "/oauth/token", {"grant_type": "refresh_token", "refresh_token": token, **more}
    )


async def _age_uses(gateway: Gateway, seconds: int) -> None:
    """Let time pass: every use of a token lies so much further back."""
    async with borrow(gateway.access.pool) as connection:
        await connection.execute(
            "UPDATE refresh_tokens SET used_at = used_at - make_interval(secs => $1)",
            float(seconds),
        )


async def test_tokens_follow_one_another(gateway: Gateway) -> None:
    user = await gateway.make_user()
    token = (await gateway.login(user))["refresh_token"]
    seen = {token}
    for _ in range(3):
        answer = await _refresh(gateway, token)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        token = answer.json()["refresh_token"]
        assert token not in seen
        seen.add(token)
        assert (await gateway.me(answer.json()["access_token"])).status_code == 200
    async with borrow(gateway.access.pool) as connection:
        kept = await connection.fetch("SELECT token_hash, successor_sealed FROM refresh_tokens")
    # What a thief of the database finds is no token.
    for row in kept:
        for secret in seen:
            assert secret.encode() not in row["token_hash"] + (row["successor_sealed"] or b"")


async def test_a_sign_in_that_nobody_uses_ends(gateway: Gateway) -> None:
    user = await gateway.make_user()
    idle, used = await gateway.login(user), await gateway.login(user)
    limit_s = gateway.access.settings.identity.session_idle_s
    for share, is_used in ((0.6, True), (0.6, False)):
        async with borrow(gateway.access.pool) as connection:
            await connection.execute(
                "UPDATE sessions SET last_used_at = last_used_at - make_interval(secs => $1)",
                share * limit_s,
            )
        if is_used:
            used = (await _refresh(gateway, used["refresh_token"])).json()
    listed = await gateway.http.get(
        "/auth/sessions", headers={"Authorization": f"Bearer {used['access_token']}"}
    )
    assert [session["is_current"] for session in listed.json()] == [True]
    assert (await _refresh(gateway, idle["refresh_token"])).status_code == 401
    assert (await _grant(gateway, idle["refresh_token"])).status_code == 400
    assert (await _refresh(gateway, used["refresh_token"])).status_code == 200


async def test_j26_twenty_at_once_get_one_successor(gateway: Gateway) -> None:
    token = (await gateway.login(await gateway.make_user()))["refresh_token"]
    answers = await asyncio.gather(*(_refresh(gateway, token) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    successors = {answer.json()["refresh_token"] for answer in answers}
    assert len(successors) == 1
    async with borrow(gateway.access.pool) as connection:
        assert await connection.fetchval("SELECT count(*) FROM refresh_tokens") == 2
    assert (await _refresh(gateway, successors.pop())).status_code == 200


async def test_j25_a_second_use_ends_the_family(gateway: Gateway) -> None:
    user = await gateway.make_user()
    other = await gateway.login(user)
    first = await gateway.login(user)
    second = (await _refresh(gateway, first["refresh_token"])).json()
    await _age_uses(gateway, 60)
    again = await _grant(gateway, first["refresh_token"])
    assert again.status_code == 400
    assert again.json()["error"] == "invalid_grant"
    # Both parties are out, with all that was issued to either of them.
    assert (await _refresh(gateway, second["refresh_token"])).status_code == 401
    for access_token in (first["access_token"], second["access_token"]):
        assert (await gateway.me(access_token)).status_code == 401
    # The user's other sign-in is not touched.
    assert (await gateway.me(other["access_token"])).status_code == 200
    assert (await _refresh(gateway, other["refresh_token"])).status_code == 200


async def test_a_family_that_ends_while_it_is_refreshed_has_no_survivor(gateway: Gateway) -> None:
    for _ in range(10):
        first = (await gateway.login(await gateway.make_user()))["refresh_token"]
        second = (await _refresh(gateway, first)).json()["refresh_token"]
        await _age_uses(gateway, 60)
        answers = await asyncio.gather(
            _refresh(gateway, second), _refresh(gateway, first), _refresh(gateway, second)
        )
        assert answers[1].status_code == 401
        for answer in answers:
            if answer.status_code == 200:
                third = answer.json()
                assert (await _refresh(gateway, third["refresh_token"])).status_code == 401
                assert (await gateway.me(third["access_token"])).status_code == 401


async def test_j08_other_tokens_are_no_refresh_tokens(gateway: Gateway) -> None:
    tokens = await gateway.login(await gateway.make_user())
    for wrong in (
        tokens["access_token"],
        tokens["refresh_token"] + "x",
        tokens["refresh_token"][:-1],
        "aether_refresh_",
        "aether_refresh_" + "x" * 4000,
        "aether_refresh_nul\x00",
        "' OR 1=1--",
    ):
        answer = await _grant(gateway, wrong)
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_grant"
        assert answer.headers["content-type"] == "application/json"
        assert (await _refresh(gateway, wrong)).status_code == 401


async def test_j27_no_wider_scope_no_other_client(gateway: Gateway) -> None:
    token = (await gateway.login(await gateway.make_user()))["refresh_token"]
    wider = await _grant(gateway, token, scope="transactions:read admin")
    assert (wider.status_code, wider.json()["error"]) == (400, "invalid_scope")
    client = await gateway.make_client("transactions:read_any")
    fields = {"grant_type": "refresh_token", "refresh_token": token}
    foreign = await gateway.form("/oauth/token", fields, client)
    assert (foreign.status_code, foreign.json()["error"]) == (400, "invalid_grant")
    claimed = await _grant(gateway, token, client_id=client.client.id)
    assert (claimed.status_code, claimed.json()["error"]) == (400, "invalid_grant")
    # None of these used the token up; narrower is allowed.
    narrow = await _grant(gateway, token, scope="transactions:read", client_id="aether")
    assert narrow.status_code == 200
    assert narrow.json()["scope"] == "transactions:read"
    me = await gateway.me(narrow.json()["access_token"])
    assert me.json()["scopes"] == ["transactions:read"]


async def test_j27_a_sign_in_has_an_end(gateway: Gateway) -> None:
    token = (await gateway.login(await gateway.make_user()))["refresh_token"]
    token = (await _refresh(gateway, token)).json()["refresh_token"]
    async with borrow(gateway.access.pool) as connection:
        before = await connection.fetchval("SELECT expires_at - created_at FROM sessions")
        assert before.total_seconds() == gateway.access.settings.identity.refresh_token_s
        await connection.execute("UPDATE sessions SET expires_at = now()")
    assert (await _refresh(gateway, token)).status_code == 401


async def test_j28_no_other_grants(gateway: Gateway) -> None:
    user = await gateway.make_user()
    for grant_type in ("password", "implicit", "authorization_code", "x"):
        answer = await gateway.form(
            "/oauth/token", {"grant_type": grant_type, "username": user.email, "password": "x"}
        )
        assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


async def test_a_disabled_user_is_not_refreshed(gateway: Gateway) -> None:
    user = await gateway.make_user()
    token = (await gateway.login(user))["refresh_token"]
    await _disable(gateway, user)
    assert (await _refresh(gateway, token)).status_code == 401
    async with borrow(gateway.access.pool) as connection, connection.transaction():
        await accounts.set_active(connection, user, is_active=True)
    assert (await _refresh(gateway, token)).status_code == 401


async def test_refreshing_needs_a_token(gateway: Gateway) -> None:
    assert (await gateway.http.post("/auth/refresh")).status_code == 401
    assert (await gateway.http.post("/auth/refresh", json={})).status_code == 401
    wrong: list[object] = [{"refresh_token": 7}, {"refresh_token": "x", "scope": "admin"}, []]
    for body in wrong:
        assert (await gateway.http.post("/auth/refresh", json=body)).status_code == 422
    form = await gateway.http.post(
        "/auth/refresh", content="refresh_token=x", headers={"Content-Type": FORM}
    )
    assert form.status_code == 415


async def _disable(gateway: Gateway, user: User) -> None:
    async with borrow(gateway.access.pool) as connection, connection.transaction():
        revocation = await accounts.set_active(connection, user, is_active=False)
    await gateway.access.apply(revocation)
