"""Bulk: many transactions in one request, with a result for each, in their order.

Lines are taken as they arrive: while one part is being appended the next is checked. Items are
independent: one that is refused never harms its neighbours.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from aether_api.acceptance import Acceptance, Gathering, Placed
from aether_api.access import Caller, authorization_of, require
from aether_api.bodies import read_body, read_lines
from aether_api.edge import MEDIA_TYPE_LINES
from aether_api.hot import HotRoute
from aether_api.parts import Parts
from aether_api.problems import BodyTooLarge, MalformedRequest, Problem, problem_of
from aether_api.query import refuse_unknown_query
from aether_api.routes.transactions import check_may_write, check_may_write_to, place_id
from aether_api.submission import make_entry, read_bulk_item
from aether_core.errors import AetherError, InvalidInput
from aether_core.settings import GatewaySettings
from aether_core.stream.publisher import Submission

router = APIRouter(prefix="/transactions", tags=["transactions"])

_PART_SIZE: Final = 200
"""Items that are checked in one go: about two milliseconds in which nobody else is served."""
_PARTS_UNDER_WAY_MAX: Final = 3
_NO_PARAMETERS: Final[frozenset[str]] = frozenset()

_ITEM = {"$ref": "#/components/schemas/NewBulkTransaction"}
_RESULT = {"$ref": "#/components/schemas/BulkResult"}
_DOCUMENTATION: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A JSON array, or one JSON object a line.",
        "content": {
            "application/json": {"schema": {"type": "array", "items": _ITEM}},
            MEDIA_TYPE_LINES: {"schema": _ITEM},
        },
    }
}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A result an item, in order, in the form of the request.",
        "content": {
            "application/json": {"schema": {"type": "array", "items": _RESULT}},
            MEDIA_TYPE_LINES: {"schema": _RESULT},
        },
    }
}


class _Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one item: its id, or a problem."""

    index: int
    id: UUID | None = None
    replayed: bool = False
    problem: Problem | None = None


_encode = msgspec.json.Encoder().encode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


async def submit_bulk(request: Request) -> Response:
    """Submit many transactions. Each that has an id in the answer is durable.

    Give each item an `idempotency_key`: then the whole request may be repeated. An item with a
    problem of status 503 may be sent again with its key; the others are not harmed by it.
    """
    parts: Parts = request.app.state.parts
    caller = await parts.access.authenticate(authorization_of(request))
    if request.scope["query_string"]:
        refuse_unknown_query(request.scope["query_string"], _NO_PARAMETERS)
    check_may_write(caller)
    if "idempotency-key" in request.headers:
        raise MalformedRequest("Give each item an `idempotency_key` instead of the header.")
    is_lines = request.headers["content-type"].startswith(MEDIA_TYPE_LINES)
    settings = parts.settings.gateway
    items = read_lines(request.receive) if is_lines else _array(request, settings)
    results = _Results(parts.acceptance, caller, settings)
    await results.take(items)
    if is_lines:
        body = b"".join(line + b"\n" for line in results.lines)
        return Response(body, media_type=MEDIA_TYPE_LINES)
    return Response(b"[" + b",".join(results.lines) + b"]", media_type="application/json")


router.add_api_route(
    "/bulk",
    submit_bulk,
    methods=["POST"],
    responses=_RESPONSES,
    response_class=Response,
    openapi_extra=_DOCUMENTATION,
    dependencies=[Depends(require())],
    route_class_override=HotRoute,
)


class _Results:
    """Takes a request's items part by part and gathers their encoded results."""

    def __init__(self, acceptance: Acceptance, caller: Caller, settings: GatewaySettings) -> None:
        self.lines: list[bytes] = []
        self._acceptance = acceptance
        self._caller = caller
        self._settings = settings
        self._count = 0
        self._under_way: list[tuple[list[int], Gathering]] = []

    async def take(self, items: AsyncIterator[list[bytes]]) -> None:
        """Take all items; returns when each has its result."""
        async for arrived in items:
            for start in range(0, len(arrived), _PART_SIZE):
                room = self._settings.bulk_item_count_max - self._count
                part = arrived[start : start + _PART_SIZE]
                await self._take_part(part[:room])
                if len(part) > room:
                    await self._finish(0)
                    self._refuse(self._count, _too_many(self._settings.bulk_item_count_max))
                    return
        await self._finish(0)

    async def _take_part(self, part: list[bytes]) -> None:
        first = self._count
        self._count += len(part)
        self.lines += [b""] * len(part)
        indices: list[int] = []
        submissions: list[tuple[str, Submission]] = []
        for index, item in enumerate(part, first):
            try:
                submissions.append(self._check(item))
            except AetherError as error:
                self._refuse(index, error)
            else:
                indices.append(index)
        if submissions:
            try:
                gathering = self._acceptance.offer(submissions)
            except AetherError as error:
                for index in indices:
                    self._refuse(index, error)
            else:
                self._under_way.append((indices, gathering))
        # Others are served in between, and the append under way gets on.
        await asyncio.sleep(0)
        await self._finish(_PARTS_UNDER_WAY_MAX)

    def _check(self, item: bytes) -> tuple[str, Submission]:
        if len(item) > self._settings.body_bytes_max:
            raise BodyTooLarge(self._settings.body_bytes_max)
        checked = read_bulk_item(item, self._caller.account_id)
        check_may_write_to(self._caller, checked.account_id)
        _, submission = make_entry(checked, self._caller.subject)
        return checked.account_id, submission

    async def _finish(self, left: int) -> None:
        """Wait for the oldest parts until no more than `left` are under way."""
        while len(self._under_way) > left:
            indices, gathering = self._under_way.pop(0)
            for index, outcome in zip(indices, await gathering.outcomes(), strict=True):
                if isinstance(outcome, Placed):
                    result = _Result(index, place_id(outcome), outcome.accepted.replayed)
                    self.lines[index] = _encode(result)
                else:
                    self._refuse(index, outcome)

    def _refuse(self, index: int, error: AetherError) -> None:
        line = _encode(_Result(index, problem=problem_of(error, None, None)))
        if index == len(self.lines):
            self.lines.append(line)
        else:
            self.lines[index] = line


async def _array(request: Request, settings: GatewaySettings) -> AsyncIterator[list[bytes]]:
    """Yield the items of a JSON array, at once: whether it is one is known only at its end."""
    body = await read_body(request.receive)
    try:
        items = _decode_array(body)
    except msgspec.ValidationError as error:
        raise InvalidInput("body", "The body must be a JSON array.") from error
    except (ValueError, RecursionError) as error:
        raise MalformedRequest(f"The body is not valid JSON: {error}.") from error
    if len(items) > settings.bulk_item_count_max:
        raise _too_many(settings.bulk_item_count_max)
    yield [bytes(item) for item in items]


def _too_many(count_max: int) -> InvalidInput:
    return InvalidInput(
        "body", f"At most {count_max} items are taken; this and all after it were not."
    )
