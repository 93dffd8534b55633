"""The dashboard's files are served as built, and nothing else is, whatever the address.

A gateway in this process over a directory that this test fills; no server behind it is needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from aether_api.app import create_app
from aether_core.settings import Settings

PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def build(tmp_path: Path) -> Path:
    directory = tmp_path / "dist"
    (directory / "assets").mkdir(parents=True)
    (directory / ".vite").mkdir()
    (directory / "index.html").write_text("<!doctype html><title>Aether</title>")
    (directory / "favicon.svg").write_text("<svg/>")
    (directory / "assets" / "main-abc123.js").write_text("console.log('x');\n" * 200)
    (directory / "assets" / "main-abc123.js.map").write_text("{}")
    (directory / ".vite" / "manifest.json").write_text("{}")
    (directory / ".env").write_text("SECRET=1")
    (tmp_path / "secret.txt").write_text("secret")
    (directory / "assets" / "link.txt").symlink_to(tmp_path / "secret.txt")
    return directory


@pytest.fixture
async def http(build: Path) -> AsyncIterator[httpx.AsyncClient]:
    unused = SecretStr("unused")
    app = create_app(Settings(database_url=unused, redis_url=unused, dashboard_directory=build))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/", "/login", "/transactions", "/transactions/", "/transactions/new", "/alerts/1-2"]
)
async def test_w09_who_asks_for_html_gets_the_page(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path, headers=PAGE)
    assert answer.status_code == 200
    assert "<title>Aether</title>" in answer.text
    assert answer.headers["cache-control"] == "no-cache"
    assert "Accept" in answer.headers["vary"]
    policy = answer.headers["content-security-policy"]
    for rule in ("default-src 'self'", "object-src 'none'", "frame-ancestors 'none'"):
        assert rule in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_the_page_of_the_interface_is_one_of_its_own(
    build: Path, http: httpx.AsyncClient
) -> None:
    (build / "docs.html").write_text("<!doctype html><title>HTTP interface</title>")
    answer = await http.get("/docs", headers=PAGE)
    assert "<title>HTTP interface</title>" in answer.text
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert (await http.get("/docs")).status_code == 404


async def test_who_does_not_gets_the_interface(http: httpx.AsyncClient) -> None:
    answer = await http.get("/nope")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await http.get("/health", headers=PAGE)).json()["status"] == "Aether is running"
    assert (await http.post("/login", headers=PAGE)).status_code == 404


async def test_assets_are_kept_for_ever_and_compressed(http: httpx.AsyncClient) -> None:
    answer = await http.get("/assets/main-abc123.js")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("application/javascript")
    assert answer.headers["content-encoding"] == "gzip"
    plain = await http.get("/assets/main-abc123.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == answer.text
    again = await http.get(
        "/assets/main-abc123.js", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/assets/", "/assets", "/assets/nope.js", "/assets/main-abc123.js.map", "/assets/link.txt",
        "/.env", "/.vite/manifest.json", "/..%2fsecret.txt", "/%2e%2e/secret.txt",
        "/assets/..%5c..%5csecret.txt", "/%252e%252e/secret.txt", "//etc/passwd", "/index.html%00",
        "/assets/../../secret.txt", "/index.html/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
async def test_p17_nothing_else_is_served(http: httpx.AsyncClient, path: str, accept: str) -> None:
    request = http.build_request("GET", "/", headers={"Accept": accept})
    request.url = request.url.copy_with(raw_path=path.encode())
    answer = await http.send(request)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "ecret" not in answer.text.replace("secret.txt", "")


async def test_p18_ranges_are_not_cut_out(http: httpx.AsyncClient) -> None:
    ranges = ",".join(f"{n}-{n + 1}" for n in range(5_000))
    answer = await http.get("/assets/main-abc123.js", headers={"Range": f"bytes={ranges}"})
    assert answer.status_code == 200


async def test_a_new_build_is_noticed(http: httpx.AsyncClient, build: Path) -> None:
    assert "Aether" in (await http.get("/", headers=PAGE)).text
    (build / "assets" / "new-def456.js").write_text("1")
    (build / "index.html").write_text("<!doctype html><title>Newer</title>")
    assert "Newer" in (await http.get("/", headers=PAGE)).text
    assert (await http.get("/assets/new-def456.js")).status_code == 200


async def test_without_a_build_there_is_the_interface_only(
    http: httpx.AsyncClient, build: Path
) -> None:
    (build / "index.html").unlink()
    assert (await http.get("/", headers=PAGE)).status_code == 404
    assert (await http.get("/health")).status_code == 200
