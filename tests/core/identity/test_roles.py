"""What each role may do, written down once more, so that nobody changes it by accident."""

from __future__ import annotations

import pytest

from aether_core.errors import InvalidInput
from aether_core.identity.roles import ROLES, SCOPES, check_scopes, parse_role, scopes_of


def test_the_roles() -> None:
    assert scopes_of("customer") == {"transactions:write", "transactions:read"}
    assert scopes_of("analyst") == {
        *("transactions:read", "transactions:read_any", "alerts:read", "alerts:write"),
        *("scoring:read", "scoring:write", "analytics:read"),
    }
    assert scopes_of("operator") == {
        *("transactions:read", "transactions:read_any", "analytics:read"),
        *("scoring:read", "scoring:write", "operations:read", "operations:write"),
    }
    assert scopes_of("admin") == set(SCOPES)
    assert scopes_of("root") == frozenset()


def test_only_an_admin_manages_people() -> None:
    assert [role for role in ROLES if "admin" in scopes_of(role)] == ["admin"]


def test_names_are_exact() -> None:
    assert parse_role("analyst") == "analyst"
    for wrong in ("Analyst", "analyst ", "", "root"):
        with pytest.raises(InvalidInput):
            parse_role(wrong)
    assert check_scopes(["alerts:read", "admin", "alerts:read"]) == ["admin", "alerts:read"]
    wrong_scopes: tuple[list[str], ...] = ([], ["nonsense"], ["alerts:*"], ["admin admin"])
    for scopes in wrong_scopes:
        with pytest.raises(InvalidInput):
            check_scopes(scopes)
