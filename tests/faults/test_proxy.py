"""The proxy passes everything on unchanged, and stops exactly what a rule names.

Real Valkey and PostgreSQL behind it; what reached them is asked from them directly.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import asyncpg
import pytest
import redis.asyncio as redis_asyncio
from hypothesis import given
from hypothesis import strategies as st

from aether_core.stream.connection import load_functions, open_redis
from aether_core.stream.contract import meta_key, stream_key
from tests.conftest import ValkeyServer
from tests.faults.pgwire import PostgresConversation
from tests.faults.proxy import Link
from tests.faults.resp import RespConversation
from tests.faults.rules import Action, Moment, Rule
from tests.faults.stage import Stage
from tests.faults.wire import Side
from tests.running import wait_until


@pytest.fixture
def stage() -> Iterator[Stage]:
    opened = Stage()
    yield opened
    opened.close()


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """A server that sends back what it gets."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                while data := connection.recv(65536):
                    connection.sendall(data)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[:2]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@pytest.fixture
def tcp(stage: Stage, echo: tuple[str, int]) -> Iterator[Link]:
    link = Link(stage, "echo", echo)
    yield link
    link.close()


def connected(link: Link) -> socket.socket:
    address = link.address
    assert not isinstance(address, Path)
    return socket.create_connection(address, timeout=10)


def is_broken(client: socket.socket) -> bool:
    try:
        client.sendall(b"hello")
        return client.recv(100) == b""
    except ConnectionError:
        return True


def test_tcp_goes_through_and_is_cut(tcp: Link) -> None:
    with connected(tcp) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
        tcp.cut()
        assert is_broken(client)
    with connected(tcp) as client:
        client.sendall(b"again")
        assert client.recv(100) == b"again"


def test_a_refusing_link_serves_nobody_until_it_heals(tcp: Link) -> None:
    tcp.refuse()
    with connected(tcp) as client:
        assert is_broken(client)
    tcp.heal()
    with connected(tcp) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"


@pytest.mark.parametrize("sides", [(), (Side.REQUEST,), (Side.REPLY,)])
def test_a_blackhole_delivers_when_it_heals(tcp: Link, sides: tuple[Side, ...]) -> None:
    with connected(tcp) as client:
        tcp.blackhole(*sides)
        client.sendall(b"hello")
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(100)
        tcp.heal()
        client.settimeout(10)
        assert client.recv(100) == b"hello"


def test_a_slow_link_delivers_everything_in_pieces(tcp: Link) -> None:
    tcp.slow(0.02, piece=1)
    with connected(tcp) as client:
        client.sendall(b"hello")
        found = b""
        while len(found) < 5:
            found += client.recv(100)
        assert found == b"hello"


class Valkey:
    """A client through a link, and one beside it."""

    def __init__(self, stage: Stage, server: ValkeyServer, directory: Path) -> None:
        parts = urlsplit(server.url)
        self.stage = stage
        self.link = Link(
            stage,
            "valkey",
            Path(unquote(parts.path)),
            directory / "valkey.sock",
            RespConversation,
        )
        url = f"unix://{parts.netloc}{quote(str(directory / 'valkey.sock'))}"
        self.through = open_redis(url, timeout_s=5)
        self.beside = open_redis(server.url, timeout_s=5)
        stage.run(load_functions(self.through))

    def ask(self, *command: str) -> object:
        return self.stage.run(_ask(self.through, command))

    def look(self, *command: str) -> object:
        return self.stage.run(_ask(self.beside, command))

    def close(self) -> None:
        self.stage.run(self.through.aclose())
        self.stage.run(self.beside.aclose())
        self.link.close()


async def _ask(client: redis_asyncio.Redis, command: tuple[str, ...]) -> object:
    return await client.execute_command(*command)


@pytest.fixture
def through(stage: Stage, valkey: ValkeyServer, tmp_path: Path) -> Iterator[Valkey]:
    opened = Valkey(stage, valkey, tmp_path)
    yield opened
    opened.close()


def test_commands_are_known_by_what_they_do(through: Valkey) -> None:
    async def pipeline() -> list[object]:
        pipe = through.through.pipeline(transaction=False)
        pipe.execute_command("XADD", stream_key(0), "*", "f", "v" * 100_000)
        pipe.execute_command("XADD", "aether:feed", "*", "k", "alert", "a", "b", "d", "{}")
        pipe.execute_command("XTRIM", stream_key(0), "MAXLEN", 0)
        replies: list[object] = await pipe.execute()
        return replies

    through.stage.run(pipeline())
    through.ask("XREAD", "STREAMS", stream_key(0), stream_key(1), "0-0", "0-0")
    through.ask("FCALL", "aether_agree", "1", meta_key(0), "00000007", "word")
    answer = through.ask(
        "FCALL", "aether_accept", "4", stream_key(0), meta_key(0), "calls", "idem:",
        "g", "t" * 12, "1000", "60000", "4", "1000", "00000007", "", "", "payload",
    )  # fmt: skip
    assert isinstance(answer, bytes)
    for side in Side:
        for label in ("accept", "xadd", "publish", "trim", "read"):
            assert through.link.counts[side, label] == 1, (side, label)


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.INSIDE])
def test_a_held_command_has_not_happened(through: Valkey, moment: Moment) -> None:
    rule = through.link.watch(Rule("set", moment=moment, nth=2))
    through.ask("SET", "k", "1")
    pending = through.stage.start(_ask(through.through, ("SET", "k", "2")))
    rule.wait()
    assert through.look("GET", "k") == b"1"
    through.link.release(rule)
    assert pending.result(10) is True
    assert through.look("GET", "k") == b"2"


def test_a_discarded_command_never_happens(through: Valkey) -> None:
    through.ask("SET", "k", "1")
    through.link.watch(Rule("set", action=Action.DROP))
    with pytest.raises((redis_asyncio.ConnectionError, redis_asyncio.RedisError, TimeoutError)):
        through.ask("SET", "k", "2")
    assert through.look("GET", "k") == b"1"


def test_a_command_whose_answer_is_cut_off_has_happened(through: Valkey) -> None:
    through.link.watch(Rule("set", side=Side.REPLY, action=Action.CUT))
    with pytest.raises((redis_asyncio.ConnectionError, redis_asyncio.RedisError)):
        through.ask("SET", "k", "2")
    assert through.look("GET", "k") == b"2"


def test_a_command_held_until_its_client_is_gone_may_still_arrive(through: Valkey) -> None:
    rule = through.link.watch(Rule("set"))
    pending = through.stage.start(_ask(through.through, ("SET", "k", "late")))
    rule.wait()
    pending.cancel()
    through.stage.run(through.through.connection_pool.disconnect())
    through.link.release(rule)
    wait_until(lambda: through.look("GET", "k") == b"late", "the late command")


def test_a_rule_strikes_once_on_whichever_link_comes_first(
    through: Valkey, stage: Stage, valkey: ValkeyServer, tmp_path: Path
) -> None:
    other = Valkey(stage, valkey, tmp_path / "other")
    rule = through.link.watch(Rule("set", nth=3, action=Action.NOTE))
    other.link.watch(rule)
    other.ask("SET", "k", "1")
    through.ask("SET", "k", "2")
    assert not rule.has_struck
    other.ask("SET", "k", "3")
    rule.wait(1)
    assert rule.link is other.link
    other.close()


class Postgres:
    """A connection through a link, and one beside it."""

    def __init__(self, stage: Stage, url: str, directory: Path) -> None:
        parts = urlsplit(url)
        host = unquote(parts.query.removeprefix("host="))
        self.stage = stage
        self.link = Link(
            stage,
            "postgres",
            Path(host) / ".s.PGSQL.5432",
            directory / ".s.PGSQL.5432",
            PostgresConversation,
        )
        self.url = url.replace(parts.query, f"host={quote(str(directory), safe='')}")
        self.through = stage.run(_open(self.url))
        self.beside = stage.run(_open(url))
        stage.run(self.beside.execute("CREATE TABLE t (n int)"))

    def count(self) -> int:
        return int(self.stage.run(self.beside.fetchval("SELECT count(*) FROM t")))

    def close(self) -> None:
        self.through.terminate()
        self.stage.run(self.beside.close())
        self.link.close()


async def _open(url: str) -> asyncpg.Connection[asyncpg.Record]:
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
        url, timeout=10, command_timeout=5
    )
    return connection


@pytest.fixture
def postgres_link(stage: Stage, database_url: str, tmp_path: Path) -> Iterator[Postgres]:
    opened = Postgres(stage, database_url, tmp_path)
    yield opened
    opened.close()


async def _copy(connection: asyncpg.Connection[asyncpg.Record], count: int) -> None:
    async with connection.transaction():
        await connection.fetch("SELECT n FROM t WHERE n = ANY($1::int[]) FOR UPDATE", [1])
        await connection.copy_records_to_table("t", records=[(n,) for n in range(count)])
        await connection.executemany("INSERT INTO t VALUES ($1)", [(1,), (2,)])


def test_statements_are_known_by_what_they_do(postgres_link: Postgres) -> None:
    postgres_link.stage.run(_copy(postgres_link.through, 200_000))
    counts = postgres_link.link.counts
    assert postgres_link.count() == 200_002
    asked = {label: n for (side, label), n in counts.items() if side is Side.REQUEST}
    assert {name: asked[name] for name in ("startup", "begin", "copy", "copy_end", "commit")} == {
        "startup": 1, "begin": 1, "copy": 1, "copy_end": 1, "commit": 1,
    }  # fmt: skip
    assert asked["copy_data"] > 2
    assert asked["query"] >= 3


@pytest.mark.parametrize(
    ("label", "moment"),
    [
        ("copy_data", Moment.BEFORE),
        ("copy_data", Moment.INSIDE),
        ("query", Moment.BEFORE),
        ("commit", Moment.BEFORE),
    ],
)
def test_what_is_cut_before_the_commit_never_happened(
    postgres_link: Postgres, label: str, moment: Moment
) -> None:
    rule = postgres_link.link.watch(Rule(label, moment=moment, action=Action.CUT))
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        postgres_link.stage.run(_copy(postgres_link.through, 10))
    assert rule.has_struck
    assert postgres_link.count() == 0


def test_a_commit_whose_answer_is_held_has_happened(postgres_link: Postgres) -> None:
    rule = postgres_link.link.watch(Rule("commit", side=Side.REPLY))
    pending = postgres_link.stage.start(_copy(postgres_link.through, 10))
    rule.wait()
    assert postgres_link.count() == 12
    postgres_link.link.cut_at(rule)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        pending.result(10)


commands = st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=5), max_size=8)


def encoded(command: list[bytes]) -> bytes:
    return b"*%d\r\n%s" % (
        len(command),
        b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in command),
    )


@given(commands=commands, cuts=st.lists(st.integers(0, 400), max_size=10))
def test_wherever_the_bytes_are_cut_the_messages_are_the_same(
    commands: list[list[bytes]], cuts: list[int]
) -> None:
    whole = [encoded(command) for command in commands]
    data = b"".join(whole)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    conversation = RespConversation()
    found = [
        message.raw
        for begin, end in pairwise(places)
        for message in conversation.requests(data[begin:end])
    ]
    assert found == whole


async def test_the_stage_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    stage = Stage()
    stage.start(asyncio.sleep(60))
    await asyncio.to_thread(stage.close)
    assert threading.active_count() == before + 1  # the executor's thread
