"""Hot routes: documented and routed by FastAPI like any other, answered without its machinery.

Their requests reach the endpoint straight from the edge; should one come through the framework,
it is the same function that answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class HotRoute(APIRoute):
    """A route whose endpoint takes the request and returns the response, with nothing between.

    Dependencies are documentation here; the endpoint does by itself what they would.
    """

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Return the endpoint as it is."""
        endpoint: Callable[[Request], Awaitable[Response]] = self.endpoint
        return endpoint


class HotResponse(Response):
    """A response whose headers are ready to be sent."""

    def __init__(self, body: bytes, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """headers: with names in lower case; without content-length, which is added."""
        self.status_code = status
        self.body = body
        self.raw_headers = [*headers, (b"content-length", b"%d" % len(body))]
        self.background = None

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer the request."""
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        await send({"type": "http.response.body", "body": self.body})
