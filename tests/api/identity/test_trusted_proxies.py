"""What a proxy says of its clients is believed of configured proxies alone.

Real gateways behind their real server: this process is the proxy, and connects from 127.0.0.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import ValkeyServer
from tests.running import Account, RunningSystem, running_system

ATTEMPTS_MAX = 5


@contextmanager
def trusting(
    proxies: str, database_url: str, valkey: ValkeyServer, home: Path
) -> Iterator[RunningSystem]:
    with running_system(
        database_url=database_url,
        redis_url=valkey.url,
        home=home,
        forecaster=False,
        environment={
            "AETHER_GATEWAY__TRUSTED_PROXIES": proxies,
            "AETHER_IDENTITY__LOGIN_ATTEMPTS_MAX": str(ATTEMPTS_MAX),
        },
    ) as system:
        yield system


def sign_in(http: httpx.Client, user: Account, password: str, forwarded: str) -> int:
    body = {"email": user.email, "password": password}
    headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}
    return http.post("/auth/login", json=body, headers=headers).status_code


def test_each_client_of_a_trusted_proxy_has_limits_of_its_own(
    database_url: str, valkey: ValkeyServer, tmp_path: Path
) -> None:
    with (
        trusting("127.0.0.1", database_url, valkey, tmp_path / "home") as system,
        system.http() as http,
    ):
        user = system.make_user()
        statuses = [
            sign_in(http, user, "wrong horse", "192.0.2.1") for _ in range(ATTEMPTS_MAX + 1)
        ]
        assert statuses == [401] * ATTEMPTS_MAX + [429]
        # What the client itself has put before the proxy's word changes nothing.
        assert sign_in(http, user, user.password, "203.0.113.9, 192.0.2.1") == 429
        assert sign_in(http, user, user.password, "192.0.2.2") == 200
        with system.http(user) as own:
            addresses = {one["address"] for one in own.get("/auth/sessions").json()}
        assert "192.0.2.2" in addresses


def test_what_nobody_is_trusted_to_say_is_not_believed(
    database_url: str, valkey: ValkeyServer, tmp_path: Path
) -> None:
    with (
        trusting("198.51.100.1", database_url, valkey, tmp_path / "home") as system,
        system.http() as http,
    ):
        user = system.make_user()
        statuses = [
            sign_in(http, user, "wrong horse", f"192.0.2.{number}")
            for number in range(ATTEMPTS_MAX + 1)
        ]
        assert statuses == [401] * ATTEMPTS_MAX + [429]


@pytest.mark.parametrize("forwarded", ["192.0.2.1", "127.0.0.1"])
def test_without_a_trusted_proxy_every_client_is_who_connects(
    database_url: str, valkey: ValkeyServer, tmp_path: Path, forwarded: str
) -> None:
    with (
        trusting("", database_url, valkey, tmp_path / "home") as system,
        system.http() as http,
    ):
        user = system.make_user()
        assert sign_in(http, user, user.password, forwarded) == 200
        with system.http(user) as own:
            addresses = {one["address"] for one in own.get("/auth/sessions").json()}
        assert addresses == {"127.0.0.1"}
