"""Transactions: submit one, list, get one, and the backlog."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response
from starlette.types import Receive

from aether_api import schemas
from aether_api.acceptance import Placed
from aether_api.access import Caller, authorization_of, require
from aether_api.backlog import measure_backlog
from aether_api.bodies import ClientLeft, read_body
from aether_api.fields import KEY_PATTERN, check_account, check_key, check_text
from aether_api.hot import HotResponse, HotRoute
from aether_api.paging import LIMIT_DEFAULT, LIMIT_MAX, Page
from aether_api.parts import Parts, parts_of
from aether_api.prefer import wait_preference
from aether_api.problems import MalformedRequest
from aether_api.query import check_currency, parse_id, parse_instant, refuse_unknown_query
from aether_api.reading import Discarded, read_pending, read_transaction
from aether_api.submission import CheckedSubmission, make_entry, read_submission
from aether_core.database.connection import borrow
from aether_core.database.transactions import TransactionFilter, find_transactions
from aether_core.errors import (
    AetherError,
    InvalidInput,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    TransactionDiscarded,
)
from aether_core.money import parse_minor_units
from aether_core.transaction import (
    Place,
    Transaction,
    TransactionView,
    pending_view,
    transaction_id,
    us_of_instant,
)

router = APIRouter(prefix="/transactions", tags=["transactions"])

WRITE: Final = "transactions:write"
READ: Final = "transactions:read"

_may_write: Final = require(WRITE).policy
_may_read: Final = require(READ).policy
check_may_write: Final = _may_write.check
"""Raises NotPermitted for a caller who may not submit anything."""
check_may_write_to: Final = _may_write.check_account
"""Raises NotPermitted for a caller who may not submit for an account."""

_encode = msgspec.json.Encoder().encode
_JSON: Final = (b"content-type", b"application/json")
_NO_PARAMETERS: Final[frozenset[str]] = frozenset()

_SUBMIT_DOCUMENTATION: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/NewTransaction"}}
        },
    },
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": (
                "Makes a repetition safe: the same key and body give the first answer again, with"
                " `Idempotency-Replayed: true`; another body under the same key is refused (422)."
                " Keys are remembered for 24 hours, per submitter and account."
            ),
            "schema": {"type": "string", "pattern": f"^{KEY_PATTERN}$"},
        },
        {
            "name": "Prefer",
            "in": "header",
            "required": False,
            "description": (
                "`wait=N` (RFC 7240) answers once the transaction is written, with its score and"
                " decision; after N seconds, of which 30 count at most unless the gateway is set up"
                " otherwise, as `pending`. What is malformed is ignored."
            ),
            "schema": {"type": "string"},
            "example": "wait=2",
        },
    ],
}
_SUBMIT_HEADERS: Final[dict[str, Any]] = {
    "Location": {"description": "The transaction.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` when this key was accepted before.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Preference-Applied": {
        "description": "For how many seconds was waited at most.",
        "schema": {"type": "string"},
        "example": "wait=2",
    },
}
_SUBMIT_ANSWERS: Final[dict[str, Any]] = {
    "application/json": {
        "examples": {
            "pending": {
                "summary": "Durable, not yet written",
                "value": schemas.TRANSACTION_EXAMPLE,
            },
            "processed": {
                "summary": "Written, after `Prefer: wait=2`",
                "value": schemas.TRANSACTION_EXAMPLE
                | {"status": "processed", "score": 0.0312, "decision": "approve"},
            },
        }
    }
}

_GET_HEADERS: Final[dict[str, Any]] = {
    "Content-Location": {
        "description": "Its present address, when it was processed anew under another id.",
        "schema": {"type": "string"},
    },
}


async def submit(request: Request) -> Response:
    """Submit a transaction: it is durable when this answers 201, and written soon after.

    With `Prefer: wait=2` it answers once it is written, or after two seconds as `pending`.
    Needs `transactions:write` for your own account, `transactions:write_any` for any. After 503
    with `outcome-unknown`, repeat the request with the same Idempotency-Key.
    """
    parts: Parts = request.app.state.parts
    caller = await parts.access.authenticate(authorization_of(request))
    if request.scope["query_string"]:
        refuse_unknown_query(request.scope["query_string"], _NO_PARAMETERS)
    check_may_write(caller)
    key, preferences = _key_and_preferences(request)
    checked = read_submission(await read_body(request.receive), caller.account_id, key)
    check_may_write_to(caller, checked.account_id)
    transaction, submission = make_entry(checked, caller.subject)
    placed = await parts.acceptance.accept(checked.account_id, submission)
    if preferences:
        wait_s = wait_preference(preferences, parts.settings.gateway.wait_s_max)
        if wait_s is not None:
            view = await _written_view(parts, placed, wait_s, request.receive)
            answer = await answer_accepted(parts, placed, checked, transaction, view)
            answer.raw_headers.append((b"preference-applied", b"wait=%d" % wait_s))
            return answer
    return await answer_accepted(parts, placed, checked, transaction)


async def answer_accepted(
    parts: Parts,
    placed: Placed,
    checked: CheckedSubmission,
    transaction: Transaction,
    view: TransactionView | None = None,
) -> HotResponse:
    """Return the answer to a submission that is in the stream. view: as it is written."""
    if view is None:
        view = await _first_view(parts, placed, checked, transaction)
    headers = [_JSON, (b"location", f"/transactions/{view.id}".encode("ascii"))]
    if placed.accepted.replayed:
        headers.append((b"idempotency-replayed", b"true"))
    return HotResponse(_encode(view), 201, headers)


router.add_api_route(
    "/",
    submit,
    methods=["POST"],
    status_code=201,
    response_model=schemas.Transaction,
    responses={201: {"headers": _SUBMIT_HEADERS, "content": _SUBMIT_ANSWERS}},
    openapi_extra=_SUBMIT_DOCUMENTATION,
    dependencies=[Depends(require(WRITE))],
    route_class_override=HotRoute,
)


@router.get("/", response_model=list[schemas.Transaction])
async def list_transactions(
    request: Request,
    caller: Annotated[Caller, Depends(require(READ))],
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    account_id: str | None = None,
    merchant: str | None = None,
    currency: str | None = None,
    decision: schemas.Decision | None = None,
    is_flagged: bool | None = None,
    amount_min: Annotated[str | None, Query(description="Needs `currency`.")] = None,
    amount_max: Annotated[str | None, Query(description="Needs `currency`.")] = None,
    score_min: Annotated[float | None, Query(ge=0, le=1)] = None,
    since: Annotated[str | None, Query(description="RFC 3339; accepted at or after it.")] = None,
    until: Annotated[str | None, Query(description="RFC 3339; accepted before it.")] = None,
) -> Response:
    """List written transactions, newest first; further pages by `Link: <…>; rel="next"`.

    A customer sees their own account's.
    """
    parts = parts_of(request)
    page = Page(request, cursor)
    check_currency(currency)
    which = TransactionFilter(
        account_id=_visible_account(caller, account_id),
        merchant=None if merchant is None else check_text("merchant", merchant, 140),
        currency=currency,
        decision=decision,
        is_flagged=is_flagged,
        amount_min=_minor_units("amount_min", amount_min, currency),
        amount_max=_minor_units("amount_max", amount_max, currency),
        score_min=score_min,
        since=parse_instant("since", since),
        until=parse_instant("until", until),
        before=page.before,
    )
    async with borrow(parts.pool) as connection:
        found = await find_transactions(connection, which, limit + 1)
    headers = page.cut(found, limit)
    return Response(_encode(found), 200, headers, "application/json")


@router.get("/stream/length", response_model=schemas.StreamLength)
async def stream_length(
    request: Request, _caller: Annotated[Caller, Depends(require())]
) -> Response:
    """Tell the true backlog: transactions that are accepted and not yet written."""
    parts = parts_of(request)
    backlog = await measure_backlog(parts.redis, parts.agreement)
    return Response(_encode(backlog), media_type="application/json")


@router.get(
    "/{transaction_id}",
    response_model=schemas.Transaction,
    responses={
        200: {"headers": _GET_HEADERS},
        404: {"model": schemas.Problem},
        410: {"description": "It could not be processed; discarded"},
    },
)
async def get_transaction(
    request: Request,
    transaction_id: str,
    caller: Annotated[Caller, Depends(require(READ))],
) -> Response:
    """Get one transaction, also while it is pending.

    One that had to be processed anew has another id since, which its first one leads to. 404 for
    one that does not exist and for one that is not yours to see.
    """
    identifier = parse_id(transaction_id, "transaction")
    found = await read_transaction(parts_of(request), identifier)
    view = found.view if isinstance(found, Discarded) else found
    if view is None or not _may_read.reaches(caller, view.account_id):
        raise NotFound("transaction")
    if isinstance(found, Discarded):
        raise TransactionDiscarded
    headers = {} if view.id == identifier else {"Content-Location": f"/transactions/{view.id}"}
    return Response(_encode(view), 200, headers, "application/json")


def place_id(placed: Placed) -> Any:  # noqa: ANN401 - a UUID
    """Return the id of an accepted transaction."""
    entry = placed.accepted.id
    return transaction_id(entry.ms, entry.sequence, placed.shard, placed.accepted.incarnation)


async def _first_view(
    parts: Parts, placed: Placed, checked: CheckedSubmission, transaction: Transaction
) -> TransactionView:
    """Return the answer that the first request with this key got, or gets."""
    identifier = place_id(placed)
    if placed.accepted.replayed and checked.occurred_at_us is None:
        # It occurred when it was first submitted, which only the first one's entry or row knows.
        try:
            # The stream first: it is there, or was just asked, also when PostgreSQL is away.
            found: TransactionView | Discarded | None = await read_pending(parts, identifier)
            found = found or await read_transaction(parts, identifier)
        except AetherError as error:
            raise OutcomeUnknown from error
        first = found.view if isinstance(found, Discarded) else found
        if first is not None:
            transaction = msgspec.structs.replace(
                transaction, occurred_at_us=us_of_instant(first.occurred_at)
            )
    return pending_view(identifier, placed.accepted.id.ms, transaction)


async def _written_view(
    parts: Parts, placed: Placed, wait_s: int, receive: Receive
) -> TransactionView | None:
    """Wait until a transaction is written, or its client has gone. Raises ClientLeft."""
    identifier = place_id(placed)
    entry = placed.accepted.id
    place = Place(entry.ms, entry.sequence, placed.shard, placed.accepted.incarnation)
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_watch(receive), name="waiting client")
            view = await parts.written.wait(
                identifier, place, wait_s, may_be_old=placed.accepted.replayed
            )
            watching.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return view


async def _watch(receive: Receive) -> None:
    """Wait until the client goes. Raises ClientLeft."""
    while (await receive())["type"] == "http.request":
        pass
    raise ClientLeft


def _key_and_preferences(request: Request) -> tuple[str | None, list[bytes]]:
    """Return the idempotency key, and what a client would like."""
    found: list[bytes] = []
    preferences: list[bytes] = []
    for name, value in request.scope["headers"]:
        if name == b"idempotency-key":
            found.append(value)
        elif name == b"prefer":
            preferences.append(value)
    if not found:
        return None, preferences
    if len(found) > 1:
        raise MalformedRequest("There are two Idempotency-Key headers.")
    try:
        return check_key(found[0].decode("ascii")), preferences
    except (InvalidInput, UnicodeDecodeError) as error:
        raise MalformedRequest(
            "An Idempotency-Key has 1 to 128 visible ASCII characters."
        ) from error


def _visible_account(caller: Caller, account_id: str | None) -> str | None:
    """Return the account that a list is limited to; None: all of them."""
    if account_id is None and _may_read.reaches_all(caller):
        return None
    wanted = caller.account_id if account_id is None else check_account(account_id)
    if wanted is None:
        # Nobody without an account comes here; None would be all of them.
        raise NotPermitted("You have no account, and may not see those of others.")
    _may_read.check_account(caller, wanted)
    return wanted


def _minor_units(field: str, text: str | None, currency: str | None) -> int | None:
    if text is None:
        return None
    if currency is None:
        raise InvalidInput(field, "An amount is compared within one currency: give `currency` too.")
    try:
        return parse_minor_units(text, currency)
    except InvalidInput as error:
        raise InvalidInput(field, error.detail) from error
