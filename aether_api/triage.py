"""Triage: what every act upon alerts leaves behind: its entry of the audit trail, and its news."""

from __future__ import annotations

import logging
from typing import Annotated

import msgspec
from fastapi import Depends, Request
from redis import exceptions as redis_errors
from starlette.responses import Response

from aether_api.access import Caller, require
from aether_api.auditing import actor_of, note_act
from aether_api.parts import Parts
from aether_core.alert import AlertChange, AlertView, audit_details
from aether_core.database.connection import Session
from aether_core.stream.feed import alert_event, publish

logger = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode

MayDecide = Annotated[Caller, Depends(require("alerts:write"))]
"""Somebody who may decide alerts."""


def alert_answer(alert: AlertView) -> Response:
    """Answer with one alert; its version is the `ETag`."""
    headers = {"ETag": f'"{alert.version}"'}
    return Response(_encode(alert), 200, headers, "application/json")


async def note_change(
    connection: Session, request: Request, caller: Caller, alert: AlertView, change: AlertChange
) -> None:
    """Add the audit trail's entry of a change."""
    await note_act(
        connection,
        request,
        f"alert.{change.action}",
        actor_of(caller),
        subject=str(alert.id),
        details=audit_details(alert.account_id, change),
    )


async def announce(parts: Parts, alerts: list[AlertView]) -> None:
    """Show changed alerts to the consoles. What was done stands, whether they see it or not."""
    events = map(alert_event, alerts)
    try:
        await publish(parts.redis, events, length_max=parts.settings.stream.feed_length_max)
    except (redis_errors.RedisError, OSError, TimeoutError) as error:
        logger.warning("%d changed alerts were not shown: %s", len(alerts), type(error).__name__)
