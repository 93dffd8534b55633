"""Alerts: analysts see and decide them, once; everybody else does not.

A real gateway and writer; the alert is raised by scoring an amount that is far from usual.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.calls import new_account, submit, wait_written
from tests.api.streams import following
from tests.running import wait_until


def raise_alert(service: httpx.Client, analyst: httpx.Client) -> dict[str, Any]:
    """Spend as usual for a while, then far more: return the alert."""
    account = new_account()
    for number in range(30):
        submit(service, account_id=account, amount=f"{10 + number % 3}.50")
    odd = submit(service, account_id=account, amount="98765.43")
    assert wait_written(service, odd["id"])["is_flagged"]
    answer = analyst.get(f"/alerts/{odd['id']}")
    assert answer.status_code == 200
    alert: dict[str, Any] = answer.json()
    assert alert["transaction_id"] == alert["id"] == odd["id"]
    return alert


def test_an_unusual_amount_raises_an_alert(service: httpx.Client, analyst: httpx.Client) -> None:
    with following(analyst) as feed:
        feed.next_of("hello")
        alert = raise_alert(service, analyst)
        event = feed.next_of("alert")
        while event.data["id"] != alert["id"]:
            event = feed.next_of("alert")
        assert event.data == alert
    assert alert["status"] == "open"
    assert alert["resolution"] is alert["resolved_by"] is alert["resolved_at"] is None
    assert alert["reasons"][0]["text"]
    assert alert["amount"] == "98765.43"
    listed = analyst.get("/alerts/", params={"status": "open"}).json()
    assert alert in listed
    transaction = analyst.get(f"/transactions/{alert['id']}").json()
    assert transaction["decision"] == alert["decision"]
    assert transaction["score"] == alert["score"]


def test_an_alert_is_decided_once(
    service: httpx.Client, analyst: httpx.Client, admin: httpx.Client
) -> None:
    alert = raise_alert(service, analyst)
    path = f"/alerts/{alert['id']}/resolve"
    with following(analyst) as feed:
        feed.next_of("hello")
        answer = analyst.post(path, json={"resolution": "fraud", "note": "by phone"})
        assert answer.status_code == 200, answer.text
        decided = answer.json()
        event = feed.next_of("alert")
        while event.data["id"] != alert["id"] or event.data["status"] == "open":
            event = feed.next_of("alert")
        assert event.data == decided
    assert decided["status"] == "resolved"
    assert (decided["resolution"], decided["note"]) == ("fraud", "by phone")
    assert decided["resolved_by"] == analyst.get("/auth/me").json()["email"]
    assert decided["resolved_at"]
    # The same again changes nothing; the other is refused and says why.
    assert admin.post(path, json={"resolution": "fraud"}).json() == decided
    refused = admin.post(path, json={"resolution": "legitimate"})
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/alert-already-resolved"
    assert analyst.get(f"/alerts/{alert['id']}").json() == decided
    assert decided in analyst.get("/alerts/", params={"status": "resolved"}).json()
    of_account = analyst.get(
        "/alerts/", params={"status": "open", "account_id": alert["account_id"]}
    )
    assert of_account.json() == []


def test_alerts_are_paged(service: httpx.Client, analyst: httpx.Client) -> None:
    ids = {raise_alert(service, analyst)["id"] for _ in range(3)}
    found: list[str] = []
    answer = analyst.get("/alerts/?limit=1&status=open")
    while True:
        found += [alert["id"] for alert in answer.json()]
        if "next" not in answer.links:
            break
        answer = analyst.get(answer.links["next"]["url"])
    assert ids <= set(found)
    assert found == sorted(set(found), reverse=True)


@pytest.mark.parametrize(
    "body",
    [
        {}, {"resolution": "maybe"}, {"resolution": None}, {"resolution": "fraud", "note": 1},
        {"resolution": "fraud", "note": "x" * 501}, {"resolution": "fraud", "note": "a\x00"},
        {"resolution": "fraud", "note": "\u202e"}, {"resolution": "fraud", "resolved_by": "me"},
    ],
    ids=str,
)  # fmt: skip
def test_decisions_that_are_refused(
    service: httpx.Client, analyst: httpx.Client, body: dict[str, object]
) -> None:
    alert = raise_alert(service, analyst)
    answer = analyst.post(f"/alerts/{alert['id']}/resolve", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert analyst.get(f"/alerts/{alert['id']}").json()["status"] == "open"


def test_b05_only_those_who_may(
    service: httpx.Client,
    analyst: httpx.Client,
    operator: httpx.Client,
    customer: httpx.Client,
    anybody: httpx.Client,
) -> None:
    alert = raise_alert(service, analyst)
    for client, status in ((customer, 403), (operator, 403), (service, 403), (anybody, 401)):
        assert client.get("/alerts/").status_code == status
        assert client.get(f"/alerts/{alert['id']}").status_code == status
        answer = client.post(f"/alerts/{alert['id']}/resolve", json={"resolution": "fraud"})
        assert answer.status_code == status
    never = alert["id"][:-1] + ("0" if alert["id"][-1] != "0" else "1")
    assert analyst.get(f"/alerts/{never}").status_code == 404
    assert analyst.post(f"/alerts/{never}/resolve", json={"resolution": "fraud"}).status_code == 404


def test_two_analysts_at_once(service: httpx.Client, analyst: httpx.Client) -> None:
    alert = raise_alert(service, analyst)
    first = analyst.post(f"/alerts/{alert['id']}/resolve", json={"resolution": "legitimate"})
    second = analyst.post(f"/alerts/{alert['id']}/resolve", json={"resolution": "fraud"})
    assert (first.status_code, second.status_code) == (200, 409)
    wait_until(
        lambda: analyst.get(f"/alerts/{alert['id']}").json()["resolution"] == "legitimate",
        "the first decision to stand",
    )


def test_a_burst_is_one_alert_whose_transactions_can_be_listed(
    service: httpx.Client, analyst: httpx.Client
) -> None:
    with following(analyst) as feed:
        feed.next_of("hello")
        alert = raise_alert(service, analyst)
        assert alert["transaction_count"] == 1
        assert alert["total_amount"] == alert["amount"]
        more = [
            submit(service, account_id=alert["account_id"], amount="98765.43")["id"]
            for _ in range(4)
        ]
        for one in more:
            assert wait_written(service, one)["is_flagged"]
        event = feed.next_of("alert")
        while (event.data["id"], event.data["transaction_count"]) != (alert["id"], 5):
            event = feed.next_of("alert")
    grown = analyst.get(f"/alerts/{alert['id']}").json()
    assert grown == event.data
    assert grown["total_amount"] == "493827.15"
    # Joining is nobody's change: whoever has seen the alert may still decide it.
    assert grown["version"] == alert["version"]
    assert analyst.get(f"/alerts/{more[0]}").status_code == 404

    listed = []
    answer = analyst.get(f"/alerts/{alert['id']}/transactions", params={"limit": 2})
    while True:
        listed += [one["id"] for one in answer.json()]
        if "next" not in answer.links:
            break
        answer = analyst.get(answer.links["next"]["url"])
    assert listed == [*more[::-1], alert["id"]]
    assert answer.json()[-1] == analyst.get(f"/transactions/{alert['id']}").json()
