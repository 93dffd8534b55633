"""Sign-ins: how many a gateway can check, and what a flood of them costs everybody else.

The flood comes from ever new addresses of this machine (127.0.0.0/8) and for ever new accounts, so
that the limits per address and account do not stop it: every password costs its hash until the
queue of the hashing threads is full, and 429 from then on. Submissions beside the flood, and beside
the same flood at an application that only answers (its sender takes time of the same processors),
take turns; the median of the rounds counts.
"""

from __future__ import annotations

import asyncio
import collections
import os
import random
import statistics
import time

import msgspec

from aether_core.identity.passwords import PasswordHasher
from aether_core.settings import IdentitySettings
from bench import processes
from bench.installation import installation
from bench.results import Result, at_least
from bench.single import submissions_per_second

# bcrypt's cost, and the sign-ins a second that must be left of half of the processors. The cost of
# the settings is one of them: a quarter of a second for a hash is what it was tuned for.
_TUNED = IdentitySettings().bcrypt_cost
LOGINS = {f"logins_per_second_{cost}": (cost, 2.0 ** (_TUNED - cost)) for cost in (10, 11, 12, 13)}
_LOGINS_S = 1.0
_ROUNDS = 3
_SECONDS = 4
_FLOOD_PER_SECOND = 100
"""Twenty times what the hashing threads of a small machine can do."""


def run_logins() -> list[Result]:
    """Measure logins_per_second for each cost, in the threads that a gateway has."""
    rates: dict[str, list[float]] = {name: [] for name in LOGINS}
    for _ in range(_ROUNDS):
        for name, (cost, _bound) in LOGINS.items():
            rates[name].append(asyncio.run(_logins_per_second(cost)))
    return [
        at_least(name, statistics.median(rates[name]), "1/s", bound)
        for name, (_cost, bound) in LOGINS.items()
    ]


def run_flood() -> list[Result]:
    """Measure ingest_during_login_flood."""
    elsewhere, beside = [], []
    ceiling_port = processes.free_port()
    with installation() as aether, processes.python("bench.ceiling.app", str(ceiling_port)):
        processes.wait_for_port(ceiling_port)
        token = aether.service_token()
        for _ in range(_ROUNDS):
            elsewhere.append(asyncio.run(_submit_beside_flood(aether.port, token, ceiling_port)))
            aether.wait_until_written(token)
            beside.append(asyncio.run(_submit_beside_flood(aether.port, token, aether.port)))
            aether.wait_until_written(token)
    return [
        at_least(
            "ingest_during_login_flood",
            statistics.median(beside),
            "submissions/s",
            0.8,
            statistics.median(elsewhere),
        )
    ]


async def _logins_per_second(cost: int) -> float:
    hasher = PasswordHasher(cost)
    try:
        known = await hasher.hash("a password of the benchmark")
        count = 0
        began = time.perf_counter()

        async def lane() -> None:
            nonlocal count
            while time.perf_counter() - began < _LOGINS_S:
                await hasher.matches("a password of the benchmark", known)
                count += 1

        await asyncio.gather(*(lane() for _ in range(os.cpu_count() or 1)))
        return count / (time.perf_counter() - began)
    finally:
        hasher.close()


async def _submit_beside_flood(port: int, token: str, flooded_port: int) -> float:
    """Return the submissions per second while the flood goes on, there or somewhere else."""
    answers: collections.Counter[int] = collections.Counter()
    over = asyncio.Event()
    flood = asyncio.create_task(_flood(flooded_port, answers, over), name="flood")
    try:
        rate = await asyncio.to_thread(submissions_per_second, port, token, _SECONDS)
    finally:
        over.set()
        await flood
    # 401: the password was hashed; 429: the queue was full. Both, or it was no flood.
    expected = {401, 429} if flooded_port == port else {201}
    if set(answers) != expected:
        raise RuntimeError(f"no flood, or another one: {dict(answers)}")
    return rate


async def _flood(port: int, answers: collections.Counter[int], over: asyncio.Event) -> None:
    """Send sign-ins at a fixed rate, whatever becomes of those before, until it is over."""
    began = time.perf_counter()
    sent = 0
    async with asyncio.TaskGroup() as group:
        while not over.is_set():
            due = int((time.perf_counter() - began) * _FLOOD_PER_SECOND)
            for _ in range(due - sent):
                group.create_task(_sign_in(port, answers), name="sign-in")
            sent = due
            await asyncio.sleep(0.01)


async def _sign_in(port: int, answers: collections.Counter[int]) -> None:
    chance = random.SystemRandom()
    address = ".".join(["127", *(str(chance.randrange(1, 255)) for _ in range(3))])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    body = msgspec.json.encode(
        {"email": f"{os.urandom(6).hex()}@example.com", "password": os.urandom(9).hex()}
    )
    head = (
        "POST /auth/login HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    try:
        writer.write(head.encode() + body)
        answer = await reader.read()
        answers[int(answer[9:12])] += 1
    finally:
        writer.close()
