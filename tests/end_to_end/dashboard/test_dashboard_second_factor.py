"""A second factor in a real browser: set up on one's page, asked for at sign-in, turned off."""

from __future__ import annotations

import pyotp
import pytest
from playwright.sync_api import expect

from tests.end_to_end.dashboard.browsing import Visitor, browsing
from tests.running import RunningSystem

pytestmark = pytest.mark.slow


def _open_panel(visitor: Visitor, button: str) -> None:
    visitor.page.get_by_role("link", name="your account").click()
    visitor.sees_heading("Account")
    visitor.page.get_by_role("button", name=button).click()


def _panel(visitor: Visitor, password: str) -> None:
    form = visitor.page.get_by_role("region", name="Second factor")
    form.get_by_label("Current password", exact=True).fill(password)


def test_a_second_factor_from_set_up_to_turned_off(system: RunningSystem) -> None:
    account = system.make_user("customer")
    with browsing(system) as opened:
        visitor = opened.visitor(account, width=360)
        page = visitor.page
        _open_panel(visitor, "Set up…")
        _panel(visitor, account.password)
        page.get_by_role("button", name="Set up", exact=True).click()
        expect(page.get_by_role("img", name="QR code of the secret")).to_be_visible()
        assert not visitor.is_too_wide()
        assert visitor.axe() == []
        app = pyotp.TOTP(page.locator("form .mono.break").inner_text())
        visitor.expected_statuses = {401, 422}
        code = page.get_by_label("One-time code")
        code.fill("not a code")
        page.get_by_role("button", name="Turn on").click()
        visitor.sees("The app does not show this code")
        code.fill(app.now())
        page.get_by_role("button", name="Turn on").click()
        dialog = page.get_by_role("dialog", name="Your recovery codes")
        expect(dialog.get_by_role("listitem")).to_have_count(10)
        assert not visitor.is_too_wide()
        assert visitor.axe() == []
        recovery = dialog.get_by_role("listitem").all_inner_texts()
        page.get_by_role("button", name="I have kept them").click()
        visitor.sees("On: signing in takes a one-time code")

        page.get_by_role("button", name="Sign out").first.click()
        visitor.sees_heading("Sign in")
        page.get_by_label("E-mail").fill(account.email)
        page.get_by_label("Password", exact=True).fill(account.password)
        page.get_by_role("button", name="Sign in").click()
        visitor.sees_heading("One-time code")
        expect(code).to_be_focused()
        assert not visitor.is_too_wide()
        assert visitor.axe() == []
        code.fill("000 000 000")
        page.get_by_role("button", name="Sign in").click()
        visitor.sees("The one-time code is wrong")
        code.fill(recovery[0])
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("navigation", name="Main").wait_for()

        _open_panel(visitor, "Turn off…")
        _panel(visitor, account.password)
        code.fill(recovery[1])
        page.get_by_role("button", name="Turn off", exact=True).click()
        visitor.sees("Off: your password alone signs you in.")
