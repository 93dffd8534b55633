"""Fuzzing: asks a running gateway what the OpenAPI document allows, and what it does not.

In:   one operation of the document, how many requests, and a seed.
Out:  nothing, or what was wrong with an answer, with the request that repeats it.
The requests are made by schemathesis from the document alone. Its checks tell what must not be: a
failure of the server, a status, content type, header or body that is not documented, data that the
document forbids and the gateway takes, an answer without a token where one is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
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

from aether_core.identity.roles import SCOPES
from tests.api.operations import undriven_app
from tests.api.test_alerts import raise_alert
from tests.running import Account, RunningSystem, ServiceClient

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
    """A few people and a service, each of whom asks for anything."""

    system: RunningSystem
    everybody: tuple[Account | ServiceClient, ...]
    objects: dict[str, str]
    """Something that exists, by the parameter of an address that names such things."""
    _tokens: dict[Account | ServiceClient, str] = field(default_factory=dict)

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
            @given(
                case=operation.as_strategy(generation_mode=mode),
                who=strategies.sampled_from(self.everybody),
                # What the document forbids may be the id, which then stays as it is.
                is_real=strategies.booleans() if mode.is_positive else strategies.just(False),
            )
            def ask(case: AnyCase, who: Account | ServiceClient, is_real: bool) -> None:
                for name in case.path_parameters if is_real else ():
                    case.path_parameters[name] = self.objects[name]
                self._ask(case, who)

            (ask if seed is None else seeded(seed)(ask))()

    def _ask(self, case: AnyCase, who: Account | ServiceClient) -> None:
        headers = {"Authorization": f"Bearer {self._valid_token(who)}"}
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
            assert str(response.status_code) in case.operation.definition.raw["responses"]
            assert response.headers["content-type"].startswith(expected)

    def _valid_token(self, who: Account | ServiceClient) -> str:
        """Return a token that is in force: what is asked for may be to end it."""
        if who in self._tokens:
            headers = {"Authorization": f"Bearer {self._tokens[who]}"}
            answer = httpx.get(f"{self.system.base_url}/auth/me", headers=headers, timeout=30)
            if answer.is_success:
                return self._tokens[who]
        self._tokens[who] = self.system.token_of(who)
        return self._tokens[who]


def make_fuzzer(system: RunningSystem) -> Fuzzer:
    """Add everybody to a system, and something of each kind that can be asked for."""
    roles = (system.make_user(role) for role in ("admin", "customer", "analyst", "operator"))
    # Twice as often as the others: somebody who may do it.
    everybody: tuple[Account | ServiceClient, ...] = (
        *roles,
        system.make_client(*SCOPES),
        system.make_user("admin"),
    )
    with system.http(everybody[0]) as admin, system.http(system.make_user()) as customer:
        alert = raise_alert(admin, admin)["id"]
        silence = {"account_id": "acc-1", "detector": "amount", "duration_s": 60}
        version = {"review_min": 0.5, "decline_min": 0.9}
        device = admin.post("/oauth/device_authorization", data={"client_id": "aether"}).json()
        # Nobody else needs these: they are disabled, revoked and ended on the way.
        me, session = customer.get("/auth/me").json(), customer.get("/auth/sessions").json()[0]
        objects = {
            "transaction_id": alert,
            "alert_id": alert,
            "letter_id": alert,
            "suppression_id": admin.post("/suppressions/", json=silence).json()["id"],
            "number": str(admin.post("/scoring/versions/", json=version).json()["number"]),
            "user_code": device["user_code"],
            "session_id": session["session_id"],
            "user_id": me["user_id"],
            "client_id": system.make_client().client_id,
            "name": "writer-1",
        }
    return Fuzzer(system, everybody, objects)


def _needs_token(operation: Operation) -> bool:
    return any(_NEEDS_TOKEN in one for one in operation.definition.raw.get("security", ()))
