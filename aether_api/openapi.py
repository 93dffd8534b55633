"""The OpenAPI document: what FastAPI finds, and what the hot routes say by hand.

It is made without a server, so that clients' types can be generated from a checkout.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from aether_api import schemas
from aether_api.access import document_security
from aether_api.policy import policies_of
from aether_api.refusals import OF_HTTP, describe_refusals

_BY_HAND: Final[tuple[type[BaseModel], ...]] = (
    schemas.Problem,
    schemas.NewTransaction,
    schemas.NewBulkTransaction,
    schemas.BulkResult,
    schemas.BulkSummary,
    schemas.Hello,
    schemas.Counters,
    schemas.Gap,
)
"""Schemas that are only referred to by hand-written parts of the document."""

_TAGS: Final = (
    {"name": "sign-in", "description": "Accounts and sessions."},
    {"name": "oauth", "description": "Tokens for services, by the standards."},
    {"name": "transactions", "description": "Submit and read transactions."},
    {"name": "alerts", "description": "What was flagged, and what people decided."},
    {"name": "scoring", "description": "Versions of what decides: in shadow, live, taken back."},
    {"name": "analytics", "description": "Summary and forecast of the load."},
    {"name": "events", "description": "The live feed."},
    {"name": "operations", "description": "The pipeline from the stream to the database."},
    {"name": "administration", "description": "Users, clients and keys, and who did what."},
    {"name": "health", "description": "Probes."},
)

_DESCRIPTION: Final = (
    "Every refusal is problem details (RFC 9457); each operation lists its own. Besides, a request"
    " that HTTP does not allow is refused before it is known what it asks for"
    f" ({', '.join(map(str, OF_HTTP))}), in the same form."
)


def make_document(app: FastAPI) -> dict[str, Any]:
    """Return the document of an application."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=_DESCRIPTION,
        routes=app.routes,
        tags=list(_TAGS),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    found = document.setdefault("components", {}).setdefault("schemas", {})
    _, by_hand = models_json_schema(
        [(model, "validation") for model in _BY_HAND],
        ref_template="#/components/schemas/{model}",
    )
    for name, schema in by_hand["$defs"].items():
        found.setdefault(name, schema)
    # The framework leaves nulls out, which in an example are answers.
    found["Transaction"]["examples"] = [schemas.TRANSACTION_EXAMPLE]
    _drop_foreign_errors(document)
    _drop_null_bodies(document)
    describe_refusals(document, policies_of(app))
    document_security(document)
    return document


def _drop_foreign_errors(document: dict[str, Any]) -> None:
    """Remove the framework's own form of an invalid request, which no answer here has."""
    for operations in document["paths"].values():
        for operation in operations.values():
            refused = operation.get("responses", {}).get("422", {})
            if "HTTPValidationError" in str(refused.get("content", "")):
                del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)


def _drop_null_bodies(document: dict[str, Any]) -> None:
    """Remove null as a body: one that may be left out is left out, or is an object."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                options = media.get("schema", {}).get("anyOf", [])
                kept = [option for option in options if option != {"type": "null"}]
                if len(kept) == 1:
                    media["schema"] = kept[0]
