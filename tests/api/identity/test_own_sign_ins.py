"""One's own sign-ins: which there are, ending them, and another password (A11, J21, J22)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from aether_core.database.connection import borrow
from tests.api.identity.gateways import PASSWORD, Gateway, running_gateway

ANOTHER = "another horse battery"


@pytest.fixture
async def other(gateway: Gateway) -> AsyncIterator[Gateway]:
    async with running_gateway(gateway.access.settings) as running:
        yield running


def _bearer(tokens: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def _refused_within_a_second(gateway: Gateway, token: str) -> None:
    end = asyncio.get_running_loop().time() + 1.0
    while (await gateway.me(token)).status_code == 200:
        assert asyncio.get_running_loop().time() < end, "the token is still taken"
        await asyncio.sleep(0.01)


async def _change(
    http: httpx.AsyncClient, tokens: dict[str, str], current: str = PASSWORD, new: str = ANOTHER
) -> httpx.Response:
    return await http.post(
        "/auth/password",
        json={"current_password": current, "new_password": new},
        headers=_bearer(tokens),
    )


async def test_sign_ins_are_listed_and_ended(gateway: Gateway, other: Gateway) -> None:
    user, stranger = await gateway.make_user(), await gateway.make_user()
    first = await gateway.login(user)
    foreign = await gateway.login(stranger)
    async with gateway.from_address("192.0.2.7") as elsewhere:
        answer = await elsewhere.post(
            "/auth/login",
            json={"email": user.email, "password": PASSWORD},
            headers={b"User-Agent": b"evil\x1b]0;x\x07 \x9b31m browser" + b"x" * 500},
        )
    second = answer.json()

    async def listed(tokens: dict[str, str], query: str = "") -> httpx.Response:
        return await gateway.http.get(f"/auth/sessions{query}", headers=_bearer(tokens))

    newest, oldest = (await listed(first)).json()
    assert (newest["is_current"], oldest["is_current"]) == (False, True)
    assert newest["address"] == "192.0.2.7"
    assert newest["user_agent"].startswith("evil\\x1b]0;x\\x07 \\x9b31m browser")
    assert len(newest["user_agent"]) == 200
    assert oldest["client"] == "aether"
    assert oldest["last_used_at"] == oldest["created_at"]
    pages = await listed(first, "?limit=1")
    assert [s["session_id"] for s in pages.json()] == [newest["session_id"]]
    following = await gateway.http.get(pages.links["next"]["url"], headers=_bearer(first))
    assert [s["session_id"] for s in following.json()] == [oldest["session_id"]]

    # Refreshing is a use, from where it is done.
    async with gateway.from_address("192.0.2.8") as moved:
        answer = await moved.post("/auth/refresh", json={"refresh_token": second["refresh_token"]})
    second = answer.json()
    newest = (await listed(first)).json()[0]
    assert newest["address"] == "192.0.2.8"
    assert newest["last_used_at"] > newest["created_at"]

    # Nobody ends, or learns of, another's.
    address = f"/auth/sessions/{newest['session_id']}"
    assert (await gateway.http.delete(address, headers=_bearer(foreign))).status_code == 404
    assert (await other.me(second["access_token"])).status_code == 200
    assert (await gateway.http.delete(address, headers=_bearer(first))).status_code == 204
    assert (await gateway.me(second["access_token"])).status_code == 401
    await _refused_within_a_second(other, second["access_token"])
    refreshed = await gateway.http.post(
        "/auth/refresh", json={"refresh_token": second["refresh_token"]}
    )
    assert refreshed.status_code == 401
    assert (await gateway.http.delete(address, headers=_bearer(first))).status_code == 404
    assert len((await listed(first)).json()) == 1


@pytest.mark.parametrize("shown", ["access token", "refresh token"])
async def test_signing_out_everywhere(gateway: Gateway, other: Gateway, shown: str) -> None:
    user = await gateway.make_user()
    all_of_them = [await gateway.login(user) for _ in range(3)]
    stranger = await gateway.login(await gateway.make_user())
    for tokens in all_of_them:
        assert (await other.me(tokens["access_token"])).status_code == 200
    headers = _bearer(all_of_them[0]) if shown == "access token" else {}
    body = {} if headers else {"refresh_token": all_of_them[0]["refresh_token"]}
    answer = await gateway.http.post("/auth/logout?everywhere=true", json=body, headers=headers)
    assert answer.status_code == 200
    for tokens in all_of_them:
        assert (await gateway.me(tokens["access_token"])).status_code == 401
        await _refused_within_a_second(other, tokens["access_token"])
        refreshed = await other.http.post(
            "/auth/refresh", json={"refresh_token": tokens["refresh_token"]}
        )
        assert refreshed.status_code == 401
    assert (await gateway.me(stranger["access_token"])).status_code == 200
    # A new sign-in is of the new version.
    assert (await other.me((await gateway.login(user))["access_token"])).status_code == 200
    async with borrow(gateway.access.pool) as connection:
        details = await connection.fetch("SELECT details FROM audit WHERE action = 'session.end'")
    assert [row["details"] for row in details] == ['{"everywhere":true}']


async def test_a11_another_password_needs_the_current_one_and_ends_other_sign_ins(
    gateway: Gateway, other: Gateway
) -> None:
    user = await gateway.make_user()
    mine, thiefs = await gateway.login(user), await gateway.login(user)
    for wrong, status, where in (
        ({"new_password": ANOTHER}, 422, "current_password"),
        ({"current_password": PASSWORD}, 422, "new_password"),
        ({"current_password": PASSWORD, "new_password": "short"}, 422, "new_password"),
        ({"current_password": PASSWORD, "new_password": PASSWORD}, 422, "new_password"),
        ({"current_password": PASSWORD, "new_password": "Password-2026"}, 422, "new_password"),
        ({"current_password": "wrong horse", "new_password": ANOTHER}, 403, None),
        ({"current_password": PASSWORD, "new_password": ANOTHER, "user_id": "x"}, 422, "user_id"),
    ):
        answer = await gateway.http.post("/auth/password", json=wrong, headers=_bearer(thiefs))
        assert answer.status_code == status, answer.text
        if where is not None:
            assert answer.json()["errors"][0]["field"] == where
        else:
            assert answer.json()["type"] == "/problems/wrong-password"
            assert "www-authenticate" not in answer.headers
    assert (await other.me(mine["access_token"])).status_code == 200

    answer = await _change(gateway.http, mine)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    new = answer.json()
    assert (await gateway.me(new["access_token"])).status_code == 200
    assert (await other.me(new["access_token"])).status_code == 200
    for tokens in (mine, thiefs):
        assert (await gateway.me(tokens["access_token"])).status_code == 401
        await _refused_within_a_second(other, tokens["access_token"])
        refreshed = await other.http.post(
            "/auth/refresh", json={"refresh_token": tokens["refresh_token"]}
        )
        assert refreshed.status_code == 401
    refreshed = await other.http.post("/auth/refresh", json={"refresh_token": new["refresh_token"]})
    assert refreshed.status_code == 200
    for password, status in ((PASSWORD, 401), (ANOTHER, 200)):
        body = {"email": user.email, "password": password}
        assert (await other.http.post("/auth/login", json=body)).status_code == status
    async with borrow(gateway.access.pool) as connection:
        outcomes = await connection.fetch(
            "SELECT outcome FROM audit WHERE action = 'user.password' ORDER BY id"
        )
    assert [row["outcome"] for row in outcomes] == ["failure", "success"]


async def test_a11_guessing_with_a_stolen_token_must_wait(gateway: Gateway) -> None:
    user = await gateway.make_user()
    tokens = await gateway.login(user)
    most = gateway.access.settings.identity.login_attempts_max
    statuses = [
        (await _change(gateway.http, tokens, current=f"wrong horse {n}")).status_code
        for n in range(most + 2)
    ]
    assert statuses == [403] * most + [429] * 2
    refused = await _change(gateway.http, tokens)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1


async def test_two_who_change_a_password_at_once_do_not_both_succeed(gateway: Gateway) -> None:
    user = await gateway.make_user()
    tokens = await gateway.login(user)
    answers = await asyncio.gather(
        *(_change(gateway.http, tokens, new=f"{ANOTHER} {n}") for n in range(4))
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 200
    assert set(statuses[1:]) <= {401, 403}
    (kept,) = (n for n, answer in enumerate(answers) if answer.status_code == 200)
    body = {"email": user.email, "password": f"{ANOTHER} {kept}"}
    assert (await gateway.http.post("/auth/login", json=body)).status_code == 200


async def test_a_browsers_new_token_goes_into_its_cookie(gateway: Gateway) -> None:
    user = await gateway.make_user()
    async with gateway.from_address("192.0.2.1", "https://gateway.example") as browser:
        answer = await browser.post(
            "/auth/login", json={"email": user.email, "password": PASSWORD, "use_cookie": True}
        )
        before = browser.cookies["aether_refresh"]
        changed = await _change(browser, answer.json())
        assert changed.json()["refresh_token"] is None
        assert browser.cookies["aether_refresh"] != before
        assert "HttpOnly" in changed.headers["set-cookie"]
        assert (await browser.post("/auth/refresh")).status_code == 200


async def test_services_have_no_sign_ins(gateway: Gateway) -> None:
    client = await gateway.make_client("admin")
    token = await gateway.form("/oauth/token", {"grant_type": "client_credentials"}, client)
    for method, path in (
        ("GET", "/auth/sessions"),
        ("DELETE", "/auth/sessions/00000000-0000-0000-0000-000000000000"),
        ("POST", "/auth/password"),
    ):
        answer = await gateway.http.request(method, path, headers=_bearer(token.json()))
        assert answer.status_code == 403, path
