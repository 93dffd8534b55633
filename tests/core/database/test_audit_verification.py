"""L10: whoever tampers with the audit trail, as a superuser without its triggers, is found out.

Each kind of tampering is done to a real table; the first link that does not fit is named.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from aether_core.audit import Head, Verdict, parse_head, verify_chain
from aether_core.database.audit import (
    Actor,
    AuditFilter,
    add_audit_entry,
    audit_is_guarded,
    find_audit_entries,
    hash_entry,
    read_audit,
)
from aether_core.errors import InvalidInput

_LENGTH = 12


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    connection = await asyncpg.connect(database_url)
    try:
        for number in range(1, _LENGTH + 1):
            await add_audit_entry(
                connection,
                action="user.role",
                actor=Actor("command", "root"),
                subject=f"user {number}",
                details={"role": "admin", "number": number},
            )
        yield connection
    finally:
        await connection.close()


async def verdict_of(connection: asyncpg.Connection[Any], expected: Head | None = None) -> Verdict:
    async with connection.transaction():
        return await verify_chain(read_audit(connection), expected)


async def head_of(connection: asyncpg.Connection[Any]) -> Head:
    head = (await verdict_of(connection)).head
    assert head is not None
    return parse_head(str(head))


async def tamper(connection: asyncpg.Connection[Any], *statements: str) -> None:
    """Do as a superuser can: without triggers, and with the rights of the table's owner."""
    await connection.execute("ALTER TABLE audit DISABLE TRIGGER USER")
    for statement in statements:
        await connection.execute(statement)
    await connection.execute("ALTER TABLE audit ENABLE TRIGGER audit_is_chained")
    await connection.execute("ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_is_append_only")


async def test_l10_a_trail_that_nobody_touched_is_whole(
    connection: asyncpg.Connection[Any],
) -> None:
    head = await head_of(connection)
    assert head.id == _LENGTH
    await add_audit_entry(connection, action="user.add", actor=Actor("command", "root"))
    # What has grown since then still contains the head that was kept.
    verdict = await verdict_of(connection, head)
    assert (verdict.trouble, verdict.entry_count) == (None, _LENGTH + 1)
    assert await audit_is_guarded(connection)


@pytest.mark.parametrize(
    "change",
    [
        "subject = 'user 5'",
        "actor_id = 'toor'",
        "at = at - interval '1 microsecond'",
        "outcome = 'failure'",
        """details = '{"number":7,"role": "admin"}'""",
        # What belongs to one field cannot move to its neighbour.
        "actor_id = 'ro', actor_name = 'ot'",
    ],
)
async def test_l10_a_changed_entry_is_found(
    connection: asyncpg.Connection[Any], change: str
) -> None:
    await tamper(connection, f"UPDATE audit SET {change} WHERE id = 7")
    verdict = await verdict_of(connection)
    assert verdict.broken_at == 7
    assert verdict.trouble is not None
    assert verdict.trouble.startswith("hash")
    assert verdict.head is not None
    assert verdict.head.id == verdict.entry_count == 6


async def test_l10_a_changed_entry_with_a_hash_of_its_own_breaks_the_next_link(
    connection: asyncpg.Connection[Any],
) -> None:
    await tamper(connection, "UPDATE audit SET actor_id = 'toor' WHERE id = 7")
    (changed,) = await find_audit_entries(
        connection, AuditFilter(actor="toor"), before=None, limit=1
    )
    await tamper(
        connection,
        f"UPDATE audit SET hash = decode('{hash_entry(changed).hex()}', 'hex') WHERE id = 7",
    )
    verdict = await verdict_of(connection)
    assert verdict.broken_at == 8
    assert verdict.trouble is not None
    assert verdict.trouble.startswith("previous hash")


async def test_l10_an_entry_deleted_in_the_middle_is_found(
    connection: asyncpg.Connection[Any],
) -> None:
    await tamper(connection, "DELETE FROM audit WHERE id IN (5, 6)")
    verdict = await verdict_of(connection)
    assert verdict.broken_at == 7
    assert verdict.trouble is not None
    assert verdict.trouble.startswith("gap: 5 to 6 are missing")


async def test_l10_numbers_that_are_closed_up_do_not_hide_it(
    connection: asyncpg.Connection[Any],
) -> None:
    await tamper(
        connection,
        "DELETE FROM audit WHERE id = 5",
        "UPDATE audit SET id = -id WHERE id > 5",
        "UPDATE audit SET id = -id - 1 WHERE id < 0",
    )
    verdict = await verdict_of(connection)
    assert verdict.broken_at == 5
    assert verdict.trouble is not None
    assert "gap" not in verdict.trouble
    assert "previous hash" in verdict.trouble
    assert "; hash" in verdict.trouble


async def test_l10_an_end_that_was_cut_off_is_found_by_a_kept_head(
    connection: asyncpg.Connection[Any],
) -> None:
    kept = await head_of(connection)
    await tamper(connection, "DELETE FROM audit WHERE id > 9")
    assert (await verdict_of(connection)).trouble is None  # what is left is whole
    verdict = await verdict_of(connection, kept)
    assert verdict.broken_at == 10
    assert verdict.trouble is not None
    assert "the end is missing" in verdict.trouble
    # New entries in the place of the old ones are others.
    for _ in range(5):
        await add_audit_entry(connection, action="user.add", actor=Actor("command", "root"))
    verdict = await verdict_of(connection, kept)
    assert (verdict.broken_at, verdict.entry_count) == (_LENGTH, _LENGTH - 1)
    assert verdict.trouble is not None
    assert verdict.trouble.startswith("head")


@pytest.mark.parametrize(("one", "other", "found_at"), [(3, 4, 3), (2, 11, 2), (1, 12, 1)])
async def test_l10_swapped_entries_are_found(
    connection: asyncpg.Connection[Any], one: int, other: int, found_at: int
) -> None:
    await tamper(
        connection,
        f"UPDATE audit SET id = 0 WHERE id = {one}",
        f"UPDATE audit SET id = {one} WHERE id = {other}",
        f"UPDATE audit SET id = {other} WHERE id = 0",
    )
    assert (await verdict_of(connection)).broken_at == found_at


async def test_l10_all_entries_deleted_and_a_trigger_that_is_off_are_found(
    connection: asyncpg.Connection[Any],
) -> None:
    kept = await head_of(connection)
    await tamper(connection, "DELETE FROM audit")
    assert (await verdict_of(connection)).trouble is None
    assert (await verdict_of(connection, kept)).broken_at == 1
    await connection.execute("ALTER TABLE audit DISABLE TRIGGER audit_is_chained")
    assert not await audit_is_guarded(connection)


@pytest.mark.parametrize("text", ["", "12", "12:", "x:" + "0" * 64, "12:" + "0" * 63, "12:zz"])
def test_a_head_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_head(text)
