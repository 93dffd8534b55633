"""A gateway that is out to harm the console: every text that it can choose is hostile.

A real gateway refuses most of this at its door. The console must not depend on that: rows may be
older than a rule, and the address may be somebody else's.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import Response, StreamingResponse

from tests.running import free_port, wait_until
from tests.tui.hostile import HOSTILE_TEXTS
from tests.tui.still_gateway import SCOPES

PASSWORD = "let me in"


class _Texts:
    """Hands out the corpus in turn, so that every field meets every text."""

    def __init__(self) -> None:
        self._texts = itertools.cycle(HOSTILE_TEXTS)

    def next(self) -> str:
        return next(self._texts)


def _now(minutes: int = 0) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def _reason(texts: _Texts) -> dict[str, Any]:
    numbers = {"observed": 9.0, "expected": 1.0, "spread": 1.0, "observations": 9, "z_score": 8.0}
    return {"detector": texts.next(), "text": texts.next(), **numbers}


def _transaction(texts: _Texts, number: int) -> dict[str, Any]:
    return {
        "id": f"{number:06d}{texts.next()}",
        "user_id": texts.next(),
        "account_id": texts.next(),
        "amount": texts.next(),
        "currency": texts.next(),
        "merchant": texts.next(),
        "location": texts.next(),
        "kind": texts.next(),
        "description": texts.next(),
        "metadata": {texts.next(): texts.next()},
        "occurred_at": _now(),
        "created_at": _now(),
        "status": texts.next(),
        "is_flagged": True,
        "score": 0.99,
        "decision": texts.next(),
        "reasons": [_reason(texts), _reason(texts)],
    }


def _alert(texts: _Texts, number: int, status: str = "open") -> dict[str, Any]:
    kept = ("account_id", "amount", "currency", "merchant", "occurred_at", "created_at", "score")
    transaction = _transaction(texts, number)
    return {
        **{name: transaction[name] for name in kept},
        "id": transaction["id"],
        "transaction_id": transaction["id"],
        "decision": texts.next(),
        "reasons": transaction["reasons"],
        "status": status,
        "resolution": None if status == "open" else texts.next(),
        "resolved_by": texts.next(),
        "resolved_at": _now(),
        "note": texts.next(),
    }


def _forecast(texts: _Texts) -> dict[str, Any]:
    anomaly = {"is_anomaly": True, "z_score": 5.0, "reason": texts.next()}
    points = [{"at": _now(n), "mean": 5.0, "lower": -1e308, "upper": 9.0} for n in range(1, 20)]
    return {
        "status": "ok",
        "data_points_analyzed": 40,
        "data_points_needed": 30,
        "velocity_anomaly": anomaly,
        "amount_anomaly": {**anomaly, "reason": texts.next()},
        "fraud_risk_detected": True,
        "analyzed_at": _now(),
        "history": [{"at": _now(n - 40), "value": float(n)} for n in range(40)],
        "forecast": points,
        "model": {"name": texts.next(), "order": [1, 1, 1], "aic": 1.0, "trained_at": _now()},
        "accuracy": {"mae": 1.0, "naive_mae": 2.0, "coverage": 0.9, "evaluated_points": 9},
    }


def _pipeline(texts: _Texts) -> dict[str, Any]:
    counts = {"entries_added": 9, "committed": 5, "dead_letters": 3, "backlog": 1}
    shards = [
        {
            "shard": number,
            "incarnation": texts.next(),
            "position": texts.next(),
            "oldest_seconds": 1.0,
            "owner": texts.next(),
            "updated_at": _now(),
            **counts,
        }
        for number in range(6)
    ]
    lost = [
        {
            "shard": number,
            "incarnation": texts.next(),
            "after": texts.next(),
            "before": texts.next(),
            "entries": 3,
            "is_exact": False,
            "cause": texts.next(),
            "found_at": _now(),
        }
        for number in range(6)
    ]
    identity = {**counts, "difference": 0, "holds": True}
    return {
        "identity": identity,
        "shards": shards,
        "at": _now(),
        "committed_per_second": 1.0,
        "lost": lost,
    }


def _dead_letters(texts: _Texts) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{number}{texts.next()}",
            "shard": number,
            "entry": texts.next(),
            "error": texts.next(),
            "payload": base64.b64encode(texts.next().encode("utf-8", "surrogatepass")).decode(),
            "created_at": _now(),
        }
        for number in range(8)
    ]


def _processes(texts: _Texts) -> list[dict[str, Any]]:
    return [
        {
            "name": f"{number}{texts.next()}",
            "group": texts.next(),
            "state": texts.next(),
            "pid": number,
            "uptime_seconds": 1.0,
            "restarts": 1,
            "cpu_seconds": 1.0,
            "memory_bytes": 1,
            "can_restart": True,
        }
        for number in range(8)
    ]


def _audit(texts: _Texts) -> list[dict[str, Any]]:
    names = ("actor_kind", "actor_id", "actor_name", "action", "subject", "outcome", "address")
    return [
        {
            "id": number,
            "at": _now(),
            "request_id": texts.next(),
            "hash": texts.next(),
            "details": {texts.next(): texts.next()},
            **{name: texts.next() for name in names},
        }
        for number in range(30, 0, -1)
    ]


def _json(content: object, status: int = 200) -> Response:
    # Escaped, so that lone surrogates travel as well.
    return Response(json.dumps(content, ensure_ascii=True), status, media_type="application/json")


def _answers(role: str) -> dict[str, object]:
    """What it answers to each question; the same every time, so that rows keep their ids."""
    texts = _Texts()
    count = {"count": 5, "flagged": 1}
    return {
        "/auth/me": {
            "email": "".join(HOSTILE_TEXTS[5:8]),
            "role": role,
            "account_id": None,
            "scopes": SCOPES,
        },
        "/auth/logout": {"message": texts.next()},
        "/transactions/": [_transaction(texts, number) for number in range(60, 0, -1)],
        "/transactions/stream/length": {
            "transactions_in_queue": 1,
            "oldest_seconds": 1.0,
            "shards": [],
        },
        "/alerts/?open": [_alert(texts, number) for number in range(25, 0, -1)],
        "/alerts/?resolved": [_alert(texts, number, "resolved") for number in range(25, 0, -1)],
        "/alerts/budget": {
            "budget_per_hour": 30.0,
            "window_hours": 24,
            "raised_per_hour": 2.5,
            "score_cut": None,
            "open_within": 6,
            "open_below": 0,
        },
        "/analytics/summary": {
            "total_transactions": 5,
            "total_flagged": 1,
            "open_alerts": 25,
            "last_minute": count,
            "last_hour": count,
        },
        "/analytics/forecast": _forecast(texts),
        "/operations/pipeline": _pipeline(texts),
        "/operations/dead-letters": _dead_letters(texts),
        "/operations/processes": {
            "host": texts.next(),
            "is_supervised": True,
            "at": _now(),
            "processes": _processes(texts),
        },
        "/audit/": _audit(texts),
        "log": {"name": texts.next(), "lines": [texts.next() for _ in range(60)]},
    }


async def _feed() -> AsyncIterator[str]:
    texts = _Texts()
    yield f"event: hello\ndata: {json.dumps({'at': _now(), 'resumed': False})}\n\n"
    for number in range(61, 100):
        yield f"event: transaction\ndata: {json.dumps(_transaction(texts, number))}\n\n"
    yield f"event: alert\ndata: {json.dumps(_alert(texts, 100))}\n\n"
    yield f"event: gap\ndata: {json.dumps({'reason': texts.next()})}\n\n"
    while True:
        await asyncio.sleep(1)
        yield f": {texts.next()!r}\n\n"


def make_app(role: str) -> FastAPI:
    """Build the gateway; `role` is one more text that it may choose."""
    app = FastAPI()
    answers = _answers(role)
    sentence = " ".join(HOSTILE_TEXTS[:12])

    @app.get("/events")
    async def events() -> StreamingResponse:
        return StreamingResponse(_feed(), media_type="text/event-stream")

    @app.get("/{path:path}")
    async def answer(path: str, status: str | None = None) -> Response:
        if path.endswith("/log"):
            return _json(answers["log"])
        return _json(answers[f"/{path}?{status}" if status else f"/{path}"])

    @app.post("/auth/login")
    async def login(body: dict[str, str]) -> Response:
        if body["password"] == PASSWORD:
            return _json({"access_token": "a", "expires_in": 900, "refresh_token": "r"})
        return _json({"title": "x", "detail": sentence, "request_id": sentence}, 500)

    @app.post("/{path:path}")
    async def refuse() -> Response:
        return _json({"title": "x", "detail": sentence}, 409)

    return app


@contextmanager
def hostile_gateway(role: str = "admin") -> Iterator[str]:
    """Serve it; yields its address."""
    with served(make_app(role)) as url:
        yield url


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve an application on a free port of its own; yields its address."""
    port = free_port()
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        log_level="error",
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="gateway")
    thread.start()
    try:
        wait_until(lambda: server.started, "the gateway")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
