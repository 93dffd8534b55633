"""What is sent below HTTP's usual manners is bounded and answered.

Raw bytes to a real gateway: heads, addresses, bodies, pace. Each connection is answered or
closed, and others are served meanwhile.
"""

from __future__ import annotations

import json
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.api.calls import submit
from tests.api.conftest import Served
from tests.api.operations import operations


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


@pytest.mark.parametrize("first", [1, 20_000, 32_000, 36_000])
def test_p12_a_head_in_parts_has_the_same_limit(
    served: Served, anybody: httpx.Client, first: int
) -> None:
    head = get(b"/health", b"X: " + b"a" * 64_000)
    with connected(served) as peer:
        peer.sendall(head[:first])
        # Whoever is answered after it was sent, by the one loop there is, says that it was read.
        assert anybody.get("/health").status_code == 200
        with suppress(BrokenPipeError, ConnectionResetError):
            peer.sendall(head[first:])
        assert b" 431 " in all_of(peer).split(b"\r\n", 1)[0]


def test_p12_a_head_behind_another_request_has_the_same_limit(served: Served) -> None:
    with connected(served) as peer:
        peer.sendall(get(b"/health") + get(b"/health", b"X: " + b"a" * 64_000))
        answers = all_of(peer)
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 431 " in answers


def test_p15_a_line_break_in_an_address_stays_encoded(served: Served) -> None:
    status, problem = answer_to(served, get(b"/a%0d%0aSet-Cookie:%20a=b"))
    assert status == 404
    assert problem["instance"] == "/a%0d%0aSet-Cookie:%20a=b"


def test_p20_an_upgrade_is_not_made(anybody: httpx.Client) -> None:
    for protocol in ("websocket", "h2c"):
        answer = anybody.get("/health", headers={"Upgrade": protocol, "Connection": "Upgrade"})
        assert answer.status_code == 200


_UNSENT = 16 * 1024 * 1024
"""More than the buffers between two sockets hold: who can send so much is being read."""

ENDLESS = {
    "large chunks": (b"", b"400\r\n" + b" " * 1_024 + b"\r\n"),
    "1-byte chunks": (b"", b"1\r\n \r\n" * 1_000),
    "1-byte chunks with zeros": (b"", b"0000000000000001\r\n \r\n" * 1_000),
    "one extension": (b"1;a=", b"b" * 4_096),
    "extensions of 1 MB": (b"", b"1;a=" + b"b" * 1024 * 1024 + b"\r\n \r\n"),
    "many extensions": (b"1", b";a=b" * 1_000),
    "trailers": (b"0\r\n", b"X: y\r\n" * 1_000),
    "one trailer": (b"0\r\nX: ", b"y" * 4_096),
}


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize("path", [b"/transactions/", b"/auth/login", b"/oauth/token"])
def test_p06_an_endless_chunked_body_is_cut_off(
    served: Served, anybody: httpx.Client, kind: str, path: bytes
) -> None:
    begin, more = ENDLESS[kind]
    media_type = b"x-www-form-urlencoded" if b"oauth" in path else b"json"
    head = [
        b"POST %s HTTP/1.1" % path,
        b"Host: x",
        b"Content-Type: application/%s" % media_type,
        b"Transfer-Encoding: chunked",
        b"",
        begin,
    ]
    assert_cut_off(served, b"\r\n".join(head), more)
    assert anybody.get("/health").is_success


def test_p06_so_is_a_bulk_request(served: Served, service: httpx.Client) -> None:
    authorization = b"Authorization: " + service.headers["authorization"].encode()
    for begin, more in (ENDLESS[kind] for kind in ("one extension", "trailers")):
        for fields in ([authorization], []):
            head = [
                b"POST /transactions/bulk HTTP/1.1",
                b"Host: x",
                b"Content-Type: application/x-ndjson",
                b"Transfer-Encoding: chunked",
                *fields,
                b"",
                begin,
            ]
            assert_cut_off(served, b"\r\n".join(head), more)


def assert_cut_off(served: Served, head: bytes, more: bytes) -> None:
    """Send the same again and again; check that the connection ends, with an answer if at all."""
    sent, received = 0, b""
    memory_before = resident_bytes(served)
    with connected(served) as peer:
        peer.sendall(head)
        # An answer that comes early does not end the sending: an attacker would not read it.
        with suppress(BrokenPipeError, ConnectionResetError):
            while sent < _UNSENT:
                peer.sendall(more)
                sent += len(more)
        with suppress(BrokenPipeError, ConnectionResetError):
            received = all_of(peer)
    assert sent < _UNSENT
    assert resident_bytes(served) - memory_before < _UNSENT
    assert received == b"" or received.startswith((b"HTTP/1.1 4", b"HTTP/1.1 200"))


def resident_bytes(served: Served) -> int:
    """Return how much memory the gateway holds."""
    pages = Path(f"/proc/{served.system.gateway.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def test_p06_small_chunks_with_extensions_are_read(served: Served, customer: httpx.Client) -> None:
    authorization = b"Authorization: " + customer.headers["authorization"].encode()
    body = b'{"amount":"1","merchant":"m"}'
    chunks = b"".join(b"1;a=b\r\n%c\r\n" % byte for byte in body)
    with connected(served) as peer:
        peer.sendall(post(b"Transfer-Encoding: chunked", authorization, b"Connection: close"))
        # What comes after the body is no field of the request.
        peer.sendall(chunks + b"0\r\nIdempotency-Key: not \x80 valid\r\n\r\n")
        answer = all_of(peer)
    assert answer.startswith(b"HTTP/1.1 201"), answer


def test_what_follows_a_request_does_not_take_its_answer(served: Served) -> None:
    with connected(served) as peer:
        peer.sendall(get(b"/health") + b"\x00\x01\r\n\r\n")
        assert all_of(peer).startswith(b"HTTP/1.1 200")


def test_p08_empty_lines_do_not_keep_a_connection(served: Served) -> None:
    with connected(served) as peer:
        peer.sendall(get(b"/health"))
        assert peer.recv(65536).startswith(b"HTTP/1.1 200")
        with suppress(BrokenPipeError, ConnectionResetError):
            while True:
                peer.sendall(b"\r\n" * 4_096)
                if ended(peer):
                    break


def ended(peer: socket.socket) -> bool:
    """Whether the other side has closed, whatever it said before."""
    peer.setblocking(False)
    try:
        return peer.recv(65536) == b""
    except BlockingIOError:
        return False
    finally:
        peer.settimeout(30)


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


PROMISES = [
    b"\r\n".join(
        [
            f"{operation.method} {operation.target} HTTP/1.1".encode(),
            b"Host: x",
            b"Content-Type: " + operation.media_types[0].encode(),
            b"Content-Length: 5",
            b"Expect: 100-continue",
            b"",
            b"",
        ]
    )
    for operation in operations()
    if operation.media_types
]


@pytest.mark.slow
def test_p08_p19_who_is_too_slow_is_closed(served: Served, customer: httpx.Client) -> None:
    with ExitStack() as stack:
        # What is announced never comes: nobody waits for it any longer than for a slow body.
        promising = [stack.enter_context(connected(served)) for _ in range(len(PROMISES))]
        for peer, promise in zip(promising, PROMISES, strict=True):
            peer.sendall(promise)
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
        for peer in promising:
            assert all_of(peer).startswith((b"HTTP/1.1 100", b"HTTP/1.1 401", b"HTTP/1.1 422"))
        assert time.monotonic() - began < 30
