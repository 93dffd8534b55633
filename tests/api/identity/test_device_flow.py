"""A device is signed in by the person who approves its code, once, and by nobody else (J32).

The device polls as RFC 8628 section 3.5 has it; time passes by moving what PostgreSQL noted.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx

from aether_core.database.connection import borrow
from aether_core.database.devices import delete_expired_devices
from aether_core.database.users import User
from aether_core.identity import accounts
from aether_core.identity.clients import NewClient
from tests.api.identity.gateways import Gateway

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


async def _ask(gateway: Gateway, **more: str) -> dict[str, Any]:
    answer = await gateway.form("/oauth/device_authorization", {"client_id": "aether", **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _poll(
    gateway: Gateway, codes: dict[str, Any], client: NewClient | None = None, **more: str
) -> httpx.Response:
    fields = {"grant_type": GRANT, "device_code": codes["device_code"], **more}
    if client is None:
        fields.setdefault("client_id", "aether")
    return await gateway.form("/oauth/token", fields, client)


async def _error(gateway: Gateway, codes: dict[str, Any]) -> str:
    answer = await _poll(gateway, codes)
    assert answer.status_code == 400, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json()["error"])


async def _token(gateway: Gateway, user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {(await gateway.login(user))['access_token']}"}


async def _decide(
    gateway: Gateway, headers: dict[str, str], user_code: str, *, approve: bool = True
) -> httpx.Response:
    return await gateway.http.post(
        f"/auth/devices/{user_code}", json={"approve": approve}, headers=headers
    )


async def _pass_time(gateway: Gateway, seconds: int) -> None:
    async with borrow(gateway.access.pool) as connection:
        await connection.execute(
            "UPDATE device_authorizations SET polled_at = polled_at - make_interval(secs => $1),"
            " expires_at = expires_at - make_interval(secs => $1)",
            float(seconds),
        )


async def test_a_person_signs_a_device_in(gateway: Gateway) -> None:
    user = await gateway.make_user("analyst")
    codes = await _ask(gateway)
    assert codes["verification_uri"] == f"{gateway.access.settings.base_url}/device"
    assert codes["verification_uri_complete"].endswith(f"/device?code={codes['user_code']}")
    assert (codes["interval"], codes["expires_in"]) == (5, 600)
    assert len(codes["user_code"]) == 9
    assert set(codes["user_code"].replace("-", "")) <= set(LETTERS)
    assert await _error(gateway, codes) == "authorization_pending"

    headers = await _token(gateway, user)
    typed = codes["user_code"].lower().replace("-", " ")
    shown = (await gateway.http.get(f"/auth/devices/{typed}", headers=headers)).json()
    assert shown["client"] == "Aether console"
    assert shown["address"] == "127.0.0.1"
    assert "alerts:write" in shown["scopes"]
    assert "admin" not in shown["scopes"]
    assert (await _decide(gateway, headers, typed)).status_code == 200

    # Approved: the next question is answered, however soon it comes.
    granted = (await _poll(gateway, codes)).json()
    assert granted["token_type"] == "Bearer"
    assert granted["scope"].split() == shown["scopes"]
    me = (await gateway.me(granted["access_token"])).json()
    assert me["user_id"] == str(user.id)
    refreshed = await gateway.form(
        "/oauth/token",
        {
            "grant_type": "refresh_token",
            "refresh_token": granted["refresh_token"],
            "client_id": "aether",
        },
    )
    assert refreshed.json()["scope"] == granted["scope"]
    async with borrow(gateway.access.pool) as connection:
        kept = await connection.fetch("SELECT * FROM device_authorizations")
        acts = await connection.fetch(
            "SELECT * FROM audit WHERE action IN ('device.approve', 'session.begin')"
            " AND (action <> 'session.begin' OR details LIKE '%device%') ORDER BY id"
        )
    assert codes["device_code"] not in str(kept)
    assert [act["action"] for act in acts] == ["device.approve", "session.begin"]
    assert {act["actor_id"] for act in acts} == {str(user.id)}
    assert json.loads(acts[0]["details"])["device_address"] == "127.0.0.1"


async def test_j32_who_asks_too_often_must_ask_less_often(gateway: Gateway) -> None:
    codes = await _ask(gateway)
    assert await _error(gateway, codes) == "authorization_pending"
    # Section 3.5: five seconds more for each question that came too soon, and for all after it.
    for _ in range(3):
        assert await _error(gateway, codes) == "slow_down"
    await _pass_time(gateway, 18)
    assert await _error(gateway, codes) == "slow_down"
    await _pass_time(gateway, 25)
    assert await _error(gateway, codes) == "authorization_pending"
    # At once, from everywhere: one question was in time.
    await _pass_time(gateway, 60)
    answers = await asyncio.gather(*(_error(gateway, codes) for _ in range(8)))
    assert sorted(answers) == ["authorization_pending", *["slow_down"] * 7]


async def test_j32_codes_end(gateway: Gateway) -> None:
    headers = await _token(gateway, await gateway.make_user())
    denied, late, unseen = await _ask(gateway), await _ask(gateway), await _ask(gateway)
    assert (await _decide(gateway, headers, denied["user_code"], approve=False)).status_code == 200
    assert await _error(gateway, denied) == "access_denied"
    assert (await _decide(gateway, headers, late["user_code"])).status_code == 200
    # Decided once: another person cannot take it over.
    other = await _token(gateway, await gateway.make_user())
    for code in (denied, late):
        again = await _decide(gateway, other, code["user_code"])
        assert (again.status_code, again.json()["type"]) == (409, "/problems/device-code-settled")
    await _pass_time(gateway, 601)
    for code in (late, unseen):
        assert await _error(gateway, code) == "expired_token"
    expired = await _decide(gateway, headers, unseen["user_code"])
    assert (expired.status_code, expired.json()["type"]) == (410, "/problems/device-code-expired")
    await _pass_time(gateway, 3600)
    async with borrow(gateway.access.pool) as connection:
        await delete_expired_devices(connection)
        assert await connection.fetchval("SELECT count(*) FROM device_authorizations") == 0
    assert await _error(gateway, unseen) == "invalid_grant"


async def test_j32_a_code_is_good_once_and_for_one_client(gateway: Gateway) -> None:
    client = await gateway.make_client("transactions:read", "alerts:read")
    other = await gateway.make_client("transactions:read")
    asked = await gateway.form("/oauth/device_authorization", {"scope": ""}, client)
    codes = asked.json()
    headers = await _token(gateway, await gateway.make_user())
    shown = await gateway.http.get(f"/auth/devices/{codes['user_code']}", headers=headers)
    assert shown.json()["client"] == client.client.name
    assert shown.json()["scopes"] == ["transactions:read"]
    assert (await _decide(gateway, headers, codes["user_code"])).status_code == 200
    for foreign in (None, other):
        answer = await _poll(gateway, codes, foreign)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    unproved = await _poll(gateway, codes, client_id=client.client.id)
    assert (unproved.status_code, unproved.json()["error"]) == (401, "invalid_client")
    answers = await asyncio.gather(*(_poll(gateway, codes, client) for _ in range(10)))
    granted = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(granted) == 1
    assert granted[0]["scope"] == "transactions:read"
    # The others came second with a code that only one should have: what came of it has ended.
    assert (await gateway.me(granted[0]["access_token"])).status_code == 401
    fields = {"grant_type": "refresh_token", "refresh_token": granted[0]["refresh_token"]}
    ended = await gateway.form("/oauth/token", fields, client)
    assert (ended.status_code, ended.json()["error"]) == (400, "invalid_grant")


async def test_a_client_s_sign_ins_are_that_client_s(gateway: Gateway) -> None:
    client = await gateway.make_client("transactions:read")
    other = await gateway.make_client("transactions:read")
    checker = await gateway.make_client("admin")
    codes = (await gateway.form("/oauth/device_authorization", {"scope": ""}, client)).json()
    user = await gateway.make_user()
    await _decide(gateway, await _token(gateway, user), codes["user_code"])
    granted = (await _poll(gateway, codes, client)).json()
    secret = {"token": granted["refresh_token"]}
    # Introspection (RFC 7662) of both tokens: only the client's own, or whoever is admin.
    for token, kind in (
        (granted["refresh_token"], None),
        (granted["access_token"], "Bearer"),
    ):
        for by in (client, checker):
            found = (await gateway.form("/oauth/introspect", {"token": token}, by)).json()
            assert found["active"] is True
            assert (found["sub"], found["client_id"]) == (str(user.id), client.client.id)
            assert (found["scope"], found.get("token_type")) == ("transactions:read", kind)
        by_other = await gateway.form("/oauth/introspect", {"token": token}, other)
        assert by_other.json() == {"active": False}
    # Refreshing needs the secret, at every door.
    fields = {"grant_type": "refresh_token", "refresh_token": granted["refresh_token"]}
    for claimed in ({}, {"client_id": client.client.id}):
        answer = await gateway.form("/oauth/token", fields | claimed)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    body = {"refresh_token": granted["refresh_token"]}
    assert (await gateway.http.post("/auth/refresh", json=body)).status_code == 401
    # So does revoking (J33).
    for stranger in (other, None):
        assert (await gateway.form("/oauth/revoke", secret, stranger)).status_code == 200
    assert (await gateway.me(granted["access_token"])).status_code == 200
    assert (await gateway.form("/oauth/revoke", secret, client)).status_code == 200
    assert (await gateway.me(granted["access_token"])).status_code == 401
    gone = await gateway.form("/oauth/introspect", secret, checker)
    assert gone.json() == {"active": False}


async def test_no_device_gets_more_than_its_person_may(gateway: Gateway) -> None:
    user = await gateway.make_user("operator")
    wide = await _ask(gateway, scope="admin operations:write")
    headers = await _token(gateway, user)
    assert (await _decide(gateway, headers, wide["user_code"])).status_code == 200
    granted = (await _poll(gateway, wide)).json()
    assert granted["scope"] == "operations:write"
    # A device cannot approve another one for more than it was given itself.
    narrow = {"Authorization": f"Bearer {granted['access_token']}"}
    next_one = await _ask(gateway)
    assert (await _decide(gateway, narrow, next_one["user_code"])).status_code == 200
    assert (await _poll(gateway, next_one)).json()["scope"] == "operations:write"
    # Nothing in common: there is nothing to approve, and it can still be denied.
    admin_only = await _ask(gateway, scope="admin")
    assert (await _decide(gateway, headers, admin_only["user_code"])).status_code == 403
    assert (await _decide(gateway, headers, admin_only["user_code"], approve=False)).is_success
    for scope in ("nonsense", "admin nonsense"):
        answer = await gateway.form(
            "/oauth/device_authorization", {"client_id": "aether", "scope": scope}
        )
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    # Another role between approval and question: what was approved is not what it would be.
    codes = await _ask(gateway)
    await _decide(gateway, headers, codes["user_code"])
    async with borrow(gateway.access.pool) as connection, connection.transaction():
        revocation = await accounts.change_role(connection, user, "admin")
    await gateway.access.apply(revocation)
    assert await _error(gateway, codes) == "access_denied"


async def test_only_a_person_decides(gateway: Gateway) -> None:
    codes = await _ask(gateway)
    path = f"/auth/devices/{codes['user_code']}"
    assert (await gateway.http.get(path)).status_code == 401
    assert (await gateway.http.post(path, json={"approve": True})).status_code == 401
    client = await gateway.make_client("admin")
    fields = {"grant_type": "client_credentials"}
    token = (await gateway.form("/oauth/token", fields, client)).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert (await gateway.http.get(path, headers=headers)).status_code == 403
    assert (await _decide(gateway, headers, codes["user_code"])).status_code == 403
    assert await _error(gateway, codes) == "authorization_pending"
    for wrong in ({"client_id": "unknown"}, {"client_id": client.client.id}, {}):
        answer = await gateway.form("/oauth/device_authorization", wrong)
        assert answer.status_code in {400, 401}


async def test_j32_guesses_are_stopped(gateway: Gateway) -> None:
    codes = await _ask(gateway)
    headers = await _token(gateway, await gateway.make_user())
    most = gateway.access.settings.identity.login_attempts_max
    right = codes["user_code"].replace("-", "")

    async def guess(number: int) -> int:
        letters = [LETTERS[number // 20**place % 20] for place in range(8)]
        code = "".join(letters)
        assert code != right
        return (await gateway.http.get(f"/auth/devices/{code}", headers=headers)).status_code

    # What is right is no guess, and opens no door for more wrong ones.
    for _ in range(3):
        assert (await gateway.http.get(f"/auth/devices/{right}", headers=headers)).is_success
    outcomes: list[int] = []
    for batch in range(0, 500, 20):
        outcomes += await asyncio.gather(*(guess(batch + step) for step in range(20)))
    # However many more there were, none of them would be looked up.
    assert outcomes.count(404) <= most
    assert set(outcomes) == {404, 429}
    stopped = await _decide(gateway, headers, right)
    assert stopped.status_code == 429
    assert int(stopped.headers["retry-after"]) > 0
    # Nobody else is kept out.
    other = await _token(gateway, await gateway.make_user())
    assert (await _decide(gateway, other, right)).status_code == 200


async def test_one_address_cannot_fill_the_table(gateway: Gateway) -> None:
    statuses = [
        (await gateway.form("/oauth/device_authorization", {"client_id": "aether"})).status_code
        for _ in range(105)
    ]
    assert statuses == [200] * 100 + [429] * 5
    async with gateway.from_address("198.51.100.7") as elsewhere:
        asked = await elsewhere.post("/oauth/device_authorization", data={"client_id": "aether"})
        assert asked.status_code == 200


async def test_j29_j30_there_is_no_authorisation_endpoint(gateway: Gateway) -> None:
    for path in ("/oauth/authorize", "/oauth/authorise", "/authorize", "/oauth/auth"):
        for method in ("GET", "POST"):
            answer = await gateway.http.request(
                method,
                path,
                params={"response_type": "code", "redirect_uri": "https://evil.example/"},
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )
            assert answer.status_code == 404
            assert "location" not in answer.headers
    client = await gateway.make_client("transactions:read")
    fields = {
        "grant_type": "authorization_code",
        "code": "x",
        "redirect_uri": "https://evil.example",
    }
    for by in (client, None):
        answer = await gateway.form("/oauth/token", fields | {"code_verifier": "x" * 43}, by)
        assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    found = (await gateway.http.get("/.well-known/oauth-authorization-server")).json()
    assert "authorization_endpoint" not in found
    assert "code_challenge_methods_supported" not in found
    assert found["response_types_supported"] == []
