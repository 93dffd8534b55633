"""What a role may do: the one table from roles to scopes.

A person has a role, a service client has the scopes it was given. Everything that asks for access
asks for a scope; nothing else in Aether compares roles.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias, get_args

from aether_core.errors import InvalidInput

Role: TypeAlias = Literal["customer", "analyst", "operator", "admin"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)

SCOPES: Final[dict[str, str]] = {
    "transactions:write": "Post transactions of one's own account",
    "transactions:write_any": "Post transactions for any account",
    "transactions:read": "See the transactions of one's own account",
    "transactions:read_any": "See the transactions of all accounts",
    "alerts:read": "See fraud alerts",
    "alerts:write": "Resolve fraud alerts",
    "scoring:read": "See the versions of scoring, and what each would decide",
    "scoring:write": "Make versions of scoring, let them decide, and take them back",
    "analytics:read": "See summaries over all accounts",
    "operations:read": "See the pipeline, its shards and what could not be written",
    "operations:write": "Replay and discard what could not be written",
    "audit:read": "Read the audit trail",
    "admin": "Manage users, clients and keys",
}
"""Every scope and what it allows, for people."""

CLIENT_SCOPES_DEFAULT: Final = ("transactions:write_any", "transactions:read_any")
"""What a service client may do when nothing else is said."""

_OF_ROLE: Final[dict[str, frozenset[str]]] = {
    "customer": frozenset({"transactions:write", "transactions:read"}),
    "analyst": frozenset(
        {
            "transactions:read",
            "transactions:read_any",
            "alerts:read",
            "alerts:write",
            "scoring:read",
            "scoring:write",
            "analytics:read",
        }
    ),
    "operator": frozenset(
        {
            "transactions:read",
            "transactions:read_any",
            "scoring:read",
            "scoring:write",
            "analytics:read",
            "operations:read",
            "operations:write",
        }
    ),
    "admin": frozenset(SCOPES),
}


def scopes_of(role: str) -> frozenset[str]:
    """Return what a role may do; nothing for a role that does not exist."""
    return _OF_ROLE.get(role, frozenset())


def granted_scopes(role: str, scope: str | None) -> frozenset[str]:
    """Return what a sign-in may do: all of the role, or what of it was granted (scope)."""
    held = scopes_of(role)
    return held if scope is None else held & frozenset(scope.split())


def parse_role(text: str) -> Role:
    """Return the role of this name. Raises InvalidInput."""
    for role in ROLES:
        if text == role:
            return role
    raise InvalidInput("role", f"A role is one of {', '.join(ROLES)}.")


def check_scopes(scopes: Iterable[str]) -> list[str]:
    """Return these scopes sorted, each once. Raises InvalidInput for one that does not exist."""
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown:
        raise InvalidInput("scope", f"There is no scope {unknown[0]!r:.40}; see `aether client`.")
    if not wanted:
        raise InvalidInput("scope", "At least one scope is needed.")
    return wanted


def scope_text(scopes: Iterable[str]) -> str:
    """Write scopes as OAuth 2.0 does: sorted, with spaces between (RFC 6749 section 3.3)."""
    return " ".join(sorted(scopes))
