"""Bulk: many transactions in one request, with a result for each, in their order."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from aether_api.acceptance import Placed
from aether_api.access import authorization_of, require
from aether_api.bodies import again
from aether_api.bulk.group import read_group
from aether_api.bulk.intake import Intake, Summary, success
from aether_api.bulk.items import (
    ARRAY_BYTES_WHOLE_MAX,
    items_of,
    lines_of,
    read_array,
    read_lines,
)
from aether_api.bulk.outbox import Outbox
from aether_api.bulk.room import BulkRoom
from aether_api.bulk.together import ITEM_COUNT_MAX
from aether_api.edge import MEDIA_TYPE_LINES
from aether_api.hot import HotResponse, HotRoute
from aether_api.parts import Parts
from aether_api.problems import MalformedRequest
from aether_api.query import refuse_unknown_query
from aether_api.refusals import Responses
from aether_api.routes.transactions import WRITE, check_may_write
from aether_core.errors import InvalidInput, Unavailable
from aether_core.settings import Settings

router = APIRouter(prefix="/transactions", tags=["transactions"])

_PARAMETERS: Final = frozenset({"on_error"})
_ON_ERROR: Final = ("continue", "atomic")

_ITEM = {"$ref": "#/components/schemas/NewBulkTransaction"}
_RESULT = {"$ref": "#/components/schemas/BulkResult"}
_SUMMARY = {"$ref": "#/components/schemas/BulkSummary"}
_EXAMPLE_ITEM: Final = {
    "account_id": "acc-7f3k2m",
    "amount": "12.34",
    "currency": "EUR",
    "merchant": "Corner Bakery",
    "idempotency_key": "till-4-000017",
}
_EXAMPLE_LINES: Final = (
    '{"index":0,"id":"0199c1f2-7c1d-7000-8000-1c0004d2a1b3"}\n'
    '{"index":1,"id":"0199c1f2-7c1d-7000-8000-1c0004d2a1b3","replayed":true}\n'
    '{"complete":true,"received_count":2,"accepted_count":1,"replayed_count":1,"refused_count":0}\n'
)
_DOCUMENTATION: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A JSON array, or one JSON object a line.",
        "content": {
            "application/json": {
                "schema": {"type": "array", "items": _ITEM},
                "example": [_EXAMPLE_ITEM],
            },
            MEDIA_TYPE_LINES: {"schema": _ITEM},
        },
    },
    "parameters": [
        {
            "name": "on_error",
            "in": "query",
            "required": False,
            "description": (
                "`continue`: each item is taken or refused by itself. `atomic`: all of up to"
                f" {ITEM_COUNT_MAX} items or none; a refusal is one problem that names every item"
                " that is wrong (`3.amount`, counted from 0)."
            ),
            "schema": {"type": "string", "enum": list(_ON_ERROR), "default": _ON_ERROR[0]},
        }
    ],
}
_RESPONSES: Final[Responses] = {
    200: {
        "description": (
            "A result an item, in order, in the form of the request. An answer in lines ends with a"
            " summary, an array with its bracket: without it the answer broke off, and what has no"
            " result may have been taken or not. Send that again with its keys."
        ),
        "content": {
            "application/json": {"schema": {"type": "array", "items": _RESULT}},
            MEDIA_TYPE_LINES: {
                "schema": {"oneOf": [_RESULT, _SUMMARY]},
                "example": _EXAMPLE_LINES,
            },
        },
    }
}

_encode = msgspec.json.Encoder().encode


async def submit_bulk(request: Request) -> Response:
    """Submit many transactions. Each that has an id in the answer is durable.

    Results are sent while the body still arrives. Give each item an `idempotency_key`: then the
    whole request may be repeated. An item with a problem of status 503 may be sent again with its
    key after `retry_after_s` seconds; the others are not harmed by it. Where a request ends too
    early (too many items, a broken array), its last result says why: that item and all after it
    were not taken.
    """
    parts: Parts = request.app.state.parts
    caller = await parts.access.authenticate(authorization_of(request))
    on_error = _on_error(request)
    check_may_write(caller)
    if "idempotency-key" in request.headers:
        raise MalformedRequest("Give each item an `idempotency_key` instead of the header.")
    is_lines = request.headers.get("content-type", "").startswith(MEDIA_TYPE_LINES)
    if on_error == "atomic":
        items = await read_group(request.receive, caller, parts.settings.gateway, is_lines=is_lines)
        return _answer_together(await parts.together.accept(items), is_lines=is_lines)
    intake = Intake(parts.acceptance, parts.bulk_room, caller, parts.settings.gateway)
    return _BulkAnswer(intake, parts.bulk_room, parts.settings, is_lines=is_lines)


router.add_api_route(
    "/bulk",
    submit_bulk,
    methods=["POST"],
    responses=_RESPONSES,
    response_class=Response,
    openapi_extra=_DOCUMENTATION,
    dependencies=[Depends(require(WRITE))],
    route_class_override=HotRoute,
)


def _on_error(request: Request) -> str:
    if not request.scope["query_string"]:
        return _ON_ERROR[0]
    refuse_unknown_query(request.scope["query_string"], _PARAMETERS)
    wanted = request.query_params.get("on_error", _ON_ERROR[0])
    if wanted not in _ON_ERROR:
        raise InvalidInput("on_error", f"This must be one of {', '.join(_ON_ERROR)}.")
    return wanted


def _answer_together(placed: list[Placed], *, is_lines: bool) -> Response:
    results = [success(index, one) for index, one in enumerate(placed)]
    if not is_lines:
        return Response(b"[%b]" % b",".join(results), media_type="application/json")
    replayed = sum(one.accepted.replayed for one in placed)
    summary = Summary(
        complete=True,
        received_count=len(placed),
        accepted_count=len(placed) - replayed,
        replayed_count=replayed,
        refused_count=0,
    )
    lines = [*results, _encode(summary), b""]
    return Response(b"\n".join(lines), media_type=MEDIA_TYPE_LINES)


class _BulkAnswer(Response):
    """Answers a bulk request while it reads it."""

    def __init__(
        self, intake: Intake, room: BulkRoom, settings: Settings, *, is_lines: bool
    ) -> None:
        self.background = None
        self._intake = intake
        self._room = room
        self._is_cut = False
        self._settings = settings
        self._is_lines = is_lines
        self._media_type = MEDIA_TYPE_LINES if is_lines else "application/json"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, append and answer."""
        first = await receive()
        if first["type"] == "http.request" and not first.get("more_body", False):
            response = await self._answer_whole(first.get("body", b""))
            if response is not None:
                await response(scope, receive, send)
                return
        receive = again(first, receive)
        outbox = Outbox(self._media_type, self._settings.spool_directory)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(outbox.run(send), name="bulk answer")
                await self._fill(outbox, self._until_the_end(receive))
                if self._is_cut:
                    await _read_to_the_end(receive)
                outbox.finish()
        except BaseExceptionGroup as errors:
            # What ended it; the other task only says that it was cancelled.
            raise errors.exceptions[0] from None
        finally:
            outbox.close()

    async def _answer_whole(self, body: bytes) -> Response | None:
        """Return the answer to a short body that has arrived in one piece; None: it is long."""
        if len(body) > ARRAY_BYTES_WHOLE_MAX:
            return None
        length_max = self._settings.gateway.body_bytes_max
        items = lines_of(body, length_max) if self._is_lines else items_of(body)
        if not self._intake.takes_at_once(len(items)):
            return None
        results = await self._intake.run_whole(items)
        if self._is_lines:
            content = b"\n".join([*results, _encode(self._intake.summary), b""])
        else:
            content = b"[%b]" % b",".join(results)
        return HotResponse(content, 200, [(b"content-type", self._media_type.encode("ascii"))])

    async def _fill(self, outbox: Outbox, receive: Receive) -> None:
        length_max = self._settings.gateway.body_bytes_max
        if self._is_lines:
            items = read_lines(receive, length_max)
            await self._intake.run(items, outbox, b"", b"\n")
            before = b"\n" if self._intake.summary.received_count else b""
            await outbox.put(before + _encode(self._intake.summary) + b"\n")
        else:
            await self._intake.run(read_array(receive, length_max), outbox, b"[", b",")
            await outbox.put(b"]")

    def _until_the_end(self, receive: Receive) -> Receive:
        """Read no more once the process is about to end."""

        async def receive_or_end() -> Message:
            if self._room.is_ending:
                self._is_cut = True
                raise Unavailable(
                    "The gateway is about to end; this item and all after it were not taken."
                )
            return await receive()

        return receive_or_end


async def _read_to_the_end(receive: Receive) -> None:
    """Throw the rest of a body away: what is unread when a connection is closed resets it.

    The answer could be lost by that.
    """
    is_last = False
    while not is_last:
        message = await receive()
        is_last = message["type"] != "http.request" or not message.get("more_body", False)
