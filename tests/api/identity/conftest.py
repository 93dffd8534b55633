"""A gateway with quick passwords for each test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aether_core.settings import Settings
from tests.api.identity.gateways import Gateway, running_gateway


@pytest.fixture
def settings(settings: Settings) -> Settings:
    identity = settings.identity.model_copy(update={"bcrypt_cost": 4})
    return settings.model_copy(update={"identity": identity})


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[Gateway]:
    async with running_gateway(settings) as running:
        yield running
