"""`/docs` shows the HTTP interface, and its Authorize button signs a service in.

The page is held to the same content policy as the dashboard: whatever it tried against it would be
a complaint of the browser, and fail the test.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.end_to_end.dashboard.browsing import browsing
from tests.running import RunningSystem

pytestmark = pytest.mark.slow


def test_a_service_is_authorized_and_a_call_is_tried(system: RunningSystem) -> None:
    client = system.make_client("transactions:write_any", "transactions:read_any")
    with browsing(system) as opened:
        visitor = opened.visitor()
        page = visitor.page
        visitor.open("/docs")
        page.get_by_role("heading", name="Aether").first.wait_for()

        # Without a token it is refused.
        call = page.locator("#operations-transactions-list_transactions_transactions__get")
        call.locator(".opblock-summary-control").click()
        visitor.expected_statuses = {401}
        call.get_by_role("button", name="Try it out").click()
        call.get_by_role("button", name="Execute").click()
        expect(call.locator(".live-responses-table .response-col_status").last).to_contain_text(
            "401"
        )
        visitor.expected_statuses = set()

        page.locator(".auth-wrapper").get_by_role("button", name="Authorize").click()
        dialog = page.locator(".modal-ux")
        service = dialog.locator(".auth-container", has_text="clientCredentials")
        service.locator("#client_id_clientCredentials").fill(client.client_id)
        service.locator("#client_secret_clientCredentials").fill(client.client_secret)
        service.get_by_role("button", name="Apply given OAuth2 credentials").click()
        service.get_by_role("button", name="Remove authorization").wait_for()
        dialog.get_by_role("button", name="Close").last.click()

        call.get_by_role("button", name="Execute").click()
        expect(call.locator(".live-responses-table .response-col_status").last).to_contain_text(
            "200"
        )
        assert client.client_secret not in page.content()
        assert page.evaluate("Object.keys(localStorage).length") == 0
