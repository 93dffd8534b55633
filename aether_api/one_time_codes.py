"""One-time codes as they come with a request: counted, then looked at, then used up."""

from __future__ import annotations

from aether_api.access import Access
from aether_core.database.connection import borrow
from aether_core.database.users import User
from aether_core.identity import second_factor
from aether_core.identity.attempts import take_one_time_code, undo_one_time_code


async def is_right(access: Access, user: User, code: str) -> bool:
    """Whether this is the user's one-time code or a recovery code of theirs; used up if so.

    Raises TooManyAttempts, Unavailable.
    """
    is_counted = second_factor.is_short(code)
    if is_counted:
        await take_one_time_code(access.redis, user_id=str(user.id))
    async with borrow(access.pool) as connection, connection.transaction():
        found = await second_factor.is_right(connection, user.id, access.sealing_key, code)
    if is_counted and found:
        await undo_one_time_code(access.redis, user_id=str(user.id))
    return found
