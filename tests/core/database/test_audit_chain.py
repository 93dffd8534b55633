"""L10: the audit trail grows and never changes: each entry's hash covers it and the one before.

Real PostgreSQL; two implementations of the hash, PostgreSQL's trigger and ours, must agree.
"""

from __future__ import annotations

import asyncio
import json

import asyncpg
import pytest
from asyncpg.exceptions import InsufficientPrivilegeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aether_core.database.audit import (
    NO_HASH,
    NOBODY,
    Actor,
    AuditFilter,
    add_audit_entry,
    find_audit_entries,
    hash_entry,
)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET subject = 'other'",
        "UPDATE audit SET subject = subject WHERE false",
        "DELETE FROM audit WHERE id = 1",
        "TRUNCATE audit",
    ],
)
async def test_l10_entries_cannot_be_changed_or_deleted(database_url: str, statement: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await add_audit_entry(connection, action="session.end", actor=NOBODY)
        with pytest.raises(InsufficientPrivilegeError, match="The audit trail is append-only"):
            await connection.execute(statement)
        # Nor in a session that claims to replay somebody else's changes.
        await connection.execute("SET session_replication_role = replica")
        with pytest.raises(InsufficientPrivilegeError, match="The audit trail is append-only"):
            await connection.execute(statement)
        assert await connection.fetchval("SELECT count(*) FROM audit") == 1
    finally:
        await connection.close()


async def test_l10_the_sequence_has_no_gaps_whoever_adds_and_rolls_back(database_url: str) -> None:
    pool = await asyncpg.create_pool(database_url, min_size=8, max_size=8)

    async def add_some(name: str) -> None:
        for number in range(10):
            async with pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                await add_audit_entry(
                    connection, action="user.add", actor=Actor("command", name), subject=str(number)
                )
                if number % 3 == 0:
                    await transaction.rollback()
                else:
                    await transaction.commit()

    async with pool, asyncio.TaskGroup() as group:
        for name in "abcdefgh":
            group.create_task(add_some(name))
    connection = await asyncpg.connect(database_url)
    try:
        # Whoever writes the place or the hash itself is overruled.
        await connection.execute(
            "INSERT INTO audit VALUES (999, now(), 'user', '', '', 'user.add', '', 'success', '',"
            " '', '{}', '', '')"
        )
        found = await find_audit_entries(connection, AuditFilter(), before=None, limit=100)
    finally:
        await connection.close()
    assert [entry.id for entry in reversed(found)] == list(range(1, 50))
    previous = NO_HASH
    for entry in reversed(found):
        assert entry.previous_hash == previous
        previous = entry.hash
        assert entry.hash == hash_entry(entry)


async def test_any_text_can_be_stored_and_is_harmless(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    loop = asyncio.get_running_loop()

    async def add(text: str, number: int, is_so: bool) -> None:
        await add_audit_entry(
            connection,
            action="session.fail",
            actor=Actor("anonymous", text, text),
            subject=text,
            outcome="failure",
            address=text,
            request_id=text,
            details={"email": text, "number": number, "is_so": is_so},
        )
        (entry,) = await find_audit_entries(connection, AuditFilter(), before=None, limit=1)
        assert entry.hash == hash_entry(entry)
        details = json.loads(entry.details)
        assert (details["number"], details["is_so"]) == (number, is_so)
        for stored in (entry.actor_id, entry.actor_name, entry.subject, details["email"]):
            assert len(stored) <= 500
            assert len(stored.splitlines()) <= 1
            assert "\x1b" not in stored

    texts = st.text(st.characters(), max_size=600) | st.sampled_from(
        ["\x00", "\ud800", "\x1b]52;c;eA==\x07", "a\r\nb", "\u202e", "\u2028", "é" * 600]
    )

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(texts, st.integers(-(2**63), 2**63), st.booleans())
    def check(text: str, number: int, is_so: bool) -> None:
        asyncio.run_coroutine_threadsafe(add(text, number, is_so), loop).result(10)

    try:
        await asyncio.to_thread(check)
    finally:
        await connection.close()


async def test_details_carry_no_secrets(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await add_audit_entry(
            connection,
            action="command.run",
            actor=NOBODY,
            details={
                "arguments": "--password=SECRET-1 redis://:SECRET-1@valkey Bearer SECRET-1234"
            },
        )
        (entry,) = await find_audit_entries(connection, AuditFilter(), before=None, limit=1)
        assert "SECRET" not in entry.details
    finally:
        await connection.close()
