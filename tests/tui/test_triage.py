"""Proves that analysts work on the queue side by side: take, note, assign, decide together, undo.

Each test reads from the gateway what was really done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from aether_tui.memory import Drafts
from aether_tui.widgets.confirm import ConfirmDialog
from tests.running import Account, RunningSystem
from tests.tui.driving import STANDARD, WIDE, Console, Traffic, new_merchant, signed_in


async def _open_queue(console: Console, merchant: str, count: int = 1) -> None:
    """Show the alerts of one merchant only."""
    await console.press("3")
    await console.sees("Open alerts", merchant)
    await console.press("slash", *merchant, "enter")
    await console.sees(f"{count} of")


def _alert(system: RunningSystem, account: Account, identifier: str) -> dict[str, Any]:
    with system.http(account) as http:
        found: dict[str, Any] = http.get(f"/alerts/{identifier}").json()
    return found


def _act(
    system: RunningSystem, account: Account, identifier: str, act: str, body: object = None
) -> None:
    with system.http(account) as http:
        answer = http.post(f"/alerts/{identifier}/{act}", json=body)
        assert answer.status_code == httpx.codes.OK, answer.text


@pytest.mark.parametrize("size", [STANDARD, WIDE])
async def test_the_next_one_is_taken_and_given_back(
    system: RunningSystem, traffic: Traffic, analyst: Account, size: tuple[int, int]
) -> None:
    merchant = new_merchant()
    identifier = await traffic.raise_alert(merchant, amount="9876543210.12")
    async with signed_in(system, analyst, size) as console:
        await console.press("3")
        await console.sees(merchant)
        # The filter hides it: what is taken is shown all the same.
        await console.press("slash", *"nothing", "enter", "g")
        await console.sees("9876543210.12 EUR", "You have taken it, 1")
        if size == WIDE:
            # The history is below the reasons.
            await console.sees("took it until")
        taken = _alert(system, analyst, identifier)
        assert (taken["state"], taken["taken_by"]) == ("taken", analyst.email)
        await console.press("t")
        await console.sees("Nobody has taken it.")
        if size == WIDE:
            await console.sees("gave it back")
        assert _alert(system, analyst, identifier)["state"] == "open"
        # Decided, so that no other test finds it at the head of the queue.
        await console.press("x")
        await console.sees("Confirm fraud?")
        await console.press(*"done", "enter", "enter")
        await console.sees(f"{merchant}: fraud.")


async def test_what_a_colleague_has_taken_offers_only_a_note(
    system: RunningSystem, traffic: Traffic, analyst: Account, admin: Account
) -> None:
    merchant = new_merchant()
    identifier = await traffic.raise_alert(merchant)
    async with signed_in(system, analyst) as console:
        await _open_queue(console, merchant)
        await console.sees("x Fraud", "t Take")
        _act(system, admin, identifier, "take")
        await console.sees(f"{admin.email} has taken it", "14:")
        await console.sees_no("x Fraud", "t Take", "t Release")
        await console.press("x", "o", "t", "a")
        assert not isinstance(console.app.screen, ConfirmDialog)
        await console.press("c")
        await console.sees("Add a note?", merchant)
        await console.write("called the shop")
        await console.press("enter", "enter")
        await console.sees("noted", "called the shop")
        # What is given back is offered again, without a key having been pressed.
        _act(system, admin, identifier, "release")
        await console.sees("x Fraud", "t Take", "Nobody has taken it.")


async def test_a_decision_upon_an_older_version_says_what_was_done_in_between(
    system: RunningSystem, traffic: Traffic, analyst: Account, admin: Account
) -> None:
    merchant = new_merchant()
    identifier = await traffic.raise_alert(merchant)
    async with signed_in(system, analyst) as console:
        await _open_queue(console, merchant)
        await console.press("o")
        await console.sees("Call legitimate?")
        _act(system, admin, identifier, "assign", {"assignee": admin.email})
        await console.write("fine")
        await console.press("enter", "enter")
        await console.sees("Not decided", "version 1", admin.email, "gave it to")
        assert _alert(system, analyst, identifier)["status"] == "open"
        # The reason is not lost, and holds for what is now seen.
        await console.press("o")
        await console.sees("fine")
        await console.press("enter", "enter")
        await console.sees(f"{merchant}: legitimate.")
    assert _alert(system, analyst, identifier)["note"] == "fine"


async def test_a_decision_is_undone_by_one_key(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    merchant = new_merchant()
    identifier = await traffic.raise_alert(merchant)
    async with signed_in(system, analyst, STANDARD) as console:
        await _open_queue(console, merchant)
        await console.press("x")
        await console.sees("Confirm fraud?")
        await console.press(*"slip", "enter", "enter")
        await console.sees(f"{merchant}: fraud.  u undoes")
        assert _alert(system, analyst, identifier)["resolution"] == "fraud"
        await console.press("u")
        await console.sees("1 of")
        await console.sees_no("u undoes")
        assert _alert(system, analyst, identifier)["status"] == "open"


async def test_marked_alerts_are_decided_together_and_what_is_refused_stays_marked(
    system: RunningSystem, traffic: Traffic, analyst: Account, admin: Account
) -> None:
    merchant = new_merchant()
    identifiers = [await traffic.raise_alert(merchant) for _ in range(3)]
    async with signed_in(system, analyst) as console:
        await _open_queue(console, merchant, 3)
        await console.press("M")
        await console.sees("3 marked")
        await console.press("o")
        await console.sees("Call legitimate of 3 alerts?", "together 296296.29 EUR")
        _act(system, admin, identifiers[1], "assign", {"assignee": admin.email})
        await console.press(*"payday", "enter", "enter")
        await console.sees("2 alerts: legitimate.", "1 not decided", "1 marked")
        states = [_alert(system, analyst, one)["status"] for one in identifiers]
        assert states == ["resolved", "open", "resolved"]
        await console.press("u")
        await console.wait(
            lambda: all(_alert(system, analyst, i)["status"] == "open" for i in identifiers),
            "all three open again",
        )


async def test_assigned_decided_and_opened_again_and_all_of_it_in_the_history(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    merchant = new_merchant()
    identifier = await traffic.raise_alert(merchant)
    async with signed_in(system, analyst, (140, 50)) as console:
        await _open_queue(console, merchant)
        await console.press("a")
        await console.sees("Assign?")
        await console.press("enter", "enter")
        await console.sees("> you", "gave it to")
        assert _alert(system, analyst, identifier)["assignee"] == analyst.email
        await console.press("x")
        await console.sees("Confirm fraud?")
        await console.press(*"sure", "enter", "enter", "v")
        await console.sees("Decided alerts", "decided: fraud", "sure", "o Reopen")
        await console.press("o")
        await console.sees("Reopen?")
        # Cancel waits under the cursor: Enter alone changes nothing.
        await console.press("enter", "o", "tab", "enter", "v")
        await console.sees("Open alerts", "opened it again", "decided: fraud")
    assert _alert(system, analyst, identifier)["status"] == "open"


async def test_a_draft_outlives_the_console_and_goes_when_it_is_sent(
    system: RunningSystem, traffic: Traffic, analyst: Account, tmp_path: Path
) -> None:
    merchant = new_merchant()
    identifier = await traffic.raise_alert(merchant)
    directory = tmp_path / "drafts"
    async with signed_in(system, analyst, drafts=Drafts(directory)) as console:
        await _open_queue(console, merchant)
        await console.press("c")
        await console.sees("Add a note?")
        await console.write("half a tho")
        await console.sees("half a tho")
    (draft,) = directory.iterdir()
    assert draft.stat().st_mode & 0o777 == 0o600
    assert directory.stat().st_mode & 0o777 == 0o700
    async with signed_in(system, analyst, drafts=Drafts(directory)) as console:
        await _open_queue(console, merchant)
        await console.press("c")
        await console.sees("half a tho")
        await console.write("ught")
        await console.press("enter", "enter")
        await console.sees("half a thought", "noted")
        await console.wait(lambda: not list(directory.iterdir()), "the draft to be gone")
    assert _alert(system, analyst, identifier)["version"] == 2


async def test_keys_of_one_breath_reach_the_dialog_that_the_first_one_opens(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    merchant = new_merchant()
    identifier = await traffic.raise_alert(merchant)
    async with signed_in(system, analyst) as console:
        await _open_queue(console, merchant)
        # t, g, o and a are acts of their own when no dialog is open.
        console.burst("x", *"tagoxc", "enter")
        await console.sees("Enter confirms", "tagoxc")
        await console.press("enter")
        await console.sees(f"{merchant}: fraud.")
    decided = _alert(system, analyst, identifier)
    assert (decided["note"], decided["version"]) == ("tagoxc", 2)


@pytest.mark.parametrize("size", [STANDARD, WIDE])
async def test_a_detector_is_silenced_for_the_account_and_heard_again(
    system: RunningSystem, traffic: Traffic, analyst: Account, size: tuple[int, int]
) -> None:
    merchant = new_merchant()
    identifier = await traffic.raise_alert(merchant)
    account = _alert(system, analyst, identifier)["account_id"]

    def in_force() -> list[dict[str, Any]]:
        with system.http(analyst) as http:
            found: list[dict[str, Any]] = http.get(
                "/suppressions/", params={"account_id": account}
            ).json()
        return found

    async with signed_in(system, analyst, size) as console:
        await _open_queue(console, merchant)
        await console.press("h")
        # What spoke up stands first.
        await console.sees("Silence a detector?", account, "1 amount")
        await console.press("1")
        await console.sees("For how long?", "2 a day")
        await console.press("2")
        await console.sees("Silence it?", "amount for a day")
        await console.press("enter")
        await console.sees("A reason is needed.")
        await console.write("a closing sale")
        await console.press("enter", "enter")
        await console.sees("amount is silent until")
        (made,) = in_force()
        assert (made["detector"], made["note"]) == ("amount", "a closing sale")
        assert made["created_by"] == analyst.email

        await console.press("h")
        await console.sees("closing sale", "1 hear amount again")
        await console.press("1")
        await console.sees("amount is heard again.")
        assert in_force() == []


async def test_a_burst_is_one_alert_that_grows_on_the_screen(
    system: RunningSystem, traffic: Traffic, analyst: Account
) -> None:
    merchant, account = new_merchant(), f"acc-{new_merchant()}"
    await traffic.raise_alert(merchant, account=account)
    async with signed_in(system, analyst, WIDE) as console:
        await _open_queue(console, merchant)
        await traffic.send(merchant, account=account, amounts=("98765.43", "1000.00"))
        await console.sees("3 transactions, 198530.86 EUR in all", "1 of")
        await console.sees("THE BURST", "1000.00 EUR  at", "98765.43 EUR  at")
