"""What becomes known of a transaction that raised no alert teaches scoring, and can be taken back.

A real gateway and writer: labels reach the scoring through the stream.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.calls import new_account, submit, wait_written
from tests.api.conftest import Served
from tests.api.test_alerts import raise_alert
from tests.running import wait_until


def label(http: httpx.Client, identifier: str, resolution: str | None, **more: str) -> Any:  # noqa: ANN401
    answer = http.post(f"/transactions/{identifier}/label", json={"resolution": resolution, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def pay(service: httpx.Client, **fields: str) -> dict[str, Any]:
    return wait_written(service, submit(service, **fields)["id"])


def test_a_merchant_whose_payments_were_charged_back_is_suspected(
    service: httpx.Client, analyst: httpx.Client
) -> None:
    shop = f"Leaky {new_account()}"
    accounts = [new_account() for _ in range(6)]
    for account in accounts:
        for number in range(12):
            submit(service, account_id=account, amount=f"{10 + number % 3}.50")
    charged_back = [pay(service, account_id=one, amount="11.00", merchant=shop) for one in accounts]
    assert not any(one["is_flagged"] for one in charged_back)
    for one in charged_back:
        label(analyst, one["id"], "fraud")
    # Each of them is somebody else's next payment there, of the usual amount.
    wait_until(
        lambda: pay(service, account_id=new_account(), amount="11.00", merchant=shop)["is_flagged"],
        "the shop to be suspected",
    )
    for one in charged_back:
        assert label(analyst, one["id"], None) is None
    wait_until(
        lambda: (
            not pay(service, account_id=new_account(), amount="11.00", merchant=shop)["is_flagged"]
        ),
        "the shop to be trusted again",
    )


def test_a_label_says_who_gave_it_and_why_and_can_change(
    service: httpx.Client, analyst: httpx.Client
) -> None:
    identifier = pay(service, account_id=new_account())["id"]
    address = f"/transactions/{identifier}/label"
    assert analyst.get(address).status_code == 404
    given = label(analyst, identifier, "fraud", note="Chargeback 10.4")
    assert given["labelled_by"] == analyst.get("/auth/me").json()["email"]
    assert (given["resolution"], given["note"]) == ("fraud", "Chargeback 10.4")
    assert analyst.get(address).json() == given
    # Once more changes nothing, not even when it was given.
    assert label(analyst, identifier, "fraud", note="Again") == given
    assert label(analyst, identifier, "legitimate")["resolution"] == "legitimate"
    assert label(analyst, identifier, None) is label(analyst, identifier, None) is None
    assert analyst.get(address).status_code == 404


def test_of_what_an_alert_holds_the_alert_is_resolved(
    service: httpx.Client, analyst: httpx.Client
) -> None:
    alert = raise_alert(service, analyst)
    answer = analyst.post(f"/transactions/{alert['id']}/label", json={"resolution": "fraud"})
    assert answer.status_code == 409
    assert alert["id"] in answer.json()["detail"]


@pytest.mark.parametrize(
    "body", [{}, {"resolution": "perhaps"}, {"resolution": "fraud", "note": "a\nb"}]
)
def test_bad_labels_are_refused(
    service: httpx.Client, analyst: httpx.Client, body: dict[str, str]
) -> None:
    identifier = pay(service, account_id=new_account())["id"]
    assert analyst.post(f"/transactions/{identifier}/label", json=body).status_code == 422
    for unknown in ("01a21dd5-d8ad-7000-8000-0000000000dd", "nonsense"):
        answer = analyst.post(f"/transactions/{unknown}/label", json={"resolution": "fraud"})
        assert answer.status_code == 404


def test_it_is_on_the_record(served: Served, service: httpx.Client, analyst: httpx.Client) -> None:
    identifier = pay(service, account_id=new_account())["id"]
    label(analyst, identifier, "fraud")
    label(analyst, identifier, None)
    with served.sign_in(served.system.make_user("admin")) as admin:
        entries = admin.get("/audit/", params={"subject": identifier}).json()
    assert [(one["action"], one["details"]["resolution"]) for one in entries] == [
        ("transaction.label", "none"), ("transaction.label", "fraud"),
    ]  # fmt: skip
