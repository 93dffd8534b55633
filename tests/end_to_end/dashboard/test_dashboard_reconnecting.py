"""The dashboard never lies about what it shows: outages, restarts and short sessions included.

Each test has a system of its own, whose processes it kills.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.conftest import ValkeyServer
from tests.end_to_end.dashboard.browsing import Visitor, browsing
from tests.end_to_end.dashboard.conftest import Traffic
from tests.running import RunningSystem, running_system

pytestmark = pytest.mark.slow

TOKEN_LIFE_S = 5


def test_a_killed_gateway_is_missed_and_found_again(running_system: RunningSystem) -> None:
    traffic = Traffic(running_system, running_system.make_client())
    analyst = running_system.make_user("analyst")
    merchant = f"Before {os.urandom(3).hex()}"
    during = f"During {os.urandom(3).hex()}"
    traffic.send("acc-1", merchant, "1.00")
    with browsing(running_system) as opened:
        visitor = opened.visitor(analyst)
        visitor.expects_outages = True
        visitor.expected_statuses = {503}
        visitor.open("/transactions", "Transactions")
        expect(visitor.row(merchant)).to_have_count(1)
        sees_live(visitor)

        running_system.gateway.kill()
        visitor.sees("Reconnecting")
        # What was there stays, marked with its age.
        visitor.sees(re.compile(r"Stale, \d+s old"))
        expect(visitor.row(merchant)).to_have_count(1)

        running_system.gateway.start()
        running_system.wait_ready()
        traffic.send("acc-1", during, "2.00")
        sees_live(visitor)
        expect(visitor.row(during)).to_have_count(1)
        expect(visitor.page.get_by_text("Stale")).to_have_count(0)
        # Every row once, although feed and list told of the same ones.
        expect(visitor.row(merchant)).to_have_count(1)


def test_a_page_that_is_opened_while_the_gateway_starts_keeps_the_session(
    running_system: RunningSystem,
) -> None:
    customer = running_system.make_user("customer")
    with browsing(running_system) as opened:
        visitor = opened.visitor(customer)
        visitor.expects_outages = True
        visitor.expected_statuses = {503}
        # The first renewal finds nobody; every later one goes through.
        visitor.page.route("**/auth/refresh", lambda route: route.abort(), times=1)
        visitor.open("/forecast")
        visitor.sees("The gateway cannot be reached.")
        visitor.sees_heading("Forecast")


def test_a_transaction_submitted_during_an_outage_is_entered_once(
    running_system: RunningSystem,
) -> None:
    customer = running_system.make_user("customer")
    merchant = f"Outage {os.urandom(3).hex()}"
    with browsing(running_system) as opened:
        visitor = opened.visitor(customer)
        visitor.expects_outages = True
        visitor.expected_statuses = {503}
        page = visitor.page
        visitor.open("/transactions/new", "New transaction")
        page.get_by_label("Amount").fill("42")
        page.get_by_label("Merchant").fill(merchant)
        running_system.gateway.kill()
        page.get_by_role("button", name="Submit transaction").click()
        visitor.sees("Checking")
        visitor.sees(re.compile("cannot be entered twice", re.DOTALL))
        running_system.gateway.start()
        running_system.wait_ready()
        visitor.sees("Accepted.")
        visitor.sees("Processed")
        page.get_by_role("link", name="History").click()
        expect(visitor.row(merchant)).to_have_count(1)


@pytest.fixture
def forgetful_system(
    database_url: str, valkey: ValkeyServer, tmp_path: Path
) -> Iterator[RunningSystem]:
    """A system whose access tokens live for seconds."""
    with running_system(
        database_url=database_url,
        redis_url=valkey.url,
        home=tmp_path / "home",
        forecaster=False,
        environment={"AETHER_IDENTITY__ACCESS_TOKEN_S": str(TOKEN_LIFE_S)},
    ) as system:
        yield system


def test_tokens_of_seconds_are_renewed_without_anybody_noticing(
    forgetful_system: RunningSystem,
) -> None:
    client = forgetful_system.make_client()
    analyst = forgetful_system.make_user("analyst")
    with browsing(forgetful_system) as opened:
        visitor = opened.visitor(analyst)
        page = visitor.page
        visitor.open("/transactions", "Transactions")
        # Two windows of one browser share the cookie: neither may use it up for the other.
        second = page.context.new_page()
        second.goto(f"{forgetful_system.base_url}/")
        second.get_by_role("heading", name="Overview").wait_for()
        for _ in range(3):
            with page.expect_request("**/auth/refresh"):
                pass
            merchant = f"Renewed {os.urandom(3).hex()}"
            Traffic(forgetful_system, client).send("acc-1", merchant, "1.00")
            expect(visitor.row(merchant)).to_have_count(1)
        expect(page.get_by_role("heading", name="Transactions")).to_be_visible()
        expect(second.get_by_role("heading", name="Overview")).to_be_visible()


def sees_live(visitor: Visitor) -> None:
    """Wait until the page says that it is live."""
    visitor.page.get_by_text("Live", exact=True).first.wait_for()
