"""L02 and L03: after a full run nothing that was written holds a secret, and no log line is forged.

A real installation at log level debug, with passwords, tokens and secrets that occur nowhere else.
They are used rightly and wrongly, put where they do not belong, and used while Valkey is dead. Then
everything is searched: logs and files, PostgreSQL's tables and its data directory, Valkey's keys
and its append-only file, what commands printed, refusals, command lines and environments.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import asyncpg
import httpx
import pytest
import redis

from aether_cli.embedded import resolve_servers
from aether_core.settings import Settings
from aether_core.stream.contract import stream_key
from tests.running import InstalledSystem, installed_system, processes_of, wait_until

pytestmark = pytest.mark.slow

_HOSTILE = '\n{"level":"critical","message":"forged"}\r\n\x1b]52;c;Zm9yZ2Vk\x07\x9b31m\x00'
"""A line of its own, a terminal's clipboard, a colour, an end of a text."""


@dataclass
class Run:
    """What was done and said; `secrets` by what they are, each in the forms it could leak in."""

    system: InstalledSystem
    secrets: dict[str, list[bytes]] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    known_email: str = ""

    def secret(self, name: str, text: str | None = None, *, also: tuple[str, ...] = ()) -> str:
        """Keep a secret, made here when none is given, and return it."""
        plain = text or f"hush {os.urandom(12).hex()}"
        # Of a token the random part, or the signature: any piece of it is too much.
        core = plain.rpartition(".")[2] if plain.startswith("eyJ") else plain
        forms = {plain, core, quote_plus(plain), base64.b64encode(plain.encode()).decode(), *also}
        self.secrets[name] = [form.encode() for form in forms]
        return plain

    @contextmanager
    def http(self) -> Iterator[httpx.Client]:
        """Return a client whose refusals are kept."""

        def keep(response: httpx.Response) -> None:
            if response.is_error:
                response.read()
                self.said[f"refusal {len(self.said)}"] = f"{response.headers} {response.text}"

        with httpx.Client(
            base_url=self.system.base_url, timeout=30, event_hooks={"response": [keep]}
        ) as client:
            yield client

    @property
    def servers(self) -> tuple[str, str]:
        """The URLs of PostgreSQL and Valkey, with their passwords."""
        resolved = resolve_servers(Settings(home=self.system.home))
        assert resolved.database_url is not None
        assert resolved.redis_url is not None
        return resolved.database_url.get_secret_value(), resolved.redis_url.get_secret_value()

    def command(self, *arguments: str) -> str:
        """Run a command; what it says on standard error is kept, and returned what it printed."""
        done = self.system.run(*arguments)
        self.said[f"errors of {' '.join(arguments[:2])}"] = done.stderr
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    place = tmp_path_factory.mktemp("leaks")
    temporary = place / "home" / "tmp"
    temporary.mkdir(parents=True)
    place.joinpath("home").chmod(0o711)
    with installed_system(
        place / "home", AETHER_LOG_LEVEL="debug", TMPDIR=str(temporary)
    ) as system:
        run = Run(system)
        run.secret("admin's password", system.admin.password)
        run.said["aether up"] = system.up()
        for name in ("sealing.key", "postgres.password", "valkey.password"):
            run.secret(name, (system.home / "keys" / name).read_text().strip())
        _act_as_people(run)
        _act_as_services(run)
        _put_secrets_where_they_do_not_belong(run)
        _send_hostile_texts(run)
        _sign_in_while_valkey_is_dead(run)
        run.said["aether status"] = run.command("status")
        yield run


def _act_as_people(run: Run) -> None:
    run.known_email = f"canary-{os.urandom(4).hex()}@example.com"
    password = run.secret("password")
    credentials = {"email": run.known_email, "password": password}
    with run.http() as http:
        http.post("/auth/register", json=credentials).raise_for_status()
        assert http.post("/auth/register", json=credentials).status_code == 409
        tokens = _tokens(http.post("/auth/login", json=credentials))
        bearer = {"Authorization": f"Bearer {run.secret('access token', tokens['access_token'])}"}
        first = run.secret("refresh token", tokens["refresh_token"])
        http.get("/auth/me", headers=bearer).raise_for_status()
        body = {"amount": "12.34", "currency": "EUR", "merchant": "Corner Bakery"}
        http.post("/transactions/", json=body, headers=bearer).raise_for_status()
        tokens = _tokens(http.post("/auth/refresh", json={"refresh_token": first}))
        run.secret("second access token", tokens["access_token"])
        second = run.secret("second refresh token", tokens["refresh_token"])
        third = _tokens(http.post("/auth/refresh", json={"refresh_token": second}))
        run.secret("third refresh token", third["refresh_token"])
        # Used long before: its family ends.
        asyncio.run(_execute(run, "UPDATE refresh_tokens SET used_at = now() - interval '1 hour'"))
        assert http.post("/auth/refresh", json={"refresh_token": first}).status_code == 401
        for name, email in (
            ("wrong password", run.known_email),
            ("password of nobody", "nobody@example.com"),
        ):
            wrong = {"email": email, "password": run.secret(name)}
            assert http.post("/auth/login", json=wrong).status_code == 401
        # Typed into the wrong field, as people do.
        swapped = {"email": run.secret("password as an address"), "password": "whatever it is"}
        assert http.post("/auth/login", json=swapped).status_code in {401, 422}
        _tokens(http.post("/auth/login", json=credentials | {"use_cookie": True}))
        run.secret("cookie", http.cookies["aether_refresh"])
        http.post("/auth/refresh").raise_for_status()
        run.secret("second cookie", http.cookies["aether_refresh"])
        http.post("/auth/logout").raise_for_status()
        assert http.get("/auth/me", headers=bearer).status_code == 401


def _act_as_services(run: Run) -> None:
    made = json.loads(run.command("client", "add", "canary", "--json"))
    client_id, secret = made["client_id"], run.secret("client secret", made["client_secret"])
    run.secret("basic", base64.b64encode(f"{client_id}:{secret}".encode()).decode())
    wrong = run.secret("wrong client secret")
    run.secret("wrong basic", base64.b64encode(f"{client_id}:{wrong}".encode()).decode())
    grant = {"grant_type": "client_credentials"}
    with run.http() as http:
        issued = _tokens(http.post("/oauth/token", data=grant, auth=(client_id, secret)))
        token = run.secret("service's token", issued["access_token"])
        assert http.post("/oauth/token", data=grant, auth=(client_id, wrong)).is_error
        in_body = grant | {"client_id": client_id}
        http.post("/oauth/token", data=in_body | {"client_secret": secret}).raise_for_status()
        assert http.post("/oauth/token", data=in_body | {"client_secret": wrong}).is_error
        for path in ("/oauth/introspect", "/oauth/revoke"):
            data = {"token": token}
            http.post(path, data=data, auth=(client_id, secret)).raise_for_status()
        device = http.post("/oauth/device_authorization", data={"client_id": "aether"}).json()
        code = run.secret("device code", device["device_code"])
        pending = {
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": code,
            "client_id": "aether",
        }
        assert http.post("/oauth/token", data=pending).status_code == 400


def _put_secrets_where_they_do_not_belong(run: Run) -> None:
    token, word = run.secret("token in a query"), run.secret("word in a body")
    basic, bearer = run.secret("unknown basic"), run.secret("unknown bearer")
    body = dict.fromkeys(
        ("password", "current_password", "new_password", "client_secret", "token", "note"), word
    )
    as_json = {"Content-Type": "application/json"}
    with run.http() as http:
        paths: dict[str, Any] = http.get("/openapi.json").json()["paths"]
        for path, methods in paths.items():
            place = re.sub(r"\{\w+\}", "0190b5c2-0000-7000-8000-000000000000", path)
            for method in methods:
                if place == "/events" and method == "get":
                    continue  # a feed does not end
                http.request(
                    method,
                    place,
                    params={"access_token": token},
                    headers={"Authorization": f"Bearer {bearer}"},
                )
                http.request(method, place, json=body, headers={"Authorization": f"Basic {basic}"})
                http.request(method, place, data=body)
                http.request(
                    method,
                    place,
                    content=json.dumps(body)[:-1],
                    headers=as_json | {"Cookie": f"aether_refresh={word}"},
                )
        http.get(f"/reset/{quote_plus(run.secret('token in a path'))}")


def _send_hostile_texts(run: Run) -> None:
    """Send texts that would forge a line or drive a terminal, wherever one can be sent."""
    with run.http() as http:
        http.post("/auth/login", json={"email": _HOSTILE, "password": "x" * 12})
        http.post("/auth/login", json={"email": f"a{_HOSTILE}@b.example", "password": "x" * 12})
        http.get(f"/transactions/{quote_plus(_HOSTILE)}")
        http.get("/transactions/", params={"merchant": _HOSTILE, _HOSTILE: "1"})
        token = _tokens(
            http.post(
                "/auth/login",
                json={"email": run.system.admin.email, "password": run.system.admin.password},
            )
        )["access_token"]
        bearer = {"Authorization": f"Bearer {run.secret('admins token', token)}"}
        body = {"amount": "1.00", "currency": "EUR", "merchant": _HOSTILE}
        http.post("/transactions/", json=body, headers=bearer)
        http.post(
            "/transactions/", json=body | {"merchant": "\u202eevil \u009b31m"}, headers=bearer
        )
        shard = http.get("/operations/pipeline", headers=bearer).json()["shards"][0]
    host, port = run.system.base_url.removeprefix("http://").split(":")
    for head in (
        f"GET /health HTTP/1.1\r\nHost: a\r\nUser-Agent: {_HOSTILE}\r\n\r\n",
        "GET /auth/me HTTP/1.1\r\nHost: a\r\nUser-Agent: x\x1b[2Jy\x07\r\n\r\n",
        f"GET /{_HOSTILE} HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /x\x1b[2J HTTP/1.1\r\nHost: a\r\nX-Request-Id: x\x1b[2J\r\n\r\n",
        "\x1b]0;owned\x07 / HTTP/1.1\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(head.encode("latin-1"))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
    # Past the gateway: what no version of ours would append, with somebody's text in it.
    stream = redis.Redis.from_url(run.servers[1])
    stream.xadd(stream_key(shard["shard"]), {shard["incarnation"]: _HOSTILE.encode()})
    stream.close()
    with run.http() as http:
        wait_until(
            lambda: bool(http.get("/operations/dead-letters", headers=bearer).json()),
            "the entry to be set aside",
        )
    run.said["aether dead-letters"] = run.command("dead-letters", "list")


def _sign_in_while_valkey_is_dead(run: Run) -> None:
    run.system.kill("valkey")
    password = run.secret("password in an outage")
    token = run.secret("token in an outage")
    with run.http() as http:
        for _ in range(5):
            http.post("/auth/login", json={"email": run.known_email, "password": password})
            http.get("/auth/me", headers={"Authorization": f"Bearer {token}"})
            http.post("/auth/refresh", json={"refresh_token": token})
    wait_until(lambda: bool(run.system.status()["healthy"]), "Valkey to be back")


def test_l02_nothing_that_was_written_holds_a_secret(run: Run) -> None:
    leaks = []
    email_seen = set()
    for place, content in _everything(run):
        leaks += [
            f"{name} in {place}"
            for name, forms in run.secrets.items()
            if any(form in content for form in forms) and not _is_its_place(name, place)
        ]
        if run.known_email.encode() in content:
            email_seen.add(place)
    assert leaks == []
    # The search itself finds what is there.
    assert {"table users", "table audit"} <= email_seen
    assert any(place.startswith("file postgres/") for place in email_seen)


def test_l02_files_of_secrets_are_their_owners_alone(run: Run) -> None:
    for path in [*(run.system.home / "keys").iterdir(), run.system.home / "valkey" / "valkey.conf"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_l03_every_line_of_a_log_is_one_object_that_nobody_forged(run: Run) -> None:
    ours = [p for p in (run.system.home / "log").glob("*.log") if _is_json_log(p)]
    assert len(ours) >= 4
    for path in ours:
        for line in path.read_text().splitlines():
            assert line.isascii(), path
            assert line.isprintable(), path
            fields = json.loads(line)
            assert fields["process"], line
            assert fields["message"] != "forged", line
    # Nor do the servers' own logs hold what a terminal would obey.
    for path in (run.system.home / "log").iterdir():
        assert not set(path.read_bytes()) & {0x00, 0x07, 0x1B, 0x9B}, path


async def test_l03_no_entry_of_the_audit_trail_holds_a_control_character(run: Run) -> None:
    connection = await asyncpg.connect(run.servers[0])
    try:
        rows = await connection.fetch("SELECT * FROM audit")
    finally:
        await connection.close()
    assert {"user.register", "session.begin", "session.fail", "session.reuse", "command.run"} <= {
        row["action"] for row in rows
    }
    for row in rows:
        for value in row.values():
            assert not isinstance(value, str) or value.isprintable(), value


def _everything(run: Run) -> Iterator[tuple[str, bytes]]:
    """Yield all that the run has written, and where it stands."""
    for name, text in run.said.items():
        yield name, text.encode()
    home = run.system.home
    data = (home / "postgres").resolve()
    for root in {home, data}:
        for path in root.rglob("*"):
            if path.is_file() and not path.is_symlink() and home / "keys" not in path.parents:
                within = path.relative_to(root)
                where = Path("postgres") / within if root == data else within
                yield f"file {where}", path.read_bytes()
    for pid in processes_of(home):
        for name in ("cmdline", "environ"):
            try:
                yield f"{name} of {pid}", Path(f"/proc/{pid}/{name}").read_bytes()
            except OSError:  # it has just ended
                continue
    yield from asyncio.run(_tables(run.servers[0])).items()
    yield from _valkey(run.servers[1])


async def _execute(run: Run, statement: str) -> None:
    connection = await asyncpg.connect(run.servers[0])
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _tables(database_url: str) -> dict[str, bytes]:
    connection = await asyncpg.connect(database_url)
    try:
        names = await connection.fetch(
            "SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = c.relnamespace WHERE c.relkind = 'r'"
            " AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
        )
        found = {
            f"table {row['name']}": str(
                await connection.fetch(f"SELECT t::text FROM {row['name']} AS t")
            ).encode()
            for row in names
        }
        activity = await connection.fetch("SELECT query, application_name FROM pg_stat_activity")
        return found | {"pg_stat_activity": str(activity).encode()}
    finally:
        await connection.close()


def _valkey(url: str) -> Iterator[tuple[str, bytes]]:
    client = redis.Redis.from_url(url)
    readers: dict[Any, Callable[[Any], object]] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"stream": client.xrange,
    }
    try:
        for key in client.scan_iter(count=1000):
            yield f"key {key!r}", repr((key, readers[client.type(key)](key))).encode()
        for name in ("SLOWLOG GET 1000", "CLIENT LIST", "ACL LOG"):
            yield f"valkey {name}", repr(client.execute_command(*name.split())).encode()
    finally:
        client.close()


def _is_its_place(name: str, place: str) -> bool:
    # A refusal names the address that was asked for, to whoever asked.
    if name == "token in a path" and place.startswith("refusal"):
        return True
    # Valkey reads it from there; PostgreSQL keeps only what it can check it with.
    return name == "valkey.password" and place == "file valkey/valkey.conf"


def _is_json_log(path: Path) -> bool:
    return path.stem not in {"postgres", "valkey", "supervisord"}


def _tokens(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens
