"""A second factor: set up, asked for, good once, guessed in vain, lost, and owed by who must."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pyotp
import pytest
from pydantic import SecretStr

from aether_core.database.connection import borrow
from aether_core.database.users import User
from aether_core.errors import TooManyAttempts
from aether_core.identity.attempts import take_one_time_code
from aether_core.identity.roles import Role
from aether_core.settings import SecondFactor, Settings
from tests.api.identity.gateways import PASSWORD, Gateway, current, running_gateway


def _bearer(tokens: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def _post(gateway: Gateway, path: str, tokens: dict[str, str], **body: str) -> httpx.Response:
    return await gateway.http.post(f"/auth/second-factor{path}", json=body, headers=_bearer(tokens))


async def _login(gateway: Gateway, user: User, code: str | None = None) -> httpx.Response:
    body = {"email": user.email, "password": PASSWORD}
    return await gateway.http.post(
        "/auth/login", json=body if code is None else body | {"one_time_code": code}
    )


class _App:
    """An authenticator app. A code ahead of the clock is one that the clock has not come to yet."""

    def __init__(self, uri: str) -> None:
        totp = pyotp.parse_uri(uri)
        assert isinstance(totp, pyotp.TOTP)
        self.totp = totp

    def code(self, steps_ahead: int = 0) -> str:
        return self.totp.at(time.time(), counter_offset=steps_ahead)


async def _set_up(gateway: Gateway, tokens: dict[str, str]) -> tuple[_App, dict[str, Any]]:
    """Set a second factor up; return the app and what the confirmation answers."""
    made = await _post(gateway, "", tokens, current_password=PASSWORD)
    assert made.status_code == 200, made.text
    app = _App(made.json()["uri"])
    confirmed = await _post(gateway, "/confirm", tokens, one_time_code=app.code())
    assert confirmed.status_code == 200, confirmed.text
    return app, confirmed.json()


async def _guess(gateway: Gateway, user: User, app: _App) -> httpx.Response:
    near = {app.code(step) for step in range(-3, 4)}
    wrong = next(code for code in map(str, range(100_000, 100_010)) if code not in near)
    return await _login(gateway, user, wrong)


async def test_a_code_is_asked_for_besides_the_password_and_is_good_once(gateway: Gateway) -> None:
    user = await gateway.make_user()
    before, elsewhere = await gateway.login(user), await gateway.login(user)
    app, answer = await _set_up(gateway, before)
    assert len(answer["recovery_codes"]) == len(set(answer["recovery_codes"])) == 10
    # Sign-ins that began by the password alone have ended; this one goes on with new tokens.
    for tokens in (before, elsewhere):
        assert (await gateway.me(tokens["access_token"])).status_code == 401
        old = {"refresh_token": tokens["refresh_token"]}
        assert (await gateway.http.post("/auth/refresh", json=old)).status_code == 401
    assert (await gateway.me(answer["access_token"])).json()["second_factor"] == "on"

    without = await _login(gateway, user)
    assert without.status_code == 401
    assert without.json()["type"] == "/problems/one-time-code-needed"
    code = app.code(1)
    assert (await _login(gateway, user, f"{code[:3]} {code[3:]}")).status_code == 200
    # Neither the same one again, nor one that is older, though both are of these seconds.
    for used in (code, app.code()):
        again = await _login(gateway, user, used)
        assert again.status_code == 401
        assert again.json()["type"] == "/problems/wrong-one-time-code"
    # Whether there is a second factor is told to nobody who does not know the password.
    wrong = {"email": user.email, "password": "wrong horse", "one_time_code": app.code()}
    answer = (await gateway.http.post("/auth/login", json=wrong)).json()
    assert answer["type"] == "/problems/not-authenticated"


async def test_a_recovery_code_stands_in_once(gateway: Gateway) -> None:
    user, other = await gateway.make_user(), await gateway.make_user()
    _, answer = await _set_up(gateway, await gateway.login(user))
    _, others = await _set_up(gateway, await gateway.login(other))
    first, second = answer["recovery_codes"][:2]
    assert (await _login(gateway, other, first)).status_code == 401
    assert (await _login(gateway, user, first)).status_code == 200
    assert (await _login(gateway, user, first)).status_code == 401
    assert (await _login(gateway, user, second.upper().replace("-", " "))).status_code == 200
    assert (await _login(gateway, user, others["recovery_codes"][0])).status_code == 401


async def test_codes_cannot_be_guessed_and_nobody_is_locked_out(gateway: Gateway) -> None:
    user = await gateway.make_user()
    app, answer = await _set_up(gateway, await gateway.login(user))
    statuses = [(await _guess(gateway, user, app)).status_code for _ in range(9)]
    assert statuses == [401] * 9
    # From other addresses it is no other account.
    async with gateway.from_address("192.0.2.99") as elsewhere:
        body = {"email": user.email, "password": PASSWORD, "one_time_code": "000000"}
        await elsewhere.post("/auth/login", json=body)
        refused = await elsewhere.post("/auth/login", json=body)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    with pytest.raises(TooManyAttempts):
        await take_one_time_code(gateway.access.redis, user_id=str(user.id))
    async with gateway.from_address("192.0.2.7") as home:
        body = {"email": user.email, "password": PASSWORD}
        body["one_time_code"] = answer["recovery_codes"][0]
        assert (await home.post("/auth/login", json=body)).status_code == 200


async def test_asking_for_the_code_is_no_failure(gateway: Gateway) -> None:
    user = await gateway.make_user()
    app, _ = await _set_up(gateway, await gateway.login(user))
    most = gateway.access.settings.identity.login_attempts_max
    for _ in range(most + 2):
        assert (await _login(gateway, user)).status_code == 401
    assert (await _login(gateway, user, app.code(1))).status_code == 200


async def test_setting_up_needs_the_password_and_a_code_of_the_app(gateway: Gateway) -> None:
    user = await gateway.make_user()
    tokens = await gateway.login(user)
    early = await _post(gateway, "/confirm", tokens, one_time_code="123456")
    assert (early.status_code, early.json()["type"]) == (409, "/problems/second-factor-missing")
    refused = await _post(gateway, "", tokens, current_password="wrong horse")
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/wrong-password")
    first = _App((await _post(gateway, "", tokens, current_password=PASSWORD)).json()["uri"])
    second = (await _post(gateway, "", tokens, current_password=PASSWORD)).json()
    assert second["secret"] in second["uri"]
    # Nothing has changed yet, and the secret before the last is none any more.
    assert (await _login(gateway, user)).status_code == 200
    app = _App(second["uri"])
    wrong = await _post(gateway, "/confirm", tokens, one_time_code=first.code())
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "one_time_code"
    answer = await _post(gateway, "/confirm", tokens, one_time_code=app.code())
    assert answer.status_code == 200
    again = await _post(gateway, "", answer.json(), current_password=PASSWORD)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/second-factor-exists")


async def test_taking_it_away_needs_both(gateway: Gateway) -> None:
    user = await gateway.make_user()
    app, tokens = await _set_up(gateway, await gateway.login(user))
    for password, code, status in (
        ("wrong horse", app.code(1), 403),
        (PASSWORD, app.code(), 422),
        (PASSWORD, tokens["recovery_codes"][0], 200),
    ):
        answer = await _post(
            gateway, "/remove", tokens, current_password=password, one_time_code=code
        )
        assert answer.status_code == status, answer.text
    assert (await gateway.me(tokens["access_token"])).status_code == 401
    assert (await gateway.me(answer.json()["access_token"])).json()["second_factor"] == "off"
    assert (await _login(gateway, user)).status_code == 200
    gone = await _post(
        gateway, "/remove", answer.json(), current_password=PASSWORD, one_time_code="123456"
    )
    assert gone.status_code == 409
    async with borrow(gateway.access.pool) as connection:
        assert await connection.fetchval("SELECT count(*) FROM recovery_codes") == 0
        acts = await connection.fetch(
            "SELECT action, outcome FROM audit WHERE action LIKE 'second_factor.%' ORDER BY id"
        )
    assert [tuple(act) for act in acts] == [
        ("second_factor.add", "success"),
        ("second_factor.remove", "failure"),
        ("second_factor.remove", "success"),
    ]


async def test_an_admin_helps_who_lost_the_app(gateway: Gateway) -> None:
    admin = await gateway.login(await gateway.make_user("admin"))
    user = await gateway.make_user()
    _, tokens = await _set_up(gateway, await gateway.login(user))
    path = f"/users/{user.id}"
    assert (await gateway.http.get(path, headers=_bearer(admin))).json()["has_second_factor"]
    answer = await gateway.http.post(f"{path}/remove-second-factor", headers=_bearer(admin))
    assert answer.json()["has_second_factor"] is False
    assert (await gateway.me(tokens["access_token"])).status_code == 401
    assert (await _login(gateway, user)).status_code == 200
    again = await gateway.http.post(f"{path}/remove-second-factor", headers=_bearer(admin))
    assert (again.status_code, again.json()["type"]) == (409, "/problems/second-factor-missing")


@pytest.mark.parametrize(
    ("who", "role", "is_owed"),
    [
        ("offered", "admin", False),
        ("staff", "customer", False),
        ("staff", "analyst", True),
        ("everyone", "customer", True),
    ],
)
async def test_who_owes_one_can_do_nothing_but_set_it_up(
    settings: Settings, who: SecondFactor, role: Role, is_owed: bool
) -> None:
    identity = settings.identity.model_copy(update={"second_factor": who})
    async with running_gateway(settings.model_copy(update={"identity": identity})) as gateway:
        tokens = await gateway.login(await gateway.make_user(role))
        me = (await gateway.me(tokens["access_token"])).json()
        assert me["second_factor"] == ("owed" if is_owed else "off")
        assert (tokens["scope"] == "") == (me["scopes"] == []) == is_owed
        listed = await gateway.http.get("/transactions/", headers=_bearer(tokens))
        assert listed.status_code == (403 if is_owed else 200)
        if not is_owed:
            return
        old = {"refresh_token": tokens["refresh_token"]}
        tokens = (await gateway.http.post("/auth/refresh", json=old)).json()
        assert tokens["scope"] == ""
        _, tokens = await _set_up(gateway, tokens)
        listed = await gateway.http.get("/transactions/", headers=_bearer(tokens))
        assert listed.status_code == 200


async def test_a_copy_of_the_database_has_no_secret_and_rows_cannot_be_swapped(
    gateway: Gateway, settings: Settings
) -> None:
    user, thief = await gateway.make_user(), await gateway.make_user()
    app, _ = await _set_up(gateway, await gateway.login(user))
    thiefs_app, _ = await _set_up(gateway, await gateway.login(thief))
    kept = (await current(gateway, user)).totp_secret_sealed
    assert kept is not None
    assert app.totp.secret.encode() not in kept
    async with borrow(gateway.access.pool) as connection:
        await connection.execute(
            "UPDATE users SET totp_secret_sealed ="
            " (SELECT totp_secret_sealed FROM users WHERE id = $2) WHERE id = $1",
            user.id,
            thief.id,
        )
    assert (await _login(gateway, user, thiefs_app.code(1))).status_code == 503
    # Nor does a gateway with another sealing key let anybody in.
    alien = settings.model_copy(update={"sealing_key": SecretStr("of another machine " * 2)})
    async with running_gateway(alien) as elsewhere:
        answer = await _login(elsewhere, thief, thiefs_app.code(1))
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
