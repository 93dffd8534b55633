"""The edge: what every request passes first and every answer last, outside of the framework.

In:   ASGI requests as the server parsed them.
Out:  answers that carry the request's id and the security headers; problem details for whatever
      was not answered within. Media types, encodings and lengths of bodies are checked here, before
      anything is read, for every endpoint alike.
Requests for one of the hot paths go straight to their endpoint: the framework's own way to it
takes longer than everything that is done there.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aether_api.bodies import ClientLeft, again, read_body
from aether_api.cors import Origins
from aether_api.dashboard import Dashboard
from aether_api.json_bodies import check_body
from aether_api.metrics import RequestCounts
from aether_api.problems import (
    BodyTooLarge,
    ExpectationFailed,
    MalformedRequest,
    UnsupportedBody,
    respond_to,
)
from aether_core.settings import GatewaySettings

logger = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]

BULK_PATH: Final = "/transactions/bulk"
MEDIA_TYPE_LINES: Final = "application/x-ndjson"

_METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
FEED_PATH: Final = "/events"
_FORM_PREFIX: Final = "/oauth/"
REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_CHARSET = re.compile(r';\s*charset="?utf-?8"?\s*', re.IGNORECASE)

# Answers of the API are somebody's data, or a moment's truth: nobody keeps them.
SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_CONTINUE: Final = b"100-continue"
_NO_STORE: Final = (b"cache-control", b"no-store")
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")


class Edge:
    """Wraps the application; the server calls this first."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        hot: Mapping[tuple[str, str], Endpoint],
        settings: GatewaySettings,
        counts: RequestCounts,
        dashboard: Dashboard,
    ) -> None:
        self._app = app
        self._dashboard = dashboard
        self.hot = hot
        self._settings = settings
        self._counts = counts
        self._origins = Origins(settings.cors_origins)
        # Ids that two processes, or two starts, never share.
        self._id_prefix = secrets.token_hex(5)
        self._id_count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass on what is not one."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head = _Head(scope)
        request_id = head.request_id or self.next_id()
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(
            send,
            request_id,
            self._counts,
            is_secure=scope["scheme"] == "https",
            further=self._origins.headers_for(scope),
        )
        try:
            head.check_expectation()
            receive = self._check_body(scope, head, receive)
            endpoint = self.hot.get((scope["method"], scope["path"]))
            preflight = self._origins.preflight(scope)
            if preflight is not None:
                await preflight(scope, receive, answer.send)
            elif endpoint is None:
                if head.has_body:
                    receive = await _with_checked_json(scope["path"], receive)
                await self._pass_on(scope, receive, answer.send)
            else:
                response = await endpoint(Request(scope, receive))
                await response(scope, receive, answer.send)
        except ClientLeft:
            # The server closes the connection of an answer that is not finished.
            return
        except Exception as error:  # noqa: BLE001 - nothing of it may reach the client
            # The framework answers an unknown crash and raises it again, for us to leave here.
            await self._respond(error, scope, receive, answer)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a page of the dashboard, or let the framework find the endpoint."""
        if scope["method"] == "HEAD" and scope["path"] != FEED_PATH:
            # The server sends no body in answer to HEAD, whatever the application does.
            scope = {**scope, "method": "GET"}
        if scope["method"] == "GET":
            page = self._dashboard.answer(scope)
            if page is not None:
                await page(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _respond(
        self, error: Exception, scope: Scope, receive: Receive, answer: _Answer
    ) -> None:
        if answer.is_started:
            if not answer.is_finished:
                # Half an answer is out: only breaking it off says that it is not whole.
                logger.error("an answer broke off", exc_info=error, extra=answer.log_fields)
                raise error
            return
        await respond_to(error, scope)(scope, receive, answer.send)

    def next_id(self) -> str:
        """Return an id for a request that brings none."""
        self._id_count += 1
        return f"{self._id_prefix}-{self._id_count:x}"

    def _check_body(self, scope: Scope, head: _Head, receive: Receive) -> Receive:
        """Refuse a body that cannot be taken, by its headers; limit what is read of the rest."""
        if not head.has_body:
            return receive
        if scope["method"] not in _METHODS_WITH_BODY:
            raise MalformedRequest("A request with this method takes no body.")
        path: str = scope["path"]
        _check_media_type(path, head)
        is_bulk = path == BULK_PATH
        size_max = self._settings.bulk_bytes_max if is_bulk else self._settings.body_bytes_max
        if head.content_length is None:
            return _limited(receive, size_max)
        if head.content_length > size_max:
            raise BodyTooLarge(size_max)
        # The server's parser never hands out more than was announced.
        return receive


class _Head:
    """What the edge needs of the headers, found in one pass."""

    __slots__ = (
        "content_encoding",
        "content_length",
        "content_type",
        "expectation",
        "has_body",
        "request_id",
    )

    def __init__(self, scope: Scope) -> None:
        self.request_id: str | None = None
        self.content_type = b""
        self.content_encoding = b""
        self.content_length: int | None = None
        self.has_body = False
        self.expectation = _CONTINUE
        for name, value in scope["headers"]:
            if name == b"content-type":
                self.content_type += value
            elif name == b"content-length":
                self.content_length = int(value)
                self.has_body = self.has_body or self.content_length > 0
            elif name == b"transfer-encoding":
                self.has_body = True
            elif name == b"content-encoding":
                self.content_encoding += value
            elif name == b"expect":
                self.expectation = value.lower()
            elif name == b"x-request-id" and REQUEST_ID.fullmatch(value):
                self.request_id = value.decode("ascii")

    def check_expectation(self) -> None:
        """Raise ExpectationFailed for anything but the one that HTTP has (RFC 9110 10.1.1)."""
        if self.expectation != _CONTINUE:
            raise ExpectationFailed


class _Answer:
    """Passes an answer on, dressed with the headers that every one carries."""

    __slots__ = (
        "_counts",
        "_further",
        "_is_secure",
        "_request_id",
        "_send",
        "is_finished",
        "is_started",
    )

    def __init__(
        self,
        send: Send,
        request_id: str,
        counts: RequestCounts,
        *,
        is_secure: bool,
        further: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        self._further = further
        self._send = send
        self._request_id = request_id
        self._counts = counts
        self._is_secure = is_secure
        self.is_started = False
        self.is_finished = False

    @property
    def log_fields(self) -> dict[str, str]:
        return {"request_id": self._request_id}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.is_started = True
            self._counts.add(message["status"])
            message["headers"] = dress(
                list(message["headers"]),
                self._request_id.encode("ascii"),
                is_secure=self._is_secure,
            )
            message["headers"] += self._further
        elif not message.get("more_body", False):
            self.is_finished = True
        await self._send(message)


def dress(
    headers: list[tuple[bytes, bytes]], request_id: bytes, *, is_secure: bool
) -> list[tuple[bytes, bytes]]:
    """Add the headers that every answer carries; return the same list."""
    if not any(name == b"cache-control" for name, _ in headers):
        headers.append(_NO_STORE)
    headers += SECURITY_HEADERS
    headers.append((b"x-request-id", request_id))
    if is_secure:
        headers.append(_HSTS)
    return headers


def _check_media_type(path: str, head: _Head) -> None:
    """Take JSON in UTF-8 and nothing else, except where a standard or a stream wants otherwise.

    Strictness is also a guard: a web page of somebody else cannot send JSON unasked.
    """
    if head.content_encoding not in (b"", b"identity"):
        raise UnsupportedBody("Compressed bodies are not taken; send it as it is.")
    if head.content_type == b"application/json" and not path.startswith(_FORM_PREFIX):
        return
    media_type = _CHARSET.sub("", head.content_type.decode("latin-1")).strip().lower()
    if path.startswith(_FORM_PREFIX):
        taken = ["application/x-www-form-urlencoded"]
    elif path == BULK_PATH:
        taken = ["application/json", MEDIA_TYPE_LINES]
    else:
        taken = ["application/json"]
    if media_type not in taken:
        raise UnsupportedBody(f"Send {' or '.join(taken)}, in UTF-8.")


async def _with_checked_json(path: str, receive: Receive) -> Receive:
    """Read an ordinary body, refuse what is not strictly JSON, and let it be read once more."""
    if path.startswith(_FORM_PREFIX):
        return receive
    body = await read_body(receive)
    # None may come in chunks, too: what needs one says so.
    if body:
        check_body(body)
    return again({"type": "http.request", "body": body, "more_body": False}, receive)


def _limited(receive: Receive, size_max: int) -> Receive:
    """Count a body of unknown length while it is read. Raises BodyTooLarge."""
    size = 0

    async def receive_counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > size_max:
            raise BodyTooLarge(size_max)
        return message

    return receive_counted
