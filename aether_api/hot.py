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


class HotRoute(APIRoute):
    """A route whose endpoint takes the request and returns the response, with nothing between.

    Dependencies are documentation here; the endpoint does by itself what they would.
    """

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Return the endpoint as it is."""
        endpoint: Callable[[Request], Awaitable[Response]] = self.endpoint
        return endpoint
