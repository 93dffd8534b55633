"""Every error leaves as problem details: none is missing from the table, none says too much.

The table is checked against all errors of the packages; crashes are provoked in a real application.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from redis import exceptions as redis_errors

import aether_api
import aether_core
from aether_api.app import create_app
from aether_api.problems import PROBLEMS, problem_of
from aether_core.errors import (
    AetherError,
    BacklogFull,
    NotAuthenticated,
    OAuthRefused,
    OutcomeUnknown,
    StreamMismatch,
    TooManyAttempts,
)
from aether_core.settings import Settings


def all_errors(root: type[AetherError] = AetherError) -> Iterator[type[AetherError]]:
    yield root
    for kind in root.__subclasses__():
        yield from all_errors(kind)


def test_no_error_is_missing_from_the_table() -> None:
    for package in (aether_core, aether_api):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations." not in module.name:
                importlib.import_module(module.name)
    ours = {
        kind for kind in all_errors() if kind.__module__.startswith(("aether_core", "aether_api"))
    }
    assert ours - PROBLEMS.keys() == set()
    assert PROBLEMS.keys() - ours == set()


def test_types_and_statuses_belong_together() -> None:
    by_slug: dict[str, set[int]] = {}
    for kind in PROBLEMS.values():
        by_slug.setdefault(kind.slug, set()).add(kind.status)
        assert kind.slug == kind.slug.lower().replace(" ", "-")
    assert all(len(statuses) == 1 for statuses in by_slug.values())


def test_errors_of_the_inside_say_nothing() -> None:
    problem = problem_of(StreamMismatch(3, "lost after 17-0"), "/x", "r1")
    assert problem.status == 500
    assert "17-0" not in problem.detail
    assert problem.request_id == "r1"


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (NotAuthenticated(), 401, {"www-authenticate": "Bearer"}),
        (
            NotAuthenticated("It has expired.", "invalid_token"),
            401,
            {"www-authenticate": 'Bearer error="invalid_token"'},
        ),
        (TooManyAttempts(17), 429, {"retry-after": "17"}),
        (BacklogFull(), 503, {"retry-after": "2"}),
        (OutcomeUnknown(), 503, {"retry-after": "1"}),
        (OAuthRefused("invalid_grant", "No."), 400, {"content-type": "application/json"}),
        (asyncpg.AdminShutdownError("terminating: secret"), 503, {"retry-after": "1"}),
        (asyncpg.TooManyConnectionsError("sorry: secret"), 503, {"retry-after": "1"}),
        (redis_errors.BusyLoadingError("loading: secret"), 503, {"retry-after": "1"}),
        (redis_errors.ConnectionError("unix:///secret"), 503, {"retry-after": "1"}),
        (asyncpg.UniqueViolationError("secret"), 500, {}),
        (redis_errors.ResponseError("WRONGTYPE secret"), 500, {}),
        (ValueError("secret"), 500, {}),
        (RecursionError("secret"), 500, {}),
    ],
)
async def test_l01_whatever_is_raised_becomes_a_problem(
    tmp_path: Path, error: Exception, status: int, headers: dict[str, str]
) -> None:
    app = create_app(Settings(home=tmp_path))

    @app.get("/raise")
    async def raise_it() -> None:
        raise error

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://gateway"
    ) as http:
        answer = await http.get("/raise", headers={"X-Request-ID": "mine-1"})
        other = await http.get("/raise", headers={"X-Request-ID": "bad id\x01"})
    assert answer.status_code == status
    for name, value in ({"content-type": "application/problem+json"} | headers).items():
        assert answer.headers[name] == value
    assert "secret" not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "mine-1"
    assert other.headers["x-request-id"] not in {"mine-1", "bad id\x01"}
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
