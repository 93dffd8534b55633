"""Everybody asks every endpoint, for their own objects, for others' and for such as do not exist.

What they must be answered stands in the table of docs/make_roles.py, which is written by hand; the
requests are generated from the endpoints that are served. A new endpoint fails this until the table
says who may call it, and `_ASKED` how.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest

from aether_api.policy import policies_of
from docs import make_roles
from tests.api.calls import submit, transaction, wait_written
from tests.api.cast import Cast, Somebody, assemble
from tests.api.conftest import Served
from tests.api.operations import undriven_app
from tests.api.test_alerts import raise_alert
from tests.running import Account

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_LINES = {"Content-Type": "application/x-ndjson"}
_ROWS = make_roles.rows()


@dataclass(frozen=True)
class Asked:
    """How an endpoint is asked so that only access can be in the way."""

    body: Callable[[str | None], object] = field(default=lambda _account: None)
    """The body for an account's object; None: it has no body."""
    headers: dict[str, str] = field(default_factory=dict)
    ends_sign_in: bool = False
    """The token is of no use afterwards."""
    unready: int | None = None
    """What it answers who may ask, as it is asked here, instead of success."""


def _item(account: str | None) -> dict[str, Any]:
    return transaction(account_id=account)


def _line(account: str | None) -> bytes:
    return json.dumps(_item(account)).encode()


_ASKED: dict[str, list[Asked]] = {
    "POST /auth/register": [Asked(lambda _: {}, unready=422)],
    "POST /auth/login": [Asked(lambda _: {}, unready=422)],
    "POST /auth/refresh": [Asked(unready=401)],
    "POST /auth/logout": [Asked(ends_sign_in=True)],
    "POST /oauth/token": [Asked(lambda _: b"", _FORM, unready=400)],
    "POST /oauth/revoke": [Asked(lambda _: b"", _FORM, unready=400)],
    "POST /oauth/introspect": [Asked(lambda _: b"token=x", _FORM)],
    # On the express lane, past it, and waiting until it is written.
    "POST /transactions/": [
        Asked(_item),
        Asked(_item, {"Prefer": "unheard-of"}),
        Asked(_item, {"Prefer": "wait=1"}),
    ],
    "POST /transactions/bulk": [Asked(lambda account: [_item(account)]), Asked(_line, _LINES)],
    "POST /oauth/device_authorization": [Asked(lambda _: b"", _FORM, unready=400)],
    "POST /auth/devices/{user_code}": [Asked(lambda _: {"approve": True})],
    "POST /auth/password": [Asked(lambda _: {}, unready=422)],
    "POST /auth/second-factor": [Asked(lambda _: {}, unready=422)],
    "POST /auth/second-factor/confirm": [Asked(lambda _: {}, unready=422)],
    "POST /auth/second-factor/remove": [Asked(lambda _: {}, unready=422)],
    "POST /users/{user_id}/remove-second-factor": [Asked(unready=409)],
    "POST /users/": [Asked(lambda _: {"email": f"{os.urandom(6).hex()}@example.com"})],
    "POST /users/{user_id}/role": [Asked(lambda _: {"role": "analyst"})],
    "POST /clients/": [Asked(lambda _: {"name": os.urandom(6).hex(), "scopes": ["alerts:read"]})],
    # Of a version that no alert has: whoever took it would keep the next of the cast out.
    "POST /alerts/{alert_id}/take": [Asked(headers={"If-Match": '"0"'}, unready=409)],
    "POST /alerts/{alert_id}/assign": [Asked(lambda _: {"assignee": None})],
    "POST /alerts/{alert_id}/note": [Asked(lambda _: {"note": "Asked for a call"})],
    "POST /alerts/{alert_id}/resolve": [Asked(lambda _: {"resolution": "fraud"})],
    "POST /alerts/resolve": [
        Asked(lambda _: {"alerts": [{"id": "missing"}], "resolution": "fraud"})
    ],
    "POST /suppressions/": [
        Asked(lambda _: {"account_id": "acc-1", "detector": "amount", "duration_s": 60})
    ],
    # It comes before the next row, which labels them.
    "GET /transactions/{transaction_id}/label": [Asked(unready=404)],
    "POST /transactions/{transaction_id}/label": [Asked(lambda _: {"resolution": "legitimate"})],
    "POST /scoring/versions/": [Asked(lambda _: {"review_min": 0.5, "decline_min": 0.9})],
    # Of the live version: it can neither run in shadow nor be promoted.
    "POST /scoring/versions/{number}/shadow": [Asked(unready=409)],
    "POST /scoring/versions/{number}/promote": [Asked(lambda _: {}, unready=409)],
    "POST /scoring/rollback": [Asked(lambda _: {"live": 999_999}, unready=409)],
    # As from another machine.
    "GET /metrics": [Asked(headers={"X-Forwarded-For": "203.0.113.7"})],
}


def test_r03_the_table_tells_of_every_endpoint_and_no_other() -> None:
    app = undriven_app()
    served = {f"{one.method} {one.path}" for one in policies_of(app)}
    assert served == {f"{row.method} {row.path}" for row in _ROWS}
    assert set(_ASKED) <= served


def test_the_page_is_current() -> None:
    page = make_roles.PAGE.read_text()
    assert page == make_roles.made(page), "run python -m docs.make_roles"


@pytest.fixture(scope="module")
def cast(served: Served) -> Cast:
    return assemble(served)


@pytest.fixture(scope="module")
def http(served: Served) -> Iterator[httpx.Client]:
    with served.sign_in() as client:
        yield client


@pytest.fixture(scope="module")
def objects(
    served: Served, cast: Cast, service: httpx.Client, analyst: httpx.Client
) -> dict[str, dict[str, str]]:
    """Return, by the parameter of an address: one's own object, another's, and none's."""
    own, others = (
        wait_written(analyst, submit(service, account_id=one.account_id)["id"])["id"]
        for one in (cast["customer"], cast.other)
    )
    alert = raise_alert(service, analyst)["id"]
    return {
        "transaction_id": {"own": own, "other": others, "missing": _beside(own)},
        "alert_id": {"other": alert, "missing": _beside(alert)},
        "suppression_id": {"other": _suppression(analyst), "missing": "999999"},
        "number": {"other": _version(analyst), "missing": "999999"},
        "letter_id": {"missing": _beside(own)},
        "user_code": {"missing": "WRNG-WRNG"},
        # This gateway runs without a supervisord, so no process has a name.
        "name": {"missing": "writer:writer-1"},
        "session_id": {"other": _session_of(served), "missing": _beside(own)},
        # Nobody else needs these: they are disabled and revoked on the way.
        "user_id": {"other": _own_id(served, served.system.make_user()), "missing": _beside(own)},
        "client_id": {
            "other": served.system.make_client().client_id,
            "missing": "client_0000000000000000",
        },
    }


def _suppression(analyst: httpx.Client) -> str:
    wanted = {"account_id": "acc-2", "detector": "velocity", "duration_s": 60}
    return str(analyst.post("/suppressions/", json=wanted).json()["id"])


def _version(analyst: httpx.Client) -> str:
    """Return a version that has run in shadow and is live; it decides as the settings do."""
    wanted = {"review_min": 0.7, "decline_min": 0.95}
    number = str(analyst.post("/scoring/versions/", json=wanted).json()["number"])
    for step in ("shadow", "promote"):
        analyst.post(f"/scoring/versions/{number}/{step}").raise_for_status()
    return number


def _session_of(served: Served) -> str:
    """Return a sign-in of somebody who is nobody of the cast."""
    with served.sign_in(served.system.make_user()) as http:
        return str(http.get("/auth/sessions").json()[0]["session_id"])


def _own_id(served: Served, who: Account) -> str:
    with served.sign_in(who) as http:
        return str(http.get("/auth/me").json()["user_id"])


def _beside(identifier: str) -> str:
    """Return an id like this one that nothing has."""
    value = int(UUID(identifier)) ^ int.from_bytes(os.urandom(6))
    return str(UUID(int=value))


def _cell(row: make_roles.Row, one: Somebody) -> str:
    """Return what the table says of one of the cast."""
    return row.cell_of_service(one.name) if one.is_service else row.cells[one.name]


def _answer(
    http: httpx.Client,
    served: Served,
    row: make_roles.Row,
    asked: Asked,
    one: Somebody,
    target: str,
    account: str | None,
) -> httpx.Response:
    token = served.system.token_of(one.who) if asked.ends_sign_in and one.who else None
    body = asked.body(account)
    content = {"content" if isinstance(body, bytes) else "json": body} if body is not None else {}
    headers = one.headers(token) | asked.headers | {"X-Request-ID": "r"}
    if row.path != "/events":
        return http.request(row.method, target, headers=headers, **content)  # type: ignore[arg-type]
    with http.stream(row.method, target, headers=headers) as response:
        if response.is_success:
            # It would go on for as long as the token.
            return httpx.Response(response.status_code)
        response.read()
        return response


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: f"{row.method} {row.path}")
def test_r03_r05_everybody_may_do_what_the_table_says(
    served: Served,
    http: httpx.Client,
    cast: Cast,
    objects: dict[str, dict[str, str]],
    row: make_roles.Row,
) -> None:
    parameter = row.path.partition("{")[2].partition("}")[0]
    for asked in _ASKED.get(f"{row.method} {row.path}", [Asked()]):
        for one in cast.everybody:
            cell = _cell(row, one)
            answers = {}
            for which, identifier in objects.get(parameter, {"none": ""}).items():
                target = row.path.replace(f"{{{parameter}}}", identifier)
                mine = one.account_id or cast["customer"].account_id
                answer = _answer(http, served, row, asked, one, target, mine)
                answers[which] = answer.text.replace(identifier or "\0", "ID")
                where = f"{one.name} on {which}: {answer.status_code}"
                if cell == "-":
                    assert answer.status_code == (403 if one.who else 401), where
                    assert answer.headers["www-authenticate"].startswith(
                        'Bearer error="insufficient_scope"' if one.who else ("Bearer", "Basic")
                    ), where
                elif which == "missing" or (cell == "own" and which == "other"):
                    assert answer.status_code == 404, where
                elif asked.unready is not None:
                    assert answer.status_code == asked.unready, where
                else:
                    assert answer.is_success, where
            if cell == "own" and "other" in answers:
                # B01: byte for byte as what does not exist.
                assert answers["other"] == answers["missing"], one.name


def test_b04_nobody_writes_for_another_account(http: httpx.Client, cast: Cast) -> None:
    row = next(r for r in _ROWS if (r.method, r.path) == ("POST", "/transactions/"))
    body = _item(cast.other.account_id)
    for one in cast.everybody:
        may = _cell(row, one) == "yes"
        headers = one.headers()
        for further in ({}, {"Prefer": "unheard-of"}):  # the express lane, and the route
            answer = http.post("/transactions/", json=body, headers=headers | further)
            assert answer.status_code == (201 if may else 403 if one.who else 401), one.name
        for kind, content in (("json", f"[{json.dumps(body)}]"), ("x-ndjson", json.dumps(body))):
            for query in ("", "?on_error=atomic"):
                answer = http.post(
                    f"/transactions/bulk{query}",
                    content=content,
                    headers=headers | {"Content-Type": f"application/{kind}"},
                )
                is_taken = answer.status_code == 200 and '"problem"' not in answer.text
                assert is_taken == may, one.name
