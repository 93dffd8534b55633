"""`aether user` and `aether client`: the commands themselves, over real servers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from aether_cli.accounts import ensure_first_admin
from aether_core.errors import InvalidInput
from aether_core.identity.passwords import PasswordHasher
from aether_core.settings import Settings
from tests.cli.conftest import Installation
from tests.running import aether


async def test_people_are_added_changed_and_disabled(installation: Installation) -> None:
    made = aether(installation, "user", "add", "Ada@Example.com", "--role", "analyst")
    assert "ada@example.com" in made
    password = re.search(r"shown this once: (\S+)", made)
    assert password is not None
    (row,) = await installation.fetch("SELECT * FROM users")
    assert await _matches(password[1], row)
    assert row["password_hash"].startswith("aether1$2b$04$")

    aether(installation, "user", "role", "ada@example.com", "operator")
    aether(
        installation, "user", "password", "ada@example.com", "--password-stdin",
        text="correct horse battery\n",
    )  # fmt: skip
    aether(installation, "user", "disable", "ADA@example.com")
    (user,) = json.loads(aether(installation, "user", "list", "--json"))
    assert (user["email"], user["role"], user["is_active"]) == (
        "ada@example.com",
        "operator",
        False,
    )
    (row,) = await installation.fetch("SELECT * FROM users")
    assert await _matches("correct horse battery", row)
    assert row["token_version"] == 4
    revoked = await installation.fetch("SELECT * FROM revocations ORDER BY id")
    assert [(r["subject"], r["version"]) for r in revoked] == [
        (str(row["id"]), version) for version in (2, 3, 4)
    ]
    assert "disabled" in aether(installation, "user", "list")
    aether(installation, "user", "enable", "ada@example.com")
    assert "active" in aether(installation, "user", "list")
    reset = re.search(
        r"shown this once: (\S+)", aether(installation, "user", "reset", "ada@example.com")
    )
    assert reset is not None
    (row,) = await installation.fetch("SELECT * FROM users")
    assert await _matches(reset[1], row)


async def _matches(password: str, row: asyncpg.Record) -> bool:
    hasher = PasswordHasher(4)
    try:
        return await hasher.matches(password, row["password_hash"])
    finally:
        hasher.close()


def test_the_last_admin_stays(installation: Installation) -> None:
    aether(installation, "user", "add", "root@example.com", "--role", "admin")
    assert "last active admin" in installation.fails("user", "disable", "root@example.com")
    assert "last active admin" in installation.fails("user", "role", "root@example.com", "analyst")
    aether(installation, "user", "add", "other@example.com", "--role", "admin")
    aether(installation, "user", "disable", "root@example.com")


def test_secrets_and_keys_are_replaced(installation: Installation) -> None:
    made = json.loads(aether(installation, "client", "add", "billing", "--json"))
    first = json.loads(aether(installation, "client", "rotate", "billing", "--json"))
    assert first["client_id"] == made["client_id"]
    assert first["client_secret"] != made["client_secret"]
    assert first["older_secret_until"] is not None
    now = aether(installation, "client", "rotate", made["client_id"], "--overlap-s", "0")
    assert "client_secret  aether_secret_" in now
    assert "older" not in now
    aether(installation, "client", "revoke", "billing")
    assert "revoked" in aether(installation, "client", "list")
    aether(installation, "client", "enable", "billing")
    assert "revoked" in aether(installation, "client", "list")  # until it has a secret
    aether(installation, "client", "rotate", "billing")
    assert "active" in aether(installation, "client", "list")

    assert json.loads(aether(installation, "keys", "list", "--json")) == []
    (key,) = json.loads(aether(installation, "keys", "rotate", "--json"))
    assert key["state"] == "signing"
    newest, older = json.loads(aether(installation, "keys", "rotate", "--json"))
    assert (newest["state"], older["kid"]) == ("next", key["kid"])
    assert older["retired_at"] is not None
    (only,) = json.loads(aether(installation, "keys", "rotate", "--void-older", "--json"))
    assert only["kid"] in aether(installation, "keys", "list")


def test_what_cannot_be_is_said_in_one_line(installation: Installation) -> None:
    add = ("user", "add", "--password-stdin")
    assert "e-mail" in installation.fails(*add, "nobody", text="correct horse\n")
    assert "at least 12" in installation.fails(*add, "a@example.com", text="short\n")
    assert "at most 128" in installation.fails(*add, "a@example.com", text="x1y" * 43 + "\n")
    assert "common word" in installation.fails(*add, "a@example.com", text="password1234!\n")
    assert "role is one of" in installation.fails(*add, "a@example.com", "--role", "god")
    assert "no such user" in installation.fails("user", "disable", "none@example.com")
    aether(installation, *add, "a@example.com", text="correct horse\n")
    assert "already" in installation.fails(*add, "A@example.com", text="correct horse\n")
    assert "scope" in installation.fails("client", "add", "x", "--scope", "nonsense")
    assert "printable" in installation.fails("client", "add", "nul\x1b[31m")
    assert "no such client" in installation.fails("client", "disable", "none")


async def test_services_are_added_listed_and_disabled(installation: Installation) -> None:
    printed = aether(installation, "client", "add", "billing")
    secret = re.search(r"client_secret +(aether_secret_\S+)", printed)
    assert secret is not None
    made = json.loads(
        aether(
            installation, "client", "add", "checks",
            "--scope", "transactions:read_any operations:read", "--scope", "alerts:read", "--json",
        )
    )  # fmt: skip
    assert made["scopes"] == ["alerts:read", "operations:read", "transactions:read_any"]
    assert "already" in installation.fails("client", "add", "billing")
    listed = aether(installation, "client", "list", "--json")
    assert secret[1] not in listed
    assert made["client_secret"] not in listed
    billing, checks = json.loads(listed)
    assert billing["scopes"] == ["transactions:read_any", "transactions:write_any"]
    aether(installation, "client", "disable", "billing")
    aether(installation, "client", "disable", checks["client_id"])
    assert not any(
        c["is_active"] for c in json.loads(aether(installation, "client", "list", "--json"))
    )
    rows = await installation.fetch("SELECT secret_hash FROM clients")
    assert all(secret[1].encode() not in row["secret_hash"] for row in rows)


def test_the_first_admin_is_made_once(settings: Settings) -> None:
    settings = settings.model_copy(
        update={"identity": settings.identity.model_copy(update={"bcrypt_cost": 4})}
    )
    made = ensure_first_admin(settings)
    assert made is not None
    email, password = made
    assert email == "admin@localhost.example"
    assert len(password) >= 20
    assert ensure_first_admin(settings) is None


def test_the_first_admin_is_who_was_named(settings: Settings) -> None:
    wrong = settings.model_copy(
        update={"admin_email": "Root@Example.com", "admin_password": SecretStr("password123")}
    )
    with pytest.raises(InvalidInput):
        ensure_first_admin(wrong)
    right = wrong.model_copy(update={"admin_password": SecretStr("correct horse battery")})
    assert ensure_first_admin(right) == ("root@example.com", "correct horse battery")
    assert ensure_first_admin(wrong) is None


def test_without_a_database_the_command_says_what_to_do(tmp_path: Path) -> None:
    nowhere = Installation(
        {"AETHER_HOME": str(tmp_path), "AETHER_DATABASE_URL": "postgresql://x:y@127.0.0.1:1/x"}, ""
    )
    assert "aether up" in nowhere.fails("user", "list")
