"""Every endpoint that needs a token refuses whoever has none, or shows it wrongly (J rows).

Asked as `test_every_endpoint` asks: whatever was refused has changed nothing, and a good request
straight after is served.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import httpx
import pytest

from tests.api.asking import Asker, asking, nothing_changes
from tests.api.conftest import Served
from tests.api.operations import operations

WITH_TOKEN = [one for one in operations() if one.needs_token]


@pytest.fixture(scope="module")
def asker(served: Served) -> Iterator[Asker]:
    with asking(served) as asker:
        yield asker


@pytest.fixture(autouse=True)
def _nothing_changes(
    asker: Asker, served: Served, anybody: httpx.Client, customer: httpx.Client
) -> Iterator[None]:
    with nothing_changes(served, anybody, customer):
        yield


def _bent(token: str, **changed: object) -> str:
    """Return a token with another header; its signature stays, and is wrong."""
    header, claims, signature = token.split(".")
    padded = header + "=" * (-len(header) % 4)
    new = json.dumps(json.loads(base64.urlsafe_b64decode(padded)) | changed).encode()
    return f"{base64.urlsafe_b64encode(new).rstrip(b'=').decode()}.{claims}.{signature}"


def test_j01_without_a_token(asker: Asker) -> None:
    for operation in WITH_TOKEN:
        answer = asker.ask(operation, signed_in=False)
        asker.refused(answer, 401)
        # RFC 6750 section 3.1: no error code for who did not try.
        assert answer.headers["www-authenticate"] == "Bearer", operation.name


def test_j02_j15_tokens_that_are_none(asker: Asker) -> None:
    for operation in WITH_TOKEN:
        token = asker.authorization(operation)["Authorization"].removeprefix("Bearer ")
        signed = token.rpartition(".")[0]
        bent = [f"{_bent(token, alg=name).rpartition('.')[0]}." for name in ("none", "nOnE")]
        bent += [_bent(token, alg="none"), _bent(token, alg="HS256"), _bent(token, kid="../x")]
        bent += [
            signed,
            f"{signed}.",
            f"{token}.",
            f"{token}=",
            f"{token}.x",
            f".{token}",
            "x",
            ".",
        ]
        bent += [token[:-2] + ("AA" if token[-2:] != "AA" else "BB"), "x." * 2_000]
        for wrong in bent:
            answer = asker.ask(operation, {"Authorization": f"Bearer {wrong}"}, signed_in=False)
            asker.refused(answer, 401)
            assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_j17_one_header_with_one_token(asker: Asker) -> None:
    for operation in WITH_TOKEN:
        good = asker.authorization(operation)["Authorization"]
        token = good.removeprefix("Bearer ")
        twice = [[("Authorization", good)] * 2, [("Authorization", good), ("authorization", "x")]]
        wrong = (
            f"Bearer {good}", f"{good} {token}", f"{good}, {good}", f"Bearer\t{token}", token,
            f"Basic {token}", f"Token {token}", "Bearer", f"Bearer{token}", f"DPoP {token}",
        )  # fmt: skip
        for headers in (*twice, *([("Authorization", value)] for value in wrong)):
            asker.refused(asker.ask(operation, headers, signed_in=False), 400, 401)


def test_j18_no_token_in_the_address(asker: Asker) -> None:
    for operation in WITH_TOKEN:
        token = asker.authorization(operation)["Authorization"].removeprefix("Bearer ")
        for name in ("access_token", "token", "Authorization"):
            asker.refused(asker.ask(operation, query=f"{name}={token}", signed_in=False), 401)
