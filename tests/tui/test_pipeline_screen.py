"""Proves that the pipeline's screen names what was lost and settles what could not be written.

A real writer refuses entries of one merchant by a constraint, until it is lifted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from aether_tui.widgets.card import Card
from aether_tui.widgets.confirm import ConfirmDialog
from tests.running import Account, RunningSystem, wait_until
from tests.tui.driving import STANDARD, WIDE, Console, Traffic, new_merchant, signed_in


async def _execute(system: RunningSystem, *statements: str) -> None:
    connection = await asyncpg.connect(system.environment["AETHER_DATABASE_URL"], timeout=10)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _letter(system: RunningSystem, operator: Account, identifier: str) -> dict[str, Any] | None:
    with system.http(operator) as http:
        answer = http.get(f"/operations/dead-letters/{identifier}")
        return answer.json() if answer.is_success else None


@asynccontextmanager
async def _unwritable(system: RunningSystem, merchant: str) -> AsyncIterator[None]:
    name = f"no_{merchant}"
    await _execute(
        system,
        f"ALTER TABLE transactions ADD CONSTRAINT {name}"
        f" CHECK (merchant <> '{merchant}') NOT VALID",
    )
    try:
        yield
    finally:
        await _execute(system, f"ALTER TABLE transactions DROP CONSTRAINT {name}")


async def _set_aside(
    system: RunningSystem, traffic: Traffic, operator: Account, merchant: str
) -> str:
    async with _unwritable(system, merchant):
        (identifier,) = await traffic.send(merchant, amounts=("7.77",))

        def is_set_aside() -> bool:
            return _letter(system, operator, identifier) is not None

        await asyncio.to_thread(wait_until, is_set_aside, "the dead letter")
    return identifier


async def _open_letters(console: Console) -> None:
    await console.press("5")
    await console.sees("Dead letters", "! open")
    console.app.screen.query_one("#letters").focus()
    await console.pilot.pause()


@pytest.mark.parametrize("size", [STANDARD, WIDE])
async def test_a_letter_is_inspected_and_replayed(
    system: RunningSystem, traffic: Traffic, operator: Account, size: tuple[int, int]
) -> None:
    merchant = new_merchant()
    identifier = await _set_aside(system, traffic, operator, merchant)
    async with signed_in(system, operator, size) as console:
        await _open_letters(console)
        await console.press("enter")
        await console.sees("Dead letter", "7.77 EUR", merchant, "p Replay", "d Discard")
        await console.press("p")
        await console.sees("Replay?", "once more")
        # Cancel waits under the cursor.
        await console.press("enter")
        await console.wait(lambda: not isinstance(console.app.screen, ConfirmDialog), "no dialog")
        found = _letter(system, operator, identifier)
        assert found is not None
        assert found["state"] == "open"
        await console.press("p")
        await console.sees("Replay?")
        await console.press("tab", "enter")
        await console.sees("replayed as")
        found = _letter(system, operator, identifier)
        assert found is not None
        assert (found["state"], found["replayed_by"]) == ("replayed", operator.email)
        # Among all of them it stays, with what became of it.
        await console.press("v")
        await console.sees("replayed")


async def test_a_letter_is_discarded_with_a_reason(
    system: RunningSystem, traffic: Traffic, operator: Account
) -> None:
    merchant = new_merchant()
    identifier = await _set_aside(system, traffic, operator, merchant)
    async with signed_in(system, operator) as console:
        await _open_letters(console)
        await console.press("d")
        await console.sees("Discard?", "will never be written")
        await console.press("enter")
        await console.sees("A reason is needed.")
        await console.write("paid in cash")
        await console.press("enter", "enter")
        await console.sees("discarded.")
        found = _letter(system, operator, identifier)
        assert found is not None
        assert (found["state"], found["note"]) == ("discarded", "paid in cash")


async def test_read_only_shows_letters_and_offers_nothing(
    system: RunningSystem, traffic: Traffic, operator: Account
) -> None:
    merchant = new_merchant()
    await _set_aside(system, traffic, operator, merchant)
    async with signed_in(system, operator, is_read_only=True) as console:
        await _open_letters(console)
        assert "p Replay" not in console.text()
        await console.press("p", "d")
        assert not isinstance(console.app.screen, ConfirmDialog)
        await console.press("enter")
        await console.sees(merchant)
        assert isinstance(console.app.screen, Card)
        assert "p Replay" not in console.text()


@pytest.mark.parametrize("size", [STANDARD, WIDE])
async def test_what_was_lost_is_named_with_what_to_do(
    system: RunningSystem, operator: Account, size: tuple[int, int]
) -> None:
    await _execute(
        system,
        "INSERT INTO lost_ranges (shard, incarnation, after_ms, after_sequence, before_ms,"
        " before_sequence, entry_count, is_exact, cause) VALUES (0, 1, 1767225600000, 0,"
        " 1767225660000, 0, 42, true, 'removed by hand')",
    )
    try:
        async with signed_in(system, operator, size) as console:
            await console.press("5")
            await console.sees("Lost", "42", "removed by hand")
            console.app.screen.query_one("#lost").focus()
            await console.press("enter")
            await console.sees("accepted entries are lost", "00:00:00 and 00:01:00Z", "verify")
    finally:
        await _execute(system, "UPDATE lost_ranges SET acknowledged_by = 'x', note = 'x',"
                       " acknowledged_at = now()")  # fmt: skip


async def test_a_transactions_way_is_shown_to_operators_only(
    system: RunningSystem, traffic: Traffic, operator: Account, analyst: Account
) -> None:
    merchant = new_merchant()
    await traffic.send(merchant)
    for account, sees_it in ((operator, True), (analyst, False)):
        # High enough for all that is known of it.
        async with signed_in(system, account, (120, 70)) as console:
            await console.press("2")
            await console.sees(merchant)
            await console.press("slash", *merchant, "enter", "enter")
            await console.sees("ACCOUNT HISTORY")
            if sees_it:
                await console.sees("ITS WAY", "accepted", "committed", "ms in all", "shard")
            assert ("ITS WAY" in console.text()) is sees_it
            assert "Your role" not in console.text()


async def test_batches_are_shown_with_their_size_and_time(
    system: RunningSystem, traffic: Traffic, operator: Account
) -> None:
    await traffic.send(new_merchant())
    with system.http(operator) as http:
        wait_until(
            lambda: any(
                shard["last_batch"] and shard["last_batch"]["entries"]
                for shard in http.get("/operations/pipeline").json()["shards"]
            ),
            "a batch",
        )
    async with signed_in(system, operator) as console:
        await console.press("5")
        await console.sees("batch", "took", "ms", "accounted for")
