"""Everybody looks after their own account: password and sessions, in real browsers of their own.

What ends for a session is seen where it ended, in the other browser, without anybody touching it.
"""

from __future__ import annotations

import os

import httpx
import pytest
from playwright.sync_api import expect

from tests.end_to_end.dashboard.browsing import Visitor, browsing
from tests.running import Account, RunningSystem

pytestmark = pytest.mark.slow


def change_password(visitor: Visitor, current: str, new: str) -> None:
    """Fill in the form of a new password and send it."""
    visitor.page.get_by_label("Current password", exact=True).fill(current)
    visitor.page.get_by_label("New password", exact=True).fill(new)
    visitor.page.get_by_role("button", name="Change password").click()


def is_let_in(system: RunningSystem, account: Account) -> bool:
    """Whether these are the e-mail address and the password of somebody."""
    answer = httpx.post(
        f"{system.base_url}/auth/login",
        json={"email": account.email, "password": account.password},
        timeout=30,
    )
    assert answer.status_code in {httpx.codes.OK, httpx.codes.UNAUTHORIZED}, answer.text
    return answer.is_success


def test_a_changed_password_ends_the_old_one_and_every_other_session(
    system: RunningSystem,
) -> None:
    account = system.make_user("customer")
    renewed = Account(account.email, f"a newer pass {os.urandom(6).hex()}")
    with browsing(system) as opened:
        here, elsewhere = opened.visitor(account), opened.visitor(account)
        here.page.get_by_role("link", name="your account").click()
        here.sees_heading("Account")
        expect(here.page.locator(".sessions li")).to_have_count(2)

        summary = here.page.get_by_role("alert")
        here.expected_statuses = {403, 422}
        change_password(here, "not the present one", renewed.password)
        here.sees("This is not your current password.")
        expect(summary).to_be_focused()
        change_password(here, account.password, "password1234")
        expect(summary).to_contain_text("This password")
        expect(here.page.get_by_label("New password", exact=True)).to_have_attribute(
            "aria-invalid", "true"
        )
        assert is_let_in(system, account)

        elsewhere.expected_statuses = {400, 401}
        change_password(here, account.password, renewed.password)
        here.sees("Your password is changed")
        elsewhere.sees_heading("Sign in")
        elsewhere.sees("Your session has ended.")

        expect(here.page.locator(".sessions li")).to_have_count(1)
        here.page.reload()
        here.sees_heading("Account")
        elsewhere.page.get_by_label("E-mail").fill(account.email)
        elsewhere.page.get_by_label("Password", exact=True).fill(account.password)
        elsewhere.page.get_by_role("button", name="Sign in").click()
        elsewhere.sees("E-mail or password is wrong.")
        elsewhere.sign_in(renewed)
    assert not is_let_in(system, account)


def test_one_session_is_ended_and_then_all_of_them(system: RunningSystem) -> None:
    account = system.make_user("customer")
    with browsing(system) as opened:
        here, first, second = (opened.visitor(account) for _ in range(3))
        sessions = here.page.locator(".sessions li")
        here.open("/account", "Account")
        expect(sessions).to_have_count(3)
        expect(sessions.first).to_contain_text("This one")
        expect(sessions.first).to_contain_text("127.0.0.1")
        expect(sessions.first.get_by_role("button")).to_have_count(0)

        # This one first, then the last used: the first of the others comes last.
        for visitor in (first, second):
            visitor.expected_statuses = {400, 401}
        sessions.nth(2).get_by_role("button").click()
        dialog = here.page.get_by_role("dialog")
        expect(dialog).to_contain_text("Chrome")
        dialog.get_by_role("button", name="Cancel").click()
        expect(sessions).to_have_count(3)
        expect(sessions.nth(2).get_by_role("button")).to_be_focused()
        sessions.nth(2).get_by_role("button").click()
        dialog.get_by_role("button", name="End session").click()
        expect(sessions).to_have_count(2)
        first.sees_heading("Sign in")
        expect(second.page.get_by_role("heading", name="Overview")).to_be_visible()
        expect(here.page.get_by_role("heading", level=1)).to_be_focused()

        here.page.get_by_role("button", name="Sign out everywhere").click()
        expect(dialog).to_contain_text("All 2 sessions of yours")
        dialog.get_by_role("button", name="Sign out everywhere").click()
        here.sees_heading("Sign in")
        second.sees_heading("Sign in")
