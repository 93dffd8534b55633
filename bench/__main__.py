"""`python -m bench [ONLY …]`: measures, prints a table, writes bench/results.json.

ONLY: names of figures, or beginnings of them; without any, all but the longest are measured.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench import attacks, bulk, console, fraud, identity, lists, memory, single, steady, tokens
from bench.results import Result, save, show

_MEASUREMENTS: dict[Callable[[], list[Result]], tuple[str, ...]] = {
    tokens.run: ("token_validation", "token_validation_uncached"),
    identity.run_logins: tuple(identity.LOGINS),
    identity.run_flood: ("ingest_during_login_flood",),
    single.run: ("single_vs_ceiling", "single_vs_naive"),
    bulk.run: ("bulk_rate", "bulk_vs_copy"),
    steady.run: (
        "steady_commit_p50",
        "steady_commit_p99",
        "steady_event_p99",
        "spike_refused",
        "spike_accept_p99",
        "spike_drain",
    ),
    lists.run: ("list_growth",),
    fraud.run: (
        "fraud_auc_blind",
        "fraud_ap_blind",
        "fraud_auc",
        "fraud_ap",
        "fraud_cp20",
        "fraud_rate",
    ),
    attacks.run: (
        *(name for kind in attacks.KINDS for name in (f"attack_{kind}", f"attack_{kind}_passed")),
        "attack_alert",
    ),
    console.run: (
        *(
            f"console_{what}_{rate}"
            for rate in console.RATES
            for what in (*console.KEYS, "core", "drawn")
        ),
        "console_event",
    ),
    console.run_memory: ("soak_console",),
    memory.run: ("memory_gateway", "memory_writer", "memory_valkey"),
    memory.run_soak: ("soak_gateway", "soak_writer", "soak_valkey"),
}
_ONLY_BY_NAME = {memory.run_soak, console.run_memory}
"""Ten minutes to half an hour: nobody waits for it who did not ask."""


def main(wanted: list[str]) -> int:
    """Measure what is wanted; return 1 when a figure misses its target."""
    chosen = [
        measure
        for measure, names in _MEASUREMENTS.items()
        if any(name.startswith(w) for name in names for w in wanted)
        or (not wanted and measure not in _ONLY_BY_NAME)
    ]
    if not chosen:
        names = ", ".join(name for names in _MEASUREMENTS.values() for name in names)
        sys.stderr.write(f"There is no such figure; there are {names}.\n")
        return 2
    results: list[Result] = []
    for measure in chosen:
        results += measure()
        save(results)
    show(results)
    return 0 if all(result.holds for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
