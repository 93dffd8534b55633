"""`GET /audit/`: an admin reads the trail, filtered and page by page; nobody changes it (L10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from aether_core.database.audit import Actor, add_audit_entry
from aether_core.database.connection import borrow
from aether_core.identity.roles import Role
from tests.api.identity.gateways import Gateway

_COUNT = 9


async def ask(gateway: Gateway, role: Role) -> httpx.Response:
    """Ask as somebody of a role who has just signed in."""
    token = (await gateway.login(await gateway.make_user(role)))["access_token"]
    return await gateway.http.get("/audit/", headers={"Authorization": f"Bearer {token}"})


async def fill(gateway: Gateway) -> None:
    """Add entries of two commands, of which every third failed."""
    async with borrow(gateway.access.pool) as connection:
        for number in range(_COUNT):
            await add_audit_entry(
                connection,
                action="client.add" if number % 2 else "command.run",
                actor=Actor("command", "root", "root (command line)"),
                subject=f"subject {number}",
                outcome="success" if number % 3 else "failure",
                details={"number": number},
            )


def subjects_of(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["subject"] for entry in answer.json() if entry["subject"].startswith("subject")]


async def test_only_an_admin_reads_the_trail(gateway: Gateway) -> None:
    roles: tuple[Role, ...] = ("customer", "analyst", "operator")
    for role in roles:
        assert (await ask(gateway, role)).status_code == 403
    assert (await gateway.http.get("/audit/")).status_code == 401


async def test_an_entry_says_who_did_what(gateway: Gateway) -> None:
    await fill(gateway)
    answer = await ask(gateway, "admin")
    (entry,) = [e for e in answer.json() if e["subject"] == "subject 3"]
    at = datetime.fromisoformat(entry.pop("at"))
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=5)
    assert len(bytes.fromhex(entry.pop("hash"))) == 32
    assert entry == {
        "id": 4,
        "actor_kind": "command",
        "actor_id": "root",
        "actor_name": "root (command line)",
        "action": "client.add",
        "subject": "subject 3",
        "outcome": "failure",
        "address": "",
        "request_id": "",
        "details": {"number": 3},
    }


async def test_filters(gateway: Gateway) -> None:
    await fill(gateway)
    token = (await gateway.login(await gateway.make_user("admin")))["access_token"]
    wanted: list[tuple[dict[str, str], list[int]]] = [
        ({"action": "client.add"}, [7, 5, 3, 1]),
        ({"actor": "root"}, list(range(_COUNT))[::-1]),
        ({"actor": "root (command line)", "outcome": "failure"}, [6, 3, 0]),
        ({"subject": "subject 4"}, [4]),
        ({"subject": "subject"}, []),
        ({"subject": "\x00\x1b' OR 1=1--"}, []),
        ({"until": "2020-01-31T12:00:00Z"}, []),
        ({"since": "2020-01-31T12:00:00+02:00", "action": "command.run"}, [8, 6, 4, 2, 0]),
    ]
    for query, numbers in wanted:
        answer = await gateway.http.get(
            "/audit/", params=query, headers={"Authorization": f"Bearer {token}"}
        )
        assert subjects_of(answer) == [f"subject {n}" for n in numbers], query


async def test_pages_are_complete_while_the_trail_grows(gateway: Gateway) -> None:
    await fill(gateway)
    token = (await gateway.login(await gateway.make_user("admin")))["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    path: str | None = "/audit/?actor=root&limit=4"
    seen: list[int] = []
    while path is not None:
        answer = await gateway.http.get(path, headers=headers)
        seen += [entry["id"] for entry in answer.json()]
        path = answer.links["next"]["url"] if "next" in answer.links else None
        if len(seen) < _COUNT:
            await fill(gateway)
    assert seen == list(range(_COUNT, 0, -1))
    # A cursor belongs to its filters.
    link = (await gateway.http.get("/audit/?limit=1", headers=headers)).links["next"]["url"]
    refused = await gateway.http.get(f"{link}&outcome=failure", headers=headers)
    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/invalid-cursor"


async def test_filters_that_cannot_be_are_refused(gateway: Gateway) -> None:
    token = (await gateway.login(await gateway.make_user("admin")))["access_token"]
    for query in (
        {"limit": "0"},
        {"limit": "501"},
        {"outcome": "maybe"},
        {"since": "yesterday"},
        {"since": "0001-01-01T00:00:00+14:00"},
        {"until": "9999-12-31T23:59:59-14:00"},
        {"cursor": "AAAA"},
        {"action": "a" * 101},
        {"page": "2"},
    ):
        answer = await gateway.http.get(
            "/audit/", params=query, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 422, query


async def test_l10_there_is_no_way_to_change_an_entry(gateway: Gateway) -> None:
    token = (await gateway.login(await gateway.make_user("admin")))["access_token"]
    headers: dict[str, Any] = {"Authorization": f"Bearer {token}"}
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await gateway.http.request(method, "/audit/", headers=headers)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, HEAD"
        answer = await gateway.http.request(method, "/audit/1", headers=headers)
        assert answer.status_code in {404, 405}
    trail = (await gateway.http.get("/audit/", headers=headers)).json()
    assert [entry["action"] for entry in trail] == ["session.begin"]
