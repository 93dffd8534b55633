"""Proves that a gateway is found by its name, and that a mistake in the file says what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from aether_cli.known_servers import KnownServer, find_server
from aether_core.errors import CannotStart


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "servers.toml"
    path.write_text(text)
    return path


def test_a_server_is_found_with_how_its_console_begins(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        '[prod]\nurl = "https://aether.example.com"\nemail = "ada@example.com"\nread_only = true\n'
        '[test]\nurl = "http://127.0.0.1:8420"\n',
    )
    assert find_server("prod", path) == KnownServer(
        "https://aether.example.com", "ada@example.com", read_only=True
    )
    assert find_server("test", path) == KnownServer("http://127.0.0.1:8420")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[test]\nurl = "http://x"\n', "There is no server prod; there are: test."),
        ("[prod\n", "cannot be read"),
        ('[prod]\nurl = "ftp://x"\n', "no address like"),
        ("[prod]\n", "no address like"),
        ('[prod]\nurl = "http://x"\npassword = "x"\n', "knows no password"),
        ('[prod]\nurl = "http://x"\nread_only = "yes"\n', "must be a true or false"),
    ],
)
def test_a_mistake_says_what_to_write(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CannotStart, match=said):
        find_server("prod", _file(tmp_path, text))


def test_without_a_file_its_place_and_form_are_said(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"\[prod\]\nurl = "):
        find_server("prod", tmp_path / "none.toml")
