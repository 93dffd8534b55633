"""Limits on sign-ins, counted in Valkey before a password is looked at.

In:   an e-mail address as it was sent, and the address of the client.
Out:  nothing, or TooManyAttempts with the seconds after which to try again.
Wrong passwords are counted per account and address together, per address, per account from
everywhere, and all of them together. The last two limits, which an attacker with many addresses
reaches on purpose, do not shut out addresses from which the account has signed in before: nobody
can lock a user out.
Counts open again by themselves; those who knock at a closed door do not keep it closed.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Awaitable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from redis import exceptions as redis_errors

from aether_core.errors import TooManyAttempts, Unavailable
from aether_core.settings import IdentitySettings

if TYPE_CHECKING:
    from aether_core.stream.publisher import Redis

_ADDRESS_FACTOR: Final = 5
"""Many people may share one address."""
_ACCOUNT_FACTOR: Final = 10
_DEVICE_REQUESTS_MAX: Final = 100
"""Devices of one address that ask for codes, within the window of sign-ins."""
_KNOWN_S: Final = 30 * 24 * 3600
_CODES_MAX: Final = 10
"""Wrong one-time codes of one user, within `_CODES_S`: of three in a million that are right at a
moment, somebody who knows the password finds one in four years."""
_CODES_S: Final = 3600

# ARGV: the window, then a limit for each count. KEYS: the counts; one more key, where it exists,
# exempts from all limits but the first two. Answers the seconds to wait, 0 when it is counted.
_TAKE: Final = """
local n = #ARGV - 1
local is_known = #KEYS > n and redis.call('EXISTS', KEYS[n + 1]) == 1
for i = 1, n do
  local is_exempt = is_known and i > 2
  if not is_exempt and tonumber(redis.call('GET', KEYS[i]) or '0') >= tonumber(ARGV[i + 1]) then
    return math.max(redis.call('TTL', KEYS[i]), 1)
  end
end
for i = 1, n do
  redis.call('INCR', KEYS[i])
  if redis.call('TTL', KEYS[i]) < 0 then redis.call('EXPIRE', KEYS[i], ARGV[1]) end
end
return 0
"""

# The attempt was no failure: take it back where others' failures are counted too.
_GIVE_BACK: Final = """
redis.call('DEL', KEYS[1])
for i = 2, 4 do
  if tonumber(redis.call('GET', KEYS[i]) or '0') > 0 then redis.call('DECR', KEYS[i]) end
end
redis.call('SET', KEYS[5], '1', 'EX', ARGV[1])
return 0
"""

_UNDO: Final = """
for i = 1, #KEYS do
  if tonumber(redis.call('GET', KEYS[i]) or '0') > 0 then redis.call('DECR', KEYS[i]) end
end
return 0
"""


async def take_login_attempt(
    redis: Redis, settings: IdentitySettings, *, email: str, address: str
) -> None:
    """Count an attempt to sign in. Raises TooManyAttempts, Unavailable."""
    most = settings.login_attempts_max
    limits = [most, most * _ADDRESS_FACTOR, most * _ACCOUNT_FACTOR, settings.login_failures_max]
    await _take(redis, settings, _login_keys(email, address), limits)


async def give_login_attempt_back(redis: Redis, *, email: str, address: str) -> None:
    """Note that the password was right: it was no failure, and the address is known from now on.

    Where that cannot be noted it counts as a failure, which is no reason to refuse it.
    """
    with suppress(Unavailable):
        await _call(redis, _GIVE_BACK, _login_keys(email, address), [_KNOWN_S])


async def undo_login_attempt(redis: Redis, *, email: str, address: str) -> None:
    """Note that the password was right, though more than it is needed: it is no failure."""
    with suppress(Unavailable):
        await _call(redis, _UNDO, _login_keys(email, address)[:4], [])


async def take_one_time_code(redis: Redis, *, user_id: str) -> None:
    """Count a one-time code before it is looked at. Raises as above.

    Who gets so far knows the password: this keeps nobody else out, and recovery codes are not
    counted.
    """
    await _take_within(redis, _CODES_S, [_code_key(user_id)], [_CODES_MAX])


async def undo_one_time_code(redis: Redis, *, user_id: str) -> None:
    """Note that the code was right. Wrong ones before it count on: others may have sent them."""
    with suppress(Unavailable):
        await _call(redis, _UNDO, [_code_key(user_id)], [])


async def take_registration(redis: Redis, settings: IdentitySettings, *, address: str) -> None:
    """Count a registration from an address. Raises TooManyAttempts, Unavailable."""
    key = f"aether:{{login}}:register:{_digest(_network(address))}"
    await _take(redis, settings, [key], [settings.registrations_max])


async def take_device_request(redis: Redis, settings: IdentitySettings, *, address: str) -> None:
    """Count a device that asks for codes. Raises TooManyAttempts, Unavailable."""
    key = f"aether:{{login}}:device:{_digest(_network(address))}"
    await _take(redis, settings, [key], [_DEVICE_REQUESTS_MAX])


async def take_user_code_guess(
    redis: Redis, settings: IdentitySettings, *, user_id: str, address: str
) -> None:
    """Count a code that somebody types, before it is looked up. Raises as above."""
    most = settings.login_attempts_max
    await _take(redis, settings, _guess_keys(user_id, address), [most, most * _ADDRESS_FACTOR])


async def give_user_code_guess_back(redis: Redis, *, user_id: str, address: str) -> None:
    """Note that the code was right. Wrong ones before it count on: one may have codes oneself."""
    await _call(redis, _UNDO, _guess_keys(user_id, address), [])


async def _take(
    redis: Redis, settings: IdentitySettings, keys: list[str], limits: list[int]
) -> None:
    """Count an attempt within the window of the settings."""
    await _take_within(redis, settings.login_window_s, keys, limits)


async def _take_within(redis: Redis, window_s: int, keys: list[str], limits: list[int]) -> None:
    """Count an attempt within a window; each limit is that of the key in its place."""
    wait_s = await _call(redis, _TAKE, keys, [window_s, *limits])
    if wait_s > 0:
        raise TooManyAttempts(wait_s)


async def _call(redis: Redis, script: str, keys: list[str], arguments: list[int]) -> int:
    try:
        answer = redis.eval(script, len(keys), *keys, *(str(a) for a in arguments))
        return int(await cast("Awaitable[int]", answer))
    except (redis_errors.RedisError, OSError) as error:
        # Without the counts a password could be guessed at any speed: fail closed.
        raise Unavailable("Signing in is not available at the moment.") from error


def _login_keys(email: str, address: str) -> list[str]:
    # The braces keep the keys of one call on one server of a cluster.
    account, network = _digest(email.strip().lower()), _digest(_network(address))
    return [
        f"aether:{{login}}:pair:{account}:{network}",
        f"aether:{{login}}:address:{network}",
        f"aether:{{login}}:account:{account}",
        "aether:{login}:all",
        f"aether:{{login}}:known:{account}:{network}",
    ]


def _code_key(user_id: str) -> str:
    return f"aether:{{login}}:code:{_digest(user_id)}"


def _guess_keys(user_id: str, address: str) -> list[str]:
    return [
        f"aether:{{login}}:guess:{_digest(user_id)}",
        f"aether:{{login}}:guesses:{_digest(_network(address))}",
    ]


def _network(address: str) -> str:
    """Return what one client surely holds: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _digest(text: str) -> str:
    # No e-mail address lies in the stream's server, and a key has one length.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]
