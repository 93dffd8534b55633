"""The express lane: single submissions from the parser to the stream and back, at once.

In:   requests for `POST /transactions/` whose token is known and whose head holds nothing unusual.
Out:  their answers, byte for byte what the route gives: 201, or problem details.
A request as most clients send it needs no task, no scope, no framework: it is checked where it was
parsed, joins the next append, and is answered where the append ends. Whatever is unusual about
one, or wrong with it, is left to the route, which looks at it afresh from the beginning; so this
module decides nothing that the route does not.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.responses import Response
from starlette.types import Scope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from aether_api.acceptance import Acceptance, Placed
from aether_api.edge import REQUEST_ID, SECURITY_HEADERS, dress
from aether_api.fields import check_key
from aether_api.problems import respond_to
from aether_api.routes.transactions import (
    answer_accepted,
    check_may_write,
    check_may_write_to,
)
from aether_api.submission import CheckedSubmission, make_entry, read_submission
from aether_core.errors import AetherError
from aether_core.stream.publisher import Outcome
from aether_core.transaction import Transaction, pending_view, transaction_id_text

if TYPE_CHECKING:
    from aether_api.app import GatewayApp
    from aether_api.parts import Parts
    from aether_api.protocol import BoundedProtocol

logger = logging.getLogger(__name__)

_PATH: Final = b"/transactions/"
_METHOD: Final = b"POST"
_encode = msgspec.json.Encoder().encode

_READ: Final = frozenset(
    {b"authorization", b"content-length", b"content-type", b"idempotency-key", b"x-request-id"}
)
# A head that has one of these is unusual, as one that has one of the others twice.
_UNUSUAL: Final = frozenset(
    {b"content-encoding", b"expect", b"prefer", b"transfer-encoding", b"upgrade"}
)
_FORWARDED: Final = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-proto"})
_HEAD: Final = (
    b"content-type: application/json\r\n"
    + b"".join(b"%b: %b\r\n" % header for header in SECURITY_HEADERS)
    + b"cache-control: no-store\r\nlocation: /transactions/%b\r\nx-request-id: %b\r\n"
    b"content-length: %d\r\n%b\r\n"
)
_CLOSE: Final = b"connection: close\r\n"


class _NoEvent:
    """What nobody waits for."""

    def set(self) -> None:
        """Do nothing."""


class ExpressRequest:
    """One submission on the lane. To uvicorn it is a request in the midst of its answer."""

    __slots__ = (
        "_lane",
        "authorization",
        "body",
        "checked",
        "disconnected",
        "keep_alive",
        "key",
        "more_body",
        "protocol",
        "request_id",
        "response_complete",
        "shard",
        "transaction",
    )

    scope: Final[Scope] = {"path": _PATH.decode()}
    response_started: Final = False
    message_event: Final = _NoEvent()

    checked: CheckedSubmission
    transaction: Transaction
    shard: int

    def __init__(
        self,
        lane: ExpressLane,
        protocol: BoundedProtocol,
        authorization: str,
        key: str | None,
        request_id: bytes,
    ) -> None:
        self._lane = lane
        self.protocol = protocol
        self.authorization = authorization
        self.key = key
        self.request_id = request_id
        self.body = bytearray()
        self.more_body = True
        self.keep_alive = True
        self.disconnected = False
        self.response_complete = False

    def take(self) -> bool:
        """Check it and let it join the next append; False: the route shall look at it."""
        return self._lane.take(self)

    def settle(self, _index: int, outcome: Outcome) -> None:
        """Answer with what became of it."""
        try:
            self._lane.answer(self, outcome)
        except Exception:
            # It must not harm its neighbours in the group; no answer is an unknown outcome.
            logger.exception("a request crashed", extra={"request_id": self.request_id.decode()})
            self.protocol.transport.close()

    def send(self, head: bytes, body: bytes) -> None:
        """Send the answer. head: status line and fields, without the empty line."""
        protocol = self.protocol
        self.response_complete = True
        transport = protocol.transport
        if self.disconnected or transport.is_closing():
            return
        transport.write(head + body)
        if not self.keep_alive:
            transport.close()
        protocol.on_express_complete()

    def start(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        """Let the server know of work that the answer waits for."""
        task = self.protocol.loop.create_task(work)
        self.protocol.tasks.add(task)
        task.add_done_callback(self.protocol.tasks.discard)


class ExpressLane:
    """One a gateway process."""

    def __init__(
        self, app: GatewayApp, *, body_bytes_max: int, trusts_proxies: bool, has_origins: bool
    ) -> None:
        self._app = app
        # Longer ones are held back by the protocol while they are read.
        self._body_bytes_max = min(body_bytes_max, HIGH_WATER_LIMIT)
        self._unusual = _UNUSUAL | _FORWARDED if trusts_proxies else _UNUSUAL
        if has_origins:
            self._unusual |= {b"origin"}
        self._default_headers: list[tuple[bytes, bytes]] = []
        self._status_lines = b""

    def admit(self, protocol: BoundedProtocol) -> ExpressRequest | None:
        """Return the request whose head has just arrived, if it is a usual one."""
        parser = protocol.parser
        if protocol.url != _PATH or parser.get_method() != _METHOD:
            return None
        found: dict[bytes, bytes] = {}
        for name, value in protocol.headers:
            if name in _READ:
                if name in found:
                    return None
                found[name] = value
            elif name in self._unusual:
                return None
        authorization = found.get(b"authorization")
        if authorization is None or found.get(b"content-type") != b"application/json":
            return None
        if not 0 < int(found.get(b"content-length", 0)) <= self._body_bytes_max:
            return None
        if not parser.should_keep_alive() or parser.get_http_version() != "1.1":
            return None
        key = found.get(b"idempotency-key")
        request_id = found.get(b"x-request-id")
        if request_id is None or REQUEST_ID.fullmatch(request_id) is None:
            request_id = self._app.edge.next_id().encode("ascii")
        return ExpressRequest(
            self,
            protocol,
            authorization.decode("latin-1"),
            None if key is None else key.decode("latin-1"),
            request_id,
        )

    def take(self, request: ExpressRequest) -> bool:
        """Check a request that is there completely and let it join the next append.

        False: nothing was done; the route shall look at it.
        """
        parts: Parts = self._app.state.parts
        caller = parts.access.recognise(request.authorization)
        if caller is None:
            return False
        acceptance: Acceptance = parts.acceptance
        try:
            check_may_write(caller)
            key = request.key
            checked = read_submission(
                bytes(request.body), caller.account_id, None if key is None else check_key(key)
            )
            check_may_write_to(caller, checked.account_id)
            request.checked = checked
            request.transaction, submission = make_entry(checked, caller.subject)
            if not acceptance.has_room:
                return False
            request.shard = acceptance.enter(checked.account_id, submission, request)
        except AetherError:
            return False
        self._app.counts.express += 1
        return True

    def answer(self, request: ExpressRequest, outcome: Outcome) -> None:
        """Answer a request whose append has ended."""
        parts: Parts = self._app.state.parts
        placed = parts.acceptance.counts.add(outcome, request.shard)
        if not isinstance(placed, Placed) or placed.accepted.replayed:
            request.start(self._answer_by_route(request, placed, parts))
            return
        entry = placed.accepted.id
        text = transaction_id_text(
            entry.ms, entry.sequence, placed.shard, placed.accepted.incarnation
        )
        body = _encode(pending_view(text, entry.ms, request.transaction))
        head = _HEAD % (
            text.encode("ascii"),
            request.request_id,
            len(body),
            b"" if request.keep_alive else _CLOSE,
        )
        self._app.counts.add(201)
        request.send(self._beginning(request) + head, body)

    async def _answer_by_route(
        self, request: ExpressRequest, placed: Placed | AetherError, parts: Parts
    ) -> None:
        """Answer what is not a first success, as the route does."""
        response: Response
        state = {"request_id": request.request_id.decode("ascii")}
        scope: Scope = {"raw_path": _PATH, "state": state}
        if isinstance(placed, AetherError):
            response = respond_to(placed, scope)
        else:
            try:
                response = await answer_accepted(
                    parts, placed, request.checked, request.transaction
                )
            except Exception as error:  # noqa: BLE001 - nothing of it may reach the client
                response = respond_to(error, scope)
        headers = dress(list(response.raw_headers), request.request_id, is_secure=False)
        if not request.keep_alive:
            headers.append((b"connection", b"close"))
        self._app.counts.add(response.status_code)
        head = b"".join(b"%b: %b\r\n" % header for header in (*self._defaults(request), *headers))
        request.send(STATUS_LINE[response.status_code] + head + b"\r\n", bytes(response.body))

    def _beginning(self, request: ExpressRequest) -> bytes:
        """Return the status line and the server's own fields; they change once a second."""
        defaults = self._defaults(request)
        if defaults is not self._default_headers:
            self._default_headers = defaults
            self._status_lines = STATUS_LINE[201] + b"".join(b"%b: %b\r\n" % h for h in defaults)
        return self._status_lines

    @staticmethod
    def _defaults(request: ExpressRequest) -> list[tuple[bytes, bytes]]:
        return request.protocol.server_state.default_headers
