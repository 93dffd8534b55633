"""The dashboard was built for this gateway: the same interface, currencies and limits.

Compared are the files that the dashboard is compiled from, so that a change on either side that
the other does not know of fails here and not in somebody's browser.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from aether_api import fields
from aether_core.identity import password_rule
from aether_core.identity.roles import SCOPES
from aether_core.money import EXPONENTS, MINOR_UNITS_MAX

FRONTEND = Path(__file__).parents[2] / "frontend"


def test_the_committed_openapi_document_is_the_gateways() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "aether_cli", "openapi"], capture_output=True, text=True, check=True
    ).stdout
    committed = (FRONTEND / "openapi.json").read_text()
    assert json.loads(committed) == json.loads(printed), "run `make types`"


def test_the_dashboard_knows_the_gateways_currencies_and_their_decimals() -> None:
    currencies = json.loads((FRONTEND / "src" / "currencies.json").read_text())
    exponents = {
        code: int(exponent) for exponent, codes in currencies.items() for code in codes.split()
    }
    assert exponents == EXPONENTS


def test_the_dashboard_describes_scopes_in_the_gateways_words() -> None:
    described = (FRONTEND / "src" / "scopes.ts").read_text()
    table = described[described.index("SCOPES = {") : described.index("} as const")]
    assert dict(re.findall(r'"?([\w:]+)"?:\s+"(.*)",', table)) == SCOPES


def test_the_dashboards_forms_have_the_gateways_limits() -> None:
    form = (FRONTEND / "src" / "features" / "submission" / "form.ts").read_text()
    money = (FRONTEND / "src" / "money.ts").read_text()
    sign_in = (FRONTEND / "src" / "features" / "sign-in" / "form.ts").read_text()
    found = re.search(r"LENGTHS = \{([^}]*)\}", form)
    assert found is not None
    lengths = dict(re.findall(r"(\w+): (\d+)", found[1]))
    assert lengths == {
        "merchant": str(fields.MERCHANT_LENGTH_MAX),
        "location": str(fields.LOCATION_LENGTH_MAX),
        "description": str(fields.DESCRIPTION_LENGTH_MAX),
        "account": "64",
    }
    assert fields.ACCOUNT_PATTERN in form
    assert f"MINOR_UNITS_MAX = 10n ** {len(str(MINOR_UNITS_MAX)) - 1}n" in money
    assert f"PASSWORD_LENGTH_MIN = {password_rule.PASSWORD_LENGTH_MIN};" in sign_in
    assert f"PASSWORD_LENGTH_MAX = {password_rule.PASSWORD_LENGTH_MAX};" in sign_in
