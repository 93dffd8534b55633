"""A person signs a device in with a browser: sees who asks for what, and approves or denies it.

The device is a program that speaks RFC 8628 with the gateway while the person looks at `/device`.
"""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.end_to_end.dashboard.browsing import Visitor, browsing
from tests.running import Account, RunningSystem

pytestmark = pytest.mark.slow

HEADING = "Sign in a device"


def ask_for_codes(base_url: str) -> dict[str, Any]:
    """Let a console ask for its codes."""
    answer = httpx.post(
        f"{base_url}/oauth/device_authorization", data={"client_id": "aether"}, timeout=30
    )
    codes: dict[str, Any] = answer.raise_for_status().json()
    return codes


def poll(system: RunningSystem, codes: dict[str, Any]) -> httpx.Response:
    """Ask whether it was approved."""
    return httpx.post(
        f"{system.base_url}/oauth/token",
        data={
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "client_id": "aether",
            "device_code": codes["device_code"],
        },
        timeout=30,
    )


def path_of(address: str) -> str:
    """The path and the query of an address that the device shows; its host may be a proxy's."""
    return re.sub(r"^https?://[^/]+", "", address)


def press(visitor: Visitor, word: str) -> None:
    visitor.page.get_by_role("button", name=word, exact=True).click()


def test_the_person_signs_in_compares_the_code_and_approves(
    system: RunningSystem, analyst: Account
) -> None:
    codes = ask_for_codes(system.base_url)
    with browsing(system) as opened:
        visitor = opened.visitor()
        # The address leads to the sign-in, and back to the code.
        visitor.open(path_of(codes["verification_uri_complete"]), "Sign in")
        visitor.sign_in(analyst)
        visitor.sees_heading(HEADING)
        visitor.sees("Does the device in your hands show this code?")
        expect(visitor.page.locator("output.device-code")).to_have_text(codes["user_code"])
        visitor.sees(analyst.email)
        visitor.sees("Resolve fraud alerts")
        # To look is not to approve.
        assert poll(system, codes).json()["error"] == "authorization_pending"
        press(visitor, "Approve")
        visitor.sees("The device is signed in as you.")
    token = poll(system, codes).raise_for_status().json()["access_token"]
    me = httpx.get(
        f"{system.base_url}/auth/me", headers={"Authorization": f"Bearer {token}"}, timeout=30
    )
    assert me.json()["email"] == analyst.email


def test_a_typed_code_that_is_wrong_is_told_and_the_right_one_is_denied(
    system: RunningSystem, analyst: Account
) -> None:
    codes = ask_for_codes(system.base_url)
    with browsing(system) as opened:
        visitor = opened.visitor(analyst)
        visitor.open(path_of(codes["verification_uri"]), HEADING)
        code = visitor.page.get_by_label("Code", exact=True)
        press(visitor, "Continue")
        visitor.sees("Enter the eight letters of the code.")
        expect(code).to_be_focused()
        visitor.expected_statuses = {404, 409, 422}
        code.fill("BBBB-BBBB")
        press(visitor, "Continue")
        visitor.sees("No device shows this code.")
        code.fill(codes["user_code"].lower().replace("-", " "))
        press(visitor, "Continue")
        press(visitor, "Deny")
        visitor.sees("The device gets nothing.")
        assert poll(system, codes).json()["error"] == "access_denied"
        press(visitor, "Sign in another device")
        code.fill(codes["user_code"])
        press(visitor, "Continue")
        visitor.sees(re.compile("used before|No device shows"))
