"""What `aether user` does, and the first admin of an installation."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from aether_cli.changes import change, change_and_announce, note, running_settings
from aether_cli.stores import open_database
from aether_core.database import users
from aether_core.database.connection import Session
from aether_core.database.revocations import Revocation
from aether_core.database.users import User
from aether_core.errors import CannotStart, InvalidInput
from aether_core.identity import accounts, second_factor
from aether_core.identity.emails import normalise_email
from aether_core.identity.password_rule import check_password
from aether_core.identity.passwords import PasswordHasher, make_password
from aether_core.identity.roles import Role
from aether_core.settings import Settings

FIRST_ADMIN_EMAIL: Final = "admin@localhost.example"
"""The first admin's address when AETHER_ADMIN_EMAIL is unset."""


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
    settings = running_settings()

    async def work(connection: Session) -> User:
        plain = normalise_email(email)
        check_password(password, plain)
        user = await accounts.create_user(
            connection, email=plain, password_hash=await _hash(settings, password), role=role
        )
        await note(connection, "user.add", str(user.id), {"email": user.email, "role": role})
        return user

    return change(work, settings)


def list_users() -> list[User]:
    """Return all users."""
    return change(users.find_users)


def change_role(email: str, role: Role) -> None:
    """Give a user another role. Raises NotFound, LastAdmin."""

    async def act(connection: Session, user: User) -> Revocation:
        return await accounts.change_role(connection, user, role)

    _change_user(email, "user.role", act, role=role)


def change_password(email: str, password: str) -> None:
    """Give a user a chosen password and sign it out everywhere. Raises NotFound, InvalidInput."""
    _set_password(email, password, "user.password")


def reset_password(email: str) -> str:
    """Give a user a password made at random, and sign it out everywhere. Raises NotFound."""
    password = make_password()
    _set_password(email, password, "user.reset")
    return password


def set_user_active(email: str, *, is_active: bool) -> None:
    """Disable or enable a user. Raises NotFound, LastAdmin."""

    async def act(connection: Session, user: User) -> Revocation:
        return await accounts.set_active(connection, user, is_active=is_active)

    _change_user(email, "user.enable" if is_active else "user.disable", act)


def remove_second_factor(email: str) -> None:
    """Ask a user for no one-time codes any more. Raises NotFound, SecondFactorMissing."""

    async def act(connection: Session, user: User) -> Revocation:
        _, revocation = await second_factor.remove(connection, user.id)
        return revocation

    _change_user(email, "second_factor.remove", act)


def read_password(*, from_stdin: bool) -> tuple[str, bool]:
    """Return a password, and whether it was made here at random and must be shown."""
    if not from_stdin:
        return make_password(), True
    return sys.stdin.readline().rstrip("\r\n"), False


def _set_password(email: str, password: str, action: str) -> None:
    settings = running_settings()

    async def act(connection: Session, user: User) -> Revocation:
        check_password(password, user.email)
        return await accounts.change_password(connection, user, await _hash(settings, password))

    _change_user(email, action, act)


def _change_user(
    email: str, action: str, act: Callable[[Session, User], Awaitable[Revocation]], **details: str
) -> None:
    async def work(connection: Session) -> tuple[None, Revocation]:
        user = await accounts.get_user(connection, email)
        revocation = await act(connection, user)
        if action == "user.role":
            details["role_before"] = user.role
        await note(connection, action, str(user.id), {"email": user.email, **details})
        return None, revocation

    change_and_announce(work)


async def _ensure_first_admin(settings: Settings) -> tuple[str, str] | None:
    given = settings.admin_password
    password = given.get_secret_value() if given is not None else make_password()
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
        await note(
            connection,
            "user.add",
            str(user.id),
            {"email": email, "role": "admin", "is_first_admin": True},
        )
    return email, password


async def _hash(settings: Settings, password: str) -> str:
    hasher = PasswordHasher(settings.identity.bcrypt_cost)
    try:
        return await hasher.hash(password)
    finally:
        hasher.close()
