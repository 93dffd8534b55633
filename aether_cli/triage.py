"""What `aether alerts` does to alerts: in PostgreSQL, noted, then shown to the consoles."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from redis import exceptions as redis_errors

from aether_cli.changes import change, note, running_settings
from aether_cli.stores import open_stream, operator_name
from aether_core.alert import AlertView, audit_details
from aether_core.database.connection import Session
from aether_core.database.triage import By, Triaged, take_next
from aether_core.errors import AetherError
from aether_core.settings import Settings
from aether_core.stream.feed import alert_event, publish

_SHOW_TIMEOUT_S: Final = 2.0


def act(work: Callable[[Session, By, Settings], Awaitable[Triaged]]) -> AlertView:
    """Do one act in the name of who runs the command. Raises what the act raises."""
    settings = running_settings()

    async def noted(connection: Session) -> Triaged:
        done = await work(connection, By(operator_name()), settings)
        await _note(connection, done)
        return done

    done = change(noted, settings)
    _show(settings, done)
    return done.alert


def take_the_next() -> AlertView | None:
    """Take the alert with the largest expected loss that nobody has; None when there is none."""
    settings = running_settings()

    async def work(connection: Session) -> Triaged | None:
        done = await take_next(connection, By(operator_name()), lock_s=settings.alerts.lock_s)
        if done is not None:
            await _note(connection, done)
        return done

    done = change(work, settings)
    if done is None:
        return None
    _show(settings, done)
    return done.alert


async def _note(connection: Session, done: Triaged) -> None:
    if done.change is not None:
        details = audit_details(done.alert.account_id, done.change)
        await note(connection, f"alert.{done.change.action}", str(done.alert.id), details)


def _show(settings: Settings, done: Triaged) -> None:
    """Show a change to running consoles. It stands, whether they see it or not."""
    if done.change is None or settings.redis_url is None:
        return

    async def tell() -> None:
        async with asyncio.timeout(_SHOW_TIMEOUT_S), open_stream(settings) as redis:
            length_max = settings.stream.feed_length_max
            await publish(redis, [alert_event(done.alert)], length_max=length_max)

    with suppress(AetherError, redis_errors.RedisError, OSError, TimeoutError):
        asyncio.run(tell())
