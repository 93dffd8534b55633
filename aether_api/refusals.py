"""Refusals: which problems an operation answers, derived from what it needs.

In:   the OpenAPI document with what each route says of itself, and each operation's policy.
Out:  the document in which each operation lists every refusal of its own, and no others.
What HTTP itself is refused for (a head that cannot be read, is too large or too slow, an address or
a method that is not served) belongs to no operation; `OF_HTTP` says it once for all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from aether_api.policy import Governed, Policy

OF_HTTP: Final = (400, 404, 405, 408, 414, 417, 431)
"""What is answered before it is known which operation is meant."""

_RETRY_AFTER: Final = {
    "description": "Seconds after which to try again.",
    "required": True,
    "schema": {"type": "integer", "minimum": 0},
}
_CHALLENGE: Final = {
    "description": "Which credentials are needed (RFC 6750).",
    "required": True,
    "schema": {"type": "string"},
}

_WORDS: Final[dict[str, str]] = {
    "400": "The body cannot be read.",
    "401": "Nobody is signed in, or the token is not in force.",
    "403": "The caller may not do this.",
    "413": "The body is too large.",
    "415": "This kind of body is not taken.",
    "422": "A parameter or a field is not valid; `errors` names each.",
    "429": "Too many attempts.",
    "503": "Not available at the moment; nothing was accepted.",
}
_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "401": {"WWW-Authenticate": _CHALLENGE},
    "429": {"Retry-After": _RETRY_AFTER},
    "503": {"Retry-After": _RETRY_AFTER},
}

Responses: TypeAlias = dict[int | str, dict[str, Any]]
"""What a route says of its answers, by status."""

LIMITED: Final[Responses] = {429: {"description": _WORDS["429"]}}
"""For a route that counts attempts, or hashes passwords."""
EMAIL_TAKEN: Final[Responses] = {409: {"description": "The e-mail address is taken."}}
"""For a route that makes accounts."""


def describe_refusals(document: dict[str, Any], governed: Iterable[Governed]) -> None:
    """Let each operation of a document list what it may refuse, as problem details."""
    policies = {(one.method, one.path): one.policy for one in governed}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            for status in _refusals_of(operation, policies[(method.upper(), path)]):
                responses.setdefault(status, {"description": _WORDS[status]})
            for status, response in responses.items():
                if status[0] in "45":
                    _complete(status, response)
            operation["responses"] = dict(sorted(responses.items()))


def _refusals_of(operation: dict[str, Any], policy: Policy) -> list[str]:
    # Parameters that are not known are refused everywhere, and so is everything while the gateway
    # has no room, or its servers are away.
    found = ["422", "503"]
    if policy.open_because is None:
        found.append("401")
    if policy.scope is not None or policy.is_for_people:
        found.append("403")
    if "requestBody" in operation:
        found += ["400", "413", "415"]
    return found


def _complete(status: str, response: dict[str, Any]) -> None:
    """Give a refusal that has no form of its own the one of RFC 9457, and its headers."""
    problem = {"$ref": "#/components/schemas/Problem"}
    content = response.get("content", {})
    if all(one.get("schema") == problem for one in content.values()):
        response["content"] = {"application/problem+json": {"schema": problem}}
        if status in _HEADERS:
            response["headers"] = _HEADERS[status]
