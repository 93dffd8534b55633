"""A version of scoring runs in shadow, is compared, decides, and is taken back, while money flows.

A real gateway and writer: a version reaches the scoring through the stream. The gateway is the
module's own, since what decides decides for everybody.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.api.calls import new_account, submit, wait_written
from tests.api.conftest import Served
from tests.api.test_alerts import raise_alert
from tests.running import wait_until

USUAL = {"review_min": 0.7, "decline_min": 0.95}
"""What the settings say."""

EAGER = {"review_min": 0.0001, "decline_min": 1.0}
"""Flags everything."""


def make(http: httpx.Client, **fields: object) -> dict[str, Any]:
    answer = http.post("/scoring/versions/", json=USUAL | fields)
    assert answer.status_code == 201, answer.text
    version: dict[str, Any] = answer.json()
    return version


def act(http: httpx.Client, path: str, status: int = 200, **body: object) -> dict[str, Any]:
    answer = http.post(f"/scoring/{path}", json=body or None)
    assert answer.status_code == status, answer.text
    said: dict[str, Any] = answer.json()
    return said


def shown(http: httpx.Client) -> dict[str, Any]:
    answer = http.get("/scoring/")
    assert answer.status_code == 200, answer.text
    scoring: dict[str, Any] = answer.json()
    return scoring


def compared(http: httpx.Client, number: int) -> dict[str, Any]:
    answer = http.get(f"/scoring/versions/{number}/comparison")
    assert answer.status_code == 200, answer.text
    comparison: dict[str, Any] = answer.json()
    return comparison


@pytest.fixture
def http(analyst: httpx.Client) -> httpx.Client:
    """An analyst who finds the settings deciding, and nothing in shadow."""
    act(analyst, "shadow/end")
    while (live := shown(analyst)["live"]["number"]) != 0:
        act(analyst, "rollback", live=live)
    return analyst


def is_flagged(service: httpx.Client, account: str, amount: str = "12.50") -> bool:
    sent = submit(service, account_id=account, amount=amount)
    return bool(wait_written(service, sent["id"])["is_flagged"])


def test_a_version_decides_from_its_place_in_the_stream_until_it_is_taken_back(
    service: httpx.Client, http: httpx.Client
) -> None:
    account = new_account()
    assert not is_flagged(service, account)
    version = make(http, **EAGER, note="All of them")
    assert (version["state"], version["emphasis"]) == ("draft", {})
    number = version["number"]
    act(http, f"versions/{number}/shadow")
    assert act(http, f"versions/{number}/promote")["state"] == "live"
    wait_until(lambda: is_flagged(service, account), "the version to decide")
    scoring = shown(http)
    assert scoring["live"]["number"] == number
    # It is its own shadow no more.
    assert scoring["shadow"] is None
    assert [(run["role"], run["number"]) for run in scoring["runs"][:2]] == [
        ("live", number), ("shadow", number),
    ]  # fmt: skip

    assert act(http, "rollback", live=number)["number"] == 0
    wait_until(lambda: not is_flagged(service, account), "the settings to decide")


def test_a_shadow_decides_nothing_and_is_compared(
    service: httpx.Client, http: httpx.Client
) -> None:
    number = make(http, **EAGER)["number"]
    act(http, f"versions/{number}/shadow")
    account = new_account()

    def is_compared() -> bool:
        assert not is_flagged(service, account)
        return bool(compared(http, number)["transaction_count"])

    wait_until(is_compared, "the shadow to judge")
    assert shown(http)["shadow"]["number"] == number
    act(http, "shadow/end")
    found = compared(http, number)
    assert found["ended_at"] is not None
    assert {(one["live"], one["shadow"]) for one in found["counts"]} == {("approve", "review")}
    assert found["live_flagged_per_hour"] == 0
    assert found["shadow_flagged_per_hour"] > 0
    assert all(one["shadow_score"] >= 0.0001 for one in found["differences"])
    assert (found["live_precision"], found["shadow_precision"]) == (None, None)


def test_what_was_resolved_tells_what_the_shadow_would_have_missed(
    service: httpx.Client, http: httpx.Client
) -> None:
    deaf = make(http, review_min=1.0, decline_min=1.0)["number"]
    act(http, f"versions/{deaf}/shadow")
    account = new_account()
    wait_until(
        lambda: not is_flagged(service, account) and compared(http, deaf)["transaction_count"],
        "the shadow to judge",
    )
    for resolution in ("fraud", "legitimate"):
        alert = raise_alert(service, http)
        http.post(f"/alerts/{alert['id']}/resolve", json={"resolution": resolution})
    found = compared(http, deaf)
    assert sorted((one["resolution"], one["is_kept"]) for one in found["resolved"]) == [
        ("fraud", False), ("legitimate", False),
    ]  # fmt: skip
    fraud = next(one for one in found["resolved"] if one["resolution"] == "fraud")
    assert float(fraud["amount"]) > 0
    assert 0 < found["live_precision"] < 1
    assert found["shadow_precision"] is None
    assert found["shadow_flagged_per_hour"] == 0 < found["live_flagged_per_hour"]


def test_going_back_goes_further_back_each_time(http: httpx.Client) -> None:
    numbers = [make(http)["number"] for _ in range(3)]
    for number in numbers:
        act(http, f"versions/{number}/promote", without_shadow=True)
    for live, earlier in zip(numbers[::-1], [*numbers[-2::-1], 0], strict=True):
        assert act(http, "rollback", live=live)["number"] == earlier
    act(http, "rollback", 409, live=0)
    # What was taken back can be promoted again without another shadow: it has decided before.
    assert act(http, f"versions/{numbers[0]}/promote")["state"] == "live"


def test_two_who_take_the_same_version_back_do_so_once(http: httpx.Client) -> None:
    first, second = (make(http)["number"] for _ in range(2))
    for number in (first, second):
        act(http, f"versions/{number}/promote", without_shadow=True)
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: http.post("/scoring/rollback", json={"live": second}), range(4))
        )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert shown(http)["live"]["number"] == first


def test_what_never_ran_in_shadow_does_not_decide_by_accident(http: httpx.Client) -> None:
    number = make(http)["number"]
    assert "never run in shadow" in act(http, f"versions/{number}/promote", 409)["detail"]
    act(http, f"versions/{number}/shadow")
    act(http, f"versions/{number}/shadow", 409)
    act(http, f"versions/{number}/promote")
    act(http, f"versions/{number}/promote", 409)
    act(http, f"versions/{number}/shadow", 409)


def test_another_ones_shadow_goes_on(http: httpx.Client) -> None:
    beside, number = (make(http)["number"] for _ in range(2))
    act(http, f"versions/{beside}/shadow")
    act(http, f"versions/{number}/promote", without_shadow=True)
    scoring = shown(http)
    assert (scoring["live"]["number"], scoring["shadow"]["number"]) == (number, beside)
    # A next one takes its place.
    other = make(http)["number"]
    act(http, f"versions/{other}/shadow")
    assert shown(http)["shadow"]["number"] == other
    assert http.get(f"/scoring/versions/{beside}").json()["state"] == "former"


def test_pages_follow_one_another(http: httpx.Client) -> None:
    made = [make(http, emphasis={"velocity": 0.5})["number"] for _ in range(5)]
    found: list[int] = []
    answer = http.get("/scoring/versions/", params={"limit": 2})
    while len(found) < 5:
        found += [one["number"] for one in answer.json()]
        answer = http.get(answer.links["next"]["url"])
    assert found[:5] == made[::-1]


@pytest.mark.parametrize(
    "fields",
    [
        {"review_min": -0.1},
        {"review_min": 1.01},
        {"review_min": 0.9, "decline_min": 0.8},
        {"emphasis": {"everything": 1.0}},
        {"emphasis": {"amount": -0.1}},
        {"emphasis": {"amount": 3.5}},
        {"note": "two\nlines"},
        {"weights": {}},
    ],
)
def test_bad_wishes_are_refused(http: httpx.Client, fields: dict[str, object]) -> None:
    answer = http.post("/scoring/versions/", json=USUAL | fields)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_not_there(http: httpx.Client) -> None:
    number = make(http)["number"]
    assert http.get(f"/scoring/versions/{number}/comparison").status_code == 404
    for path in ("shadow", "promote"):
        assert http.post(f"/scoring/versions/99999999/{path}").status_code == 404
    assert http.get("/scoring/versions/99999999").status_code == 404


def test_it_is_on_the_record(served: Served, http: httpx.Client) -> None:
    number = make(http, emphasis={"velocity": 0.5})["number"]
    act(http, f"versions/{number}/shadow")
    act(http, "shadow/end")
    act(http, f"versions/{number}/promote")
    act(http, "rollback", live=number)
    with served.sign_in(served.system.make_user("admin")) as admin:
        entries = admin.get("/audit/", params={"subject": str(number)}).json()
    actions = [one["action"] for one in entries if one["action"].startswith("scoring.")]
    assert actions == ["scoring.promote", "scoring.end_shadow", "scoring.shadow", "scoring.add"]
    assert entries[-1]["details"]["emphasis"] == "velocity 0.5"
