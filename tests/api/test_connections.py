"""What is sent below HTTP's usual manners is bounded and answered.

Raw bytes to a real gateway: heads, addresses, bodies, pace. Each connection is answered or
closed, and others are served meanwhile.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import httpx
import pytest

from tests.api.calls import submit
from tests.api.conftest import Served


@contextmanager
def connected(served: Served) -> Iterator[socket.socket]:
    url = httpx.URL(served.system.base_url)
    with socket.create_connection((url.host, url.port or 0), timeout=30) as peer:
        yield peer


def all_of(peer: socket.socket) -> bytes:
    """Return what is sent until the connection is closed."""
    received = b""
    while True:
        try:
            chunk = peer.recv(65536)
        except ConnectionResetError:
            return received
        if not chunk:
            return received
        received += chunk


def answer_to(served: Served, data: bytes) -> tuple[int, dict[str, object]]:
    """Send bytes; return the status and the problem of the answer."""
    with connected(served) as peer:
        with suppress(BrokenPipeError, ConnectionResetError):
            peer.sendall(data)
        peer.settimeout(10)
        received = b""
        while b"\r\n\r\n" not in received or not received.rstrip().endswith(b"}"):
            chunk = peer.recv(65536)
            if not chunk:
                break
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, received
    return int(head.split()[1]), json.loads(body)


def get(path: bytes, *fields: bytes) -> bytes:
    return b"\r\n".join([b"GET %s HTTP/1.1" % path, b"Host: x", *fields, b"", b""])


def post(length: bytes, *fields: bytes) -> bytes:
    kind = b"Content-Type: application/json"
    lines = [b"POST /transactions/ HTTP/1.1", b"Host: x", kind, length, *fields, b"", b""]
    return b"\r\n".join(lines)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (get(b"/health", b"X: " + b"a" * 64_000), 431),
        (get(b"/health", b"Cookie: " + b"a=b; " * 13_000), 431),
        (get(b"/health", *(b"X-%d: a" % n for n in range(200))), 431),
        (get(b"/" + b"a" * 100_000), 431),
        (get(b"/" + b"a" * 10_000), 414),
        (get(b"/?" + b"a" * 10_000), 414),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (get(b"/\xff"), 400),
        (b"get /health HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"A" * 1_000 + b" /health HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT example.com:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (get(b"//transactions/"), 404),
        (get(b"/%2e%2e/%2e%2e/etc/passwd", b"Accept: text/html"), 404),
        (post(b"Content-Length: -1"), 400),
        (post(b"Content-Length: 1", b"Content-Length: 2"), 400),
        (post(b"Content-Length: 100000000"), 413),
        (post(b"Transfer-Encoding: chunked", b"Content-Length: 5"), 400),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else str(value),
)
def test_p12_what_is_beyond_a_limit_is_answered(served: Served, data: bytes, status: int) -> None:
    found, problem = answer_to(served, data)
    assert found == problem["status"] == status


def test_p15_a_line_break_in_an_address_stays_encoded(served: Served) -> None:
    status, problem = answer_to(served, get(b"/a%0d%0aSet-Cookie:%20a=b"))
    assert status == 404
    assert problem["instance"] == "/a%0d%0aSet-Cookie:%20a=b"


def test_p20_an_upgrade_is_not_made(anybody: httpx.Client) -> None:
    for protocol in ("websocket", "h2c"):
        answer = anybody.get("/health", headers={"Upgrade": protocol, "Connection": "Upgrade"})
        assert answer.status_code == 200


def test_p06_an_endless_chunked_body_is_cut_off(served: Served) -> None:
    with connected(served) as peer:
        peer.sendall(post(b"Transfer-Encoding: chunked"))
        received = b""
        peer.settimeout(0.001)
        for _ in range(1_000_000):
            try:
                peer.sendall(b"400\r\n" + b" " * 1_024 + b"\r\n")
            except (BrokenPipeError, ConnectionResetError, TimeoutError):
                break
            try:
                received += peer.recv(65536)
            except TimeoutError:
                continue
            if received:
                break
        assert received.startswith((b"HTTP/1.1 401", b"HTTP/1.1 413"))


def test_a_request_in_single_bytes_is_served(served: Served) -> None:
    with connected(served) as peer:
        for byte in get(b"/health", b"Connection: close"):
            peer.sendall(bytes([byte]))
        assert b'{"status":"Aether is running"}' in all_of(peer)


def test_p14_head_has_no_body(served: Served) -> None:
    with connected(served) as peer:
        peer.sendall(b"HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = all_of(peer)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n")
    assert b"content-length: 30" in answer


def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    with connected(served) as peer:
        peer.sendall(get(b"/health") + get(b"/nope") + get(b"/health/live", b"Connection: close"))
        answer = all_of(peer)
    first, second, third = (answer.find(text) for text in (b"200 OK", b"404 Not", b"\r\n\r\n"))
    assert 0 < first < third < second


def test_p19_continue_is_said_when_it_is_asked_for(served: Served, customer: httpx.Client) -> None:
    body = b'{"amount":"1","merchant":"m"}'
    authorization = b"Authorization: " + customer.headers["authorization"].encode()
    with connected(served) as peer:
        length = b"Content-Length: %d" % len(body)
        peer.sendall(post(length, b"Expect: 100-continue", authorization, b"Connection: close"))
        assert peer.recv(100).startswith(b"HTTP/1.1 100")
        peer.sendall(body)
        answer = all_of(peer)
    assert answer.startswith(b"HTTP/1.1 201"), answer


@pytest.mark.slow
def test_p08_who_is_too_slow_is_closed(served: Served, customer: httpx.Client) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(served)) for _ in range(500)]
        for peer in slow[:100]:
            peer.sendall(b"GET /health HTTP/1.1\r\nHost: ")
        for peer in slow[100:300]:
            peer.sendall(b"P")
        # The others say nothing at all.
        began = time.monotonic()
        worst = 0.0
        while time.monotonic() - began < 12:
            for peer in slow[:50]:
                try:
                    peer.sendall(b"x")
                except (BrokenPipeError, ConnectionResetError):
                    continue
            asked = time.monotonic()
            submit(customer)
            worst = max(worst, time.monotonic() - asked)
        assert worst < 2
        for peer in slow:
            peer.settimeout(10)
            assert all_of(peer) == b""
        assert time.monotonic() - began < 30
