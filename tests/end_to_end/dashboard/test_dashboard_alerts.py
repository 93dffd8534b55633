"""Two analysts work on one queue in browsers of their own; neither is in the other's way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.conftest import ValkeyServer
from tests.end_to_end.dashboard.browsing import browsing
from tests.end_to_end.dashboard.conftest import Traffic
from tests.running import Account, RunningSystem, running_system

pytestmark = pytest.mark.slow


def test_one_takes_an_alert_and_the_other_sees_who_has_it_and_what_became_of_it(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    colleague = system.make_user("analyst")
    merchant = f"Shared {os.urandom(3).hex()}"
    identifier = traffic.raise_alert(merchant)
    with browsing(system) as opened:
        mine, others = opened.visitor(analyst, width=360), opened.visitor(colleague)
        for visitor in (mine, others):
            visitor.open(f"/alerts?alert={identifier}", "Alerts")
            visitor.sees("Live")
        page = mine.page
        page.get_by_role("button", name="Take", exact=True).click()
        mine.sees("Yours until")
        others.sees(f"{analyst.email} works on it until")
        expect(others.page.get_by_role("button", name="Confirm fraud")).to_have_count(0)
        assert not mine.is_too_wide()
        assert mine.axe() == []

        # A note is for everybody, also for who does not have the alert.
        others.page.get_by_role("button", name="Add a note").click()
        others.page.get_by_role("textbox", name="Note").fill("The customer calls back")
        others.page.get_by_role("button", name="Add the note").click()
        mine.sees("“The customer calls back”")

        page.get_by_role("button", name="Confirm fraud").click()
        page.get_by_label("Reason").fill("Card reported stolen")
        page.get_by_role("dialog").get_by_role("button", name="Confirm fraud").click()
        others.sees(f"{analyst.email} resolved it as fraud")
        others.page.get_by_role("button", name="Take the decision back").click()
        mine.sees(f"{colleague.email} took the decision back")
        expect(page.get_by_role("button", name="Assign to me")).to_be_visible()
        page.get_by_role("button", name="Assign to me").click()
        others.sees(f"assigned it to {analyst.email}")
        assert others.axe() == []


def test_the_next_alert_is_nobody_elses(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    colleague = system.make_user("analyst")
    for _ in range(2):
        traffic.raise_alert(f"Waiting {os.urandom(3).hex()}")
    with browsing(system) as opened:
        addresses = []
        for account in (analyst, colleague):
            visitor = opened.visitor(account)
            visitor.open("/alerts", "Alerts")
            visitor.page.get_by_label("Order").select_option("Largest expected loss first")
            visitor.page.get_by_role("button", name="Take next").click()
            visitor.sees("Yours until")
            addresses.append(visitor.page.url)
        assert len(set(addresses)) == 2


def test_a_detector_is_silenced_for_the_account_and_heard_again(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    identifier = traffic.raise_alert(f"Salaries {os.urandom(3).hex()}")
    with browsing(system) as opened:
        visitor = opened.visitor(analyst, width=360)
        visitor.open(f"/alerts?alert={identifier}", "Alerts")
        visitor.sees("every detector is heard")
        page = visitor.page
        page.get_by_role("button", name="Silence a detector").click()
        page.get_by_role("combobox", name="Detector").select_option("velocity")
        page.get_by_role("combobox", name="For").select_option("Seven days")
        # A reason is wanted.
        page.get_by_role("button", name="Silence it").click()
        visitor.sees("Write down why")
        assert visitor.axe() == []
        page.get_by_label("Reason").fill("Pays out <b>salaries</b>")
        page.get_by_role("button", name="Silence it").click()
        visitor.sees("“Pays out <b>salaries</b>”")
        assert not visitor.is_too_wide()
        assert visitor.axe() == []
        page.get_by_role("button", name="Hear again: velocity").click()
        visitor.sees("every detector is heard")


def test_a_burst_is_one_alert_that_grows_on_the_screen(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    merchant = f"Burst {os.urandom(3).hex()}"
    account = f"acc-{os.urandom(4).hex()}"
    traffic.get_used_to(account)
    (identifier,) = traffic.send(account, merchant, "9750.25")
    with browsing(system) as opened:
        visitor = opened.visitor(analyst, width=360)
        visitor.open(f"/alerts?alert={identifier}", "Alerts")
        visitor.sees("Live")
        traffic.send(account, merchant, "9750.25", "9750.50")
        visitor.sees("3 transactions, 29,251.00EUR in all")
        table = visitor.page.get_by_role("table", name="The alert's transactions")
        expect(table.get_by_role("row")).to_have_count(4)
        expect(table).to_contain_text("9,750.50")
        assert not visitor.is_too_wide()
        assert visitor.axe() == []
        visitor.page.get_by_role("link", name="Queue").click()
        visitor.sees("3 payments")
        assert visitor.axe() == []


def test_what_is_beyond_the_budget_can_be_left_out(
    database_url: str, valkey: ValkeyServer, tmp_path: Path
) -> None:
    with running_system(
        database_url=database_url,
        redis_url=valkey.url,
        home=tmp_path / "home",
        forecaster=False,
        # One a day.
        environment={"AETHER_ALERTS__BUDGET_PER_HOUR": "0.05"},
    ) as system:
        traffic = Traffic(system, system.make_client())
        analyst = system.make_user("analyst")
        for number, amount in enumerate(("9750.25", "2750.25")):
            traffic.raise_alert(f"Shop {number}", amount)
        with browsing(system) as opened:
            visitor = opened.visitor(analyst, width=360)
            visitor.open("/alerts", "Alerts")
            visitor.sees("Live")
            visitor.sees("which cuts at score")
            visitor.sees("1 wait below")
            rows = visitor.page.get_by_role("link", name="Shop")
            expect(rows).to_have_count(2)
            visitor.page.get_by_label("Within the budget only").check()
            expect(rows).to_have_count(1)
            assert not visitor.is_too_wide()
            assert visitor.axe() == []
