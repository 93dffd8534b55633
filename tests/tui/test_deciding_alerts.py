"""Proves that alerts come by themselves and are decided once, with a reason, by who may decide."""

from __future__ import annotations

import httpx

from aether_tui.widgets.confirm import ConfirmDialog
from tests.running import Account, RunningSystem
from tests.tui.driving import STANDARD, WIDE, Console, Traffic, new_merchant, signed_in


async def _show_only(console: Console, merchant: str) -> None:
    await console.press("slash", *merchant, "enter")
    await console.sees("1 of")


async def test_an_alert_appears_and_is_decided_by_keyboard(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    merchant = new_merchant()
    async with signed_in(system, analyst, STANDARD) as console:
        await console.press("3")
        await console.sees("Open alerts")
        identifier = await traffic.raise_alert(merchant)
        await console.sees(merchant)
        await _show_only(console, merchant)
        await console.press("x")
        await console.sees("Confirm fraud?", merchant, "98765.43 EUR")
        # Without a reason nothing happens, and one key alone decides nothing.
        await console.press("enter")
        await console.sees("A reason is needed.")
        await console.write("stolen card")
        await console.press("enter")
        assert isinstance(console.app.screen, ConfirmDialog)
        await console.press("enter")
        await console.sees(f"{merchant}: fraud.")
        await console.sees("0 of")
        await console.press("v")
        await console.sees("fraud", merchant)
        await console.press("enter")
        await console.sees("because", "stolen card", analyst.email)
    with system.http(analyst) as http:
        decided = http.get(f"/alerts/{identifier}").json()
    assert (decided["status"], decided["resolution"], decided["note"]) == (
        "resolved",
        "fraud",
        "stolen card",
    )


async def test_cancelling_changes_nothing(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    merchant = new_merchant()
    identifier = await traffic.raise_alert(merchant)
    async with signed_in(system, analyst) as console:
        await console.press("3")
        await console.sees(merchant)
        await _show_only(console, merchant)
        await console.press("o")
        await console.sees("Call legitimate?")
        await console.write("known customer")
        await console.press("escape")
        await console.sees(merchant, "1 of")
    with system.http(analyst) as http:
        assert http.get(f"/alerts/{identifier}").json()["status"] == "open"


async def test_a_decision_that_somebody_else_took_otherwise_is_said(
    system: RunningSystem, traffic: Traffic, analyst: Account, admin: Account
) -> None:
    merchant = new_merchant()
    identifier = await traffic.raise_alert(merchant)
    async with signed_in(system, analyst) as console:
        await console.press("3")
        await console.sees(merchant)
        await _show_only(console, merchant)
        await console.press("x")
        await console.sees("Confirm fraud?")
        with system.http(admin) as http:
            answer = http.post(
                f"/alerts/{identifier}/resolve", json={"resolution": "legitimate", "note": "mine"}
            )
            assert answer.status_code == httpx.codes.OK
        await console.write("too late")
        await console.press("enter", "enter")
        await console.sees("Not decided")
        await console.sees("0 of")


async def test_an_alert_that_somebody_else_decides_leaves_the_list(
    system: RunningSystem, traffic: Traffic, analyst: Account, admin: Account
) -> None:
    merchant = new_merchant()
    identifier = await traffic.raise_alert(merchant)
    async with signed_in(system, analyst, WIDE) as console:
        await console.press("3")
        await console.sees(merchant)
        await _show_only(console, merchant)
        with system.http(admin) as http:
            http.post(f"/alerts/{identifier}/resolve", json={"resolution": "fraud", "note": "x"})
        await console.sees("0 of")


async def test_read_only_offers_no_decision(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    merchant = new_merchant()
    await traffic.raise_alert(merchant)
    async with signed_in(system, analyst, is_read_only=True) as console:
        await console.sees("READ-ONLY")
        await console.press("3")
        await console.sees(merchant)
        assert "x Fraud" not in console.text()
        await console.press("x", "o")
        assert not isinstance(console.app.screen, ConfirmDialog)


async def test_an_alert_of_the_overview_opens_in_the_queue(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    await traffic.raise_alert(new_merchant())
    async with signed_in(system, analyst) as console:
        await console.wait(lambda: "98765.43" in console.text(), "an alert in the overview")
        console.app.screen.query_one("#worst").focus()
        await console.press("enter")
        await console.sees("[3 Alerts", "REASONS")
