"""`aether sight` says what detectors know of an account; what it names, a real writer flags."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.api.calls import new_account, submit, wait_written
from tests.cli.test_reports import fails
from tests.running import RunningSystem, aether, wait_until


def look(system: RunningSystem, account: str, *options: str) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads(aether(system, "sight", account, *options, "--json"))
    return seen


def sights(seen: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["detector"]: one for one in seen["sights"]}


def test_the_least_amount_is_flagged_and_a_stranger_is_judged_as_anybody(
    system: RunningSystem, service: httpx.Client
) -> None:
    account, stranger = new_account(), new_account()
    for number in range(60):
        last = submit(service, account_id=account, amount=f"{10 + number % 3}.50")
    wait_written(service, last["id"])
    seen = look(system, account)
    assert (seen["currency"], seen["is_known"]) == ("EUR", True)
    amount = sights(seen)["amount"]
    assert amount["observations"] == 60
    assert not amount["is_blind"]
    least = f"{amount['least'] / 100:.2f}"
    assert f"from {amount['least'] / 100:,.2f} EUR" in aether(system, "sight", account)

    # Nobody has labelled anything: these see nothing of it.
    assert sights(seen)["account"]["is_blind"]
    assert "blind" in aether(system, "sight", account)

    assert "say in which currency" in fails(system, "sight", stranger)
    assert not look(system, stranger, "--currency", "EUR")["is_known"]
    assert sights(look(system, stranger, "--currency", "JPY"))["population"]["is_blind"]
    assert "currency" in fails(system, "sight", account, "--currency", "EURO")

    flagged = submit(service, account_id=account, amount=least)
    assert wait_written(service, flagged["id"])["is_flagged"]


def test_what_is_silenced_is_said(system: RunningSystem, service: httpx.Client) -> None:
    account = new_account()
    wait_written(service, submit(service, account_id=account)["id"])
    aether(system, "suppressions", "add", account, "velocity", "--for", "1h")
    # It is in force when the account's shard has taken it from the stream.
    wait_until(
        lambda: "velocity" in look(system, account)["silenced_until_ms"], "velocity to be silent"
    )
    (line,) = [x for x in aether(system, "sight", account).splitlines() if x.startswith("velocity")]
    assert "silenced until" in line


def test_of_the_traffic_each_detectors_share_is_said(
    system: RunningSystem, service: httpx.Client
) -> None:
    def coverage() -> dict[str, Any]:
        seen: dict[str, Any] = json.loads(aether(system, "sight", "--json"))
        return seen

    assert coverage()["transaction_count"] == 0
    for number in range(30):
        last = submit(service, account_id="acc-1", amount=f"{10 + number % 3}.50")
    wait_written(service, last["id"])
    found = coverage()
    assert (found["transaction_count"], found["account_count"]) == (30, 1)
    assert found["shares"]["amount"] == found["shares"]["population"] == 1.0
    assert (found["shares"]["account"], found["blind_share"]) == (0.0, 0.0)

    # Of the first payment in a currency nobody could know what is unusual.
    submitted = submit(service, account_id="acc-2", amount="5", currency="JPY")
    wait_written(service, submitted["id"])
    said = aether(system, "sight", "--since", "30m")
    assert "31 transactions of 2 accounts in the last 30m" in said
    assert "that no detector could flag" in said
