"""The parts of a running gateway that its routes work with; one of each per process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request

from aether_api.acceptance import Acceptance
from aether_api.access import Access
from aether_api.agreement import StreamAgreement
from aether_api.bulk.room import BulkRoom
from aether_api.bulk.together import Together
from aether_api.live import Live
from aether_api.pressure import Pressure
from aether_api.written import Written
from aether_core.database.connection import Pool
from aether_core.settings import Settings

if TYPE_CHECKING:
    from aether_core.stream.publisher import Redis


@dataclass(frozen=True, slots=True)
class Parts:
    """What the lifespan opened."""

    settings: Settings
    pool: Pool
    redis: Redis
    access: Access
    agreement: StreamAgreement
    acceptance: Acceptance
    together: Together
    bulk_room: BulkRoom
    pressure: Pressure
    live: Live
    written: Written


def parts_of(request: Request) -> Parts:
    """Return the parts of the gateway that serves this request."""
    parts: Parts = request.app.state.parts
    return parts
