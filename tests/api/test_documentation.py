"""The OpenAPI document says what is served, no more and no less, and its examples are true."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from aether_api import schemas
from aether_api.access import require
from aether_api.policy import policies_of
from aether_api.submission import read_submission
from aether_core.identity.roles import SCOPES
from tests.api.operations import undriven_app


@pytest.fixture(scope="module")
def app() -> Any:  # noqa: ANN401 - a FastAPI of ours
    return undriven_app()


@pytest.fixture(scope="module")
def document(app: Any) -> dict[str, Any]:  # noqa: ANN401
    found: dict[str, Any] = app.openapi()
    return found


def test_l07_what_is_served_is_documented(app: Any, document: dict[str, Any]) -> None:  # noqa: ANN401
    served = {
        (context.path, method.lower())
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute)
        for method in context.methods or ()
    }
    documented = {
        (path, method) for path, methods in document["paths"].items() for method in methods
    }
    assert served == documented
    # Whatever else answers is the document itself.
    others = {
        context.path
        for context in iter_route_contexts(app.routes)
        if not isinstance(context.original_route, APIRoute)
    }
    assert others == {"/openapi.json"}
    # What is answered past the framework is routed by it as well.
    assert {(path, method.lower()) for method, path in app.edge.hot} <= served


def test_every_route_declares_what_it_needs(app: Any, document: dict[str, Any]) -> None:  # noqa: ANN401
    governed = {(one.path, one.method.lower()): one.policy for one in policies_of(app)}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            policy = governed.pop((path, method))
            # Who reads the document learns the same.
            assert ("security" in operation) == (policy.open_because is None), (method, path)
            assert policy.scope is None or policy.scope in SCOPES, (method, path)
    assert not governed


@pytest.mark.parametrize("dependencies", [[], [Depends(require()), Depends(require("admin"))]])
def test_a_route_with_no_policy_or_two_is_not_served(dependencies: list[Any]) -> None:
    app = FastAPI(openapi_url=None)
    app.add_api_route("/fine", _nothing, dependencies=[Depends(require())])
    app.add_api_route("/undecided", _nothing, dependencies=dependencies)
    with pytest.raises(AssertionError, match="/undecided"):
        list(policies_of(app))


async def _nothing() -> None:
    """Answer nothing."""


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert set(operation["tags"]) <= tags, where
            assert operation.get("summary"), where
            assert operation.get("description"), where
            assert "default" not in operation["responses"], where
            for status, response in operation["responses"].items():
                if status[0] in "45" and (status, path) != ("503", "/health/ready"):
                    media_types = set(response["content"])
                    assert media_types <= {"application/problem+json", "application/json"}, where
                    assert response["description"], where


def test_no_operation_lists_a_refusal_that_it_cannot_give(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where, refusals = f"{method} {path}", set(operation["responses"])
            takes_body, names_one = "requestBody" in operation, "{" in path
            assert {"413", "415"} <= refusals or not takes_body, where
            assert takes_body or refusals.isdisjoint({"400", "413", "415"}), where
            # Of a past minute nothing may be kept.
            looks_back = any(one["name"] == "at" for one in operation.get("parameters", ()))
            assert names_one or looks_back or "404" not in refusals, where
            assert method != "get" or names_one or "409" not in refusals, where
            assert "security" not in operation or "401" in refusals, where


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert names - document["components"]["schemas"].keys() == set()
    assert "HTTPValidationError" not in json.dumps(document)


def test_examples_are_taken(document: dict[str, Any]) -> None:
    examples = document["components"]["schemas"]["NewTransaction"]["examples"]
    assert examples
    for example in examples:
        read_submission(json.dumps(example).encode(), "own")
        schemas.NewTransaction.model_validate_json(json.dumps(example))
    for example in document["components"]["schemas"]["Transaction"]["examples"]:
        schemas.Transaction.model_validate_json(json.dumps(example))


def test_the_document_is_served(anybody: httpx.Client, document: dict[str, Any]) -> None:
    assert anybody.get("/openapi.json").json() == document
