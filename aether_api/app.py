"""The application: assembles parts, routes and middleware; opens at start and closes at stop.

Every loop that runs beside the requests is a task of the one TaskGroup here. When one of them
fails, the process must end rather than serve half of what it promises: the owner of the process
is told, and stops it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from re import Pattern
from typing import TYPE_CHECKING, Any, Final

import asyncpg
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from redis import exceptions as redis_errors
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from aether_api.acceptance import Acceptance
from aether_api.access import Access
from aether_api.agreement import StreamAgreement
from aether_api.bulk.room import BulkRoom
from aether_api.bulk.together import Together
from aether_api.dashboard import Dashboard
from aether_api.edge import BULK_PATH, Edge, Endpoint
from aether_api.live import Live
from aether_api.metrics import RequestCounts
from aether_api.openapi import make_document
from aether_api.parts import Parts
from aether_api.policy import policies_of
from aether_api.pressure import Pressure
from aether_api.problems import handle
from aether_api.query import check_query
from aether_api.routes import (
    alert_queue,
    alerts,
    analytics,
    audit,
    auth,
    bulk,
    clients,
    dead_letters,
    devices,
    events,
    health,
    introspection,
    keys,
    labels,
    oauth,
    operations,
    processes,
    scoring,
    second_factor,
    sessions,
    suppressions,
    transactions,
    triage,
    users,
    well_known,
)
from aether_api.written import Written
from aether_core.database.connection import open_pool
from aether_core.errors import AetherError, CannotStart
from aether_core.settings import Settings
from aether_core.stream.connection import open_redis
from aether_core.stream.publisher import StreamPublisher

if TYPE_CHECKING:
    from aether_core.stream.publisher import Redis

logger = logging.getLogger(__name__)

_START_S_MAX: Final = 5.0
"""How long a starting gateway waits for its servers before it takes connections without them."""
_STATEMENT_TIMEOUT_S: Final = 10.0
"""No question of a console may keep a connection for longer."""

_HOT: Final[dict[tuple[str, str], Endpoint]] = {
    ("POST", "/transactions/"): transactions.submit,
    ("POST", BULK_PATH): bulk.submit_bulk,
}


class GatewayApp(FastAPI):
    """FastAPI with the edge around it."""

    def __init__(self, settings: Settings, **arguments: Any) -> None:  # noqa: ANN401 - FastAPI's
        super().__init__(**arguments)
        self.counts = RequestCounts()
        self._methods: list[tuple[Pattern[str], set[str]]] = []
        self.edge = Edge(
            super().__call__,
            hot=_HOT,
            settings=settings.gateway,
            counts=self.counts,
            dashboard=Dashboard(settings.dashboard_directory),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or the lifespan."""
        scope["app"] = self
        await self.edge(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = make_document(self)
        return self.openapi_schema

    def allowed_methods(self, path: str) -> list[str]:
        """Return the methods that an address takes; empty when there is no such address."""
        if not self._methods:
            self._methods = [
                (compile_path(template)[0], {method.upper() for method in operations})
                for template, operations in self.openapi()["paths"].items()
            ]
        found = {
            method
            for pattern, methods in self._methods
            if pattern.fullmatch(path)
            for method in methods
        }
        return sorted(found | ({"HEAD"} if "GET" in found else set()))


def create_app(
    settings: Settings, *, on_failure: Callable[[BaseException], None] | None = None
) -> GatewayApp:
    """Return the gateway; its servers are reached only once it runs.

    on_failure: told when a loop beside the requests has failed; the process must then end.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with _running(app, settings):
                yield
        except* Exception as group:
            logger.critical("a loop of the gateway failed", exc_info=group)
            if on_failure is None:
                raise
            on_failure(_first_of(group))

    app = GatewayApp(
        settings,
        title="Aether",
        summary="Takes in financial transactions, durably; scores them and forecasts their load.",
        version="1",
        lifespan=lifespan,
        # The dashboard's content policy forbids the foreign scripts of the built-in pages.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(check_query)],
        exception_handlers={
            AetherError: handle,
            RequestValidationError: handle,
            HTTPException: _handle_http,
            asyncpg.PostgresError: handle,
            redis_errors.RedisError: handle,
            Exception: handle,
        },
    )
    for router in (
        auth.router,
        sessions.router,
        second_factor.router,
        oauth.router,
        introspection.router,
        devices.router,
        well_known.router,
        users.router,
        clients.router,
        keys.router,
        transactions.router,
        bulk.router,
        alerts.router,
        triage.router,
        alert_queue.router,
        suppressions.router,
        labels.router,
        scoring.router,
        audit.router,
        analytics.router,
        events.router,
        operations.router,
        dead_letters.router,
        processes.router,
        health.router,
    ):
        app.include_router(router)
    # Nothing is served whose need nobody stated.
    list(policies_of(app))
    return app


async def _handle_http(request: Request, error: Exception) -> Response:
    """Answer a refusal of the framework's; it knows the methods of one route at a time only."""
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = request.app.allowed_methods(request.scope["path"])
        error = HTTPException(error.status_code, headers={"Allow": ", ".join(allowed)})
    return await handle(request, error)


def end_long_requests(app: FastAPI) -> None:
    """Let what may take long end soon: live feeds, waiting for what is written, bulk requests."""
    parts: Parts | None = getattr(app.state, "parts", None)
    if parts is not None:
        parts.live.end()
        parts.written.end()
        parts.bulk_room.end()


@asynccontextmanager
async def _running(app: FastAPI, settings: Settings) -> AsyncIterator[None]:
    """Open the parts and run their loops for as long as the context lasts."""
    async with AsyncExitStack() as stack:
        parts = await _open_parts(stack, settings)
        app.state.parts = parts
        app.state.access = parts.access
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [
            group.create_task(parts.agreement.run(), name="agreement"),
            group.create_task(parts.acceptance.run(), name="acceptance"),
            group.create_task(parts.pressure.run(), name="pressure"),
            group.create_task(parts.access.run(), name="access"),
            group.create_task(parts.live.run(), name="live"),
            group.create_task(parts.written.run(), name="written"),
        ]
        try:
            # Only now is the socket listened on: where several processes share it, one that can
            # not accept yet would decline what its neighbour accepts. Without its servers it
            # starts all the same, and says so.
            await parts.agreement.wait(_START_S_MAX)
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _open_parts(stack: AsyncExitStack, settings: Settings) -> Parts:
    pool = await open_pool(
        _secret(settings.database_url, "AETHER_DATABASE_URL"),
        size_max=settings.gateway.database_connection_count_max,
        statement_timeout_s=_STATEMENT_TIMEOUT_S,
        name="aether gateway",
    )
    stack.push_async_callback(pool.close)
    redis_url = _secret(settings.redis_url, "AETHER_REDIS_URL")
    redis: Redis = open_redis(redis_url, timeout_s=settings.stream.timeout_s)
    stack.push_async_callback(redis.aclose)
    following: Redis = open_redis(redis_url, timeout_s=settings.stream.timeout_s)
    stack.push_async_callback(following.aclose)
    publisher = StreamPublisher(redis, settings.stream)
    stack.push_async_callback(publisher.close)
    publisher_together = StreamPublisher(redis, settings.stream)
    stack.push_async_callback(publisher_together.close)
    agreement = StreamAgreement(pool, redis, settings.stream)
    pressure = Pressure(redis, agreement, settings.stream)
    acceptance = Acceptance(publisher, agreement, settings.gateway, pressure)
    written = Written(pool)
    return Parts(
        settings=settings,
        pool=pool,
        redis=redis,
        access=Access(settings, pool, redis),
        agreement=agreement,
        acceptance=acceptance,
        together=Together(publisher_together, agreement, acceptance),
        bulk_room=BulkRoom(settings.gateway),
        pressure=pressure,
        live=Live(following, pool, agreement, settings, written),
        written=written,
    )


def _secret(value: Any, name: str) -> str:  # noqa: ANN401 - SecretStr or None
    if value is None:
        raise CannotStart(f"There is no server; set {name}.")
    return str(value.get_secret_value())


def _first_of(group: BaseExceptionGroup[Any]) -> BaseException:
    first: BaseException = group.exceptions[0]
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
