"""Proves that the console lets in who may come in, and offers each role only what it may do."""

from __future__ import annotations

import httpx
import pytest

from tests.running import Account, RunningSystem, free_port
from tests.tui.driving import STANDARD, open_console, signed_in


async def test_a_wrong_password_is_refused_without_a_hint_and_the_right_one_opens(
    system: RunningSystem, analyst: Account
) -> None:
    async with open_console(system.base_url, STANDARD, email=analyst.email) as console:
        await console.sees("AETHER", system.base_url, "on this machine")
        await console.write("not the password")
        await console.press("enter")
        await console.sees("E-mail or password is wrong.")
        assert console.app.focused is console.app.screen.query_one("#password")
        # The wrong one is selected: typing replaces it.
        await console.write(analyst.password)
        await console.press("enter")
        await console.sees("LIVE", "ANALYST", "Load and forecast")


async def test_both_fields_are_needed_and_the_password_is_hidden(
    system: RunningSystem, analyst: Account
) -> None:
    async with open_console(system.base_url, STANDARD) as console:
        await console.sees("password")
        await console.press("enter", "enter")
        await console.sees("E-mail and password are both needed.")
        await console.write(analyst.email)
        await console.press("enter")
        await console.write("secret-word")
        await console.sees(analyst.email)
        assert "secret-word" not in console.text()
        await console.press("f2")
        await console.sees("secret-word")
        await console.press("f2")
        await console.sees_no("secret-word")


async def test_a_gateway_that_is_not_there_is_said_and_can_be_tried_again(
    analyst: Account,
) -> None:
    async with open_console(f"http://127.0.0.1:{free_port()}", STANDARD) as console:
        await console.sees("password")
        await console.write(analyst.email)
        await console.press("enter")
        await console.write(analyst.password)
        await console.press("enter")
        await console.sees("cannot be reached: the connection", "was refused.")
        await console.press("enter")
        await console.sees("cannot be reached")


@pytest.mark.parametrize(
    ("role", "offered", "withheld"),
    [
        (
            "customer",
            ["2 Transactions", "4 Forecast"],
            ["Overview", "Alerts", "Pipeline", "System"],
        ),
        ("analyst", ["1 Overview", "3 Alerts"], ["Pipeline"]),
        ("operator", ["1 Overview", "5 Pipeline", "6 System"], ["3 Alerts", "7 Audit"]),
        ("admin", ["1 Overview", "2 Transactions", "3 Alerts", "4 Forecast", "7 Audit"], []),
    ],
)
async def test_each_role_is_offered_what_it_may_do(
    system: RunningSystem,
    request: pytest.FixtureRequest,
    role: str,
    offered: list[str],
    withheld: list[str],
) -> None:
    account: Account = request.getfixturevalue(role)
    async with signed_in(system, account) as console:
        await console.sees(role.upper(), *offered)
        navigation = console.text().splitlines()[1]
        assert not [place for place in withheld if place in navigation]
        # The digits of what is withheld do nothing.
        before = console.app.screen
        for digit, name in ((1, "Overview"), (3, "Alerts"), (5, "Pipeline")):
            if any(name in place for place in withheld):
                await console.press(str(digit))
        assert console.app.screen is before


async def test_signing_out_forgets_everything(
    system: RunningSystem, admin: Account, customer: Account
) -> None:
    async with signed_in(system, admin) as console:
        session = console.app.session
        assert session is not None
        await console.press("ctrl+l")
        await console.sees("Signed out.")
        assert console.app.session is None
        assert not any(console.app.is_screen_installed(name) for name in ("overview", "alerts"))
        # Somebody else signs in at the same console and finds nothing of the one before.
        await console.sign_in(customer)
        await console.sees("CUSTOMER", "LIVE")
        assert console.app.session is not session


async def test_every_action_is_found_by_its_name_and_explained_by_its_key(
    system: RunningSystem, admin: Account
) -> None:
    async with signed_in(system, admin, STANDARD) as console:
        await console.press("question_mark")
        await console.sees("Keys", "EVERYWHERE", "THIS PANEL")
        await console.press("escape")
        await console.sees("Load and forecast")
        await console.press("ctrl+p")
        await console.sees("Search for commands")
        await console.write("pipel")
        await console.sees("Open the screen Pipeline")
        await console.press("enter")
        await console.sees("every accepted transaction is accounted for")


async def test_leaving_ends_the_session_at_the_gateway(
    system: RunningSystem, analyst: Account
) -> None:
    async with signed_in(system, analyst, STANDARD) as console:
        tokens = console.app.client._tokens
        assert tokens is not None
        with system.http() as http:
            bearer = {"Authorization": f"Bearer {tokens.access_token}"}
            assert http.get("/auth/me", headers=bearer).status_code == httpx.codes.OK
        await console.press("q")
    with system.http() as http:
        assert http.get("/auth/me", headers=bearer).status_code == httpx.codes.UNAUTHORIZED
        renewal = {"refresh_token": tokens.refresh_token}
        assert http.post("/auth/refresh", json=renewal).status_code >= httpx.codes.BAD_REQUEST
