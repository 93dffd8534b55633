"""Six kinds of fraud are played through a running system, and each is flagged in time.

The crowd that they hide in pays for a month first. How soon, `python -m bench attack` measures.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.attacks import KINDS, Played, play_attacks
from tests.conftest import ValkeyServer
from tests.running import running_system

pytestmark = pytest.mark.slow

_SCOPES = ("transactions:write_any", "transactions:read_any", "alerts:read", "alerts:write")


@pytest.fixture
def http(database_url: str, valkey: ValkeyServer, tmp_path: Path) -> Iterator[httpx.Client]:
    with (
        running_system(
            database_url=database_url,
            redis_url=valkey.url,
            home=tmp_path / "home",
            forecaster=False,
        ) as system,
        system.http(system.make_client(*_SCOPES)) as client,
    ):
        yield client


def test_every_kind_is_flagged_before_much_has_passed(http: httpx.Client) -> None:
    played = {one.name: one for one in play_attacks(http)}
    assert tuple(played) == KINDS
    missed = {name: _told(one) for name, one in played.items() if not _is_caught(one)}
    assert not missed, {name: _told(one) for name, one in played.items()}


def _is_caught(played: Played) -> bool:
    return played.rate == 1.0 and max(played.passed) <= played.passed_max


def _told(played: Played) -> str:
    return f"{len(played.passed)} of {played.attack_count}, after {sorted(played.passed)}"
