"""What tests of the gateway ask it, and how they wait for what becomes of it."""

from __future__ import annotations

import os
from typing import Any

import httpx

from tests.running import wait_until

JSON = {"Content-Type": "application/json"}


def new_account() -> str:
    """Return an account that no other test uses."""
    return f"acc-{os.urandom(5).hex()}"


def transaction(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a good submission with these fields changed; None leaves one out."""
    body = {"amount": "12.34", "currency": "EUR", "merchant": "Corner Bakery"} | fields
    return {name: value for name, value in body.items() if value is not None}


def submit(client: httpx.Client, key: str | None = None, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Submit a transaction that must be accepted."""
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = client.post("/transactions/", json=transaction(**fields), headers=headers)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def wait_written(client: httpx.Client, identifier: str) -> dict[str, Any]:
    """Wait until a transaction is in PostgreSQL and return it."""
    found: dict[str, Any] = {}

    def is_written() -> bool:
        answer = client.get(f"/transactions/{identifier}")
        assert answer.status_code == 200, answer.text
        found.update(answer.json())
        return bool(found["status"] == "processed")

    wait_until(is_written, f"{identifier} to be written")
    return found


def submitted_count(client: httpx.Client) -> float:
    """Return how many submissions the gateway has accepted since it started."""
    return metric(client, "aether_submissions_total", 'outcome="accepted"')


def metric(client: httpx.Client, name: str, label: str = "") -> float:
    """Return a metric's value; label: that it must have, if it has several."""
    for line in client.get("/metrics").text.splitlines():
        if line.startswith(f"{name}{{") and label in line:
            return float(line.rsplit(" ", 1)[1])
    raise AssertionError("the metric is missing")
