"""What `aether user` and `aether client` do: changes in PostgreSQL, then news of them to gateways.

In:   the settings of an installation; what was asked for.
Out:  the users and clients as they are now. These work while no gateway runs; where tokens were
      made void, every running gateway knows within a second.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final, TypeVar

from redis import exceptions as redis_errors

from aether_cli.embedded import resolve_servers
from aether_cli.stores import check_migrated, open_database, operator
from aether_cli.supervisor import load_running_settings
from aether_core.database import users
from aether_core.database.audit import add_audit_entry
from aether_core.database.connection import Session
from aether_core.database.revocations import Revocation
from aether_core.database.users import Client, User
from aether_core.errors import CannotStart, InvalidInput
from aether_core.identity import accounts
from aether_core.identity.accounts import NewClient
from aether_core.identity.emails import normalise_email
from aether_core.identity.passwords import PasswordHasher, check_password
from aether_core.identity.revocation import announce_revocation
from aether_core.identity.roles import Role, scope_text
from aether_core.settings import Settings
from aether_core.stream.connection import open_redis

_T = TypeVar("_T")

FIRST_ADMIN_EMAIL: Final = "admin@localhost.example"
"""The first admin's address when AETHER_ADMIN_EMAIL is unset."""

_ANNOUNCE_TIMEOUT_S: Final = 2.0


def ensure_first_admin(settings: Settings) -> tuple[str, str] | None:
    """Make an admin when there is none, from AETHER_ADMIN_* or at random.

    settings: with the database's URL resolved; the database is migrated.
    Returns its e-mail address and password when it made one; they are to be shown once. Safe to
    call from several processes. Raises InvalidInput for an address or password that cannot be.
    """
    return asyncio.run(_ensure_first_admin(settings))


def check_first_admin(settings: Settings) -> None:
    """Check AETHER_ADMIN_* before anything is started. Raises CannotStart."""
    try:
        email = normalise_email(settings.admin_email or FIRST_ADMIN_EMAIL)
    except InvalidInput as error:
        raise CannotStart(f"AETHER_ADMIN_EMAIL: {error.detail}") from error
    if settings.admin_password is None:
        return
    try:
        check_password(settings.admin_password.get_secret_value(), email)
    except InvalidInput as error:
        raise CannotStart(f"AETHER_ADMIN_PASSWORD: {error.detail}") from error


def add_user(email: str, role: Role, password: str) -> User:
    """Add a user. Raises InvalidInput, EmailTaken."""

    async def work(connection: Session) -> User:
        plain = normalise_email(email)
        check_password(password, plain)
        password_hash = await _hash(settings, password)
        user = await accounts.create_user(
            connection, email=plain, password_hash=password_hash, role=role
        )
        await _note_user(connection, "user.add", user, {"role": role})
        return user

    settings = resolve_servers(load_running_settings())
    return _run(settings, work)


def list_users() -> list[User]:
    """Return all users."""
    return _run(resolve_servers(load_running_settings()), users.find_users)


def change_role(email: str, role: Role) -> None:
    """Give a user another role. Raises NotFound."""

    async def work(connection: Session) -> Revocation:
        user = await accounts.get_user(connection, email)
        revocation = await accounts.change_role(connection, user, role)
        await _note_user(connection, "user.role", user, {"role": role, "role_before": user.role})
        return revocation

    _run_and_announce(work)


def change_password(email: str, password: str) -> None:
    """Give a user another password and sign it out everywhere. Raises NotFound, InvalidInput."""

    async def work(connection: Session) -> Revocation:
        user = await accounts.get_user(connection, email)
        check_password(password, user.email)
        password_hash = await _hash(settings, password)
        revocation = await accounts.change_password(connection, user, password_hash)
        await _note_user(connection, "user.password", user)
        return revocation

    settings = load_running_settings()
    _run_and_announce(work)


def set_user_active(email: str, *, is_active: bool) -> None:
    """Disable or enable a user. Raises NotFound."""

    async def work(connection: Session) -> Revocation:
        user = await accounts.get_user(connection, email)
        revocation = await accounts.set_active(connection, user, is_active=is_active)
        await _note_user(connection, "user.enable" if is_active else "user.disable", user)
        return revocation

    _run_and_announce(work)


def add_client(name: str, scopes: list[str]) -> NewClient:
    """Add a service client. Raises InvalidInput, Conflict."""

    async def work(connection: Session) -> NewClient:
        made = await accounts.create_client(connection, name, scopes)
        details = {"name": made.client.name, "scope": scope_text(made.client.scopes)}
        await _note_client(connection, "client.add", made.client.id, details)
        return made

    return _run(resolve_servers(load_running_settings()), work)


def list_clients() -> list[Client]:
    """Return all clients."""
    return _run(resolve_servers(load_running_settings()), users.find_clients)


def set_client_active(name_or_id: str, *, is_active: bool) -> None:
    """Disable or enable a client. Raises NotFound."""

    async def work(connection: Session) -> Revocation:
        revocation = await accounts.set_client_active(connection, name_or_id, is_active=is_active)
        action = "client.enable" if is_active else "client.disable"
        await _note_client(connection, action, revocation.subject, {})
        return revocation

    _run_and_announce(work)


def read_password(*, from_stdin: bool) -> tuple[str, bool]:
    """Return a password, and whether it was made here at random and must be shown."""
    if not from_stdin:
        return secrets.token_urlsafe(15), True
    return sys.stdin.readline().rstrip("\r\n"), False


async def _ensure_first_admin(settings: Settings) -> tuple[str, str] | None:
    given = settings.admin_password
    password = given.get_secret_value() if given is not None else secrets.token_urlsafe(15)
    email = normalise_email(settings.admin_email or FIRST_ADMIN_EMAIL)
    async with open_database(settings) as connection, connection.transaction():
        if not await users.lock_first_admin(connection):
            return None
        check_password(password, email)
        user = await accounts.create_user(
            connection,
            email=email,
            password_hash=await _hash(settings, password),
            role="admin",
        )
        await _note_user(connection, "user.add", user, {"role": "admin", "is_first_admin": True})
    return email, password


async def _note_user(
    connection: Session,
    action: str,
    user: User,
    details: Mapping[str, str | int | bool] | None = None,
) -> None:
    await add_audit_entry(
        connection,
        action=action,
        actor=operator(),
        subject=str(user.id),
        details={"email": user.email, **(details or {})},
    )


async def _note_client(
    connection: Session, action: str, client_id: str, details: Mapping[str, str | int | bool]
) -> None:
    await add_audit_entry(
        connection, action=action, actor=operator(), subject=client_id, details=details
    )


async def _hash(settings: Settings, password: str) -> str:
    hasher = PasswordHasher(settings.identity.bcrypt_cost)
    try:
        return await hasher.hash(password)
    finally:
        hasher.close()


def _run(settings: Settings, work: Callable[[Session], Awaitable[_T]]) -> _T:
    """Do something in one database transaction."""

    async def in_transaction() -> _T:
        async with open_database(settings) as connection, connection.transaction():
            await check_migrated(connection)
            return await work(connection)

    return asyncio.run(in_transaction())


def _run_and_announce(work: Callable[[Session], Awaitable[Revocation]]) -> None:
    settings = resolve_servers(load_running_settings())
    revocation = _run(settings, work)
    # Who cannot be told finds it in PostgreSQL within a second.
    with suppress(redis_errors.RedisError, OSError, TimeoutError):
        asyncio.run(_announce(settings, revocation))


async def _announce(settings: Settings, revocation: Revocation) -> None:
    if settings.redis_url is None:
        return
    redis = open_redis(settings.redis_url.get_secret_value(), timeout_s=_ANNOUNCE_TIMEOUT_S)
    try:
        await announce_revocation(redis, revocation)
    finally:
        await redis.aclose()
