"""What the OpenAPI document promises of each answer, held against the answers that tests get."""

from __future__ import annotations

from functools import cache
from re import Pattern

import httpx
from starlette.routing import compile_path

from aether_api.refusals import OF_HTTP
from tests.api.operations import undriven_app


def check(answer: httpx.Response) -> None:
    """Fail when the status is none that the document gives the operation. For `event_hooks`."""
    method = {"HEAD": "GET"}.get(answer.request.method, answer.request.method)
    found = [
        statuses
        for pattern, methods in _operations()
        if pattern.fullmatch(answer.request.url.path)
        for name, statuses in methods.items()
        if name == method
    ]
    status = answer.status_code
    if found and status not in OF_HTTP:
        assert any(status in statuses for statuses in found), (
            f"{method} {answer.request.url.path} answers {status}, which is not documented"
        )


async def check_soon(answer: httpx.Response) -> None:
    """Do the same for a client that awaits its hooks."""
    check(answer)


@cache
def _operations() -> list[tuple[Pattern[str], dict[str, frozenset[int]]]]:
    """Return the statuses of each method of each address."""
    return [
        (
            compile_path(path)[0],
            {
                method.upper(): frozenset(map(int, operation["responses"]))
                for method, operation in operations.items()
            },
        )
        for path, operations in undriven_app().openapi()["paths"].items()
    ]
