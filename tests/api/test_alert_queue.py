"""The queue of alerts: largest expected loss first, each taken by one; several decided at once.

A real gateway and writer, and analysts who ask at the same moment.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.api.calls import new_account, submit, wait_written
from tests.api.conftest import Served
from tests.api.streams import following
from tests.api.test_alert_triage import act, done, history_of, name_of


def raise_alerts(
    service: httpx.Client, analyst: httpx.Client, *amounts: str, merchant: str
) -> list[dict[str, Any]]:
    """Raise an alert of each amount, each of an account of its own; return them."""
    odd = []
    for amount in amounts:
        account = new_account()
        for number in range(20):
            submit(service, account_id=account, amount=f"{10 + number % 3}.50")
        odd.append(submit(service, account_id=account, amount=amount, merchant=merchant)["id"])
    for identifier in odd:
        assert wait_written(service, identifier)["is_flagged"]
    return [analyst.get(f"/alerts/{identifier}").json() for identifier in odd]


@pytest.fixture
def merchant() -> str:
    return f"Shop {os.urandom(4).hex()}"


def test_the_queue_is_in_the_order_of_expected_loss(
    service: httpx.Client, analyst: httpx.Client, merchant: str
) -> None:
    alerts = raise_alerts(
        service, analyst, "7000.00", "98765.43", "20000.00", "400000.00", merchant=merchant
    )
    found: list[dict[str, Any]] = []
    answer = analyst.get(
        "/alerts/", params={"order": "expected_loss", "merchant": merchant, "limit": 1}
    )
    while True:
        found += answer.json()
        if "next" not in answer.links:
            break
        answer = analyst.get(answer.links["next"]["url"])
    assert [alert["id"] for alert in found] == [alerts[i]["id"] for i in (3, 1, 2, 0)]
    losses = [alert["expected_loss"] for alert in found]
    assert losses == sorted(losses, reverse=True)
    everything = analyst.get("/alerts/", params={"order": "expected_loss"}).json()
    assert [a["expected_loss"] for a in everything] == sorted(
        (a["expected_loss"] for a in everything), reverse=True
    )
    done(act(analyst, alerts[3], "resolve", resolution="fraud"))
    left = analyst.get("/alerts/", params={"order": "expected_loss", "merchant": merchant}).json()
    assert [alert["id"] for alert in left] == [alerts[i]["id"] for i in (1, 2, 0)]
    for wrong in ({"status": "resolved"}, {"state": "resolved"}):
        answer = analyst.get("/alerts/", params={"order": "expected_loss"} | wrong)
        assert answer.status_code == 422
    assert analyst.get("/alerts/", params={"order": "score"}).status_code == 422


def test_a_list_begins_at_the_score_that_the_budget_cuts_at(
    service: httpx.Client, analyst: httpx.Client, merchant: str
) -> None:
    raise_alerts(service, analyst, "7000.00", "98765.43", merchant=merchant)
    budget = analyst.get("/alerts/budget").json()
    # The tests raise fewer than the default allows.
    assert (budget["score_cut"], budget["open_below"]) == (None, 0)
    assert budget["budget_per_hour"] == 30
    assert budget["open_within"] >= 2
    everything = analyst.get("/alerts/", params={"merchant": merchant}).json()
    higher = max(alert["score"] for alert in everything)
    found = analyst.get("/alerts/", params={"merchant": merchant, "score_min": higher}).json()
    assert [alert["id"] for alert in found] == [
        alert["id"] for alert in everything if alert["score"] >= higher
    ]
    assert 1 <= len(found) < len(everything) == 2
    assert analyst.get("/alerts/", params={"score_min": 1.1}).status_code == 422


def test_two_analysts_never_get_the_same_one(
    service: httpx.Client, analyst: httpx.Client, admin: httpx.Client, merchant: str
) -> None:
    raised = raise_alerts(
        service, analyst, *(f"{90_000 + i}.00" for i in range(6)), merchant=merchant
    )
    done(act(admin, raised[0], "assign", assignee=name_of(admin)))
    done(act(admin, raised[1], "take"))
    waiting = {
        alert["id"]: alert
        for alert in analyst.get("/alerts/", params={"state": "open", "limit": 500}).json()
    }
    assert {alert["id"] for alert in raised} - waiting.keys() == {raised[1]["id"]}

    def work(client: httpx.Client) -> list[dict[str, Any]]:
        """Take one after another until there is none."""
        taken: list[dict[str, Any]] = []
        while True:
            answer = client.post("/alerts/next")
            if answer.status_code == 204:
                return taken
            taken.append(done(answer))

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(work, (analyst, admin, analyst, admin)))
    taken = [alert for share in shares for alert in share]
    assert len(taken) == len({alert["id"] for alert in taken})
    assert {alert["id"] for alert in taken} == waiting.keys()
    for share, client in zip(shares, (analyst, admin, analyst, admin), strict=True):
        assert {alert["taken_by"] for alert in share} <= {name_of(client)}
    # What was given to one is not handed to another.
    assert raised[0]["id"] in {alert["id"] for share in shares[1::2] for alert in share}
    assert [c["action"] for c in history_of(analyst, raised[2])] == ["take"]


def test_the_next_one_has_the_largest_expected_loss(
    service: httpx.Client, analyst: httpx.Client, merchant: str
) -> None:
    # Far beyond what other tests raise.
    small, large = raise_alerts(service, analyst, "5000000.00", "9000000.00", merchant=merchant)
    with following(analyst) as feed:
        feed.next_of("hello")
        first = done(analyst.post("/alerts/next"))
        event = feed.next_of("alert")
        while event.data["id"] != large["id"] or event.data["state"] == "open":
            event = feed.next_of("alert")
        assert event.data == first
    assert first["id"] == large["id"]
    assert (first["state"], first["taken_by"]) == ("taken", name_of(analyst))
    assert done(analyst.post("/alerts/next"))["id"] == small["id"]
    done(act(analyst, large, "release"))
    assert done(analyst.post("/alerts/next"))["id"] == large["id"]


def test_several_are_decided_at_once_with_a_result_each(
    service: httpx.Client, analyst: httpx.Client, admin: httpx.Client, merchant: str
) -> None:
    free, taken, decided, changed = raise_alerts(
        service, analyst, *(["98765.43"] * 4), merchant=merchant
    )
    done(act(admin, taken, "take"))
    done(act(admin, decided, "resolve", resolution="legitimate"))
    done(act(admin, changed, "note", note="Wait"))
    unknown = free["id"][:-1] + ("0" if free["id"][-1] != "0" else "1")
    asked = [
        {"id": taken["id"]},
        {"id": free["id"], "version": 1},
        {"id": decided["id"]},
        {"id": "no id"},
        {"id": changed["id"], "version": 1},
        {"id": unknown},
    ]
    body = {"alerts": asked, "resolution": "fraud", "note": "One ring"}
    answer = analyst.post("/alerts/resolve", json=body)
    assert answer.status_code == 200, answer.text
    results = answer.json()
    assert [result["id"] for result in results] == [one["id"] for one in asked]
    assert [result["problem"] and result["problem"]["type"] for result in results] == [
        "/problems/alert-taken",
        None,
        "/problems/alert-already-resolved",
        "/problems/not-found",
        "/problems/alert-changed",
        "/problems/not-found",
    ]
    assert results[4]["problem"]["change"]["note"] == "Wait"
    assert results[1]["alert"] == analyst.get(f"/alerts/{free['id']}").json()
    assert results[1]["alert"]["resolution"] == "fraud"
    assert analyst.get(f"/alerts/{changed['id']}").json()["status"] == "open"
    # Again: what is so already is so.
    assert analyst.post("/alerts/resolve", json=body).json()[1] == results[1]
    assert [c["action"] for c in history_of(analyst, free)] == ["resolve"]
    trail = admin.get("/audit/", params={"subject": free["id"]}).json()
    assert [entry["action"] for entry in trail] == ["alert.resolve"]


def test_of_two_who_decide_the_same_ones_differently_each_stands_once(
    service: httpx.Client, analyst: httpx.Client, admin: httpx.Client, merchant: str
) -> None:
    alerts = raise_alerts(service, analyst, *(["98765.43"] * 5), merchant=merchant)
    ids = [{"id": alert["id"]} for alert in alerts]

    def decide(order: tuple[httpx.Client, str, list[dict[str, str]]]) -> list[dict[str, Any]]:
        client, resolution, chosen = order
        answer = client.post("/alerts/resolve", json={"alerts": chosen, "resolution": resolution})
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()
        return results

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(decide, ((analyst, "fraud", ids), (admin, "legitimate", ids[::-1])))
    for first, second in zip(one, other[::-1], strict=True):
        assert (first["problem"] is None) != (second["problem"] is None)
    for alert in alerts:
        assert len(history_of(analyst, alert)) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"alerts": [], "resolution": "fraud"},
        {"alerts": [{"id": f"{n}"} for n in range(201)], "resolution": "fraud"},
        {"alerts": [{"id": "1"}, {"id": "1"}], "resolution": "fraud"},
        {"alerts": ["1"], "resolution": "fraud"},
        {"alerts": [{"id": 1}], "resolution": "fraud"},
        {"alerts": [{"id": "x" * 65}], "resolution": "fraud"},
        {"alerts": [{"id": "1", "version": 0}], "resolution": "fraud"},
        {"alerts": [{"id": "1"}], "resolution": "maybe"},
        {"alerts": [{"id": "1"}], "resolution": "fraud", "note": "a\x00"},
    ],
    ids=lambda body: str(body)[:60],
)
def test_bulk_decisions_that_are_refused(analyst: httpx.Client, body: dict[str, object]) -> None:
    answer = analyst.post("/alerts/resolve", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


def test_the_largest_bulk_decision_is_taken(served: Served, analyst: httpx.Client) -> None:
    ids = [{"id": f"0199c1f2-7c1d-7000-8000-{n:012x}"} for n in range(200)]
    answer = analyst.post("/alerts/resolve", json={"alerts": ids, "resolution": "fraud"})
    assert answer.status_code == 200
    assert {result["problem"]["status"] for result in answer.json()} == {404}
    assert served.system.is_ready()
