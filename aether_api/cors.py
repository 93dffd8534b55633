"""Pages of other origins: none may read answers, except those that are configured.

In:   the `Origin` of a request, and what a browser asks beforehand (the Fetch standard's
      preflight).
Out:  the headers that let a configured origin's pages read an answer; nothing for any other.
Origins are compared whole. Credentials are never allowed: such pages bring a bearer token of their
own, and the cookie of our dashboard stays out of their reach.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.types import Scope

_MAX_AGE_S: Final = 600
_VARY: Final = (b"vary", b"Origin")
_EXPOSED: Final = (
    "ETag, Idempotency-Replayed, Link, Location, Retry-After, WWW-Authenticate, X-Request-ID"
)
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "DELETE, GET, HEAD, PATCH, POST, PUT",
    "Access-Control-Allow-Headers": (
        "Authorization, Content-Type, Idempotency-Key, If-Match, Last-Event-ID, Prefer,"
        " X-Request-ID"
    ),
    "Access-Control-Max-Age": str(_MAX_AGE_S),
}


class Origins:
    """The origins whose pages may read our answers."""

    def __init__(self, configured: str) -> None:
        """configured: origins such as https://shop.example, separated by commas."""
        self._allowed = frozenset(
            origin.strip().encode() for origin in configured.split(",") if origin.strip()
        )

    def __bool__(self) -> bool:
        return bool(self._allowed)

    def headers_for(self, scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
        """Return what is added to the answer to a request."""
        if not self._allowed:
            return ()
        origin = self._allowed_origin(scope)
        if origin is None:
            # Whoever keeps this answer must not show it to an origin that may read it.
            return (_VARY,)
        return (
            _VARY,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _EXPOSED.encode()),
        )

    def preflight(self, scope: Scope) -> Response | None:
        """Return the answer to a preflight of a configured origin, or None."""
        if scope["method"] != "OPTIONS" or not self._allowed or self._allowed_origin(scope) is None:
            return None
        if not any(name == b"access-control-request-method" for name, _ in scope["headers"]):
            return None
        return Response(None, 204, _PREFLIGHT)

    def _allowed_origin(self, scope: Scope) -> bytes | None:
        found = [value for name, value in scope["headers"] if name == b"origin"]
        return found[0] if len(found) == 1 and found[0] in self._allowed else None
