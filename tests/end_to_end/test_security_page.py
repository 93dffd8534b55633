"""What docs/security.md names exists: tests and sources, settings, commands and their options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from aether_cli.main import build
from docs.make_settings import PAGE

CHECKOUT = Path(__file__).resolve().parents[2]
SECURITY = (CHECKOUT / "docs" / "security.md").read_text()


def test_every_file_that_is_named_exists() -> None:
    named = set(re.findall(r"`((?:tests|docs|aether_\w+)/[\w./-]+\.\w+)`", SECURITY))
    assert len([name for name in named if name.startswith("tests/")]) > 25
    assert [name for name in sorted(named) if not (CHECKOUT / name).is_file()] == []
    links = re.findall(r"\]\(([^)#:]+)\)", SECURITY)
    assert links
    assert [link for link in links if not (CHECKOUT / "docs" / link).is_file()] == []


def test_every_setting_that_is_named_exists() -> None:
    known = set(re.findall(r"`(AETHER_\w+)`", PAGE.read_text()))
    named = set(re.findall(r"AETHER_[A-Z0-9_]+", SECURITY))
    assert len(named) > 12
    assert named <= known, named - known


def test_every_command_that_is_named_exists_with_its_options() -> None:
    known = dict(_commands(typer.main.get_command(build()), ()))
    options = set(re.findall(r"--[a-z][a-z-]+", " ".join(_lines())))
    assert {"--void-older", "--overlap-s", "--expect"} <= options
    seen = 0
    for line in _lines():
        words = re.split(r"\s+", re.sub(r"[>#].*", "", line).strip())[1:]
        path = next(
            (tuple(words[:n]) for n in (2, 1) if tuple(words[:n]) in known),
            None,
        )
        assert path is not None, line
        used = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert used <= known[path], line
        seen += 1
    assert seen > 10


def _lines() -> list[str]:
    """Return each command line that the page names, in code spans and in blocks."""
    prose = re.sub(r"```.*?```", "", SECURITY, flags=re.DOTALL)
    spans = re.findall(r"`(aether [a-z][^`]*)`", prose)
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", SECURITY, re.DOTALL))
    found = [*spans, *re.findall(r"^ *(aether [a-z].*)", blocks, re.MULTILINE)]
    return [re.sub(r"\s+", " ", line) for line in found]


def _commands(
    command: Any,  # noqa: ANN401 - Typer's own Click, which it keeps to itself
    path: tuple[str, ...],
) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    yield path, {option for one in command.params for option in one.opts}
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, (*path, name))
