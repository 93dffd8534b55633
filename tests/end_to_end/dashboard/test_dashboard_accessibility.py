"""The dashboard can be used by everybody: by keys alone, on a narrow screen, in both themes.

axe looks at each page as it stands with data in it, dialogs and errors included.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.end_to_end.dashboard.browsing import Theme, Visitor, browsing
from tests.end_to_end.dashboard.conftest import Traffic
from tests.end_to_end.dashboard.test_dashboard_device import ask_for_codes
from tests.running import Account, RunningSystem, wait_until

pytestmark = pytest.mark.slow

STEPS_MAX = 60


def each_view(visitor: Visitor, alert_id: str) -> Iterator[str]:
    """Bring every page and dialog to the screen, one after the other; return their names."""
    page = visitor.page
    visitor.open("/", "Overview")
    page.locator(".recharts-surface").wait_for()
    page.get_by_role("table").wait_for()
    yield "overview"
    visitor.open("/transactions", "Transactions")
    page.get_by_role("table").wait_for()
    page.get_by_role("button", name="How to filter").click()
    box = page.get_by_role("textbox", name="Filter transactions")
    box.fill("nonsense:1")
    box.press("Enter")
    visitor.sees("no field")
    yield "history with a wrong filter"
    visitor.open(f"/transactions?transaction={alert_id}", "Transactions")
    page.get_by_role("dialog").get_by_text("Accepted").wait_for()
    yield "details"
    visitor.open("/transactions/new", "New transaction")
    page.get_by_role("button", name="Submit transaction").click()
    visitor.sees("Enter an amount.")
    yield "form with errors"
    visitor.open(f"/alerts?alert={alert_id}", "Alerts")
    visitor.sees("Lately on this account")
    page.get_by_role("button", name="Confirm fraud").wait_for()
    yield "alert"
    page.get_by_role("button", name="Confirm fraud").click()
    page.get_by_role("dialog").get_by_role("button", name="Confirm fraud").click()
    visitor.sees("Write why")
    yield "decision without a reason"
    visitor.open("/scoring", "Scoring")
    visitor.sees("Review from")
    page.get_by_role("button", name="New version").click()
    page.get_by_role("dialog").get_by_label("Review from").wait_for()
    yield "new version"
    visitor.open("/forecast", "Forecast")
    page.locator(".recharts-surface").wait_for()
    yield "forecast"
    page.get_by_role("button", name="Table").click()
    yield "forecast as a table"
    visitor.open("/nowhere", "Not found")
    yield "not found"
    yield from each_view_of_administration(visitor)


def each_view_of_administration(visitor: Visitor) -> Iterator[str]:
    """Bring the account's and the admin's pages and dialogs to the screen; nothing is changed."""
    page = visitor.page
    visitor.open("/account", "Account")
    visitor.sees("This one")
    page.get_by_text("What you may do").click()
    page.get_by_role("button", name="Change password").click()
    visitor.sees("Enter your current password.")
    yield "account with errors"
    page.get_by_role("button", name="Sign out everywhere").click()
    yield "signing out everywhere"
    visitor.open("/device", "Sign in a device")
    page.get_by_role("button", name="Continue").click()
    visitor.sees("Enter the eight letters of the code.")
    yield "device without a code"
    codes = ask_for_codes(visitor.base_url)
    visitor.open(f"/device?code={codes['user_code']}", "Sign in a device")
    page.get_by_role("button", name="Approve").wait_for()
    yield "device about to be approved"
    visitor.open("/admin", "Users")
    page.get_by_role("table").wait_for()
    yield "users"
    page.locator(".row-link").first.click()
    page.get_by_text("Last sign-in").last.wait_for()
    yield "user"
    page.get_by_role("button", name="Disable").or_(
        page.get_by_role("button", name="Enable")
    ).click()
    yield "user about to be disabled"
    visitor.open("/admin", "Users")
    page.get_by_role("button", name="Add user").click()
    page.get_by_role("dialog").get_by_role("button", name="Add user").click()
    visitor.sees("Enter an e-mail address")
    yield "adding a user with an error"
    visitor.open("/admin/clients", "Service clients")
    page.locator(".row-link").first.click()
    page.get_by_role("button", name="Rotate secret").wait_for()
    yield "client"
    page.get_by_role("button", name="Rotate secret").click()
    page.get_by_label("The older secret goes on").wait_for()
    yield "rotating a secret"
    visitor.open("/admin/clients", "Service clients")
    page.get_by_role("button", name="Add client").click()
    page.get_by_role("dialog").get_by_role("button", name="Add client").click()
    visitor.sees("Enter a name for it.")
    yield "adding a client with an error"
    visitor.open("/admin/keys", "Signing keys")
    page.get_by_role("table").wait_for()
    page.get_by_role("button", name="Rotate").click()
    page.get_by_label("Make the older keys void").check()
    yield "rotating the keys"
    visitor.open("/admin/audit", "Audit trail")
    page.get_by_role("table").wait_for()
    yield "audit trail"
    page.locator("button.row-link").first.click()
    page.get_by_text("Seal").wait_for()
    yield "audit entry"


def each_view_before_sign_in(visitor: Visitor) -> Iterator[str]:
    """Bring the pages for strangers to the screen."""
    for path, heading, word in (
        ("/login", "Sign in", "Sign in"),
        ("/register", "Make an account", "Make account"),
    ):
        visitor.open(path, heading)
        yield path
        visitor.page.get_by_role("button", name=word).click()
        visitor.sees("Enter your e-mail address.")
        yield f"{path} with errors"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(
    system: RunningSystem, traffic: Traffic, admin: Account, theme: Theme
) -> None:
    alert_id = traffic.raise_alert("Axe & Sons")
    found: dict[str, list[str]] = {}
    with browsing(system) as opened:
        stranger = opened.visitor(theme=theme)
        for name in each_view_before_sign_in(stranger):
            found[name] = stranger.axe()
        visitor = opened.visitor(admin, theme=theme)
        for name in each_view(visitor, alert_id):
            found[name] = visitor.axe()
    assert {name: problems for name, problems in found.items() if problems} == {}
    assert len(found) == 28


@pytest.mark.parametrize("width", [320, 360])
def test_nothing_is_wider_than_a_narrow_screen(
    system: RunningSystem, traffic: Traffic, admin: Account, width: int
) -> None:
    alert_id = traffic.raise_alert(f"W{'i' * 60}de {'M' * 70}")
    with browsing(system) as opened:
        stranger = opened.visitor(width=width)
        visitor = opened.visitor(admin, width=width)
        too_wide = [name for name in each_view_before_sign_in(stranger) if stranger.is_too_wide()]
        too_wide += [name for name in each_view(visitor, alert_id) if visitor.is_too_wide()]
    assert too_wide == []


class Keys:
    """Somebody who has no mouse."""

    def __init__(self, visitor: Visitor) -> None:
        self._page = visitor.page

    def focused(self) -> str:
        """What has the focus, by its words."""
        return str(
            self._page.evaluate(
                "(() => { const e = document.activeElement;"
                " if (e === document.body) return ''; const label = e.labels?.[0];"
                " return (label?.textContent ?? e.getAttribute('aria-label')"
                " ?? e.textContent ?? '').trim(); })()"
            )
        )

    def comes_back_to(self, words: str) -> None:
        """Wait until the focus is where it was before something was opened over the page."""
        wait_until(lambda: self.focused() == words, f"the focus to come back to {words!r}")

    def go_to(self, words: str) -> None:
        """Press Tab until something with these words has the focus, and can be seen to have it."""
        passed = []
        for _ in range(STEPS_MAX):
            self._page.keyboard.press("Tab")
            focused = self.focused()
            if re.match(words, focused):
                self._is_visible()
                return
            passed.append(focused)
        pytest.fail(f"Tab never came to {words!r}, only to {passed}")

    def press(self, key: str) -> None:
        self._page.keyboard.press(key)

    def write(self, text: str) -> None:
        self._page.keyboard.type(text)

    def _is_visible(self) -> None:
        has_outline = self._page.evaluate(
            "(() => { const e = document.activeElement;"
            " return [getComputedStyle(e), getComputedStyle(e, '::after')]"
            ".some(s => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1); })()"
        )
        assert has_outline, f"the focus on {self.focused()!r} cannot be seen"


def test_everything_works_by_keys_alone(
    system: RunningSystem, traffic: Traffic, admin: Account
) -> None:
    merchant = f"Keys {os.urandom(3).hex()}"
    traffic.raise_alert(merchant)
    with browsing(system) as opened:
        visitor = opened.visitor()
        keys = Keys(visitor)
        visitor.open("/login", "Sign in")
        keys.go_to("E-mail")
        keys.write(admin.email)
        keys.go_to("Password")
        keys.write(admin.password)
        keys.press("Enter")
        visitor.sees_heading("Overview")

        # Opening a page puts the focus on its heading: the next Tab is inside of it.
        expect(visitor.page.get_by_role("heading", level=1)).to_be_focused()
        visitor.page.reload()
        visitor.sees_heading("Overview")
        keys.go_to("New transaction")
        keys.press("Enter")
        visitor.sees_heading("New transaction")
        keys.go_to("Amount")
        keys.write("4.20")
        keys.go_to("Currency")
        keys.write("EUR")
        keys.go_to("Merchant")
        keys.write(f"{merchant} 2")
        keys.go_to("Account")
        keys.write("acc-keys")
        keys.press("Enter")
        visitor.sees("Accepted.")
        keys.go_to("History")
        keys.press("Enter")
        visitor.sees_heading("Transactions")

        visitor.row(f"{merchant} 2").wait_for()
        keys.go_to(f"{merchant} 2")
        keys.press("Enter")
        dialog = visitor.page.get_by_role("dialog")
        dialog.get_by_text("acc-keys").wait_for()
        keys.press("Escape")
        expect(dialog).to_have_count(0)
        keys.comes_back_to(f"{merchant} 2")

        visitor.page.evaluate("document.activeElement.blur()")
        visitor.open("/alerts", "Alerts")
        keys.go_to(merchant)
        keys.press("Enter")
        visitor.page.get_by_role("button", name="Confirm fraud").wait_for()
        keys.go_to("Confirm fraud")
        keys.press("Enter")
        expect(visitor.page.get_by_label("Reason")).to_be_focused()
        keys.write("Seen before")
        keys.press("Enter")
        visitor.sees("Resolved as fraud")

        visitor.open("/forecast", "Forecast")
        keys.go_to("Table")
        keys.press("Enter")
        visitor.page.get_by_role("table").wait_for()
        keys.go_to("Skip to the content")
        keys.press("Enter")
        keys.go_to("10 min")
        keys.go_to("Sign out")
        keys.press("Enter")
        visitor.sees_heading("Sign in")


def test_administration_works_by_keys_alone(system: RunningSystem, admin: Account) -> None:
    name = f"keys-{os.urandom(3).hex()}"
    with browsing(system) as opened:
        visitor = opened.visitor(admin)
        keys = Keys(visitor)
        dialog = visitor.page.get_by_role("dialog")
        visitor.open("/account", "Account")
        keys.go_to("Current password")
        keys.go_to("Show current password")
        keys.go_to("Sign out everywhere")
        keys.press("Enter")
        # It begins on the way back.
        expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
        keys.press("Enter")
        expect(dialog).to_have_count(0)
        keys.comes_back_to("Sign out everywhere")

        visitor.open("/admin", "Users")
        keys.go_to("Clients")
        keys.press("Enter")
        visitor.sees_heading("Service clients")
        keys.go_to("Add client")
        keys.press("Enter")
        expect(dialog.get_by_label("Name")).to_be_focused()
        keys.write(name)
        keys.go_to("alerts:read")
        keys.press("Space")
        keys.go_to("Add client")
        keys.press("Enter")
        expect(dialog.get_by_role("button", name="Copy client id")).to_be_focused()
        keys.go_to("Done")
        keys.press("Enter")
        expect(dialog).to_have_count(0)
        keys.comes_back_to("Add client")

        keys.go_to(name)
        keys.press("Enter")
        dialog.get_by_text("See fraud alerts").wait_for()
        keys.go_to("Revoke")
        keys.press("Enter")
        keys.go_to("Revoke")
        keys.press("Enter")
        dialog.get_by_text("Revoked").wait_for()
        keys.press("Escape")
        expect(dialog).to_have_count(0)
        keys.comes_back_to(name)

        visitor.open("/admin/audit", "Audit trail")
        keys.go_to("Revoked a client")
        keys.press("Enter")
        dialog.get_by_text("client.revoke").wait_for()
        keys.press("Escape")
        keys.comes_back_to("Revoked a client")


def test_screen_readers_hear_of_new_rows_at_a_calm_pace(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    with browsing(system) as opened:
        visitor = opened.visitor(analyst)
        visitor.open("/transactions", "Transactions")
        visitor.sees("Live")
        traffic.send("acc-heard", f"Heard {os.urandom(3).hex()}", "1.00", "2.00", "3.00")
        spoken = visitor.page.get_by_role("status").filter(has_text=re.compile("new transaction"))
        expect(spoken).to_have_text(re.compile(r"^\d+ new transactions?$"))


def test_both_themes_can_be_chosen_and_are_remembered(
    system: RunningSystem, customer: Account
) -> None:
    with browsing(system) as opened:
        visitor = opened.visitor(customer, theme="dark")
        root = visitor.page.locator("html")
        expect(root).to_have_attribute("data-theme", "dark")
        visitor.page.get_by_role("button", name="Theme: system").click()
        expect(root).to_have_attribute("data-theme", "light")
        visitor.page.reload()
        expect(root).to_have_attribute("data-theme", "light")
        visitor.page.get_by_role("button", name="Theme: light").click()
        expect(root).to_have_attribute("data-theme", "dark")
