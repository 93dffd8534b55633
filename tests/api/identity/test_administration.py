"""Users, service clients and keys as administrators manage them, over HTTP (R02, R03, R05)."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from aether_core.database.connection import borrow
from aether_core.database.users import User
from tests.api.identity.gateways import PASSWORD, Gateway, running_gateway


async def _bearer(gateway: Gateway, user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {(await gateway.login(user))['access_token']}"}


@pytest.fixture
async def admin(gateway: Gateway) -> httpx.AsyncClient:
    """The gateway's client, signed in as an admin."""
    gateway.http.headers.update(await _bearer(gateway, await gateway.make_user("admin")))
    return gateway.http


async def _login(gateway: Gateway, email: str, password: str) -> httpx.Response:
    async with gateway.from_address("192.0.2.9") as http:
        return await http.post("/auth/login", json={"email": email, "password": password})


async def test_a_users_life(gateway: Gateway, admin: httpx.AsyncClient) -> None:
    made = await admin.post("/users/", json={"email": " Bo@Example.com ", "role": "analyst"})
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    user = made.json()
    password = user.pop("password")
    address = f"/users/{user['user_id']}"
    assert made.headers["location"] == address
    assert (user["email"], user["role"], user["is_active"]) == ("bo@example.com", "analyst", True)
    assert (user["last_sign_in_at"], user["session_count"]) == (None, 0)
    assert (await admin.get(address)).json() == user

    tokens = (await _login(gateway, "bo@example.com", password)).json()
    seen = (await admin.get(address)).json()
    assert seen["session_count"] == 1
    assert seen["last_sign_in_at"] is not None

    changed = await admin.post(f"{address}/role", json={"role": "operator"})
    assert changed.json()["role"] == "operator"
    assert (await gateway.me(tokens["access_token"])).status_code == 401

    disabled = await admin.post(f"{address}/disable")
    assert (disabled.json()["is_active"], disabled.json()["session_count"]) == (False, 0)
    assert (await _login(gateway, "bo@example.com", password)).status_code == 401
    assert (await admin.post(f"{address}/enable")).json()["is_active"] is True
    assert (await _login(gateway, "bo@example.com", password)).status_code == 200

    reset = await admin.post(f"{address}/reset")
    assert reset.json()["session_count"] == 0
    assert (await _login(gateway, "bo@example.com", password)).status_code == 401
    again = await _login(gateway, "bo@example.com", reset.json()["password"])
    assert again.status_code == 200

    assert (await admin.post(f"{address}/sign-out")).json()["session_count"] == 0
    assert (await gateway.me(again.json()["access_token"])).status_code == 401
    twice = await admin.post("/users/", json={"email": "bo@example.com", "role": "analyst"})
    assert twice.status_code == 409


async def test_users_are_listed_by_pages_and_filters(
    gateway: Gateway, admin: httpx.AsyncClient
) -> None:
    for number in range(7):
        made = await admin.post(
            "/users/", json={"email": f"ana_{number}@example.com", "role": "customer"}
        )
        assert made.status_code == 201
    await gateway.make_user("operator")
    found: list[dict[str, Any]] = []
    target: str | None = "/users/?limit=3"
    while target is not None:
        page = await admin.get(target)
        assert page.status_code == 200, page.text
        found += page.json()
        target = page.links.get("next", {}).get("url")
    assert len(found) == len({user["user_id"] for user in found}) == 9
    assert [u["created_at"] for u in found] == sorted(
        (u["created_at"] for u in found), reverse=True
    )
    for query, count in (
        ("role=customer", 7),
        ("role=operator", 1),
        ("email=ANA", 7),
        ("email=ana_3", 1),
        ("email=%25", 0),
        ("email=ana%00", 0),
        ("is_active=false", 0),
        ("is_active=true&role=admin", 1),
    ):
        assert len((await admin.get(f"/users/?{query}")).json()) == count, query
    first = await admin.get("/users/?limit=3&role=customer")
    cursor = first.links["next"]["url"].partition("cursor=")[2]
    assert (await admin.get(f"/users/?limit=3&cursor={cursor}")).status_code == 422
    assert (await admin.get("/users/?role=root")).status_code == 422


async def test_there_is_always_an_admin(gateway: Gateway, admin: httpx.AsyncClient) -> None:
    me = (await admin.get("/auth/me")).json()["user_id"]
    own = await admin.post(f"/users/{me}/role", json={"role": "customer"})
    assert (own.status_code, own.json()["type"]) == (409, "/problems/own-role")
    last = await admin.post(f"/users/{me}/disable")
    assert (last.status_code, last.json()["type"]) == (409, "/problems/last-admin")
    # Two who would remove each other at the same moment: one of them stays.
    other = await gateway.make_user("admin")
    bearer = await _bearer(gateway, other)
    answers = await asyncio.gather(
        admin.post(f"/users/{other.id}/role", json={"role": "analyst"}),
        gateway.http.post(f"/users/{me}/role", json={"role": "analyst"}, headers=bearer),
    )
    async with borrow(gateway.access.pool) as connection:
        left = await connection.fetchval(
            "SELECT count(*) FROM users WHERE role = 'admin' AND is_active"
        )
    assert left == 1
    assert sorted(answer.status_code for answer in answers) in ([200, 401], [200, 409])


async def test_what_is_no_user_is_not_found(admin: httpx.AsyncClient) -> None:
    for wrong in ("00000000-0000-0000-0000-000000000000", "x", "' OR 1=1--", "%00", "A" * 3000):
        for answer in (
            await admin.get(f"/users/{wrong}"),
            await admin.post(f"/users/{wrong}/disable"),
            await admin.post(f"/users/{wrong}/role", json={"role": "analyst"}),
            await admin.get(f"/clients/{wrong}"),
            await admin.post(f"/clients/{wrong}/rotate"),
            await admin.delete(f"/auth/sessions/{wrong}"),
        ):
            assert answer.status_code == 404, answer.text
    wrong_bodies: tuple[dict[str, object], ...] = (
        {"email": "x"},
        {"email": "a@example.com", "role": "god"},
        {"email": "a@example.com", "role": "analyst", "password": PASSWORD},
        {"email": ["a@example.com"], "role": "analyst"},
    )
    for body in wrong_bodies:
        assert (await admin.post("/users/", json=body)).status_code == 422, body


async def test_a_secret_is_replaced_without_an_interruption(
    gateway: Gateway, admin: httpx.AsyncClient
) -> None:
    made = (
        await admin.post("/clients/", json={"name": "billing", "scopes": ["transactions:read_any"]})
    ).json()
    address = f"/clients/{made['client_id']}"
    assert (await admin.get(address)).json()["secret_count"] == 1

    async def works(secret: str) -> bool:
        answer = await gateway.http.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(made["client_id"], secret),
        )
        return answer.status_code == 200

    first = made["client_secret"]
    second = (await admin.post(f"{address}/rotate")).json()["client_secret"]
    assert [await works(secret) for secret in (first, second)] == [True, True]
    shown = (await admin.get(address)).json()
    assert shown["secret_count"] == 2
    assert "client_secret" not in shown
    # A third one: the first, which was still going on, ends. There are never more than two.
    rotated = await admin.post(f"{address}/rotate", json={"overlap_s": 60})
    third = rotated.json()["client_secret"]
    assert [await works(secret) for secret in (first, second, third)] == [False, True, True]
    async with borrow(gateway.access.pool) as connection:
        await connection.execute("UPDATE clients SET older_secret_until = now()")
    assert [await works(secret) for secret in (second, third)] == [False, True]
    assert (await admin.get(address)).json()["older_secret_until"] is None

    # Stolen: at once, with the tokens that were got with it.
    token = await gateway.http.post(
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(made["client_id"], third),
    )
    access_token = token.json()["access_token"]
    assert (await gateway.me(access_token)).status_code == 200
    fourth = (await admin.post(f"{address}/rotate", json={"overlap_s": 0})).json()["client_secret"]
    assert [await works(secret) for secret in (third, fourth)] == [False, True]
    assert (await gateway.me(access_token)).status_code == 401

    revoked = (await admin.post(f"{address}/revoke")).json()
    assert (revoked["is_active"], revoked["secret_count"]) == (False, 0)
    assert not await works(fourth)
    assert (await admin.post(f"{address}/enable")).json()["is_active"] is True
    assert not await works(fourth)
    fifth = (await admin.post(f"{address}/rotate")).json()
    assert await works(fifth["client_secret"])
    assert (await admin.post(f"{address}/disable")).json()["secret_count"] == 1
    assert not await works(fifth["client_secret"])
    for overlap_s in (-1, 604_801, "1", 1.5, None):
        answer = await admin.post(f"{address}/rotate", json={"overlap_s": overlap_s})
        assert answer.status_code == 422, overlap_s


async def test_clients_are_listed_by_pages(gateway: Gateway, admin: httpx.AsyncClient) -> None:
    made = {(await gateway.make_client("alerts:read")).client.id for _ in range(5)}
    found: list[str] = []
    target: str | None = "/clients/?limit=2"
    while target is not None:
        page = await admin.get(target)
        found += [client["client_id"] for client in page.json()]
        assert "secret_hash" not in page.text
        target = page.links.get("next", {}).get("url")
    assert len(found) == 5
    assert set(found) == made
    for body, status in (
        ({"name": "x", "scopes": ["nonsense"]}, 422),
        ({"name": "x", "scopes": []}, 422),
        ({"name": "x\x1b[31m", "scopes": ["alerts:read"]}, 422),
        ({"name": "same", "scopes": ["alerts:read"]}, 201),
        ({"name": "same", "scopes": ["alerts:read"]}, 409),
    ):
        assert (await admin.post("/clients/", json=body)).status_code == status, body


async def test_keys_rotate_over_http(gateway: Gateway, admin: httpx.AsyncClient) -> None:
    (first,) = (await admin.get("/keys/")).json()
    assert first["state"] == "signing"
    assert first["retired_at"] is None
    newest, older = (await admin.post("/keys/rotate")).json()
    assert (newest["state"], older["state"]) == ("next", "signing")
    assert older["kid"] == first["kid"]
    assert older["retired_at"] is not None
    async with borrow(gateway.access.pool) as connection:
        await connection.execute(
            "UPDATE signing_keys SET created_at = created_at - interval '1 minute',"
            " retired_at = retired_at - interval '1 minute'"
        )
    states = [key["state"] for key in (await admin.get("/keys/")).json()]
    assert states == ["signing", "retired"]
    # After a theft: the caller's own token is one of those that are void.
    (only,) = (await admin.post("/keys/rotate", json={"void_older": True})).json()
    assert only["state"] == "signing"
    assert (await admin.get("/keys/")).status_code == 401


async def test_r03_only_an_admin_administers(gateway: Gateway) -> None:
    user = await gateway.make_user()
    for role in ("customer", "analyst", "operator"):
        bearer = await _bearer(gateway, await gateway.make_user(role))
        for method, path in (
            ("GET", "/users/"),
            ("POST", "/users/"),
            ("GET", f"/users/{user.id}"),
            *(("POST", f"/users/{user.id}/{act}") for act in ("role", "disable", "enable")),
            *(("POST", f"/users/{user.id}/{act}") for act in ("reset", "sign-out")),
            ("GET", "/clients/"),
            ("POST", "/clients/"),
            ("POST", "/clients/client_0000000000000000/rotate"),
            ("GET", "/keys/"),
            ("POST", "/keys/rotate"),
        ):
            answer = await gateway.http.request(
                method, path, headers=bearer, json={"role": "admin"} if method == "POST" else None
            )
            assert answer.status_code == 403, (role, path)
    async with borrow(gateway.access.pool) as connection:
        assert await connection.fetchval("SELECT role FROM users WHERE id = $1", user.id) == (
            "customer"
        )


async def test_every_act_is_in_the_audit_trail(gateway: Gateway, admin: httpx.AsyncClient) -> None:
    user = (await admin.post("/users/", json={"email": "bo@example.com", "role": "analyst"})).json()
    for act, body in (("role", {"role": "operator"}), ("disable", None), ("enable", None)):
        await admin.post(f"/users/{user['user_id']}/{act}", json=body)
    await admin.post(f"/users/{user['user_id']}/reset")
    client = (await admin.post("/clients/", json={"name": "x", "scopes": ["alerts:read"]})).json()
    for act in ("rotate", "disable", "enable", "revoke"):
        await admin.post(f"/clients/{client['client_id']}/{act}")
    await admin.post("/keys/rotate")
    me = (await admin.get("/auth/me")).json()["user_id"]
    async with borrow(gateway.access.pool) as connection:
        rows = await connection.fetch(
            "SELECT action, subject, actor_id, details FROM audit"
            " WHERE action <> 'session.begin' ORDER BY id"
        )
    assert [row["action"] for row in rows] == [
        *("user.add", "user.role", "user.disable", "user.enable", "user.reset"),
        *("client.add", "client.rotate", "client.disable", "client.enable", "client.revoke"),
        "key.rotate",
    ]
    assert {row["actor_id"] for row in rows} == {me}
    assert {row["subject"] for row in rows[:5]} == {user["user_id"]}
    assert {row["subject"] for row in rows[5:10]} == {client["client_id"]}
    assert '"role_before":"analyst"' in rows[1]["details"]
    for secret in (user["password"], client["client_secret"]):
        assert not any(secret in row["details"] for row in rows)


async def test_what_an_admin_does_holds_on_another_gateway_within_a_second(
    gateway: Gateway, admin: httpx.AsyncClient
) -> None:
    user = await gateway.make_user()
    async with running_gateway(gateway.access.settings) as other:
        for act in ("disable", "reset", "sign-out", "role"):
            if act != "disable":
                await admin.post(f"/users/{user.id}/enable")
            password = PASSWORD
            token = (await _login(gateway, user.email, password)).json()["access_token"]
            assert (await other.me(token)).status_code == 200
            body = {"role": "analyst"} if act == "role" else None
            assert (await admin.post(f"/users/{user.id}/{act}", json=body)).status_code == 200
            assert (await gateway.me(token)).status_code == 401
            end = asyncio.get_running_loop().time() + 1.0
            while (await other.me(token)).status_code == 200:
                assert asyncio.get_running_loop().time() < end, act
                await asyncio.sleep(0.01)
            if act == "reset":
                user = await gateway.make_user()
