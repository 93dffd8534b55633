"""Events: the live feed as Server-Sent Events."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from aether_api.access import Caller, authorization_of, require
from aether_api.bodies import ClientLeft
from aether_api.live import HEARTBEAT_S, Live
from aether_api.parts import Parts, parts_of
from aether_api.policy import Policy
from aether_api.refusals import Responses
from aether_api.subscription import Audience, Subscription
from aether_core.errors import AetherError

router = APIRouter(tags=["events"])

_TRANSACTIONS: Final = Policy("transactions:read")
_ALERTS: Final = Policy("alerts:read")
_ANALYTICS: Final = Policy("analytics:read")
_OPERATIONS: Final = Policy("operations:read")

_CHECK_S: Final = 0.5
"""How often a silent feed looks whether its token is still good; a busy one does each time."""
_SEND_LIMIT_S: Final = 15.0
"""A client that takes nothing for so long is gone."""

_EXAMPLE: Final = (
    "id: 1769860800123-0\nevent: hello\n"
    'data: {"at":"2026-01-31T12:00:00Z","resumed":false}\n\n'
    "event: counters\n"
    'data: {"backlog":0,"rate_per_second":41.2,"at":"2026-01-31T12:00:01Z",'
    '"committed_total":120034,"flagged_total":87}\n\n'
    ": heartbeat\nid: 1769860800123-0\n\n"
)
_DOCUMENTATION: Final[Responses] = {
    200: {
        "description": "A stream of Server-Sent Events that ends with the token.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "examples": {"events": {"value": _EXAMPLE}},
            }
        },
    },
    429: {"description": "One holds as many feeds open as one may."},
}


class EventStream(Response):
    """Sends a subscription's frames until the client leaves, its token ends, or we stop."""

    media_type = "text/event-stream"

    def __init__(
        self, parts: Parts, audience: Audience, authorization: str | None, last_id: str | None
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        # Its length is not known.
        del self.headers["content-length"]
        self._parts = parts
        self._audience = audience
        self._authorization = authorization
        self._last_id = last_id

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request; takes as long as the client stays."""
        live = self._parts.live
        async with live.subscribe(self._audience, self._last_id) as subscription:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            try:
                async with asyncio.TaskGroup() as group:
                    watch = group.create_task(_end_with_client(receive, subscription), name="watch")
                    try:
                        await self._send_frames(live, subscription, send)
                    finally:
                        watch.cancel()
            except* TimeoutError as error:
                raise ClientLeft from error
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_frames(self, live: Live, subscription: Subscription, send: Send) -> None:
        sent_at = time.monotonic()
        while await self._is_welcome():
            body = subscription.take()
            if not body and time.monotonic() - sent_at >= HEARTBEAT_S:
                body = live.heartbeat(subscription)
            if body:
                async with asyncio.timeout(_SEND_LIMIT_S):
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                sent_at = time.monotonic()
            if subscription.is_ended:
                return
            await subscription.wait(_CHECK_S)

    async def _is_welcome(self) -> bool:
        """Whether the token is still good: not expired, not revoked, and known not to be."""
        try:
            await self._parts.access.authenticate(self._authorization)
        except AetherError:
            return False
        return True


@router.get("/events", status_code=200, response_class=EventStream, responses=_DOCUMENTATION)
async def events(
    request: Request,
    caller: Annotated[Caller, Depends(require())],
    last_event_id: Annotated[
        str | None, Header(max_length=64, description="Go on after this event.")
    ] = None,
) -> Response:
    """Follow what happens, live: `hello`, `transaction`, `alert`, `counters`, `gap`.

    A customer gets their own account's transactions; analysts and operators those of all accounts
    (sampled above a human's pace), alerts and, once a second, exact counters as far as their scopes
    reach. After a `gap`, read what you show anew. A comment comes at least every 10 seconds.
    """
    return EventStream(
        parts_of(request), _audience(caller), authorization_of(request), last_event_id
    )


def _audience(caller: Caller) -> Audience:
    """Return what reaches a caller: what the endpoints of the same things would show them."""
    return Audience(
        subject=caller.subject,
        account_id=caller.account_id if _TRANSACTIONS.admits(caller) else None,
        sees_all_transactions=_TRANSACTIONS.reaches_all(caller),
        sees_alerts=_ALERTS.admits(caller),
        sees_counters=_ANALYTICS.admits(caller) or _OPERATIONS.admits(caller),
    )


async def _end_with_client(receive: Receive, subscription: Subscription) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    subscription.end()
