"""A version of scoring is made in the browser, runs in shadow, is compared, decides, is taken back.

The version says what the settings say: other tests share the system.
"""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import expect

from tests.end_to_end.dashboard.browsing import Visitor, browsing
from tests.end_to_end.dashboard.conftest import Traffic
from tests.running import Account, RunningSystem, wait_until

pytestmark = pytest.mark.slow


def confirm(visitor: Visitor, word: str) -> None:
    visitor.page.get_by_role("dialog").get_by_role("button", name=word, exact=True).click()
    visitor.page.get_by_role("dialog").wait_for(state="detached")


def test_from_a_draft_to_the_settings_again(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    purpose = f"As before {os.urandom(3).hex()}"
    with browsing(system) as opened:
        visitor = opened.visitor(analyst, width=360)
        page = visitor.page
        visitor.open("/scoring", "Scoring")
        visitor.sees("what the settings say")
        page.get_by_role("button", name="New version").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Review from").fill("0.99")
        dialog.get_by_role("button", name="Make the draft").click()
        visitor.sees("Write it down, for colleagues.")
        visitor.sees("What is declined must be at least what is reviewed.")
        dialog.get_by_text("How much each detector counts").click()
        assert visitor.axe() == []
        assert not visitor.is_too_wide()
        dialog.get_by_label("What for").fill(purpose)
        dialog.get_by_label("Review from").fill("0.7")
        confirm(visitor, "Make the draft")

        row = page.get_by_role("row").filter(has_text=purpose)
        expect(row).to_contain_text("Draft")
        row.get_by_role("button", name="Run in shadow").click()
        confirm(visitor, "Run in shadow")
        expect(row).to_contain_text("In shadow")
        visitor.sees("beside what was live")
        # It judges what is written once its order is in the stream.
        counted = page.get_by_text("and it goes on")

        def is_counted() -> bool:
            traffic.send(f"acc-{os.urandom(3).hex()}", "Corner", "12.50")
            return not counted.inner_text().startswith("0 ")

        wait_until(is_counted, "the shadow to judge")
        assert visitor.axe() == []
        assert not visitor.is_too_wide()

        row.get_by_role("button", name="Promote").click()
        confirm(visitor, "Promote")
        expect(row).to_contain_text("Live")
        row.get_by_role("button", name="Roll back").click()
        confirm(visitor, "Roll back")
        expect(row).to_contain_text("Former")
        visitor.sees("what the settings say")
        row.get_by_role("button", name="Compare").click()
        visitor.sees("beside what was live")
