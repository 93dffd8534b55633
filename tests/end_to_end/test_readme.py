"""What the README says is true: its curl lines work when pasted, its names exist, its pictures too.

The settings' page is the one that the settings themselves make.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from aether_cli.main import build
from aether_core.settings import Settings
from docs.make_settings import PAGE, make_page
from tests.running import RunningSystem

CHECKOUT = Path(__file__).resolve().parents[2]
README = (CHECKOUT / "README.md").read_text()


def test_the_curl_lines_work_when_pasted(running_system: RunningSystem) -> None:
    script = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    assert script.count("curl") >= 10
    script = script.replace("http://127.0.0.1:8420", running_system.base_url)
    # Each answer on a line of its own, and any refusal an error.
    script = script.replace("curl -sS", "curl -sS --fail-with-body -w '\\n'")
    script = script.replace("--max-time 5", "--max-time 2")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line[:1] in {"{", "["}]
    health, registered, submitted, waited, found, listed, length, forecast, signed_out = answers
    assert health == {"status": "Aether is running"}
    assert registered["email"] == "ada@example.com"
    assert submitted["amount"] == found["amount"] == "12.34"
    assert waited["status"] == "processed"
    assert [one["id"] for one in listed] == [waited["id"], submitted["id"]]
    assert length["transactions_in_queue"] >= 0
    assert forecast["status"] == "insufficient_data"
    assert signed_out["message"]
    assert "event: hello" in done.stdout


def test_every_endpoint_of_the_table_is_served() -> None:
    document = json.loads((CHECKOUT / "frontend" / "openapi.json").read_text())
    served = {re.sub(r"\{\w+\}", "{id}", path) for path in document["paths"]} | {"/metrics"}
    table = README[README.index("| endpoint |") : README.index("Everything is described")]
    # In one cell a path may go on from the one before it.
    named = set(re.findall(r"(/[a-z-]+(?:/[a-z{}-]+)*/?)`", table))
    assert len(named) > 15
    assert named <= served, named - served


def test_every_command_of_the_table_exists() -> None:
    known = {command.name or command.callback.__name__ for command in build().registered_commands
             if command.callback is not None}  # fmt: skip
    known |= {group.name for group in build().registered_groups if isinstance(group.name, str)}
    table = README[README.index("| command |") : README.index("supervisord runs the processes")]
    named = set(re.findall(r"`(?:aether )?([a-z][a-z-]*)", table)) - {"id"}
    assert named <= known, named - known


def test_every_setting_of_the_table_exists_with_its_default() -> None:
    table = README[README.index("| variable |") : README.index("`docker-compose.yml` runs")]
    named = set(re.findall(r"AETHER_\w+", table))
    page = PAGE.read_text()
    assert named
    assert all(f"`{name}`" in page for name in named)
    defaults = Settings.model_fields
    assert f"`{defaults['host'].default}`, `{defaults['port'].default}`" in table


def test_the_page_of_settings_is_what_the_settings_make() -> None:
    assert PAGE.read_text() == make_page(), "run python -m docs.make_settings"
    assert " |  |  |" not in PAGE.read_text()


def test_links_and_pictures_exist() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", README)
    assert "docs/images/console.png" in targets
    assert "docs/images/dashboard.png" in targets
    assert [target for target in targets if not (CHECKOUT / target).exists()] == []


def test_make_knows_every_target_that_is_named() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    named = set(re.findall(r"^    make (\w+)", README, re.MULTILINE))
    assert {"up", "demo", "test", "check"} <= named
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in named)
