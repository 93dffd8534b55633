"""A detector that an analyst has silenced is silent for that account until it expires or is ended.

A real gateway and writer: what is silenced reaches the scoring through the stream. Where time has
to pass, the database is told that it has.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import httpx
import pytest

from aether_api.schemas_alerts import Detector
from aether_core.scoring import DETECTORS
from tests.api.calls import new_account, submit, wait_written
from tests.api.conftest import Served
from tests.api.test_alert_triage import execute
from tests.api.test_alerts import raise_alert
from tests.running import wait_until

HOUR_S = 3600


def silence(http: httpx.Client, account: str, detector: str, **fields: object) -> dict[str, Any]:
    body = {"account_id": account, "detector": detector, "duration_s": HOUR_S} | fields
    answer = http.post("/suppressions/", json=body)
    assert answer.status_code == 201, answer.text
    suppression: dict[str, Any] = answer.json()
    return suppression


def end(http: httpx.Client, suppression: dict[str, Any]) -> dict[str, Any]:
    answer = http.post(f"/suppressions/{suppression['id']}/end")
    assert answer.status_code == 200, answer.text
    ended: dict[str, Any] = answer.json()
    return ended


def of_account(http: httpx.Client, account: str, **query: str) -> list[dict[str, Any]]:
    answer = http.get("/suppressions/", params={"account_id": account, **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def test_what_is_silenced_raises_no_alert_until_it_is_heard_again(
    service: httpx.Client, analyst: httpx.Client
) -> None:
    alert = raise_alert(service, analyst)
    account, other = alert["account_id"], raise_alert(service, analyst)["account_id"]

    def is_flagged(account: str) -> bool:
        sent = submit(service, account_id=account, amount="98765.43")
        return bool(wait_written(service, sent["id"])["is_flagged"])

    silenced = [silence(analyst, account, detector) for detector in DETECTORS]
    wait_until(lambda: not is_flagged(account), "the detectors to be silent")
    assert is_flagged(other)
    for suppression in silenced:
        assert not end(analyst, suppression)["is_in_force"]
    wait_until(lambda: is_flagged(account), "the detectors to be heard again")


def test_a_suppression_says_who_wanted_it_until_when_and_why(analyst: httpx.Client) -> None:
    account = new_account()
    made = silence(analyst, account, "velocity", note="Pays out salaries")
    name = analyst.get("/auth/me").json()["email"]
    assert made["created_by"] == name
    assert made["note"] == "Pays out salaries"
    assert made["is_in_force"]
    assert made["ended_at"] is made["ended_by"] is None
    assert of_account(analyst, account) == [made]

    ended = end(analyst, made)
    assert ended["ended_by"] == name
    assert ended["ended_at"] is not None
    # Once more changes nothing.
    assert end(analyst, made) == ended
    assert of_account(analyst, account) == []
    assert of_account(analyst, account, state="all") == [ended]


def test_a_new_one_takes_the_place_of_the_one_in_force(analyst: httpx.Client) -> None:
    account = new_account()
    first = silence(analyst, account, "amount")
    beside = silence(analyst, account, "velocity")
    second = silence(analyst, account, "amount", duration_s=2 * HOUR_S)
    assert of_account(analyst, account) == [second, beside]
    replaced = of_account(analyst, account, state="all")[-1]
    assert replaced["id"] == first["id"]
    assert not replaced["is_in_force"]


def test_one_that_expired_makes_way(served: Served, analyst: httpx.Client) -> None:
    account = new_account()
    first = silence(analyst, account, "amount")
    execute(served, "UPDATE suppressions SET expires_at = now() WHERE account_id = $1", account)
    assert of_account(analyst, account) == []
    # It was over by itself: nobody ended it.
    assert end(analyst, first)["ended_at"] is None
    second = silence(analyst, account, "amount")
    assert of_account(analyst, account) == [second]


def test_two_at_once_leave_one_in_force(analyst: httpx.Client) -> None:
    account = new_account()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: silence(analyst, account, "amount"), range(8)))
    assert len({one["id"] for one in made}) == 8
    assert len(of_account(analyst, account)) == 1
    assert len(of_account(analyst, account, state="all")) == 8


def test_pages_follow_one_another(analyst: httpx.Client) -> None:
    account = new_account()
    made = [silence(analyst, account, detector)["id"] for detector in sorted(DETECTORS)]
    found = []
    answer = analyst.get("/suppressions/", params={"account_id": account, "limit": 4})
    while True:
        found += [one["id"] for one in answer.json()]
        if "next" not in answer.links:
            break
        answer = analyst.get(answer.links["next"]["url"])
    assert found == made[::-1]


@pytest.mark.parametrize(
    "fields",
    [
        {"detector": "everything"},
        {"duration_s": 59},
        {"duration_s": 90 * 24 * HOUR_S + 1},
        {"duration_s": 3600.5},
        {"account_id": "no account"},
        {"note": "two\nlines"},
        {"until": "2030-01-01"},
    ],
)
def test_bad_wishes_are_refused(analyst: httpx.Client, fields: dict[str, object]) -> None:
    body = {"account_id": new_account(), "detector": "amount", "duration_s": HOUR_S} | fields
    answer = analyst.post("/suppressions/", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_not_there_cannot_be_ended(analyst: httpx.Client) -> None:
    assert analyst.post("/suppressions/999999999/end").status_code == 404


def test_it_is_on_the_record(served: Served, analyst: httpx.Client) -> None:
    made = silence(analyst, new_account(), "merchant")
    end(analyst, made)
    with served.sign_in(served.system.make_user("admin")) as admin:
        entries = admin.get("/audit/", params={"subject": str(made["id"])}).json()
    actions = [one["action"] for one in entries if one["action"].startswith("suppression.")]
    assert actions == ["suppression.end", "suppression.add"]
    assert entries[0]["details"]["account_id"] == made["account_id"]


def test_the_interface_knows_every_detector() -> None:
    assert set(get_args(Detector)) == set(DETECTORS)
