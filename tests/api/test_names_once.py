"""A name that comes twice in a JSON object is refused, at every endpoint and however it is written.

The quick look that usual submissions get must never pass what the thorough one refuses.
"""

from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_api.names import refuse_double_names
from aether_api.problems import MalformedRequest
from aether_api.submission import read_submission
from tests.api.calls import JSON, new_account
from tests.api.test_bad_input import assert_problem

_VALUES = {
    "amount": "1.00",
    "merchant": 'a":" b :"currency":',
    "currency": "USD",
    "kind": "purchase",
    "account_id": "mine",
    "occurred_at": "2026-01-31T12:00:00Z",
    "location": None,
    "metadata": {"currency": "x", "kind": 'y":', "amount": 1},
}
_SPACES = st.sampled_from(["", "", "", " ", "\t", "\n"])


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Draw submissions in which names may come twice, with space and escapes here and there."""
    names = draw(st.lists(st.sampled_from(sorted(_VALUES)), max_size=6))
    members = []
    for name in draw(st.permutations(["amount", "merchant", *names])):
        written = f"\\u{ord(name[0]):04x}{name[1:]}" if draw(st.integers(0, 9)) == 0 else name
        value = json.dumps(_VALUES[name])
        if name == "metadata" and draw(st.booleans()):
            value = '{"till":1,"till":2}'
        members.append(f'"{written}"{draw(_SPACES)}:{draw(_SPACES)}{value}')
    return f"{{{','.join(members)}}}".encode()


@given(bodies())
def test_the_quick_look_passes_nothing_that_the_thorough_one_refuses(body: bytes) -> None:
    try:
        refuse_double_names(body)
    except MalformedRequest:
        with pytest.raises(MalformedRequest):
            read_submission(body, "own")
    else:
        read_submission(body, "own")


_TWICE = b'"amount":"2.00","amount":"1.00","merchant":"m"'


@pytest.mark.parametrize("headers", [JSON, JSON | {"Prefer": "wait=1"}], ids=["lane", "route"])
def test_a_submission_is_refused_by_the_lane_and_by_the_route(
    customer: httpx.Client, headers: dict[str, str]
) -> None:
    answer = customer.post("/transactions/", content=b"{%b}" % _TWICE, headers=headers)
    assert_problem(answer, 400)


def test_an_item_of_a_bulk_request_is_refused_by_itself(service: httpx.Client) -> None:
    account = new_account().encode()
    good = b'{"account_id":"%b","amount":"1.00","merchant":"m"}' % account
    bad = b'{"account_id":"%b",%b}' % (account, _TWICE)
    answer = service.post("/transactions/bulk", content=b"[%b,%b]" % (good, bad), headers=JSON)
    first, second = answer.json()
    assert first["id"]
    assert second["problem"]["status"] == 400


@pytest.mark.parametrize(
    "body",
    ['{"email":"a@b.example","email":"c@d.example","password":"x"}', '{"a":[{"b":1,"b":1}]}'],
)
def test_so_is_any_other_body(anybody: httpx.Client, body: str) -> None:
    for path in ("/auth/login", "/auth/register", "/auth/refresh"):
        problem = assert_problem(anybody.post(path, content=body, headers=JSON), 400)
        assert "twice" in problem["detail"]
