"""The services that list known flaws, asked where they can be reached: pip-audit and npm audit.

What they find is an error. That they cannot be reached, or do not know, is said in one line and is
none: `make check` works without a network, by the rules of our own (`rules.py`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ANSWER_S = 5
_WHOLE_S = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service said. findings: sentences. silence: why nothing was learnt, or None."""

    findings: tuple[str, ...] = ()
    silence: str | None = None


def ask_pip_audit(requirements: Path) -> Answer:
    """Ask for flaws in what pip would install; takes a minute at most."""
    done = _run(
        [
            *(sys.executable, "-m", "pip_audit"),
            *("--require-hashes", "--disable-pip", "-r", str(requirements)),
            *("--format", "json", "--progress-spinner", "off", "--timeout", str(_ANSWER_S)),
        ],
        requirements.parent,
    )
    document = _json(done)
    if not isinstance(document, dict) or "dependencies" not in document:
        return Answer(silence=_why(done))
    packages = document["dependencies"]
    unknown = [one for one in packages if "skip_reason" in one]
    return Answer(
        tuple(
            f"{one['name']} {one['version']}: {flaw['id']} "
            f"(mended in {', '.join(flaw['fix_versions']) or 'no version'})"
            for one in packages
            for flaw in one.get("vulns", ())
        ),
        f"it does not know {len(unknown)} of {len(packages)} packages" if unknown else None,
    )


def ask_npm(directory: Path) -> Answer:
    """Ask for flaws in what the dashboard is made of; `npm` must be on the path.

    directory: has the package-lock.json. Takes a minute at most.
    """
    done = _run(
        [
            *("npm", "audit", "--omit=dev", "--package-lock-only", "--json"),
            *("--fetch-retries=0", f"--fetch-timeout={_ANSWER_S * 1000}"),
        ],
        directory,
    )
    document = _json(done)
    if not isinstance(document, dict) or "vulnerabilities" not in document:
        return Answer(silence=_why(done))
    return Answer(
        tuple(
            f"{name} {flaw['range']}: {_title(flaw)} ({flaw['severity']})"
            for name, flaw in document["vulnerabilities"].items()
        )
    )


def _run(command: list[str], directory: Path) -> subprocess.CompletedProcess[str] | None:
    """Run a tool; None when it took too long."""
    try:
        return subprocess.run(
            command, cwd=directory, capture_output=True, text=True, timeout=_WHOLE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return None


def _json(done: subprocess.CompletedProcess[str] | None) -> Any:  # noqa: ANN401 - another's text
    try:
        return json.loads(done.stdout) if done else None
    except json.JSONDecodeError:
        return None


def _why(done: subprocess.CompletedProcess[str] | None) -> str:
    """Return in one line why a tool has given no answer."""
    if done is None:
        return f"no answer within {_WHOLE_S} s"
    document = _json(done)
    if isinstance(document, dict) and document.get("message"):
        return str(document["message"]).splitlines()[0]
    lines = done.stderr.strip().splitlines()
    return lines[-1][:200] if lines else f"exit status {done.returncode}"


def _title(flaw: dict[str, Any]) -> str:
    """Return what an advisory is called; a package may only have it by way of another."""
    return next(
        (f"{via['title']}, {via['url']}" for via in flaw["via"] if isinstance(via, dict)),
        f"by way of {', '.join(str(via) for via in flaw['via'])}",
    )
