"""Operations: all that the OpenAPI document tells of, so that a test can ask every one of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from pydantic import SecretStr

from aether_api.app import GatewayApp, create_app
from aether_api.policy import Policy, policies_of
from aether_core.settings import Settings

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"

# Of nothing that exists, and well formed: most ids are UUIDs.
_NOBODYS = defaultdict(
    lambda: "01a20f74-de55-7000-8000-0001849fa065",
    {"client_id": "client_0000000000000000", "user_code": "WRNG-WRNG"},
)


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    method: str
    path: str
    policy: Policy
    media_types: tuple[str, ...]
    """Of the bodies that it takes; none: it takes no body."""
    needs_body: bool
    query: tuple[str, ...]
    """Names of its query parameters."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def target(self) -> str:
        """Its address, for an object that does not exist."""
        return self.path.format_map(_NOBODYS)

    @property
    def needs_token(self) -> bool:
        return self.policy.open_because is None

    @property
    def takes_json(self) -> bool:
        return _JSON in self.media_types

    @property
    def takes_form(self) -> bool:
        return _FORM in self.media_types

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return self.method not in ("GET", "HEAD")


def undriven_app() -> GatewayApp:
    """Return the gateway's application, which opens nothing before it runs."""
    unused = SecretStr("unused")
    return create_app(Settings(database_url=unused, redis_url=unused))


def operations() -> list[Operation]:
    """Return every operation of the document."""
    app = undriven_app()
    policies = {(one.method, one.path): one.policy for one in policies_of(app)}
    found = []
    for path, methods in app.openapi()["paths"].items():
        for method, described in methods.items():
            body = described.get("requestBody", {})
            found.append(
                Operation(
                    method.upper(),
                    path,
                    policies[(method.upper(), path)],
                    tuple(body.get("content", ())),
                    bool(body.get("required")),
                    tuple(
                        one["name"]
                        for one in described.get("parameters", ())
                        if one["in"] == "query"
                    ),
                )
            )
    return found
