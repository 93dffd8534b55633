"""Whatever is asked of an endpoint, the answer is one that the OpenAPI document promises.

Every operation of the document, with what it allows and what it forbids; the same requests in each
run. `make fuzz` asks longer, and other things each time.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.conftest import serving
from tests.conftest import PostgresServer
from tests.fuzz.fuzzing import Fuzzer, document, make_fuzzer, operations

pytestmark = pytest.mark.slow

OPERATIONS = operations(document())
EXAMPLES = 5


@pytest.fixture(scope="module")
def fuzzer(postgres: PostgresServer) -> Iterator[Fuzzer]:
    with serving(postgres) as served:
        yield make_fuzzer(served.system)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_is_one_that_is_documented(fuzzer: Fuzzer, name: str) -> None:
    fuzzer.fuzz(OPERATIONS[name], examples=EXAMPLES, seed=None)


def test_a_refusal_that_is_not_documented_is_found(fuzzer: Fuzzer) -> None:
    wrong = document()
    del wrong["paths"]["/users/{user_id}"]["get"]["responses"]["404"]
    with pytest.raises(AssertionError, match="404"):
        fuzzer.fuzz(operations(wrong)["GET /users/{user_id}"], examples=4 * EXAMPLES, seed=None)


def test_an_answer_that_is_not_documented_is_found(fuzzer: Fuzzer) -> None:
    wrong = document()
    answer = wrong["paths"]["/health"]["get"]["responses"]["200"]["content"]["application/json"]
    answer["schema"] = {"type": "object", "required": ["planted"]}
    with pytest.raises(AssertionError, match="planted"):
        fuzzer.fuzz(operations(wrong)["GET /health"], examples=EXAMPLES, seed=None)
