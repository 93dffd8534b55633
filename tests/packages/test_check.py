"""`make check` turns red for a package that is too old, unwanted or not fixed by its digest.

The lock files of this checkout pass; each fault is planted in a copy of them. pip-audit and npm
themselves ask a server on this machine that answers as theirs do, and one that is not there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.packages.check import PACKAGE_LOCK, REQUIREMENTS, main
from tests.packages.rules import FORBIDDEN, LEAST, Least
from tests.packages.services import ask_npm, ask_pip_audit

CHECKOUT = Path(__file__).resolve().parents[2]
DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lock files to plant faults in, where no service can be reached."""
    for name in (*REQUIREMENTS, PACKAGE_LOCK, "frontend/package.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(CHECKOUT / name, tmp_path / name)
    monkeypatch.setenv("PATH", f"{CHECKOUT / '.venv/node'}:{os.environ['PATH']}")
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    return tmp_path


def test_our_lock_files_pass_and_silence_is_said_in_a_line_each(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(copy) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" could not")[0] for line in lines[:2]] == ["pip-audit", "npm audit"]
    assert len(lines) == 3


@pytest.mark.parametrize(
    "least", [rule for rule in LEAST if rule.registry == "PyPI"], ids=lambda rule: rule.name
)
def test_an_old_version_is_named_with_its_advisories(
    least: Least, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy / REQUIREMENTS[0]
    old, count = re.subn(rf"(?m)^{least.name}==\S+", f"{least.name}==0.0.1", path.read_text())
    assert count == 1
    path.write_text(old)
    assert main(copy) == 1
    said = capsys.readouterr().out
    assert f"{least.name} 0.0.1 is older than {least.version}" in said
    assert all(advisory in said for advisory in least.advisories)


def test_an_old_version_of_the_dashboard_is_named(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy / PACKAGE_LOCK
    document = json.loads(path.read_text())
    document["packages"]["node_modules/react-router"]["version"] = "7.5.1"
    path.write_text(json.dumps(document))
    assert main(copy) == 1
    assert "react-router 7.5.1 is older than 7.5.2 (CVE-2025-43864" in capsys.readouterr().out


@pytest.mark.parametrize("name", [rule.name for rule in FORBIDDEN])
def test_a_forbidden_package_is_named_however_it_is_written(
    name: str, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = name.replace("-", "_").title()
    with (copy / REQUIREMENTS[1]).open("a") as file:
        file.write(f"{written}==9.9 --hash={DIGEST}\n")
    assert main(copy) == 1
    assert f"{name} 9.9 must not be used" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line",
    [
        "httpx==0.28.1",
        "httpx==0.28.1 --hash=md5:d41d8cd98f00b204e9800998ecf8427e",
        f"httpx>=0.28 --hash={DIGEST}",
        "--extra-index-url https://elsewhere.example/simple",
        "git+https://elsewhere.example/httpx.git",
        "-e .",
    ],
)
@pytest.mark.parametrize("file", REQUIREMENTS)
def test_a_line_that_fixes_nothing_is_refused(line: str, file: str, copy: Path) -> None:
    with (copy / file).open("a") as lock:
        lock.write(line + "\n")
    assert main(copy) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"integrity": None},
        {"integrity": "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="},
        {"resolved": "https://elsewhere.example/zod.tgz"},
    ],
    ids=str,
)
def test_a_package_of_the_dashboard_without_its_digest_is_refused(
    change: dict[str, str | None], copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy / PACKAGE_LOCK
    document = json.loads(path.read_text())
    entry = document["packages"]["node_modules/zod"] | change
    document["packages"]["node_modules/zod"] = {k: v for k, v in entry.items() if v is not None}
    path.write_text(json.dumps(document))
    assert main(copy) == 1
    assert f"{PACKAGE_LOCK}: zod " in capsys.readouterr().out


def test_what_npm_finds_is_an_error(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    advisory = {
        "id": 1,
        "url": "https://github.com/advisories/GHSA-0000-0000-0000",
        "title": "Takes what it should not",
        "severity": "high",
        "vulnerable_versions": ">=0.0.0",
        "cwe": [],
        "cvss": {"score": 0, "vectorString": None},
    }
    with _answering({"zod": [advisory]}) as url:
        monkeypatch.setenv("npm_config_registry", url)
        monkeypatch.setenv("npm_config_noproxy", "127.0.0.1")
        answer = ask_npm(copy / "frontend")
    assert answer.silence is None
    assert len(answer.findings) >= 1
    assert any("zod" in one and "Takes what it should not" in one for one in answer.findings)


def test_what_pip_audit_finds_is_an_error(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy / "one.lock").write_text(f"httpx==0.28.1 --hash={DIGEST}\n")
    package = {"name": "httpx", "ecosystem": "PyPI"}
    events = [{"introduced": "0"}, {"fixed": "99.0"}]
    flaw = {
        "id": "PYSEC-0000-1",
        "summary": "Takes what it should not",
        "published": "2026-01-01T00:00:00Z",
        "affected": [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}],
    }
    with _answering({"vulns": [flaw]}) as url:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("PIP_AUDIT_VULNERABILITY_SERVICE", "osv")
        monkeypatch.setenv("PIP_AUDIT_OSV_URL", url)
        answer = ask_pip_audit(copy / "one.lock")
    assert answer.silence is None
    assert answer.findings == ("httpx 0.28.1: PYSEC-0000-1 (mended in 99.0)",)


@contextmanager
def _answering(document: object) -> Iterator[str]:
    """Serve one JSON document for every POST; yield the address."""
    body = json.dumps(document).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
