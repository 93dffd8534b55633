"""The HTTP protocol: uvicorn's, with limits on what a client may send and how slowly.

uvicorn has no deadline for a request's head or body, no limit on the head, and writes an answer's
head and body separately. Here heads are bounded in bytes, fields and time, bodies must keep a least
pace and not consist of chunk framing, too many connections are turned away, and head and body leave
in one write. What cannot be
served is answered with problem details like everything else, and the connection is closed.
"""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any, Final

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from aether_api.edge import BULK_PATH
from aether_api.express import ExpressLane, ExpressRequest
from aether_api.problems import (
    BodyTooLarge,
    HeadTooLarge,
    MalformedRequest,
    UrlTooLong,
    problem_of,
    respond_to,
)
from aether_core.errors import AetherError, Unavailable

HEAD_BYTES_MAX: Final = 32 * 1024
HEADER_COUNT_MAX: Final = 100
URL_LENGTH_MAX: Final = 8 * 1024
HEAD_LIMIT_S: Final = 10.0
"""How long a request's head may take from its first byte, and a new connection to send one."""
BODY_GRACE_S: Final = 20.0
BODY_BYTES_PER_S_MIN: Final = 1024
"""The least pace of a body after its grace; a client that we ourselves hold back is not meant."""

FRAMING_BYTES_MAX: Final = 16 * 1024
FRAMING_PER_BODY_BYTE: Final = 8
"""How much of a chunked body may be sizes, extensions and trailers (RFC 9112 section 7.1.1): so
much in any case, and so much for each byte of content. A byte in a chunk of its own needs five."""

_PATIENCE_MS: Final = 600_000
"""How long results of a bulk request may lie unread: most clients send all of it first. Whoever
vanishes while sending is too slow; other connections are given up by the kernel much sooner."""

_LAST_REQUEST_S: Final = 0.5
"""How long a new connection has for its request once the process is about to end."""

_END_OF_HEAD: Final = b"\r\n\r\n"
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """One client's connection."""

    connection_count_max = 5_000
    body_bytes_max = 64 * 1024
    bulk_bytes_max = 1024 * 1024 * 1024
    lane: ExpressLane | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*arguments, **named)
        # An instant while a request is arriving; None while none is, or it is there completely.
        self._began_at: float | None = time.monotonic()
        self._is_in_head = True
        self._arrived = 0
        """Bytes of the head, or of the body as it is framed, in whole reads."""
        self._content_length = 0
        """Bytes of the body's content so far."""
        self._content_length_max = self.body_bytes_max
        self._is_last = False
        # The instant of the last answer on the express lane while nothing has come after it.
        self._idle_since: float | None = None

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request in."""
        self._idle_since = None
        if self._began_at is None:
            # A request's head is on its way, if only the empty lines that may stand before one.
            self._began_at = time.monotonic()
        room = max(HEAD_BYTES_MAX - self._arrived, 0)
        self._arrived += len(data)
        if self._is_in_head and len(data) > room and data.find(_END_OF_HEAD, 0, room) < 0:
            self._refuse(HeadTooLarge())
            return
        super().data_received(data)
        if not self._is_in_head:
            framing = self._arrived - self._content_length
            allowed = FRAMING_BYTES_MAX + FRAMING_PER_BODY_BYTE * self._content_length
            if framing > allowed and not self.transport.is_closing():
                self._refuse(BodyTooLarge(self._content_length_max))

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._began_at = time.monotonic()
        self._is_in_head = True
        self._content_length = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Let the application answer, or refuse what goes beyond a limit."""
        self._is_in_head = False
        self._arrived = 0
        error = self._excess()
        if error is None and self._is_on_lane():
            return
        app = self.app
        if error is not None:
            self.app = _refusing(error)
        super().on_headers_complete()
        self.app = app
        if self._is_last and self.cycle is not None:
            self.cycle.keep_alive = False
        self._content_length_max = (
            self.bulk_bytes_max if self.scope["path"] == BULK_PATH else self.body_bytes_max
        )
        # Fields after the body are not the request's own (RFC 9110 section 6.5.1).
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Take content of a body in; close when there is no end of what nobody reads any more."""
        self._content_length += len(body)
        if self._content_length > self._content_length_max and self.cycle.response_complete:
            self.transport.close()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is there completely."""
        self._began_at = None
        self._is_in_head = True
        self._arrived = 0
        super().on_message_complete()
        request = self.cycle
        if isinstance(request, ExpressRequest) and not request.take():
            # The route shall look at it: it starts as if its head had only arrived now.
            self.cycle = None
            super().on_headers_complete()
            super().on_body(bytes(request.body))
            super().on_message_complete()

    def on_express_complete(self) -> None:
        """Go on after an answer on the express lane.

        As after any other, but that no timer is set for each: whoever looks for clients that are
        too slow finds those that are idle, too.
        """
        if self.pipeline:
            self.on_response_complete()
            return
        self.server_state.total_requests += 1
        self._idle_since = time.monotonic()

    def shutdown(self) -> None:
        """Begin to end: finish what is under way, and what a client has just come with.

        Its request may be here and unread: closing now would leave it without an answer.
        """
        if self.cycle is not None or self._is_last:
            super().shutdown()
            return
        self._is_last = True
        self.loop.call_later(_LAST_REQUEST_S, self.shutdown)

    def is_too_slow(self, now: float) -> bool:
        """Whether a request takes too long to come. now: of `time.monotonic`."""
        if self._idle_since is not None:
            return now - self._idle_since > self.timeout_keep_alive
        if self._began_at is None:
            return False
        passed = now - self._began_at
        if self._is_in_head:
            # Between two requests it is uvicorn's keep-alive that counts; and who is still to be
            # answered need not hurry with the next.
            return (
                passed > HEAD_LIMIT_S
                and self.timeout_keep_alive_task is None
                and not self._owes_an_answer()
            )
        if self.flow.read_paused:
            return False
        pace_min = (passed - BODY_GRACE_S) * BODY_BYTES_PER_S_MIN
        return passed > BODY_GRACE_S and self._content_length < pace_min

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._refuse(MalformedRequest(msg))

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: an upgrade that is not offered is simply not made (RFC 9110 section 7.8)."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401 - uvicorn's
        if cycle.scope["path"] == BULK_PATH:
            self._be_patient()
        if cycle.scope["method"] != "HEAD":
            cycle.transport = _JoiningTransport(cycle.transport)  # type: ignore[assignment]
        super()._start_asgi_task(cycle, app)

    def _be_patient(self) -> None:
        connection = self.transport.get_extra_info("socket")
        if connection is not None and connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _PATIENCE_MS)

    def _is_on_lane(self) -> bool:
        """Let a usual submission take the express lane, unless another is being answered."""
        if self.lane is None or self._is_last:
            return False
        if self.cycle is not None and not self.cycle.response_complete:
            return False
        request = self.lane.admit(self)
        if request is None:
            return False
        self.cycle = request  # type: ignore[assignment]
        return True

    def _owes_an_answer(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _excess(self) -> AetherError | None:
        if len(self.url) > URL_LENGTH_MAX:
            return UrlTooLong(URL_LENGTH_MAX)
        if len(self.headers) > HEADER_COUNT_MAX:
            return HeadTooLarge()
        # One that came behind another request in a read has not been counted as it arrived.
        if sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES_MAX:
            return HeadTooLarge()
        if len(self.connections) > self.connection_count_max:
            return Unavailable("Too many connections are open here.", 2)
        return None

    def _refuse(self, error: AetherError) -> None:
        """Answer without an application, and close.

        Nothing is said where it would be taken for the answer to something else: to an earlier
        request, or to a bulk request of which a part may have been taken.
        """
        if self._owes_an_answer():
            if self._is_in_head:
                self.cycle.keep_alive = False
                self.flow.pause_reading()
                return
            is_begun = self.cycle.response_started or self.cycle.scope["path"] == BULK_PATH
            if is_begun or self.pipeline:
                self.transport.close()
                return
        problem = problem_of(error, None, None)
        body = msgspec.json.encode(problem)
        self.transport.write(
            httptools_impl.STATUS_LINE[problem.status]
            + b"content-type: application/problem+json\r\n"
            + b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body)
            + body
        )
        self.transport.close()


class _JoiningTransport:
    """Holds an answer's head back until the first of its body, so that both leave in one write.

    What a cycle uses of its transport, and no more. A body always follows, if only an empty one,
    except for HEAD, which must not come here.
    """

    __slots__ = ("_has_head", "_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._has_head = False
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif not self._has_head and data != _CONTINUE:
            self._has_head = True
            self._head = data
            return
        self._transport.write(data)

    def close(self) -> None:
        if self._head:
            self.write(b"")
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


def _refusing(error: AetherError) -> ASGIApp:
    """Return an application that answers with this problem."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = respond_to(error, scope)
        response.headers["connection"] = "close"
        await response(scope, receive, send)

    return app
