"""Every act at the gateway leaves its entry in the audit trail, and what is no act leaves none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from aether_core.database.audit import AuditEntry, AuditFilter, find_audit_entries
from aether_core.database.connection import borrow
from aether_core.identity import accounts
from tests.api.identity.gateways import FORM, PASSWORD, Gateway


async def entries(gateway: Gateway) -> list[AuditEntry]:
    """Return the whole trail, oldest first."""
    async with borrow(gateway.access.pool) as connection:
        return (await find_audit_entries(connection, AuditFilter(), before=None, limit=100))[::-1]


def details_of(entry: AuditEntry) -> Mapping[str, Any]:
    details: Mapping[str, Any] = json.loads(entry.details)
    return details


async def test_signing_in_and_out_is_noted(gateway: Gateway) -> None:
    answer = await gateway.http.post(
        "/auth/register",
        json={"email": "Ada@Example.com", "password": PASSWORD},
        headers={"x-request-id": "request-of-ada-0001"},
    )
    user_id = answer.json()["user_id"]
    credentials = {"email": "ada@example.com", "password": PASSWORD}
    tokens = (await gateway.http.post("/auth/login", json=credentials)).json()
    await gateway.http.post(
        "/auth/logout", headers={"Authorization": f"Bearer {tokens['access_token']}"}
    )
    tokens = (await gateway.http.post("/auth/login", json=credentials)).json()
    for _ in range(2):  # signing out once more is no act
        await gateway.http.post("/auth/logout", json={"refresh_token": tokens["refresh_token"]})
    trail = await entries(gateway)
    assert [entry.action for entry in trail] == [
        "user.register", "session.begin", "session.end", "session.begin", "session.end",
    ]  # fmt: skip
    for entry in trail:
        assert (entry.actor_kind, entry.actor_id) == ("user", user_id)
        assert entry.actor_name == "ada@example.com"
        assert (entry.outcome, entry.address) == ("success", "127.0.0.1")
    assert (trail[0].subject, trail[0].request_id) == (user_id, "request-of-ada-0001")
    assert trail[1].subject == trail[2].subject != trail[3].subject == trail[4].subject


@pytest.mark.parametrize("kind", ["wrong password", "disabled", "unknown", "no address"])
async def test_a_failure_is_noted_without_the_password(gateway: Gateway, kind: str) -> None:
    user = await gateway.make_user()
    if kind == "disabled":
        async with borrow(gateway.access.pool) as connection:
            await accounts.set_active(connection, user, is_active=False)
    email = {"unknown": "nobody@example.com", "no address": PASSWORD}.get(kind, user.email)
    answer = await gateway.http.post(
        "/auth/login",
        json={"email": email, "password": PASSWORD if kind == "disabled" else "another horse 7"},
    )
    assert answer.status_code == 401
    (entry,) = await entries(gateway)
    assert (entry.action, entry.outcome) == ("session.fail", "failure")
    assert (entry.actor_kind, entry.actor_id) == ("anonymous", "")
    assert entry.subject == ("" if kind in {"unknown", "no address"} else str(user.id))
    # Who types the password where the address belongs does not find it in the trail.
    shown = "" if kind == "no address" else email
    assert details_of(entry) == {
        "email": shown,
        "is_disabled": kind == "disabled",
        "is_code": False,
    }


async def test_attempts_beyond_the_limit_leave_no_entry(gateway: Gateway) -> None:
    user = await gateway.make_user()
    most = gateway.access.settings.identity.login_attempts_max
    statuses = [
        (
            await gateway.http.post(
                "/auth/login", json={"email": user.email, "password": f"wrong horse {n}"}
            )
        ).status_code
        for n in range(most + 5)
    ]
    assert statuses == [401] * most + [429] * 5
    assert len(await entries(gateway)) == most


@pytest.mark.parametrize("path", ["/auth/refresh", "/oauth/token"])
async def test_the_reuse_of_a_refresh_token_is_noted(gateway: Gateway, path: str) -> None:
    user = await gateway.make_user()
    first = (await gateway.login(user))["refresh_token"]
    second = (await gateway.http.post("/auth/refresh", json={"refresh_token": first})).json()
    await gateway.http.post("/auth/refresh", json={"refresh_token": second["refresh_token"]})
    async with borrow(gateway.access.pool) as connection:
        await connection.execute("UPDATE refresh_tokens SET used_at = used_at - interval '1 hour'")
    for _ in range(2):  # the second time there is nothing left to end
        if path == "/auth/refresh":
            await gateway.http.post(path, json={"refresh_token": first})
        else:
            await gateway.form(path, {"grant_type": "refresh_token", "refresh_token": first})
    begin, reuse = await entries(gateway)
    assert (begin.action, reuse.action) == ("session.begin", "session.reuse")
    assert reuse.subject == begin.subject
    assert reuse.actor_kind == "anonymous"


async def test_services_are_noted_once_a_minute(gateway: Gateway) -> None:
    client = await gateway.make_client("transactions:read_any")
    for _ in range(3):
        token = (
            await gateway.form("/oauth/token", {"grant_type": "client_credentials"}, client)
        ).json()["access_token"]
    for _ in range(3):
        await gateway.http.post(
            "/oauth/token",
            content="grant_type=client_credentials",
            headers={"content-type": FORM},
            auth=(client.client.id, "aether_secret_wrong"),
        )
    for _ in range(2):  # a token that is void is revoked no more
        await gateway.form("/oauth/revoke", {"token": token}, client)
    begin, fail, revoke = await entries(gateway)
    assert (begin.action, begin.actor_kind) == ("session.begin", "client")
    assert (begin.actor_id, begin.actor_name) == (client.client.id, client.client.name)
    assert details_of(begin) == {"scope": "transactions:read_any", "unlisted": 0}
    assert (fail.action, fail.outcome, fail.actor_kind) == ("session.fail", "failure", "anonymous")
    assert fail.subject == client.client.id
    assert (revoke.action, revoke.actor_id) == ("token.revoke", client.client.id)
