"""Health: whether this gateway lives, and whether it can do its work."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
from fastapi import APIRouter, Depends, Request
from redis import exceptions as redis_errors
from starlette.responses import PlainTextResponse, Response

from aether_api import schemas
from aether_api.access import authorization_of
from aether_api.metrics import MEDIA_TYPE, render_metrics
from aether_api.parts import Parts, parts_of
from aether_api.policy import Policy, open_because
from aether_core.database.connection import borrow
from aether_core.errors import AetherError

if TYPE_CHECKING:
    from redis.asyncio import Redis as Server

    from aether_core.stream.publisher import Redis

router = APIRouter(tags=["health"])

_CHECK_LIMIT_S = 2.0
_PROBE = Depends(open_because("a probe has no token; it is told names and yes or no"))
_for_operators = Policy("operations:read")


class Readiness(msgspec.Struct, frozen=True):
    """Whether requests can be served, part by part: names for anybody, the rest for operators."""

    status: str
    checks: dict[str, str]
    durability: str | None = None
    warnings: tuple[str, ...] = ()
    backpressure: str | None = None


@router.get("/health", response_model=schemas.Health, dependencies=[_PROBE])
async def health() -> Response:
    """Say that Aether is running."""
    return _json(schemas.Health(status="Aether is running").model_dump_json().encode())


@router.get("/health/live", response_model=schemas.Health, dependencies=[_PROBE])
async def live() -> Response:
    """Say that this process answers; its servers do not matter here."""
    return _json(schemas.Health(status="Aether is running").model_dump_json().encode())


@router.get(
    "/health/ready",
    response_model=schemas.Readiness,
    dependencies=[_PROBE],
    responses={503: {"model": schemas.Readiness, "description": "Not ready; `checks` says why."}},
)
async def ready(request: Request) -> Response:
    """Say whether transactions can be accepted and read here at the moment."""
    parts = parts_of(request)
    database, stream = await asyncio.gather(_check_database(parts), _check_stream(parts.redis))
    checks = {
        "database": database,
        "stream": stream,
        "shards": "ok" if parts.agreement.is_settled else "not agreed on yet",
    }
    is_ready = all(outcome.startswith("ok") for outcome in checks.values())
    readiness = Readiness("ready" if is_ready else "not ready", checks)
    if await _may_see_detail(request, parts):
        readiness = _with_detail(readiness, parts)
    return _json(msgspec.json.encode(readiness), 200 if is_ready else 503)


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    dependencies=[
        Depends(open_because("this machine's Prometheus reads it; others need operations:read"))
    ],
    responses={
        200: {"content": {"text/plain": {}}, "description": "Prometheus text format"},
        401: {"description": "Asked from elsewhere, by nobody."},
        403: {"description": "Asked from elsewhere, without the scope `operations:read`."},
    },
)
async def metrics(request: Request) -> Response:
    """Show this process's metrics: to this machine, or with the scope `operations:read`."""
    parts = parts_of(request)
    if not _is_local(request):
        caller = await parts.access.authenticate(authorization_of(request))
        _for_operators.check(caller)
    text = await render_metrics(parts, request.app.counts)
    return Response(text, media_type=MEDIA_TYPE)


async def _may_see_detail(request: Request, parts: Parts) -> bool:
    if _is_local(request):
        return True
    try:
        caller = await parts.access.authenticate(authorization_of(request))
    except AetherError:
        # A probe is answered whatever it carries, also where access itself is away.
        return False
    return _for_operators.admits(caller)


def _with_detail(readiness: Readiness, parts: Parts) -> Readiness:
    shards, refusal = parts.agreement.shards, parts.pressure.refusal
    warnings = shards.durability.warnings if shards else ()
    keys, window_s = parts.pressure.keys, parts.settings.stream.idempotency_window_s
    if keys is not None and keys.window_s < window_s:
        known = f"Idempotency keys are known for {keys.window_s / 60:.0f} minutes only"
        warnings += (f"{known}: raise AETHER_STREAM__IDEMPOTENCY_MEMORY_MAX_MB.",)
    return msgspec.structs.replace(
        readiness,
        durability=shards.durability.promise.text if shards else None,
        warnings=warnings,
        backpressure=None if refusal is None else refusal.reason.value,
    )


def _is_local(request: Request) -> bool:
    """Whether the request was made on this machine, and not passed on by a proxy here."""
    client = request.scope["client"]
    return (
        client is not None
        and client[0] in {"127.0.0.1", "::1"}
        and "x-forwarded-for" not in request.headers
        and "forwarded" not in request.headers
    )


async def _check_database(parts: Parts) -> str:
    try:
        async with asyncio.timeout(_CHECK_LIMIT_S), borrow(parts.pool) as connection:
            await connection.execute("SELECT 1")
    except (AetherError, TimeoutError):
        return "not available"
    return "ok"


async def _check_stream(redis: Redis) -> str:
    try:
        async with asyncio.timeout(_CHECK_LIMIT_S):
            masters = await redis.masters()
    except (redis_errors.RedisError, OSError, TimeoutError):
        return "not available"
    answers = await asyncio.gather(*(_answers(master) for master in masters))
    if all(answers):
        return "ok"
    # The accounts on a cluster's other servers are served: taking every gateway away from behind
    # a load balancer would be worse.
    return f"ok for {sum(answers)} of {len(answers)} servers" if any(answers) else "not available"


async def _answers(server: Server) -> bool:
    try:
        async with asyncio.timeout(_CHECK_LIMIT_S):
            await server.execute_command("PING")
    except (redis_errors.RedisError, OSError, TimeoutError):
        return False
    return True


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")
