"""Proves that a sign-in is remembered only where it was asked for, safely, and by one console.

And the other ways in: a code that is approved elsewhere, and a one-time code besides the password.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx
import pyotp
from textual.widgets import Checkbox

from aether_tui.memory import SignInMemory
from aether_tui.screens.login import LoginScreen
from tests.running import Account, RunningSystem
from tests.tui.driving import STANDARD, Console, open_console


def _memory(directory: Path, system: RunningSystem) -> SignInMemory:
    return SignInMemory(directory, "prod", system.base_url)


async def _sign_in_remembered(console: Console, account: Account) -> None:
    await console.sees("Remember me on this machine")
    console.app.screen.query_one("#remember", Checkbox).value = True
    await console.sign_in(account)
    await console.sees("LIVE")


async def test_a_remembered_sign_in_goes_on_and_is_forgotten_by_signing_out(
    system: RunningSystem, analyst: Account, tmp_path: Path
) -> None:
    directory = tmp_path / "sign-in"
    async with open_console(
        system.base_url, STANDARD, memory=_memory(directory, system)
    ) as console:
        await _sign_in_remembered(console, analyst)
    kept = directory / "prod.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert directory.stat().st_mode & 0o777 == 0o700
    # Neither the password nor an access token: only what is good for one use.
    assert set(json.loads(kept.read_text())) == {"base_url", "email", "refresh_token"}
    assert analyst.password not in kept.read_text()
    for _ in range(2):  # the rotated token was kept as well
        async with open_console(
            system.base_url, STANDARD, memory=_memory(directory, system)
        ) as console:
            await console.sees("LIVE", "ANALYST")
    async with open_console(
        system.base_url, STANDARD, memory=_memory(directory, system)
    ) as console:
        await console.sees("LIVE", "ANALYST")
        token = json.loads(kept.read_text())["refresh_token"]
        await console.press("ctrl+l")
        await console.sees("Signed out.")
        assert not kept.exists()
    with system.http() as http:
        answer = http.post("/auth/refresh", json={"refresh_token": token})
        assert answer.status_code == httpx.codes.UNAUTHORIZED


async def test_only_one_console_goes_on_with_it(
    system: RunningSystem, analyst: Account, tmp_path: Path
) -> None:
    async with open_console(system.base_url, STANDARD, memory=_memory(tmp_path, system)) as first:
        await _sign_in_remembered(first, analyst)
        second = _memory(tmp_path, system)
        assert second.open() is None
        assert not second.is_ours
        # It keeps nothing either: the token of the first is still there.
        second.keep("another")
        assert "another" not in (tmp_path / "prod.json").read_text()
    third = _memory(tmp_path, system)
    found = third.open()
    third.close()
    assert found is not None
    assert found.email == analyst.email


async def test_a_remembered_sign_in_that_was_ended_says_so(
    system: RunningSystem, analyst: Account, tmp_path: Path
) -> None:
    async with open_console(system.base_url, STANDARD, memory=_memory(tmp_path, system)) as console:
        await _sign_in_remembered(console, analyst)
    kept = tmp_path / "prod.json"
    with system.http() as http:
        token = json.loads(kept.read_text())["refresh_token"]
        assert http.post("/auth/logout", json={"refresh_token": token}).is_success
    async with open_console(system.base_url, STANDARD, memory=_memory(tmp_path, system)) as console:
        await console.sees("The remembered sign-in has ended. Sign in again.")
        assert not kept.exists()
        await console.sign_in(analyst)
        await console.sees("LIVE")


def test_the_token_is_not_told_to_another_address_nor_read_from_others(tmp_path: Path) -> None:
    here = SignInMemory(tmp_path, "prod", "https://here.example")
    here.open()
    here.email, here.is_wanted = "ada@example.com", True
    here.keep("secret")
    here.close()
    elsewhere = SignInMemory(tmp_path, "prod", "https://elsewhere.example")
    assert elsewhere.open() is None
    elsewhere.close()
    (tmp_path / "prod.json").chmod(0o640)
    again = SignInMemory(tmp_path, "prod", "https://here.example")
    assert again.open() is None
    again.close()
    (tmp_path / "prod.json").unlink()
    (tmp_path / "prod.json").symlink_to(tmp_path / "theirs")
    assert SignInMemory(tmp_path, "prod", "https://here.example").open() is None
    # A name cannot leave the directory.
    assert SignInMemory(tmp_path, "../../x", "https://here.example").open() is None
    assert {path.parent for path in tmp_path.rglob("*")} == {tmp_path}


async def test_a_code_that_is_approved_elsewhere_signs_in(
    system: RunningSystem, analyst: Account
) -> None:
    async with open_console(system.base_url, STANDARD) as console:
        await console.sees("f3 Without password")
        await console.press("f3")
        await console.sees("/device", "approve the code", "9:5")
        (code,) = [word for word in console.text().split() if len(word) == 9 and word[4] == "-"]
        with system.http(analyst) as http:
            assert http.post(f"/auth/devices/{code}", json={"approve": True}).is_success
        await console.sees("LIVE", "ANALYST")


async def test_a_code_that_is_denied_or_given_up_leads_back_to_the_password(
    system: RunningSystem, analyst: Account
) -> None:
    async with open_console(system.base_url, STANDARD) as console:
        await console.sees("password")
        await console.press("f3")
        await console.sees("approve the code")
        await console.press("escape")
        await console.sees("password")
        await console.press("f3")
        await console.sees("approve the code")
        (code,) = [word for word in console.text().split() if len(word) == 9 and word[4] == "-"]
        with system.http(analyst) as http:
            assert http.post(f"/auth/devices/{code}", json={"approve": False}).is_success
        await console.sees("The code was denied.", "password")


async def test_a_second_factor_is_asked_for(system: RunningSystem) -> None:
    account = system.make_user("analyst")
    with system.http(account) as http:
        made = http.post("/auth/second-factor", json={"current_password": account.password})
        totp = pyotp.parse_uri(made.json()["uri"])
        assert isinstance(totp, pyotp.TOTP)
        confirmed = http.post(
            "/auth/second-factor/confirm", json={"one_time_code": totp.at(time.time())}
        )
        recovery = confirmed.json()["recovery_codes"][0]
    async with open_console(system.base_url, STANDARD, email=account.email) as console:
        await console.sees("password")
        await console.write(account.password)
        await console.press("enter")
        await console.sees("Type your one-time code, or a recovery code.")
        await console.write("no such code")
        await console.press("enter")
        await console.sees("The code is wrong, or was used before.")
        assert isinstance(console.app.screen, LoginScreen)
        await console.press(*recovery.replace("-", ""), "enter")
        await console.sees("LIVE", "ANALYST")


async def test_all_keys_of_a_sign_in_may_come_in_one_breath(
    system: RunningSystem, analyst: Account
) -> None:
    for to_password in ("tab", "enter"):
        async with open_console(system.base_url, STANDARD) as console:
            await console.sees("password")
            console.burst(*analyst.email, to_password, *analyst.password, "enter")
            await console.sees("LIVE", "ANALYST")
