"""Policies: what each endpoint needs of who calls it, declared and decided in one place.

In:   a caller's scopes and account, as `access` found them.
Out:  whether they may call at all, and whose objects they reach.
Every route declares one policy, by `Depends(require(…))` or `Depends(open_because(…))`; the
application is not made when a route declares none. What does not pass through the framework, the
hot routes and the live feed, asks the same objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from aether_core.errors import NotPermitted
from aether_core.identity.roles import SCOPES


class Bearer(Protocol):
    """What of a caller decides: see `access.Caller`."""

    @property
    def kind(self) -> str:
        """`user` for a person, `client` for a service."""

    @property
    def scopes(self) -> frozenset[str]:
        """What they may do."""

    @property
    def account_id(self) -> str | None:
        """Their own account, if they have one."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What an endpoint needs of its caller: nothing, to be signed in, to be a person, a scope."""

    scope: str | None = None
    """None: whoever is signed in."""
    open_because: str | None = None
    """Why nobody need be signed in; None: they must."""
    is_for_people: bool = False
    """Whether a service may not, whatever its scopes."""
    scope_any: str | None = field(init=False)
    """The scope that reaches all accounts, where `scope` reaches one's own."""

    def __post_init__(self) -> None:
        wider = f"{self.scope}_any"
        object.__setattr__(self, "scope_any", wider if wider in SCOPES else None)

    def admits(self, caller: Bearer) -> bool:
        """Whether a caller may call at all; a scope for one's own account needs an account."""
        if self.is_for_people and caller.kind != "user":
            return False
        if self.scope is None or self.scope_any in caller.scopes:
            return True
        return self.scope in caller.scopes and (
            self.scope_any is None or caller.account_id is not None
        )

    def check(self, caller: Bearer) -> None:
        """Raise NotPermitted for a caller who may not call at all."""
        if self.admits(caller):
            return
        if self.is_for_people and caller.kind != "user":
            raise NotPermitted("Only a person can do this.")
        if self.scope in caller.scopes:
            raise NotPermitted(f"You have no account; this needs the scope {self.scope_any}.")
        raise NotPermitted(f"This needs the scope {self.scope}, which you do not have.")

    def reaches_all(self, caller: Bearer) -> bool:
        """Whether a caller reaches the objects of every account."""
        return self.scope_any in caller.scopes

    def reaches(self, caller: Bearer, account_id: str) -> bool:
        """Whether a caller reaches the objects of an account."""
        return self.scope_any in caller.scopes or (
            account_id == caller.account_id and self.scope in caller.scopes
        )

    def check_account(self, caller: Bearer, account_id: str) -> None:
        """Raise NotPermitted for a caller who does not reach an account."""
        if not self.reaches(caller, account_id):
            raise NotPermitted("You may use your own account only.")


class Declared:
    """A dependency that declares its route's policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy


class Openness(Declared):
    """A dependency of a route that needs nobody."""

    async def __call__(self) -> None:
        """Let everybody through."""


def open_because(reason: str) -> Openness:
    """Declare that a route needs nobody to be signed in, and why that is right."""
    return Openness(Policy(open_because=reason))


@dataclass(frozen=True, slots=True)
class Governed:
    """One method of one address, and its policy."""

    method: str
    path: str
    policy: Policy


def policies_of(app: FastAPI) -> Iterator[Governed]:
    """Walk over all endpoints. Raises AssertionError for one that does not declare one policy."""
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, APIRoute):
            continue
        declared = set(_declared(context.dependant))
        if len(declared) != 1:
            raise AssertionError(
                f"{context.path} declares {len(declared)} policies: give the route one, by"
                " Depends(require(…)) or Depends(open_because(…))."
            )
        for method in sorted(context.methods or ()):
            yield Governed(method, str(context.path), next(iter(declared)))


def _declared(dependant: Dependant) -> Iterator[Policy]:
    if isinstance(dependant.call, Declared):
        yield dependant.call.policy
    for inner in dependant.dependencies:
        yield from _declared(inner)
