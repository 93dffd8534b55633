"""A gateway whose answers stand still, so that what is drawn of them does: for snapshots only.

What the console makes of a real gateway, the other files show.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI
from fastapi.responses import Response, StreamingResponse

EMAIL, PASSWORD = "ada@example.com", "a quiet afternoon"

_START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PAST = _START + 61 * MINUTE
"""A minute that can be looked back to."""
MISSING = PAST + 3 * MINUTE
"""One of which no pipeline is recorded."""
SCOPES = [
    "transactions:read",
    "alerts:read",
    "alerts:write",
    "analytics:read",
    "operations:read",
    "operations:write",
    "audit:read",
    "admin",
]
_MERCHANTS = ("Corner Bakery", "Harbour Kitchen", "夜市 Osaka", "Garden Electronics", "Café Zoë")


def _at(seconds: float) -> str:
    return (_START + timedelta(seconds=seconds)).isoformat()


def _transaction(number: int) -> dict[str, Any]:
    is_odd = number % 7 == 3
    reason = {
        "detector": "amount",
        "text": "1,450.00 EUR is 31.0 times what this account usually pays.",
        "observed": 1450.0,
        "expected": 46.8,
        "spread": 12.5,
        "observations": 40,
        "z_score": 5.1,
    }
    return {
        "id": f"01a21dd5-d8ad-7000-8000-{number:012d}",
        "user_id": "client_ff5c35af",
        "account_id": f"acc-{number % 9:03d}",
        "amount": "1450.00" if is_odd else f"{12 + number}.{number % 100:02d}",
        "currency": ("EUR", "GBP", "JPY")[number % 3],
        "merchant": _MERCHANTS[number % 5],
        "kind": "purchase",
        "description": None,
        "location": "Lisbon, PT" if number % 2 else None,
        "occurred_at": _at(number),
        "created_at": _at(number + 0.2),
        "status": "processed",
        "is_flagged": is_odd,
        "score": 0.91 if is_odd else 0.02,
        "decision": "review" if is_odd else "approve",
        "reasons": [reason] if is_odd else [],
    }


def _alert(number: int, status: str) -> dict[str, Any]:
    transaction = _transaction(7 * number + 3)
    is_resolved = status == "resolved"
    kept = ("account_id", "amount", "currency", "merchant", "occurred_at", "created_at", "score")
    return {
        **{name: transaction[name] for name in (*kept, "decision", "reasons", "id")},
        "transaction_id": transaction["id"],
        "status": status,
        "resolution": ("fraud", "legitimate")[number % 2] if is_resolved else None,
        "resolved_by": "grace@example.com" if is_resolved else None,
        "resolved_at": _at(900) if is_resolved else None,
        "note": "Confirmed by phone" if is_resolved else None,
        "version": 2,
        "assignee": EMAIL if number == 2 else None,
        "expected_loss": round(40.0 / (number + 1), 1),
    }


def _shard(number: int) -> dict[str, Any]:
    return {
        "shard": number,
        "incarnation": "1",
        "position": f"1767614400{number:03d}-0",
        "entries_added": 120_004 + number,
        "committed": 120_000,
        "dead_letters": 0 if number else 1,
        "lost": 0 if number != 3 else 7,
        "backlog": 4 + number if number else 3,
        "oldest_seconds": 0.4,
        "owner": f"vm:{4711 + number % 2}" if number != 5 else None,
        "updated_at": _at(60),
        "last_batch": {"entries": 250, "commit_ms": 18.4, "committed_at": _at(60)},
    }


def _pipeline() -> dict[str, Any]:
    shards = [_shard(number) for number in range(8)]
    counts = ("entries_added", "committed", "dead_letters", "backlog")
    sums = {name: sum(shard[name] for shard in shards) for name in counts}
    return {
        "identity": {**sums, "difference": 7, "holds": False},
        "shards": shards,
        "lost": [
            {
                "shard": 3,
                "incarnation": "1",
                "after": "1767614300000-0",
                "before": "1767614310000-0",
                "accepted_after": _at(-100),
                "accepted_before": _at(-90),
                "entries": 7,
                "is_exact": True,
                "cause": "removed from the stream before it was written",
                "found_at": _at(0),
            }
        ],
        "at": _at(60),
        "committed_per_second": 212.0,
    }


def _forecast() -> dict[str, Any]:
    history = [200 + 60 * ((n * 7) % 11) / 11 for n in range(60)]
    return {
        "status": "ok",
        "data_points_analyzed": 60,
        "data_points_needed": 30,
        "velocity_anomaly": {"is_anomaly": False, "z_score": 0.4},
        "amount_anomaly": {"is_anomaly": True, "z_score": 4.2, "reason": "amounts in GBP"},
        "fraud_risk_detected": True,
        "analyzed_at": _at(3600),
        "history": [{"at": _at(60 * n), "value": value} for n, value in enumerate(history)],
        "forecast": [
            {"at": _at(60 * n), "mean": 230.0, "lower": 180.0 - n / 4, "upper": 280.0 + n / 4}
            for n in range(60, 90)
        ],
        "model": {"name": "ARIMA", "order": [2, 0, 1], "aic": 512.0, "trained_at": _at(3600)},
        "accuracy": {"mae": 11.0, "naive_mae": 19.0, "coverage": 0.94, "evaluated_points": 120},
    }


def _processes() -> dict[str, Any]:
    rows = [
        ("forecaster", "forecaster", "RUNNING", 0, 96),
        ("gateway:gateway-1", "gateway", "RUNNING", 0, 78),
        ("migrate", "migrate", "FINISHED", 0, 0),
        ("postgres", "postgres", "RUNNING", 0, 312),
        ("valkey", "valkey", "RUNNING", 0, 24),
        ("writer:writer-1", "writer", "RUNNING", 2, 61),
        ("writer:writer-2", "writer", "BACKOFF", 9, 0),
    ]
    return {
        "host": "vm",
        "is_supervised": True,
        "at": _at(60),
        "processes": [
            {
                "name": name,
                "group": group,
                "state": state,
                "pid": 4700 + number if memory else None,
                "uptime_seconds": 5400.0,
                "restarts": restarts,
                "cpu_seconds": 12.5,
                "memory_bytes": memory * 1024 * 1024,
                "can_restart": group in {"writer", "gateway", "forecaster"},
            }
            for number, (name, group, state, restarts, memory) in enumerate(rows)
        ],
    }


def _audit() -> list[dict[str, Any]]:
    acts = ("alert.resolve", "session.begin", "session.fail", "dead_letter.replay", "user.role")
    return [
        {
            "id": number,
            "at": _at(number),
            "actor_kind": "user",
            "actor_id": "3f0f4a0e",
            "actor_name": ("grace@example.com", EMAIL)[number % 2],
            "action": acts[number % 5],
            "subject": f"01a21dd5-{number:04d}",
            "outcome": "failure" if number % 5 == 2 else "success",
            "address": "192.0.2.7",
            "request_id": f"5c1f-{number}",
            "details": {"account_id": "acc-003"},
            "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        }
        for number in range(40, 0, -1)
    ]


def _log() -> dict[str, Any]:
    lines = [
        {"at": _at(n), "level": level, "logger": "aether_worker.writer", "message": message}
        for n, (level, message) in enumerate(
            [("info", "8 shards are ours"), ("warning", "waiting for the stream's server")] * 4
        )
    ]
    return {"name": "forecaster", "lines": [json.dumps(line) for line in lines]}


def _trace() -> dict[str, Any]:
    times = {"accepted": 0.0, "read": 2.1, "scored": 2.9, "committed": 9.4, "published": 10.2}
    return {
        "state": "processed",
        "detail": "It is processed.",
        "shard": 3,
        "entry": "1767614400000-0",
        "steps": [
            {"name": name, "at": _at(after / 1000), "after_ms": after}
            for name, after in times.items()
        ],
        "batch_entry_count": 250,
    }


def _answers() -> dict[str, Any]:
    return {
        "/auth/me": {"email": EMAIL, "role": "admin", "account_id": None, "scopes": SCOPES},
        "/transactions/": [_transaction(number) for number in range(60, 0, -1)],
        "/transactions/stream/length": {
            "transactions_in_queue": 59,
            "oldest_seconds": 0.4,
            "shards": [],
        },
        "/alerts/?open": [_alert(number, "open") for number in range(6)],
        "/alerts/?resolved": [_alert(number, "resolved") for number in range(6, 9)],
        "/alerts/budget": {
            "budget_per_hour": 30.0,
            "window_hours": 24,
            "raised_per_hour": 2.5,
            "score_cut": None,
            "open_within": 6,
            "open_below": 0,
        },
        "/analytics/summary": {
            "total_transactions": 960_050,
            "total_flagged": 1_204,
            "open_alerts": 6,
            "last_minute": {"count": 212, "flagged": 1},
            "last_hour": {"count": 12_720, "flagged": 21},
        },
        "/analytics/forecast": _forecast(),
        "/operations/pipeline": _pipeline(),
        "/operations/dead-letters": [
            {
                "id": "01a21dd5-d8ad-7000-8000-0000000000dd",
                "shard": 0,
                "entry": "1767614400000-1",
                "error": "CheckViolationError: the merchant is not accepted",
                "payload": "eA==",
                "created_at": _at(30),
                "state": "open",
            }
        ],
        "/operations/processes": _processes(),
        "/audit/": _audit(),
    }


async def _feed() -> AsyncIterator[str]:
    now = datetime.now(UTC).isoformat()
    yield f"event: hello\ndata: {json.dumps({'at': now, 'resumed': False})}\n\n"
    while True:
        await asyncio.sleep(0.3)
        yield ": still here\n\n"


def _past_answers() -> dict[str, Any]:
    """What was so at PAST, and a pipeline that nobody recorded at MISSING."""
    pipeline = _pipeline()
    shards = [
        shard | {"backlog": 0, "lost": 0, "entries_added": 120_000 + shard["dead_letters"]}
        for shard in pipeline["shards"]
    ]
    identity = {
        "entries_added": 960_001,
        "committed": 960_000,
        "dead_letters": 1,
        "backlog": 0,
        "difference": 0,
        "holds": True,
    }
    taken = {"taken_by": "grace@example.com", "taken_until": (PAST + MINUTE).isoformat()}
    return {
        "/transactions/": [_transaction(number) for number in range(20, 0, -1)],
        "/alerts/?open": [
            _alert(number, "open") | (taken if number == 1 else {}) for number in (1, 2, 6)
        ],
        "/alerts/?resolved": [_alert(7, "resolved")],
        "/analytics/forecast": _forecast(),
        "/operations/pipeline": pipeline
        | {"shards": shards, "identity": identity, "lost": [], "committed_per_second": 98.0},
    }


def _missing(minute: datetime) -> Response:
    return _json(
        {
            "type": "/problems/minute-not-recorded",
            "title": "Nothing is kept of that minute",
            "detail": f"Nothing was recorded at {minute:%Y-%m-%d %H:%M}Z; the last before it is"
            " 2026-01-05 13:01Z, the first after it is 2026-01-05 13:09Z.",
        },
        404,
    )


def _now_and_then(
    changed: Mapping[str, object], *, is_empty: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    answers = {**_answers(), **changed}
    if is_empty:
        answers |= {path: [] for path, answer in answers.items() if isinstance(answer, list)}
    return answers, _past_answers()


def make_still_app(
    *,
    is_empty: bool = False,
    is_broken: bool = False,
    changed: Mapping[str, object] = MappingProxyType({}),
) -> FastAPI:
    """Build it; with nothing in it, with every question failing, or with other answers to some."""
    app = FastAPI()
    answers, past_answers = _now_and_then(changed, is_empty=is_empty)
    trail = [{"version": 2, "at": _at(300), "actor": "grace@example.com", "action": "note"}]

    @app.get("/events")
    async def events() -> StreamingResponse:
        return StreamingResponse(_feed(), media_type="text/event-stream")

    @app.post("/auth/login")
    async def login() -> Response:
        return _json({"access_token": "a", "expires_in": 900, "refresh_token": "r"})

    @app.post("/auth/logout")
    async def logout() -> Response:
        return _json({"message": "You are signed out."})

    @app.get("/{path:path}")
    async def answer(
        path: str,
        status: str | None = None,
        at: datetime | None = None,
        until: datetime | None = None,
    ) -> Response:
        if is_broken and path != "auth/me":
            return _json(
                {"title": "x", "detail": "The database is away.", "request_id": "7-1"}, 503
            )
        if path.endswith("/log"):
            return _json(_log())
        if path.endswith("/history"):
            return _json(trail)
        if path.startswith("operations/trace/"):
            return _json(_trace())
        if path == "operations/pipeline" and at is not None and MISSING <= at < MISSING + MINUTE:
            return _missing(at)
        told = answers if at is None and until is None else past_answers
        return _json(told.get(f"/{path}?{status}" if status else f"/{path}", {}))

    return app


def _json(content: object, status: int = 200) -> Response:
    return Response(json.dumps(content), status, media_type="application/json")
