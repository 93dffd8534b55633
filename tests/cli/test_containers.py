"""docker-compose.yml names the same parts as supervisord.conf, and no secret has a default.

There is no Docker engine in the tests: the files are parsed and compared.
"""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import yaml

from aether_cli.run import Process
from aether_core.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]


def compose() -> dict[str, Any]:
    loaded = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def test_every_process_is_a_service_and_a_program() -> None:
    names = {process.value for process in Process}
    assert set(compose()["services"]) == names
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";",))
    parser.read(CHECKOUT / "supervisord.conf")
    programs = [section for section in parser.sections() if "program:" in section]
    assert {section.partition(":")[2] for section in programs} == names


def test_services_run_what_their_names_say() -> None:
    services = compose()["services"]
    for process in (Process.MIGRATE, Process.GATEWAY, Process.WRITER, Process.FORECASTER):
        assert services[process.value]["command"] == ["run", process.value]
        assert services[process.value]["build"]["dockerfile"] == "deploy/Dockerfile"
    for server in (Process.POSTGRES, Process.VALKEY):
        assert services[server.value]["image"].split(":")[0].rpartition("/")[2] == server.value
        assert services[server.value]["volumes"]


def test_services_wait_for_what_exists() -> None:
    services = compose()["services"]
    for service in services.values():
        for needed, condition in service.get("depends_on", {}).items():
            wants_health = condition["condition"] == "service_healthy"
            assert not wants_health or "healthcheck" in services[needed]
    assert set(compose()["volumes"]) == {"postgres", "valkey"}


def test_l04_no_secret_has_a_default() -> None:
    text = (CHECKOUT / "docker-compose.yml").read_text()
    secrets = re.findall(r"\$\{(\w*(?:PASSWORD|KEY)\w*)([^}]*)\}", text)
    assert secrets
    assert {rest[:2] for _name, rest in secrets} == {":?"}


def test_settings_of_the_services_exist() -> None:
    known = {f"AETHER_{name.upper()}" for name in Settings.model_fields}
    for service in compose()["services"].values():
        given = {name for name in service["environment"] if name.startswith("AETHER_")}
        assert given <= known


def test_the_stream_server_keeps_the_promises() -> None:
    command = " ".join(compose()["services"]["valkey"]["command"])
    assert "--appendonly yes --appendfsync always" in command
    assert "--maxmemory-policy noeviction" in command


def test_the_image_starts_the_command() -> None:
    lines = (CHECKOUT / "deploy" / "Dockerfile").read_text().splitlines()
    assert 'ENTRYPOINT ["/aether/.venv/bin/aether"]' in lines
    assert "USER aether" in lines
