"""Analysts work on alerts side by side: locks, assignees, notes and history; nobody overwrites.

A real gateway and writer. Where time has to pass, the database is told that it has.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import httpx
import pytest

from tests.api.conftest import Served
from tests.api.streams import following
from tests.api.test_alerts import raise_alert


@pytest.fixture(scope="module")
def alert(service: httpx.Client, analyst: httpx.Client) -> dict[str, Any]:
    """One for all tests here that leave it open and free."""
    return raise_alert(service, analyst)


@pytest.fixture
def own(service: httpx.Client, analyst: httpx.Client) -> dict[str, Any]:
    """One that no other test sees."""
    return raise_alert(service, analyst)


def act(
    client: httpx.Client, alert: dict[str, Any], what: str, /, match: str = "*", **body: object
) -> httpx.Response:
    """Do something to an alert."""
    return client.post(
        f"/alerts/{alert['id']}/{what}", json=body or None, headers={"If-Match": match}
    )


def done(answer: httpx.Response) -> dict[str, Any]:
    """Return the alert after an act that must be done."""
    assert answer.status_code == 200, answer.text
    alert: dict[str, Any] = answer.json()
    assert answer.headers["etag"] == f'"{alert["version"]}"'
    return alert


def refused(answer: httpx.Response, slug: str) -> dict[str, Any]:
    """Return the problem of an act that somebody else was before."""
    assert answer.status_code == 409, answer.text
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"/problems/{slug}"
    return problem


def history_of(client: httpx.Client, alert: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.get(f"/alerts/{alert['id']}/history")
    assert answer.status_code == 200, answer.text
    changes: list[dict[str, Any]] = answer.json()
    return changes


def name_of(client: httpx.Client) -> str:
    return str(client.get("/auth/me").json()["email"])


def execute(served: Served, statement: str, *values: object) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(served.database_url)
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()

    asyncio.run(work())


def test_what_is_taken_is_nobody_elses_until_it_is_released(
    analyst: httpx.Client, admin: httpx.Client, own: dict[str, Any]
) -> None:
    assert (own["version"], own["state"], own["taken_by"]) == (1, "open", None)
    taken = done(act(analyst, own, "take"))
    assert (taken["state"], taken["status"]) == ("taken", "open")
    assert taken["taken_by"] == name_of(analyst)
    # Again: it is prolonged.
    again = done(act(analyst, own, "take"))
    assert again["taken_until"] > taken["taken_until"]
    for what, body in (
        ("take", {}),
        ("release", {}),
        ("assign", {"assignee": name_of(admin)}),
        ("resolve", {"resolution": "fraud"}),
    ):
        problem = refused(act(admin, own, what, **body), "alert-taken")
        assert name_of(analyst) in problem["detail"]
        assert problem["change"]["action"] == "take"
        assert problem["change"]["taken_until"] == again["taken_until"]
    assert analyst.get(f"/alerts/{own['id']}").json() == again
    # A note is always taken: colleagues know things.
    done(act(admin, own, "note", note="They have called before"))
    released = done(act(analyst, own, "release"))
    assert (released["state"], released["taken_by"], released["taken_until"]) == (
        "open",
        None,
        None,
    )
    # Nobody's lock: nothing to do.
    assert done(act(admin, own, "release")) == released
    assert done(act(admin, own, "take"))["taken_by"] == name_of(admin)


def test_a_lock_expires_by_itself(
    served: Served, analyst: httpx.Client, admin: httpx.Client, own: dict[str, Any]
) -> None:
    done(act(analyst, own, "take"))
    execute(
        served,
        "UPDATE alerts SET taken_until = now() - interval '1 ms' WHERE id = $1",
        own["id"],
    )
    free = analyst.get(f"/alerts/{own['id']}").json()
    assert (free["state"], free["taken_by"], free["taken_until"]) == ("open", None, None)
    account = {"account_id": own["account_id"]}
    assert analyst.get("/alerts/", params={"state": "taken"} | account).json() == []
    assert analyst.get("/alerts/", params={"state": "open"} | account).json() == [free]
    taken = done(act(admin, own, "take"))
    assert taken["taken_by"] == name_of(admin)
    assert analyst.get("/alerts/", params={"state": "taken"} | account).json() == [taken]
    assert analyst.get("/alerts/", params={"state": "open"} | account).json() == []
    # To those who know of no states it is open.
    assert analyst.get("/alerts/", params={"status": "open"} | account).json() == [taken]


def test_of_two_who_take_one_at_once_one_gets_it(
    analyst: httpx.Client, admin: httpx.Client, alert: dict[str, Any]
) -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in range(10):
            answers = list(pool.map(lambda client: act(client, alert, "take"), (analyst, admin)))
            assert sorted(answer.status_code for answer in answers) == [200, 409]
            winner = (analyst, admin)[answers[1].status_code == 200]
            loser = next(answer for answer in answers if answer.status_code == 409)
            assert loser.json()["change"]["actor"] == name_of(winner)
            done(act(winner, alert, "release"))


def test_a_decision_upon_an_older_version_is_refused_and_shows_what_happened(
    analyst: httpx.Client, admin: httpx.Client, own: dict[str, Any]
) -> None:
    done(act(admin, own, "assign", assignee=name_of(admin)))
    for answer in (
        act(analyst, own, "resolve", '"1"', resolution="fraud"),
        act(analyst, own, "resolve", resolution="fraud", version=1),
        act(analyst, own, "take", '"1"'),
        act(analyst, own, "note", '"1"', note="seen"),
        act(analyst, own, "assign", '"7"', assignee=None),
    ):
        problem = refused(answer, "alert-changed")
        change = problem["change"]
        assert (change["action"], change["actor"]) == ("assign", name_of(admin))
        assert (change["version"], change["assignee"]) == (2, name_of(admin))
    seen = analyst.get(f"/alerts/{own['id']}")
    assert seen.json()["status"] == "open"
    decided = done(
        act(analyst, own, "resolve", seen.headers["etag"], resolution="fraud", version=2)
    )
    # What was sent and not answered can be sent again.
    assert done(act(analyst, own, "resolve", '"2"', resolution="fraud")) == decided
    problem = refused(act(admin, own, "resolve", resolution="legitimate"), "alert-already-resolved")
    assert problem["change"]["actor"] == name_of(analyst)


def test_changes_at_once_are_all_kept(
    analyst: httpx.Client, admin: httpx.Client, own: dict[str, Any]
) -> None:
    texts = [f"note {number}" for number in range(20)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda text: act((analyst, admin)[int(text[-1]) % 2], own, "note", note=text),
                texts,
            )
        )
        assert sorted(done(answer)["version"] for answer in answers) == list(range(2, 22))
        assert sorted(change["note"] for change in history_of(analyst, own)) == sorted(texts)
        # And of those who have seen the same version, one is the first.
        answers = list(
            pool.map(
                lambda text: act(
                    (analyst, admin)[int(text[-1]) % 2], own, "note", '"21"', note=text
                ),
                texts,
            )
        )
    assert [answer.status_code for answer in answers].count(200) == 1


def test_the_history_tells_everything_and_stays(
    served: Served, analyst: httpx.Client, admin: httpx.Client, own: dict[str, Any]
) -> None:
    me, other = name_of(analyst), name_of(admin)
    done(act(analyst, own, "assign", assignee=other))
    done(act(analyst, own, "assign", assignee=other))  # is so already
    done(act(admin, own, "take"))
    done(act(analyst, own, "note", note="Same card as last week"))
    done(act(admin, own, "resolve", resolution="fraud", note="Confirmed"))
    reopened = done(act(analyst, own, "reopen"))
    assert reopened["resolution"] is reopened["resolved_by"] is reopened["note"] is None
    assert reopened["status"] == "open"
    assert done(act(analyst, own, "reopen")) == reopened
    found = history_of(analyst, own)
    told = [(c["version"], c["actor"], c["action"], c["resolution"], c["note"]) for c in found]
    assert told == [
        (6, me, "reopen", None, None),
        (5, other, "resolve", "fraud", "Confirmed"),
        (4, me, "note", None, "Same card as last week"),
        (3, other, "take", None, None),
        (2, me, "assign", None, None),
    ]
    assert found == sorted(found, key=lambda change: change["at"], reverse=True)
    assert found[-1]["assignee"] == other
    pages: list[dict[str, Any]] = []
    answer = analyst.get(f"/alerts/{own['id']}/history?limit=2")
    while True:
        pages += answer.json()
        if "next" not in answer.links:
            break
        answer = analyst.get(answer.links["next"]["url"])
    assert pages == found
    # Each is in the audit trail, too.
    trail = admin.get("/audit/", params={"subject": own["id"]}).json()
    assert [(e["action"], e["actor_name"], e["details"]["version"]) for e in trail] == [
        (f"alert.{c['action']}", c["actor"], c["version"]) for c in found
    ]
    for statement in (
        "UPDATE alert_history SET note = 'x' WHERE alert_id = $1",
        "DELETE FROM alert_history WHERE alert_id = $1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            execute(served, statement, own["id"])
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        execute(served, "TRUNCATE alert_history")


def test_a_resolution_can_be_taken_back_for_a_while(
    served: Served, analyst: httpx.Client, own: dict[str, Any]
) -> None:
    decided = done(act(analyst, own, "resolve", resolution="legitimate"))
    execute(
        served,
        "UPDATE alerts SET resolved_at = now() - interval '601 s' WHERE id = $1",
        own["id"],
    )
    problem = refused(act(analyst, own, "reopen"), "alert-settled")
    assert problem["change"]["resolution"] == "legitimate"
    found = analyst.get(f"/alerts/{own['id']}").json()
    assert (found["status"], found["version"]) == ("resolved", decided["version"])


def test_an_alert_is_given_to_those_who_may_decide_it(
    served: Served,
    analyst: httpx.Client,
    admin: httpx.Client,
    operator: httpx.Client,
    customer: httpx.Client,
    own: dict[str, Any],
) -> None:
    for nobody in (name_of(operator), name_of(customer), "nobody@example.com", "", "\x00"):
        answer = act(analyst, own, "assign", assignee=nobody)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == "assignee"
    assert history_of(analyst, own) == []
    given = done(act(analyst, own, "assign", assignee=name_of(admin)))
    listed = analyst.get("/alerts/", params={"assignee": name_of(admin)}).json()
    assert given in listed
    assert {alert["assignee"] for alert in listed} == {name_of(admin)}
    assert done(act(admin, own, "assign", assignee=None))["assignee"] is None
    done(act(analyst, own, "resolve", resolution="fraud"))
    refused(act(analyst, own, "assign", assignee=name_of(admin)), "alert-already-resolved")
    refused(act(analyst, own, "take"), "alert-already-resolved")
    assert served.system.is_ready()


def test_lists_show_what_they_are_asked_for(analyst: httpx.Client, alert: dict[str, Any]) -> None:
    found = {"account_id": alert["account_id"]}
    for name, right, wrong in (
        ("decision", alert["decision"], {"review": "decline"}.get(alert["decision"], "review")),
        ("merchant", alert["merchant"], "Nobody's Shop"),
        ("state", "open", "resolved"),
        ("status", "open", "resolved"),
    ):
        shown = analyst.get("/alerts/", params=found | {name: right}).json()
        assert [one["id"] for one in shown] == [alert["id"]], name
        assert analyst.get("/alerts/", params=found | {name: wrong}).json() == [], name


@pytest.mark.parametrize(
    ("what", "body", "match"),
    [
        ("note", {}, "*"),
        ("note", {"note": ""}, "*"),
        ("note", {"note": " "}, "*"),
        ("note", {"note": "x" * 501}, "*"),
        ("note", {"note": "a\nb"}, "*"),
        ("note", {"note": "\u202e"}, "*"),
        ("note", {"note": "fine", "version": 0}, "*"),
        ("note", {"note": "fine", "version": "1"}, "*"),
        ("note", {"note": "fine", "version": 1}, '"2"'),
        ("note", {"note": "fine"}, "2"),
        ("note", {"note": "fine"}, 'W/"2"'),
        ("note", {"note": "fine"}, '"x"'),
        ("take", {}, '"-1"'),
        ("assign", {}, "*"),
        ("assign", {"assignee": 1}, "*"),
        ("assign", {"assignee": None, "taken_by": "me"}, "*"),
    ],
    ids=str,
)
def test_acts_that_are_refused(
    analyst: httpx.Client,
    alert: dict[str, Any],
    what: str,
    body: dict[str, object],
    match: str,
) -> None:
    before = analyst.get(f"/alerts/{alert['id']}").json()
    answer = analyst.post(f"/alerts/{alert['id']}/{what}", json=body, headers={"If-Match": match})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]
    assert analyst.get(f"/alerts/{alert['id']}").json() == before


def test_consoles_see_each_change(analyst: httpx.Client, own: dict[str, Any]) -> None:
    with following(analyst) as feed:
        feed.next_of("hello")
        for what, body in (("take", {}), ("note", {"note": "Looks odd"}), ("release", {})):
            changed = done(act(analyst, own, what, **body))
            event = feed.next_of("alert")
            while event.data["id"] != own["id"] or event.data["version"] == 1:
                event = feed.next_of("alert")
            assert event.data == changed
