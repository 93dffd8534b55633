"""Single submissions: one gateway process, full authentication, idempotency and fsynced append.

64 connections of wrk; Aether, the bare ASGI application and the naive endpoint take turns, so that
a machine that slows down slows all three. The median of the rounds counts.
`single_vs_ceiling` is the way from the request to the durable append and back: the writers are held
meanwhile, since the bare application has none, and write everything before the next round.
`single_vs_naive` is with the writer of either at work on the same cores. The naive one falls
behind: what it has not written by the end of its turn waits for its next.
"""

from __future__ import annotations

import os
import statistics
import subprocess
from pathlib import Path

import jwt

from bench import processes
from bench.installation import installation
from bench.naive.app import SECRET
from bench.results import Result, at_least

_ROUNDS = 3
_SECONDS = 6
_SCRIPT = Path(__file__).parent / "wrk.lua"


def run() -> list[Result]:
    """Measure single_vs_ceiling and single_vs_naive."""
    ceiling_port, naive_port = processes.free_port(), processes.free_port()
    with installation() as aether:
        servers = {
            "BENCH_REDIS_URL": aether.redis_url,
            "BENCH_DATABASE_URL": aether.database_url,
        }
        token = aether.service_token()
        naive_token = jwt.encode({"sub": "user"}, SECRET, algorithm="HS256")
        with (
            processes.python("bench.ceiling.app", str(ceiling_port)),
            processes.python("bench.naive.app", str(naive_port), **servers),
            processes.python("bench.naive.writer", **servers) as naive_writer,
        ):
            for port in (ceiling_port, naive_port):
                processes.wait_for_port(port)
            rates: dict[str, list[float]] = {
                "accepted": [],
                "ceiling": [],
                "aether": [],
                "naive": [],
            }
            for _ in range(_ROUNDS):
                with processes.held([naive_writer.pid]):
                    with aether.held("writer"):
                        rates["accepted"].append(submissions_per_second(aether.port, token))
                    aether.wait_until_written(token)
                    rates["ceiling"].append(submissions_per_second(ceiling_port, token))
                    rates["aether"].append(submissions_per_second(aether.port, token))
                    aether.wait_until_written(token)
                rates["naive"].append(submissions_per_second(naive_port, naive_token))
    accepted_rate, ceiling_rate, aether_rate, naive_rate = (
        statistics.median(rate) for rate in rates.values()
    )
    return [
        at_least("single_vs_ceiling", accepted_rate, "submissions/s", 0.40, ceiling_rate),
        at_least("single_vs_naive", aether_rate, "submissions/s", 5.0, naive_rate),
    ]


def submissions_per_second(port: int, token: str, seconds: int = _SECONDS) -> float:
    """Run wrk; return the rate of 2xx answers. Raises RuntimeError when any was refused."""
    done = subprocess.run(
        ["wrk", "-t1", "-c64", f"-d{seconds}s", "-s", str(_SCRIPT), f"http://127.0.0.1:{port}"],
        env=os.environ | {"BENCH_TOKEN": token, "BENCH_RUN": os.urandom(4).hex()},
        capture_output=True,
        text=True,
        check=True,
    )
    words = done.stdout.rpartition("RESULT ")[2].split()
    requests, duration_us, refused, broken = (int(word) for word in words[:4])
    if refused or broken:
        raise RuntimeError(f"{refused} requests were refused and {broken} broke off")
    return requests / duration_us * 1e6
