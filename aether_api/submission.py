"""Submission: from a body's bytes to a checked transaction, exactly.

In:   the bytes of one JSON object, and who sends it.
Out:  the stream's entry and its idempotency digests, or every field that is wrong.
A good body is decoded and checked in one pass; only a bad one is looked at again, field by field,
to name all that is wrong with it. Amounts stay text until they are minor units: no float anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, Literal

import msgspec

from aether_api.fields import (
    DESCRIPTION_LENGTH_MAX,
    LOCATION_LENGTH_MAX,
    MERCHANT_LENGTH_MAX,
    METADATA_KEY_PATTERN,
    Scalar,
    check_account,
    check_instant,
    check_key,
    check_metadata,
    check_text,
    now_us,
)
from aether_api.json_bodies import check_syntax, malformed
from aether_api.names import refuse_double_names, stand_once
from aether_api.problems import MalformedRequest
from aether_core.errors import AetherError, InvalidAmount, InvalidFields, InvalidInput
from aether_core.money import EXPONENTS, exponent_of, parse_minor_units
from aether_core.stream.contract import BODY_DIGEST_SIZE, DIGEST_SIZE
from aether_core.stream.publisher import Submission
from aether_core.transaction import KINDS, Transaction, encode_transaction

_NAME = re.compile(METADATA_KEY_PATTERN)


class _Body(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A submission as it is sent."""

    amount: msgspec.Raw
    merchant: str
    currency: str = "USD"
    account_id: str | None = None
    kind: Literal["purchase", "transfer", "withdrawal", "deposit", "refund"] = "purchase"
    occurred_at: datetime | None = None
    location: str | None = None
    description: str | None = None
    metadata: dict[str, Scalar] | None = None


class _BulkBody(_Body, forbid_unknown_fields=True, gc=False):
    """A submission inside a bulk request, which carries its own key."""

    idempotency_key: str | None = None


class CheckedSubmission(msgspec.Struct, frozen=True, gc=False):
    """A checked submission: what was asked for, and where it goes.

    A msgspec structure, since a frozen dataclass takes eight times as long to make.
    """

    account_id: str
    minor_units: int
    currency: str
    merchant: str
    kind: str
    occurred_at_us: int | None
    """Microseconds since the epoch; None: now."""
    location: str | None
    description: str | None
    metadata: dict[str, Scalar] | None
    idempotency_key: str | None


_decode_body: Callable[[bytes], _Body] = msgspec.json.Decoder(_Body).decode
_decode_bulk_body: Callable[[bytes], _BulkBody] = msgspec.json.Decoder(_BulkBody).decode
_decode_text: Callable[[bytes | msgspec.Raw], str] = msgspec.json.Decoder(str).decode
_decode_fields: Callable[[bytes], dict[str, msgspec.Raw]] = msgspec.json.Decoder(
    dict[str, msgspec.Raw]
).decode
_encode_plain = msgspec.msgpack.Encoder(order="deterministic").encode


def read_submission(
    body: bytes, own_account: str | None, key: str | None = None
) -> CheckedSubmission:
    """Read and check one submission.

    own_account: where it goes when it names no account; None: it must name one.
    key: its idempotency key, well formed.
    Raises MalformedRequest when it is not JSON, InvalidInput or InvalidFields naming every field
    that is wrong.
    """
    try:
        item = _decode_body(body)
        checked = _checked(item, own_account, key)
    except (InvalidInput, ValueError, RecursionError):
        raise _explained(body, _Body, own_account) from None
    if not stand_once(body, _name_count(item, body)):
        refuse_double_names(body)
    return checked


def read_bulk_item(body: bytes, own_account: str | None) -> CheckedSubmission:
    """Read and check one submission of a bulk request; as `read_submission`, with a key inside."""
    try:
        item = _decode_bulk_body(body)
        key = item.idempotency_key
        checked = _checked(item, own_account, None if key is None else check_key(key))
    except (InvalidInput, ValueError, RecursionError):
        raise _explained(body, _BulkBody, own_account) from None
    if not stand_once(body, _name_count(item, body) + (key is not None)):
        refuse_double_names(body)
    return checked


def make_entry(request: CheckedSubmission, submitter: str) -> tuple[Transaction, Submission]:
    """Return the transaction as it rests in the stream, and what the publisher appends.

    submitter: the user's or the service client's id. Keys are theirs, per account: two of them,
    or one on two accounts, never meet. A request without a key gets no digest.
    """
    digest = body_digest = b""
    if request.idempotency_key is not None:
        digest = _digest_of_key(submitter, request.account_id, request.idempotency_key)
        body_digest = _digest_of_body(request)
    occurred_at_us = request.occurred_at_us
    transaction = Transaction(
        user_id=submitter,
        account_id=request.account_id,
        minor_units=request.minor_units,
        currency=request.currency,
        merchant=request.merchant,
        kind=request.kind,
        occurred_at_us=now_us() if occurred_at_us is None else occurred_at_us,
        location=request.location,
        description=request.description,
        metadata=request.metadata,
        idempotency_digest=digest or None,
        body_digest=body_digest or None,
    )
    return transaction, Submission(encode_transaction(transaction), digest, body_digest)


def _name_count(item: _Body, body: bytes) -> int:
    """Return how many names a body has, or fewer: one that was sent as null does not count."""
    is_flat = item.metadata is None
    return (
        2
        # A default may have been sent or not. In a text the quotes would be escaped.
        + (item.currency != "USD" or (is_flat and b'"currency":' in body))
        + (item.kind != "purchase" or (is_flat and b'"kind":' in body))
        + (item.account_id is not None)
        + (item.occurred_at is not None)
        + (item.location is not None)
        + (item.description is not None)
        + (0 if item.metadata is None else 1 + len(item.metadata))
    )


def _digest_of_key(submitter: str, account_id: str, key: str) -> bytes:
    # None of the three can hold a NUL, so that the joints are unmistakable.
    text = f"{submitter}\0{account_id}\0{key}"
    return blake2b(text.encode(), digest_size=DIGEST_SIZE).digest()


def _digest_of_body(request: CheckedSubmission) -> bytes:
    """Digest what was asked for, not how: spacing, order and spelling of numbers do not count."""
    canonical = _encode_plain(
        (
            request.account_id,
            request.minor_units,
            request.currency,
            request.merchant,
            request.kind,
            request.occurred_at_us,
            request.location,
            request.description,
            request.metadata,
        )
    )
    return blake2b(canonical, digest_size=BODY_DIGEST_SIZE).digest()


def _checked(body: _Body, own_account: str | None, key: str | None) -> CheckedSubmission:
    """Check the fields of a body whose types are right. Raises InvalidInput for the first."""
    currency = body.currency
    metadata = body.metadata
    occurred_at = body.occurred_at
    location = body.location
    description = body.description
    return CheckedSubmission(
        account_id=_account(body.account_id, own_account),
        minor_units=parse_minor_units(_amount_text(body.amount), currency),
        currency=currency,
        merchant=check_text("merchant", body.merchant, MERCHANT_LENGTH_MAX),
        kind=body.kind,
        occurred_at_us=None if occurred_at is None else check_instant(occurred_at),
        location=None
        if location is None
        else check_text("location", location, LOCATION_LENGTH_MAX),
        description=(
            None
            if description is None
            else check_text("description", description, DESCRIPTION_LENGTH_MAX)
        ),
        metadata=check_metadata(metadata) if metadata else None,
        idempotency_key=key,
    )


def _amount_text(raw: msgspec.Raw) -> str:
    data = bytes(raw)
    if data.startswith(b'"'):
        text = _decode_text(data)
        if len(text) > 64:
            raise InvalidAmount("The amount is too large or has too many digits.")
        return text
    if data[:1] in b"-0123456789":
        # A JSON number, as it stands. None of 64 characters is an amount: cut, it is refused too.
        return data[:64].decode("ascii")
    raise InvalidAmount('The amount must be a decimal such as "12.34".')


def _account(named: str | None, own_account: str | None) -> str:
    if named is None:
        if own_account is None:
            raise InvalidInput("account_id", "This field is required: you have no account.")
        return own_account
    return check_account(named)


# --- a bad body, looked at field by field ---

_EXPECTED: Final = {
    "merchant": "This must be a text.",
    "currency": "This must be a currency code such as EUR.",
    "account_id": "This must be a text.",
    "kind": f"This must be one of {', '.join(KINDS)}.",
    "occurred_at": "This must be an RFC 3339 instant such as 2026-01-31T12:00:00Z.",
    "location": "This must be a text.",
    "description": "This must be a text.",
    "metadata": "This must be a flat object of texts, whole numbers, true, false and null.",
    "idempotency_key": "This must be a text.",
}


def _explained(body: bytes, kind: type[_Body], own_account: str | None) -> AetherError:
    """Return the error that names all that is wrong with a body that was refused."""
    try:
        check_syntax(body)
        fields = _decode_fields(body)
    except MalformedRequest as error:
        return error
    except msgspec.ValidationError:
        return InvalidInput("body", "The body must be a JSON object.")
    except (ValueError, RecursionError) as error:
        return malformed(error, len(body))
    found = list(_wrong_fields(fields, kind, own_account))
    if found:
        return found[0] if len(found) == 1 else InvalidFields(found)
    # The parts are right and the whole is not: bytes that are not UTF-8, say.
    return MalformedRequest("The body is not valid JSON in UTF-8.")


def _wrong_fields(
    fields: dict[str, msgspec.Raw], kind: type[_Body], own_account: str | None
) -> list[InvalidInput]:
    known = {field.name: field for field in msgspec.structs.fields(kind)}
    found = [
        InvalidInput(_shown(name), "This field is not known here.")
        for name in fields
        if name not in known
    ]
    found += [
        InvalidInput(name, "This field is required.")
        for name, field in known.items()
        if field.required and name not in fields
    ]
    values: dict[str, Any] = {"account_id": None}
    for name in fields.keys() & known.keys():
        try:
            raw = fields[name]
            values[name] = (
                raw if name == "amount" else msgspec.json.decode(raw, type=known[name].type)
            )
        except (ValueError, RecursionError):
            found.append(InvalidInput(name, _EXPECTED[name]))
            values.pop(name, None)
    for name, value in values.items():
        try:
            _check_value(name, value, values.get("currency", "USD"), own_account)
        except InvalidInput as error:
            found.append(error)
    order = list(known)
    return sorted(found, key=lambda e: order.index(e.field) if e.field in order else len(order))


def _check_value(name: str, value: Any, currency: str, own_account: str | None) -> None:  # noqa: ANN401 - of the field's type
    if name == "amount":
        _check_amount(value, currency)
    elif name == "account_id":
        _account(value, own_account)
    elif value is not None and name in _CHECKS:
        _CHECKS[name](value)


def _check_amount(raw: msgspec.Raw, currency: str) -> None:
    try:
        text = _amount_text(raw)
    except ValueError:
        raise InvalidAmount('The amount must be a decimal such as "12.34".') from None
    # When the currency is wrong that is said already; two decimals are what most of them have.
    parse_minor_units(text, currency if currency in EXPONENTS else "USD")


_CHECKS: Final[dict[str, Callable[[Any], object]]] = {
    "currency": exponent_of,
    "merchant": lambda text: check_text("merchant", text, MERCHANT_LENGTH_MAX),
    "location": lambda text: check_text("location", text, LOCATION_LENGTH_MAX),
    "description": lambda text: check_text("description", text, DESCRIPTION_LENGTH_MAX),
    "occurred_at": check_instant,
    "metadata": check_metadata,
    "idempotency_key": check_key,
}


def _shown(name: str) -> str:
    """Return an unknown field's name so that it is safe to show."""
    return name if _NAME.fullmatch(name) else "body"
