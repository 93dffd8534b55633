"""Fuzzing: asks a running gateway what the OpenAPI document allows, and what it does not.

In:   one operation of the document, how many requests, and a seed.
Out:  nothing, or what was wrong with an answer, with the request that repeats it.
The requests are made by schemathesis from the document alone. Its checks tell what must not be: a
failure of the server, a status, content type, header or body that is not documented, data that the
document forbids and the gateway takes, an answer without a token where one is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from schemathesis import Case, GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    ignored_auth,
    load_all_checks,
    negative_data_rejection,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from tests.api.operations import undriven_app
from tests.running import Account, RunningSystem

load_all_checks()

Operation: TypeAlias = "APIOperation[Any, Any, Any, Any]"
AnyCase: TypeAlias = "Case[Any]"

_CHECKS: Final = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
)
_FEED: Final = "/events"
_BULK: Final = "/transactions/bulk"
_NEEDS_TOKEN: Final = "bearer"


def document() -> dict[str, Any]:
    """Return the document as a gateway serves it."""
    return undriven_app().openapi()


def operations(described: dict[str, Any]) -> dict[str, Operation]:
    """Return every operation of a document by its name, such as `GET /health`."""
    found = {}
    for result in schemathesis.openapi.from_dict(described).get_all_operations():
        assert isinstance(result, Ok), result.err()
        one = result.ok()
        found[f"{one.method.upper()} {one.path}"] = one
    return found


@dataclass
class Fuzzer:
    """Somebody who may do everything, and asks for anything."""

    system: RunningSystem
    who: Account
    _token: str = ""

    def fuzz(self, operation: Operation, *, examples: int, seed: int | None) -> None:
        """Ask so many times with what the document allows, and as often with what it forbids.

        seed: of the requests; None: the same ones each time. Fails with what was found.
        """
        modes = [GenerationMode.POSITIVE]
        if any(operation.iter_parameters()) or operation.body:
            # Otherwise there is nothing to say that the document could forbid.
            modes.append(GenerationMode.NEGATIVE)
        for mode in modes:

            @settings(
                max_examples=examples,
                derandomize=seed is None,
                database=None,
                deadline=None,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: AnyCase) -> None:
                self._ask(case)

            (ask if seed is None else seeded(seed)(ask))()

    def _ask(self, case: AnyCase) -> None:
        headers = {"Authorization": f"Bearer {self._valid_token()}"}
        if case.operation.path == _FEED:
            self._ask_for_the_feed(case, headers)
            return
        checks = list(_CHECKS)
        if case.operation.path == _BULK:
            # Each item has a result of its own, and is refused in there.
            checks.remove(negative_data_rejection)
        if _needs_token(case.operation):
            # It asks again, without a token and with a wrong one.
            checks.append(ignored_auth)
        response = case.call(base_url=self.system.base_url, headers=headers, timeout=30)
        try:
            case.validate_response(response, checks=checks, headers=headers)
        except FailureGroup as found:
            # As a group it is no Exception, and Hypothesis would not look for the shortest request.
            raise AssertionError(str(found)) from None

    def _ask_for_the_feed(self, case: AnyCase, headers: dict[str, str]) -> None:
        """A feed has no end: it is left as soon as its head is there."""
        request: dict[str, Any] = case.as_transport_kwargs(
            base_url=self.system.base_url, headers=headers
        )
        with (
            httpx.Client(timeout=30) as client,
            client.stream(
                case.method,
                request["url"],
                params=request.get("params"),
                headers=request["headers"],
            ) as response,
        ):
            expected = "text/event-stream" if response.is_success else "application/problem+json"
            assert response.status_code < httpx.codes.INTERNAL_SERVER_ERROR
            assert response.headers["content-type"].startswith(expected)

    def _valid_token(self) -> str:
        """Return a token that is in force: what is asked for may be to end it."""
        if self._token:
            answer = httpx.get(
                f"{self.system.base_url}/auth/me",
                headers={"Authorization": f"Bearer {self._token}"},
                timeout=30,
            )
            if answer.is_success:
                return self._token
        self._token = self.system.token_of(self.who)
        return self._token


def _needs_token(operation: Operation) -> bool:
    return any(_NEEDS_TOKEN in one for one in operation.definition.raw.get("security", ()))
