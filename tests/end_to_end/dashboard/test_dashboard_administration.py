"""Admins manage users, clients and keys, and read the trail.

What is done in the dashboard is checked where it counts: at the sign-in, at `/oauth/token`, and in
the browser of the person whom it is done to.
"""

from __future__ import annotations

import os
import re

import httpx
import pytest
from playwright.sync_api import Locator, expect

from tests.end_to_end.dashboard.browsing import Visitor, browsing
from tests.end_to_end.dashboard.test_dashboard_account import is_let_in
from tests.running import Account, RunningSystem, ServiceClient

pytestmark = pytest.mark.slow


def open_user(visitor: Visitor, account: Account) -> Locator:
    """Find somebody in the list and open them; return the drawer."""
    visitor.open("/admin", "Users")
    box = visitor.page.get_by_role("searchbox", name="E-mail begins with")
    box.fill(account.email)
    box.press("Enter")
    visitor.page.get_by_role("table").get_by_role("link", name=account.email).click()
    drawer = visitor.page.get_by_role("dialog", name="User")
    drawer.get_by_text("Last sign-in").wait_for()
    return drawer


def confirm(visitor: Visitor, title: str, word: str, *, names: str) -> Locator:
    """Check that a dialog says who is meant, and confirm it; return the dialog."""
    dialog = visitor.page.get_by_role("dialog", name=title)
    expect(dialog).to_contain_text(names)
    dialog.get_by_role("button", name=word, exact=True).click()
    return dialog


def shown_secret(visitor: Visitor, label: str) -> str:
    """Return what a dialog shows this once, and close it: it must be gone then."""
    dialog = visitor.page.get_by_role("dialog").last
    dialog.get_by_role("button", name=f"Copy {label}").wait_for()
    secret = dialog.locator("output").last.inner_text()
    # A click beside it does not take it away; the button does.
    visitor.page.mouse.click(5, 5)
    expect(dialog.get_by_text(secret)).to_be_visible()
    dialog.get_by_role("button", name="Done").click()
    expect(visitor.page.get_by_text(secret)).to_have_count(0)
    assert secret not in visitor.page.content()
    return secret


def tokens_of(system: RunningSystem, client: ServiceClient) -> httpx.Response:
    """Ask for a token as a service does."""
    return httpx.post(
        f"{system.base_url}/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(client.client_id, client.client_secret),
        timeout=30,
    )


def test_another_role_holds_at_once_in_the_browser_of_its_owner(
    system: RunningSystem, admin: Account
) -> None:
    account = system.make_user("customer")
    with browsing(system) as opened:
        owner, visitor = opened.visitor(account), opened.visitor(admin)
        owner.sees("Live")
        alerts = owner.page.get_by_role("navigation").get_by_role("link", name="Alerts")
        expect(alerts).to_have_count(0)

        drawer = open_user(visitor, account)
        drawer.get_by_label("Role").select_option("Analyst")
        owner.expected_statuses = {401}
        drawer.get_by_role("button", name="Change").click()
        confirm(visitor, "Change the role", "Change role", names=account.email)
        visitor.sees(f"{account.email} is analyst now")
        expect(drawer.get_by_role("button", name="Change")).to_be_focused()
        expect(alerts).to_have_count(1)

        visitor.open(f"/admin?email={account.email}&role=customer", "Users")
        visitor.sees("No user matches these filters")
        visitor.page.get_by_label("Role").select_option("Analyst")
        expect(visitor.page.locator("tbody tr")).to_have_count(1)
        expect(visitor.page).to_have_url(re.compile(r"\?email=.*&role=analyst$"))
        visitor.page.go_back()
        visitor.sees("No user matches these filters")


def test_a_user_is_shut_out_let_in_and_given_a_new_password(
    system: RunningSystem, admin: Account
) -> None:
    account = system.make_user("operator")
    with browsing(system) as opened:
        owner, visitor = opened.visitor(account), opened.visitor(admin)
        owner.sees("Live")
        owner.expected_statuses = {400, 401}
        drawer = open_user(visitor, account)
        drawer.get_by_role("button", name="Disable").click()
        confirm(visitor, "Disable this user", "Disable", names=account.email)
        owner.sees_heading("Sign in")
        assert not is_let_in(system, account)

        drawer.get_by_role("button", name="Enable").click()
        confirm(visitor, "Enable this user", "Enable", names=account.email)
        visitor.sees(f"{account.email} is enabled")
        owner.sign_in(account)

        drawer.get_by_role("button", name="Reset password").click()
        confirm(visitor, "Reset the password", "Reset password", names=account.email)
        password = shown_secret(visitor, "password")
        owner.sees_heading("Sign in")
        assert not is_let_in(system, account)
        owner.sign_in(Account(account.email, password))

        drawer.get_by_role("button", name="Sign out everywhere").click()
        confirm(visitor, "Sign out everywhere", "Sign out", names=account.email)
        owner.sees_heading("Sign in")


def test_an_added_user_signs_in_with_the_password_that_was_shown(
    system: RunningSystem, admin: Account
) -> None:
    email = f"added-{os.urandom(4).hex()}@example.com"
    with browsing(system) as opened:
        visitor = opened.visitor(admin)
        visitor.expected_statuses = {409}
        visitor.open("/admin", "Users")
        for address in (admin.email, email):
            visitor.page.get_by_role("button", name="Add user").click()
            dialog = visitor.page.get_by_role("dialog")
            dialog.get_by_label("E-mail").fill(address)
            dialog.get_by_label("Role").select_option("Operator")
            dialog.get_by_role("button", name="Add user").click()
            if address == admin.email:
                expect(dialog.get_by_role("alert")).to_contain_text("Nobody was added.")
                expect(dialog.get_by_role("alert")).to_be_focused()
                dialog.get_by_role("button", name="Cancel").click()
        added = Account(email, shown_secret(visitor, "password"))
        expect(visitor.page.get_by_role("button", name="Add user")).to_be_focused()
    with system.http(added) as http:
        assert http.get("/auth/me").json()["role"] == "operator"


def test_a_service_gets_a_secret_another_one_beside_it_and_none(
    system: RunningSystem, admin: Account
) -> None:
    name = f"checkout-{os.urandom(3).hex()}"
    with browsing(system) as opened:
        visitor = opened.visitor(admin)
        page = visitor.page
        visitor.open("/admin/clients", "Service clients")
        page.get_by_role("button", name="Add client").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill(name)
        for words in ("See the transactions of all accounts", "See summaries over all accounts"):
            dialog.get_by_label(words).click()
        dialog.get_by_role("button", name="Add client").click()
        identifier = dialog.locator("output").first.inner_text()
        first = ServiceClient(identifier, shown_secret(visitor, "client secret"))
        granted = tokens_of(system, first)
        assert granted.status_code == httpx.codes.OK, granted.text
        # What was ticked beforehand, less one, and one more.
        assert granted.json()["scope"] == "analytics:read transactions:write_any"

        page.get_by_role("link", name=name).click()
        drawer = page.get_by_role("dialog", name="Service client")

        def rotate(older_goes_on: str) -> ServiceClient:
            drawer.get_by_role("button", name="Rotate secret").click()
            asked = page.get_by_role("dialog", name="Rotate the secret")
            asked.get_by_label("The older secret goes on").select_option(label=older_goes_on)
            confirm(visitor, "Rotate the secret", "Rotate secret", names=name)
            return ServiceClient(identifier, shown_secret(visitor, "client secret"))

        second = rotate("For an hour")
        drawer.get_by_text("Older secret until").wait_for()
        assert tokens_of(system, first).is_success
        assert tokens_of(system, second).is_success
        third = rotate("Not at all: it may be known to others")
        assert tokens_of(system, second).status_code == httpx.codes.UNAUTHORIZED
        assert tokens_of(system, third).is_success

        drawer.get_by_role("button", name="Revoke").click()
        confirm(visitor, "Revoke this client", "Revoke", names=identifier)
        drawer.get_by_text("Revoked").wait_for()
        assert tokens_of(system, third).status_code == httpx.codes.UNAUTHORIZED
        drawer.get_by_role("button", name="Enable").click()
        confirm(visitor, "Enable this client", "Enable", names=name)
        drawer.get_by_text("No secret").wait_for()
        assert tokens_of(system, third).status_code == httpx.codes.UNAUTHORIZED


def test_the_last_admin_stays_and_rotates_the_keys(running_system: RunningSystem) -> None:
    admin = running_system.make_user("admin")

    def published() -> set[str]:
        answer = httpx.get(f"{running_system.base_url}/.well-known/jwks.json", timeout=30)
        return {key["kid"] for key in answer.json()["keys"]}

    with browsing(running_system) as opened:
        visitor = opened.visitor(admin)
        visitor.expected_statuses = {401, 409}
        drawer = open_user(visitor, admin)
        drawer.get_by_text("another admin can change your role").wait_for()
        drawer.get_by_role("button", name="Disable").click()
        dialog = confirm(visitor, "Disable this user", "Disable", names=admin.email)
        expect(dialog.get_by_role("alert")).to_contain_text("last active admin")
        dialog.get_by_role("button", name="Cancel").click()
        drawer.get_by_role("button", name="Close").click()

        visitor.page.get_by_role("link", name="Keys").click()
        visitor.sees_heading("Signing keys")
        rows = visitor.page.locator("tbody tr")
        expect(rows).to_have_count(1)
        (oldest,) = published()
        visitor.page.get_by_role("button", name="Rotate").click()
        confirm(visitor, "Rotate the signing keys", "Rotate", names="nobody notices")
        expect(rows.filter(has_text="Signing")).to_have_count(1)
        expect(rows.filter(has_text=oldest)).to_contain_text("Retired")
        assert oldest in published()

        visitor.page.get_by_role("button", name="Rotate").click()
        dialog = visitor.page.get_by_role("dialog")
        dialog.get_by_label("Make the older keys void").check()
        expect(dialog.get_by_role("alert")).to_contain_text("refused at once")
        confirm(visitor, "Rotate the signing keys", "Rotate and void", names="void")
        # The page's own token was void with the key: it goes on with another.
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("Signing")
        assert oldest not in published()
        visitor.page.get_by_role("link", name="Audit").click()
        rotations = visitor.page.get_by_role("button", name="Rotated the signing keys")
        expect(rotations).to_have_count(2)


def test_the_trail_is_filtered_paged_and_read(system: RunningSystem, admin: Account) -> None:
    account = system.make_user("customer")
    for _ in range(60):
        system.token_of(account)
    with browsing(system) as opened:
        visitor = opened.visitor(admin)
        page = visitor.page
        visitor.open(f"/admin/audit?actor={account.email}&since=1h", "Audit trail")
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(50)
        # The next page belongs to the very hour that this one was asked for.
        page.get_by_role("link", name="Older").click()
        expect(rows).to_have_count(10)
        page.get_by_role("link", name="Newest").click()
        expect(rows).to_have_count(50)
        page.get_by_label("Action").select_option("Failed to sign in")
        visitor.sees("No entry matches these filters")
        page.get_by_role("button", name="Clear").click()
        expect(page).to_have_url(re.compile(r"/admin/audit\??$"))
        page.get_by_label("Action").select_option("Signed in")
        page.get_by_role("button", name="Signed in").first.click()
        entry = page.get_by_role("dialog")
        expect(entry).to_contain_text("session.begin")
        expect(entry).to_contain_text(re.compile(r"[0-9a-f]{64}"))
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Signed in").first).to_be_focused()
