"""Everybody who may ask the gateway something: each role, nobody, a service with each scope."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

import asyncpg

from aether_core.identity import accounts, clients
from aether_core.identity.passwords import PasswordHasher
from aether_core.identity.roles import ROLES, SCOPES, Role
from tests.api.conftest import Served
from tests.running import Account, ServiceClient


@dataclass(frozen=True)
class Somebody:
    """One who asks, with what they sign in by."""

    name: str
    """A role, `anybody`, or a service's only scope."""
    who: Account | ServiceClient | None
    token: str | None
    account_id: str | None = None

    @property
    def is_service(self) -> bool:
        return isinstance(self.who, ServiceClient)

    def headers(self, token: str | None = None) -> dict[str, str]:
        """Return what goes with a request. token: another than the usual one."""
        shown = token or self.token
        return {} if shown is None else {"Authorization": f"Bearer {shown}"}


@dataclass(frozen=True)
class Cast:
    """All of them, and one customer more, whose objects they ask for."""

    everybody: tuple[Somebody, ...]
    other: Somebody

    def __getitem__(self, name: str) -> Somebody:
        return next(one for one in self.everybody if one.name == name)


def assemble(served: Served) -> Cast:
    """Add everybody to a system, and sign them in."""
    made = asyncio.run(_add(served.database_url))
    signed_in = [
        Somebody(name, who, served.system.token_of(who), account) for name, who, account in made
    ]
    *everybody, other = signed_in
    return Cast((Somebody("anybody", None, None), *everybody), other)


async def make_user(connection: asyncpg.Connection, role: Role) -> tuple[Account, str]:
    """Add a user; return how they sign in, and their account."""
    hasher = PasswordHasher(4)
    account = Account(f"{role}-{os.urandom(4).hex()}@example.com", f"pass {os.urandom(8).hex()}")
    try:
        password_hash = await hasher.hash(account.password)
    finally:
        hasher.close()
    user = await accounts.create_user(
        connection, email=account.email, password_hash=password_hash, role=role
    )
    return account, user.account_id


async def _add(database_url: str) -> list[tuple[str, Account | ServiceClient, str | None]]:
    connection = await asyncpg.connect(database_url, timeout=10)
    made: list[tuple[str, Account | ServiceClient, str | None]] = []
    try:
        made += [(role, *await make_user(connection, role)) for role in ROLES]
        for scope in SCOPES:
            name = f"only {scope} {os.urandom(4).hex()}"
            new = await clients.create_client(connection, name, [scope])
            made.append((scope, ServiceClient(new.client.id, new.secret), None))
        made.append(("other", *await make_user(connection, "customer")))
    finally:
        await connection.close()
    return made
