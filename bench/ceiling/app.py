"""A bare ASGI application on the same uvicorn: reads the body, answers 201 with a fixed text."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn

_BODY = b'{"id":"01a20f7d-cd97-7000-8000-00009a8aa0f1","status":"pending"}' + b" " * 340


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    """Answer."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_BODY))]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": _BODY})


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False,
        log_level="warning", lifespan="off",
    )  # fmt: skip
