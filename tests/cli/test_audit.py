"""`aether audit`, and what commands leave in the trail: operators' acts are noted, it is whole."""

from __future__ import annotations

import csv
import json

import asyncpg

from aether_core.database.audit import Actor, add_audit_entry
from tests.cli.conftest import Installation
from tests.running import aether


async def test_commands_leave_their_entries(installation: Installation) -> None:
    aether(installation, "user", "add", "ada@example.com", "--role", "analyst")
    aether(installation, "user", "role", "ada@example.com", "operator")
    aether(installation, "user", "disable", "ada@example.com")
    made = json.loads(aether(installation, "client", "add", "shop", "--json"))
    aether(installation, "client", "disable", "shop")
    found = json.loads(aether(installation, "audit", "list", "--json"))[::-1]
    assert [entry["action"] for entry in found] == [
        "user.add", "user.role", "user.disable", "client.add", "client.disable",
    ]  # fmt: skip
    assert {entry["actor_kind"] for entry in found} == {"command"}
    assert all(entry["actor_name"].endswith("command line)") for entry in found)
    assert found[1]["details"] == {
        "email": "ada@example.com", "role": "operator", "role_before": "analyst",
    }  # fmt: skip
    assert found[3]["subject"] == found[4]["subject"] == made["client_id"]
    assert made["client_secret"] not in json.dumps(found)
    assert "client.disable" in aether(installation, "audit", "list", "--limit", "1")
    # Reading leaves none.
    assert len(json.loads(aether(installation, "audit", "list", "--json"))) == len(found)


async def test_l10_verify_names_the_first_broken_link(installation: Installation) -> None:
    for number in range(4):
        aether(installation, "client", "add", f"shop {number}")
    status, lines = installation.verify()
    assert (status, lines[0]) == (0, "ok     4 entries, each sealed by the next")
    head = lines[1].split()[1]
    assert installation.verify("--expect", head)[0] == 0
    await installation.execute(
        "ALTER TABLE audit DISABLE TRIGGER audit_is_append_only", "DELETE FROM audit WHERE id = 4"
    )
    status, lines = installation.verify("--expect", head)
    assert status == 1
    assert lines[0].startswith("WRONG  entry 4: the end is missing")
    assert any("trigger" in line for line in lines)
    await installation.execute(
        "UPDATE audit SET subject = 'other' WHERE id = 2",
        "ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_is_append_only",
    )
    status, lines = installation.verify()
    assert status == 1
    assert lines[0] == "WRONG  entry 2: hash: its content is not what was written"
    assert lines[1].strip() == "1 entries before it are whole"


async def test_t03_t07_an_export_holds_no_formula_and_no_control(
    installation: Installation,
) -> None:
    hostile = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\uff1dcmd", '",=1', "\x1b]0;x\x07"]
    connection = await asyncpg.connect(installation.database_url)
    try:
        for text in hostile:
            await add_audit_entry(
                connection,
                action="session.fail",
                actor=Actor("anonymous", "", text),
                details={"email": text},
            )
    finally:
        await connection.close()
    exported = aether(installation, "audit", "export", "--format", "csv")
    assert exported.replace("\n", "").isprintable()
    rows = list(csv.DictReader(exported.splitlines()))
    assert len(rows) == len(hostile)
    for row, text in zip(rows, hostile, strict=True):
        assert not row["actor_name"].startswith(tuple("=+-@\t\r\uff1d"))
        if text[0] in "=+-@\uff1d":
            assert row["actor_name"] == f"'{text}"
    # The other form keeps what was stored.
    lines = aether(installation, "audit", "export").splitlines()
    assert [json.loads(line)["actor_name"] for line in lines[:4]] == hostile[:4]
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert aether(installation, "audit", "export", "--until", "2020-01-01") == ""
