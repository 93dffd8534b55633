"""Query parameters: one rule for all endpoints, and the values that lists filter by.

A parameter that an endpoint does not know, or that comes twice, is an error: a filter that is
silently left out would show other rows than were asked for.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from aether_api.access import Requirement, access_of, authorization_of
from aether_core.errors import AetherError, InvalidFields, InvalidInput, NotFound
from aether_core.money import exponent_of

_PARAMETER_COUNT_MAX = 50
_NUMBER_LENGTH_MAX = 18


async def check_query(request: Request) -> None:
    """Refuse unknown and repeated query parameters; a dependency of every endpoint."""
    text: bytes = request.scope["query_string"]
    if not text:
        return
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    try:
        refuse_unknown_query(text, frozenset(_names(route.dependant)))
    except AetherError:
        if _needs_token(route.dependant):
            # Whoever is not signed in learns that first: also with a token in the query.
            await access_of(request).authenticate(authorization_of(request))
        raise


def refuse_unknown_query(text: bytes, known: frozenset[str]) -> None:
    """Raise InvalidFields when a query has parameters that are unknown or come twice."""
    try:
        pairs = parse_qsl(
            text.decode("latin-1"), keep_blank_values=True, max_num_fields=_PARAMETER_COUNT_MAX
        )
    except ValueError as error:
        raise InvalidInput("query", "There are too many query parameters.") from error
    seen: set[str] = set()
    found: list[InvalidInput] = []
    for name, _ in pairs:
        if name not in known:
            # The name is somebody's text; only ours are repeated.
            found.append(InvalidInput("query", "There is a query parameter not known here."))
        elif name in seen:
            found.append(InvalidInput(name, "This parameter may be given once."))
        seen.add(name)
    _raise(found)


def parse_id(text: str, what: str) -> UUID:
    """Return an id in its one canonical form. Raises NotFound: nothing has another id."""
    try:
        identifier = UUID(text)
    except ValueError as error:
        raise NotFound(what) from error
    if str(identifier) != text:
        raise NotFound(what)
    return identifier


def parse_number(text: str, what: str) -> int:
    """Return a number that counts from 1, in its one canonical form. Raises NotFound."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= _NUMBER_LENGTH_MAX
    if not is_number or text.startswith("0"):
        raise NotFound(what)
    return int(text)


def parse_instant(field: str, text: str | None) -> datetime | None:
    """Return an RFC 3339 instant with its zone. Raises InvalidInput."""
    if text is None:
        return None
    try:
        instant = msgspec.convert(text, datetime)
    except msgspec.ValidationError as error:
        raise InvalidInput(
            field, "This must be an RFC 3339 instant such as 2026-01-31T12:00:00Z."
        ) from error
    if instant.tzinfo is None:
        raise InvalidInput(field, "The instant needs a zone, such as Z.")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:  # at the ends of the calendar
        raise InvalidInput(field, "This instant is out of range.") from error


def check_currency(currency: str | None) -> str | None:
    """Return a currency that exists. Raises UnknownCurrency."""
    if currency is not None:
        exponent_of(currency)
    return currency


def _names(dependant: Dependant) -> set[str]:
    names = {field.alias for field in dependant.query_params}
    return names.union(*(_names(inner) for inner in dependant.dependencies))


def _needs_token(dependant: Dependant) -> bool:
    return isinstance(dependant.call, Requirement) or any(
        _needs_token(inner) for inner in dependant.dependencies
    )


def _raise(found: list[InvalidInput]) -> None:
    error: AetherError
    if not found:
        return
    error = found[0] if len(found) == 1 else InvalidFields(found)
    raise error
