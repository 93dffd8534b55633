"""`aether suppressions`: a detector is silenced on the command line, listed, ended, and noted."""

from __future__ import annotations

import json

from tests.cli.conftest import Installation
from tests.running import aether


async def test_a_detector_is_silenced_and_heard_again(installation: Installation) -> None:
    said = aether(
        installation, "suppressions", "add", "acc-9", "velocity", "--for", "12h",
        "--note", "Pays out [b]salaries[/b]",
    )  # fmt: skip
    assert "velocity is silent for acc-9 until" in said
    (made,) = json.loads(aether(installation, "suppressions", "list", "--json"))
    assert made["created_by"].endswith("(command line)")
    assert "[b]salaries[/b]" in aether(installation, "suppressions", "list", "--account", "acc-9")
    assert aether(installation, "suppressions", "list", "--account", "acc-8", "--json") == "[]\n"

    number = str(made["id"])
    assert "is heard again" in aether(installation, "suppressions", "end", number)
    assert "was over already" in aether(installation, "suppressions", "end", number)
    assert json.loads(aether(installation, "suppressions", "list", "--json")) == []
    (over,) = json.loads(aether(installation, "suppressions", "list", "--all", "--json"))
    assert not over["is_in_force"]
    assert "(over)" in aether(installation, "suppressions", "list", "--all")
    trail = json.loads(aether(installation, "audit", "list", "--subject", number, "--json"))
    assert [entry["action"] for entry in trail] == ["suppression.end", "suppression.add"]


def test_what_makes_no_sense_is_refused(installation: Installation) -> None:
    def fails(*words: str) -> str:
        return installation.fails("suppressions", *words)

    assert "A detector is one of" in fails("add", "acc-9", "everything", "--for", "1h")
    assert "90 days" in fails("add", "acc-9", "amount", "--for", "91d")
    assert "An account has" in fails("add", "acc 9", "amount", "--for", "1h")
    assert "no such suppression" in fails("end", "999999")
