"""Registering and signing in, as people and as attackers do it (A01 to A09, R01)."""

from __future__ import annotations

import asyncio
import time

import bcrypt
import httpx
import pytest

from aether_core.settings import Settings
from tests.api.identity.gateways import PASSWORD, Gateway, current, running_gateway


async def test_register_sign_in_and_out(gateway: Gateway) -> None:
    http = gateway.http
    made = await http.post(
        "/auth/register", json={"email": " Ada@Example.COM ", "password": PASSWORD}
    )
    assert made.status_code == 201
    assert made.json()["email"] == "ada@example.com"
    answer = await http.post("/auth/login", json={"email": "ADA@example.com", "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()
    assert tokens["token_type"] == "bearer"
    assert tokens["expires_in"] == 900
    assert tokens["scope"] == "transactions:read transactions:write"
    who = await gateway.me(tokens["access_token"])
    assert who.json() == {
        "user_id": made.json()["user_id"],
        "email": "ada@example.com",
        "role": "customer",
        "account_id": made.json()["account_id"],
        "scopes": ["transactions:read", "transactions:write"],
        "second_factor": "off",
    }
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await http.post("/auth/logout", headers=bearer)).json()["message"]
    assert (await gateway.me(tokens["access_token"])).status_code == 401
    refreshed = await http.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert refreshed.status_code == 401


async def test_a03_an_address_registers_once(gateway: Gateway) -> None:
    body = {"email": "ada@example.com", "password": PASSWORD}
    answers = await asyncio.gather(
        *(gateway.http.post("/auth/register", json=body) for _ in range(5))
    )
    assert sorted(a.status_code for a in answers) == [201, 409, 409, 409, 409]
    taken = next(a for a in answers if a.status_code == 409)
    assert taken.json()["type"] == "/problems/email-taken"


async def test_r01_nobody_chooses_a_role(gateway: Gateway) -> None:
    for field in ("role", "is_admin", "roles", "scope", "id", "is_active", "created_at"):
        body = {"email": "eve@example.com", "password": PASSWORD, field: "admin"}
        answer = await gateway.http.post("/auth/register", json=body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field


async def test_a06_weak_and_impossible_passwords_are_refused(gateway: Gateway) -> None:
    for password in (
        *("short12", "a1 b2-c3.d" * 13, "password1", "PassWord-2026", "ada@example.com"),
        *("aaaaaaaaaaaa", "ada@EXAMPLE.com", 123456789012, None, ["correct horse battery"]),
    ):
        answer = await gateway.http.post(
            "/auth/register", json={"email": "ada@example.com", "password": password}
        )
        assert answer.status_code == 422, password
        assert answer.json()["errors"][0]["field"] == "password"
        assert str(password) not in answer.text


async def test_a06_exactly_these_bytes_are_the_password(gateway: Gateway) -> None:
    http = gateway.http
    for number, password in enumerate(
        (
            "  spaces around  ",
            "nul\x00 in the middle",
            "пароль надёжный",
            "🐎🔋 staples 🐎",
            "the same for bcrypt's seventy-two bytes, which end just about here: xy" + "é" * 58,
        )
    ):
        email = f"ada{number}@example.com"
        made = await http.post("/auth/register", json={"email": email, "password": password})
        assert made.status_code == 201, password
        for attempt, status in (
            (password, 200),
            (password.strip() + "x", 401),
            (password[:-1], 401),
        ):
            answer = await http.post("/auth/login", json={"email": email, "password": attempt})
            assert answer.status_code == status, attempt


async def test_what_is_no_address_is_refused(gateway: Gateway) -> None:
    for email in (
        *("", "ada", "ada@", "@example.com", "ada@exa mple.com", "a" * 65 + "@example.com"),
        *("ada@example..com", "ада@example.com", "ada\x00@example.com", "ada@-example.com"),
    ):
        body = {"email": email, "password": PASSWORD}
        assert (await gateway.http.post("/auth/register", json=body)).status_code == 422, email
        # Signing in says the same of it as of any unknown address.
        answer = await gateway.http.post("/auth/login", json=body)
        assert answer.status_code == (401 if email else 422), email


async def test_a08_an_address_is_text(gateway: Gateway) -> None:
    for email in (["a@b.c"], {"$ne": None}, 7, None, True):
        body = {"email": email, "password": PASSWORD}
        assert (await gateway.http.post("/auth/login", json=body)).status_code == 422, email


async def test_a05_a_huge_password_is_refused_before_it_is_hashed(gateway: Gateway) -> None:
    for path in ("/auth/login", "/auth/register"):
        body = {"email": "ada@example.com", "password": "x" * 50_000}
        answer = await gateway.http.post(path, json=body)
        assert answer.status_code == 422


async def test_a02_unknown_wrong_and_disabled_are_answered_alike(gateway: Gateway) -> None:
    http = gateway.http
    known, disabled = await gateway.make_user(), await gateway.make_user()
    async with gateway.access.pool.acquire() as connection:
        await connection.execute("UPDATE users SET is_active = false WHERE id = $1", disabled.id)
    answers = [
        await http.post("/auth/login", json={"email": known.email, "password": "wrong horse"}),
        await http.post("/auth/login", json={"email": "no@example.com", "password": PASSWORD}),
        await http.post("/auth/login", json={"email": disabled.email, "password": PASSWORD}),
        await http.post("/auth/login", json={"email": known.email, "password": "x" * 100}),
    ]
    first = answers[0]
    assert first.status_code == 401
    assert first.headers["www-authenticate"] == "Bearer"
    for answer in answers:
        assert answer.status_code == 401
        assert answer.headers.keys() == first.headers.keys()
        assert {**answer.json(), "request_id": ""} == {**first.json(), "request_id": ""}


async def test_a02_every_failure_costs_one_hash(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: list[bytes] = []
    really = bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> bool:
        costs.append(hashed[:7])
        return really(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    known, disabled = await gateway.make_user(), await gateway.make_user()
    async with gateway.access.pool.acquire() as connection:
        await connection.execute("UPDATE users SET is_active = false WHERE id = $1", disabled.id)
    attempts = (known.email, disabled.email, "nobody@example.com", "no address", "nul\x00@x.org")
    for email in attempts:
        answer = await gateway.http.post(
            "/auth/login", json={"email": email, "password": "wrong horse"}
        )
        assert answer.status_code == 401
    assert costs == [b"$2b$04$"] * len(attempts)


async def test_a02_an_unknown_user_takes_as_long_as_a_known_one(settings: Settings) -> None:
    identity = settings.identity.model_copy(
        update={"bcrypt_cost": 7, "login_attempts_max": 1_000_000}
    )
    async with running_gateway(settings.model_copy(update={"identity": identity})) as gateway:
        user = await gateway.make_user()
        times: dict[str, list[float]] = {user.email: [], "nobody@example.com": []}
        for _ in range(100):
            for email, taken in times.items():
                began = time.perf_counter()
                await gateway.http.post(
                    "/auth/login", json={"email": email, "password": "wrong horse"}
                )
                taken.append(time.perf_counter() - began)
        known, unknown = times.values()
        # How often one took longer than the other, over all pairs (Mann & Whitney): a half when
        # nothing tells them apart, and by chance within 0.05 of it. It needs no quiet machine, and
        # is 0 or 1 when one is not hashed.
        longer = sum(k > u for k in known for u in unknown) / (len(known) * len(unknown))
        assert 0.2 < longer < 0.8


async def test_a01_a07_wrong_passwords_must_wait(
    gateway: Gateway,
) -> None:
    user = await gateway.make_user()
    most = gateway.access.settings.identity.login_attempts_max
    wrong = {"email": user.email, "password": "wrong horse"}
    async with gateway.from_address("192.0.2.1") as attacker:
        # All at once: the limit counts before it looks at any password.
        answers = await asyncio.gather(
            *(attacker.post("/auth/login", json=wrong) for _ in range(most + 5))
        )
        statuses = [answer.status_code for answer in answers]
        assert statuses.count(401) == most
        assert statuses.count(429) == 5
        refused = next(a for a in answers if a.status_code == 429)
        assert 1 <= int(refused.headers["retry-after"]) <= 300
        # The right password does not open it either, whatever the request claims of itself.
        for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
            answer = await attacker.post(
                "/auth/login",
                json={"email": user.email, "password": PASSWORD},
                headers={header: "198.51.100.7"},
            )
            assert answer.status_code == 429
    # Nobody locks a user out: from elsewhere the user signs in.
    async with gateway.from_address("192.0.2.2") as elsewhere:
        answer = await elsewhere.post(
            "/auth/login", json={"email": user.email, "password": PASSWORD}
        )
        assert answer.status_code == 200


async def test_a01_one_password_for_many_users_must_wait(gateway: Gateway) -> None:
    async with gateway.from_address("192.0.2.1") as attacker:
        statuses = [
            (
                await attacker.post(
                    "/auth/login", json={"email": f"u{n}@example.com", "password": "summer rain"}
                )
            ).status_code
            for n in range(60)
        ]
    assert statuses[:50] == [401] * 50
    assert statuses[50:] == [429] * 10


async def test_a01_guessing_from_everywhere_does_not_lock_the_user_out(gateway: Gateway) -> None:
    user = await gateway.make_user()
    right = {"email": user.email, "password": PASSWORD}
    wrong = {"email": user.email, "password": "wrong horse"}
    async with gateway.from_address("198.51.100.1") as home:
        assert (await home.post("/auth/login", json=right)).status_code == 200
    statuses = []
    for n in range(110):
        async with gateway.from_address(f"192.0.2.{n}") as one_of_many:
            statuses.append((await one_of_many.post("/auth/login", json=wrong)).status_code)
    assert statuses.count(401) == 100
    assert statuses.count(429) == 10
    async with gateway.from_address("198.51.100.1") as home:
        assert (await home.post("/auth/login", json=right)).status_code == 200


async def test_a01_a_guesser_with_many_addresses_and_accounts_meets_a_limit_for_all(
    settings: Settings,
) -> None:
    identity = settings.identity.model_copy(update={"login_failures_max": 20})
    async with running_gateway(settings.model_copy(update={"identity": identity})) as gateway:
        user = await gateway.make_user()
        right = {"email": user.email, "password": PASSWORD}
        async with gateway.from_address("198.51.100.1") as home:
            assert (await home.post("/auth/login", json=right)).status_code == 200
        statuses = []
        for n in range(25):
            body = {"email": f"u{n}@example.com", "password": "summer rain"}
            async with gateway.from_address(f"192.0.2.{n}") as one_of_many:
                answer = await one_of_many.post("/auth/login", json=body)
                statuses.append(answer.status_code)
        assert statuses == [401] * 20 + [429] * 5
        assert int(answer.headers["retry-after"]) >= 1
        # Who signs in from where they did before does not notice; who comes from elsewhere waits.
        async with gateway.from_address("198.51.100.1") as home:
            assert (await home.post("/auth/login", json=right)).status_code == 200
        async with gateway.from_address("198.51.100.2") as elsewhere:
            assert (await elsewhere.post("/auth/login", json=right)).status_code == 429


async def test_a01_the_wait_ends_by_itself(settings: Settings) -> None:
    identity = settings.identity.model_copy(update={"login_attempts_max": 2, "login_window_s": 1})
    async with running_gateway(settings.model_copy(update={"identity": identity})) as gateway:
        user = await gateway.make_user()
        for _ in range(3):
            answer = await gateway.http.post(
                "/auth/login", json={"email": user.email, "password": "wrong horse"}
            )
        assert answer.status_code == 429
        deadline = time.monotonic() + 10
        while answer.status_code == 429:
            assert time.monotonic() < deadline
            answer = await gateway.http.post(
                "/auth/login", json={"email": user.email, "password": PASSWORD}
            )
        assert answer.status_code == 200


async def test_a03_registrations_are_limited(settings: Settings) -> None:
    identity = settings.identity.model_copy(update={"registrations_max": 3})
    async with running_gateway(settings.model_copy(update={"identity": identity})) as gateway:
        statuses = [
            (
                await gateway.http.post(
                    "/auth/register", json={"email": f"u{n}@example.com", "password": PASSWORD}
                )
            ).status_code
            for n in range(5)
        ]
    assert statuses == [201, 201, 201, 429, 429]


async def test_a05_a_flood_of_sign_ins_holds_nothing_else_up(settings: Settings) -> None:
    identity = settings.identity.model_copy(
        update={"bcrypt_cost": 8, "login_attempts_max": 100_000}
    )
    async with running_gateway(settings.model_copy(update={"identity": identity})) as gateway:
        body = {"email": "nobody@example.com", "password": "wrong horse"}

        async def flood() -> list[httpx.Response]:
            return await asyncio.gather(
                *(gateway.http.post("/auth/login", json=body) for _ in range(60))
            )

        async with asyncio.TaskGroup() as group:
            flooding = group.create_task(flood())
            others = 0
            while not flooding.done():
                assert (await gateway.http.get("/health/live")).status_code == 200
                others += 1
                await asyncio.sleep(0.001)
        statuses = [answer.status_code for answer in flooding.result()]
        assert set(statuses) == {401, 429}
        assert statuses.count(429) >= 10
        # Hashed on the loop's own thread, each of the 401 would have let one through at most.
        assert others > 2 * statuses.count(401)


async def test_a05_in_a_flood_a_sign_in_is_refused_before_it_costs_anything(
    settings: Settings,
) -> None:
    identity = settings.identity.model_copy(update={"bcrypt_cost": 10})
    async with running_gateway(settings.model_copy(update={"identity": identity})) as gateway:
        hasher = gateway.access.hasher
        async with asyncio.TaskGroup() as group:
            waiting = [
                group.create_task(hasher.matches("wrong horse", None), name="hash")
                for _ in range(24)
            ]
            # All of them have come to the queue once others have had their turn.
            await asyncio.sleep(0)
            answer = await gateway.http.post(
                "/auth/login", json={"email": "nobody@example.com", "password": "wrong horse"}
            )
            assert answer.status_code == 429
            assert int(answer.headers["retry-after"]) > 0
            assert await gateway.access.redis.keys("aether:{login}*") == []
        assert not any(task.result() for task in waiting)


async def test_a_password_is_hashed_again_when_the_cost_changes(settings: Settings) -> None:
    async with running_gateway(settings) as gateway:
        user = await gateway.make_user()
        tokens = await gateway.login(user)
    identity = settings.identity.model_copy(update={"bcrypt_cost": 5})
    async with running_gateway(settings.model_copy(update={"identity": identity})) as gateway:
        await gateway.login(user)
        assert (await current(gateway, user)).password_hash.startswith("aether1$2b$05$")
        # It is the same password: nobody is signed out.
        assert (await gateway.me(tokens["access_token"])).status_code == 200
        await gateway.login(user)


async def test_a09_cookie_mode_begins_anew_and_hides_the_token(
    gateway: Gateway,
) -> None:
    user = await gateway.make_user()
    async with gateway.from_address("192.0.2.1", "https://gateway.example") as browser:
        # A cookie that an attacker set before is replaced, not taken over.
        browser.cookies.set(
            "aether_refresh", "aether_refresh_planted", domain="gateway.example", path="/auth"
        )
        answer = await browser.post(
            "/auth/login", json={"email": user.email, "password": PASSWORD, "use_cookie": True}
        )
        assert answer.json()["refresh_token"] is None
        cookie = answer.headers["set-cookie"]
        for part in ("HttpOnly", "SameSite=strict", "Path=/auth", "Secure", "Max-Age="):
            assert part in cookie
        assert "planted" not in cookie
        refreshed = await browser.post("/auth/refresh")
        assert refreshed.status_code == 200
        assert refreshed.json()["refresh_token"] is None
        other = await browser.post("/auth/refresh", headers={"Sec-Fetch-Site": "cross-site"})
        assert other.status_code == 403
        token = refreshed.json()["access_token"]
        rotated = browser.cookies["aether_refresh"]
        out = await browser.post("/auth/logout", headers={"Authorization": f"Bearer {token}"})
        assert 'aether_refresh=""' in out.headers["set-cookie"]
        assert "Max-Age=0" in out.headers["set-cookie"]
        assert not browser.cookies
        browser.cookies.set("aether_refresh", rotated, domain="gateway.example", path="/auth")
        assert (await browser.post("/auth/refresh")).status_code == 401


async def test_a_browser_signs_out_with_its_cookie_alone(gateway: Gateway) -> None:
    user = await gateway.make_user()
    answer = await gateway.http.post(
        "/auth/login", json={"email": user.email, "password": PASSWORD, "use_cookie": True}
    )
    assert "Secure" not in answer.headers["set-cookie"]
    token = answer.json()["access_token"]
    assert (await gateway.http.post("/auth/logout")).status_code == 200
    assert (await gateway.me(token)).status_code == 401
    assert (await gateway.http.post("/auth/logout")).status_code == 401


async def test_no_secret_is_logged(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    user = await gateway.make_user()
    tokens = await gateway.login(user)
    await gateway.http.post("/auth/login", json={"email": user.email, "password": "wrong horse"})
    await gateway.me(tokens["access_token"] + "x")
    for secret in (PASSWORD, "wrong horse", tokens["access_token"], tokens["refresh_token"]):
        assert secret not in caplog.text
