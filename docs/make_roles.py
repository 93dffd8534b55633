"""Makes the table "What each role can do" of docs/security.md: `python -m docs.make_roles`.

The table below is written by hand, from what Aether promises, and from no code of it. A test asks
a running gateway every question that it answers, and another compares the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parent / "security.md"
BEGIN = "<!-- made by `python -m docs.make_roles`; do not edit -->\n"
END = "<!-- end of what is made -->\n"

PEOPLE = ("anybody", "customer", "analyst", "operator", "admin")

# Who may call: anybody, customer, analyst, operator, admin; and the scopes that let a service in.
# yes: all objects. own: those of one's own account (or session) only; others do not exist for one.
_TABLE = """
POST /auth/register                            yes yes yes yes yes | any
POST /auth/login                               yes yes yes yes yes | any
POST /auth/refresh                             yes yes yes yes yes | any
POST /auth/logout                              -   own own own own | any
GET  /auth/me                                  -   own own own own | any
POST /auth/password                            -   own own own own | -
GET  /auth/sessions                            -   own own own own | -
DELETE /auth/sessions/{session_id}             -   own own own own | -
POST /auth/second-factor                       -   own own own own | -
POST /auth/second-factor/confirm               -   own own own own | -
POST /auth/second-factor/remove                -   own own own own | -

POST /oauth/token                              yes yes yes yes yes | any
POST /oauth/revoke                             yes yes yes yes yes | any
POST /oauth/introspect                         -   -   -   -   yes | admin
POST /oauth/device_authorization               yes yes yes yes yes | any
GET  /auth/devices/{user_code}                 -   yes yes yes yes | -
POST /auth/devices/{user_code}                 -   yes yes yes yes | -
GET  /.well-known/jwks.json                    yes yes yes yes yes | any
GET  /.well-known/oauth-authorization-server   yes yes yes yes yes | any

POST /transactions/                            -   own -   -   yes | transactions:write_any
POST /transactions/bulk                        -   own -   -   yes | transactions:write_any
GET  /transactions/                            -   own yes yes yes | transactions:read_any
GET  /transactions/{transaction_id}            -   own yes yes yes | transactions:read_any
GET  /transactions/stream/length               -   yes yes yes yes | any

GET  /alerts/                                  -   -   yes -   yes | alerts:read
GET  /alerts/budget                            -   -   yes -   yes | alerts:read
GET  /alerts/{alert_id}                        -   -   yes -   yes | alerts:read
GET  /alerts/{alert_id}/history                -   -   yes -   yes | alerts:read
GET  /alerts/{alert_id}/transactions           -   -   yes -   yes | alerts:read
POST /alerts/{alert_id}/take                   -   -   yes -   yes | alerts:write
POST /alerts/{alert_id}/release                -   -   yes -   yes | alerts:write
POST /alerts/{alert_id}/assign                 -   -   yes -   yes | alerts:write
POST /alerts/{alert_id}/note                   -   -   yes -   yes | alerts:write
POST /alerts/{alert_id}/resolve                -   -   yes -   yes | alerts:write
POST /alerts/{alert_id}/reopen                 -   -   yes -   yes | alerts:write
POST /alerts/resolve                           -   -   yes -   yes | alerts:write
POST /alerts/next                              -   -   yes -   yes | alerts:write
GET  /transactions/{transaction_id}/label      -   -   yes -   yes | alerts:read
POST /transactions/{transaction_id}/label      -   -   yes -   yes | alerts:write
GET  /suppressions/                            -   -   yes -   yes | alerts:read
POST /suppressions/                            -   -   yes -   yes | alerts:write
POST /suppressions/{suppression_id}/end        -   -   yes -   yes | alerts:write

GET  /scoring/                                 -   -   yes yes yes | scoring:read
GET  /scoring/versions/                        -   -   yes yes yes | scoring:read
POST /scoring/versions/                        -   -   yes yes yes | scoring:write
GET  /scoring/versions/{number}                -   -   yes yes yes | scoring:read
GET  /scoring/versions/{number}/comparison     -   -   yes yes yes | scoring:read
POST /scoring/versions/{number}/shadow         -   -   yes yes yes | scoring:write
POST /scoring/versions/{number}/promote        -   -   yes yes yes | scoring:write
POST /scoring/shadow/end                       -   -   yes yes yes | scoring:write
POST /scoring/rollback                         -   -   yes yes yes | scoring:write

GET  /analytics/forecast                       -   yes yes yes yes | any
GET  /analytics/summary                        -   -   yes yes yes | analytics:read
GET  /events                                   -   own yes yes yes | any

GET  /operations/pipeline                      -   -   -   yes yes | operations:read
GET  /operations/trace/{transaction_id}        -   -   -   yes yes | operations:read
GET  /operations/dead-letters                  -   -   -   yes yes | operations:read
GET  /operations/dead-letters/{letter_id}      -   -   -   yes yes | operations:read
POST /operations/dead-letters/{letter_id}/replay   - - -   yes yes | operations:write
POST /operations/dead-letters/{letter_id}/discard  - - -   yes yes | operations:write
GET  /operations/processes                     -   -   -   yes yes | operations:read
GET  /operations/processes/{name}/log          -   -   -   yes yes | operations:read
POST /operations/processes/{name}/restart      -   -   -   -   yes | admin
GET  /audit/                                   -   -   -   -   yes | audit:read

GET  /users/                                   -   -   -   -   yes | admin
POST /users/                                   -   -   -   -   yes | admin
GET  /users/{user_id}                          -   -   -   -   yes | admin
POST /users/{user_id}/role                     -   -   -   -   yes | admin
POST /users/{user_id}/disable                  -   -   -   -   yes | admin
POST /users/{user_id}/enable                   -   -   -   -   yes | admin
POST /users/{user_id}/reset                    -   -   -   -   yes | admin
POST /users/{user_id}/sign-out                 -   -   -   -   yes | admin
POST /users/{user_id}/remove-second-factor     -   -   -   -   yes | admin
GET  /clients/                                 -   -   -   -   yes | admin
POST /clients/                                 -   -   -   -   yes | admin
GET  /clients/{client_id}                      -   -   -   -   yes | admin
POST /clients/{client_id}/rotate               -   -   -   -   yes | admin
POST /clients/{client_id}/revoke               -   -   -   -   yes | admin
POST /clients/{client_id}/disable              -   -   -   -   yes | admin
POST /clients/{client_id}/enable               -   -   -   -   yes | admin
GET  /keys/                                    -   -   -   -   yes | admin
POST /keys/rotate                              -   -   -   -   yes | admin

GET  /health                                   yes yes yes yes yes | any
GET  /health/live                              yes yes yes yes yes | any
GET  /health/ready                             yes yes yes yes yes | any
GET  /metrics                                  -   -   -   yes yes | operations:read
"""

_NOTES = """\
`own`: one's own account, or one's own sign-in; what belongs to another looks as if it did not
exist (404), byte for byte. A service client has no account. An empty cell is 401 for who is not
signed in and 403 for who is.

- `/auth/refresh`, `/oauth/token` and `/oauth/revoke` ask for a credential of their own: a refresh
  token, or a client's secret. `/oauth/introspect` takes a client's secret as well, and then tells
  it of its own tokens only.
- Whoever is shown a code may decide about the device, and gives it no more than they may do.
- `/events` shows each caller what the endpoints of the same things would: transactions of one's own
  account or of all, alerts and counters as far as the scopes reach. It ends with its token.
- `/metrics` is open to this machine itself, `/health/ready` tells details to this machine and to
  operators, and the interface's description at `/docs` and `/openapi.json`, and the
  dashboard's files, are for everybody.
"""


@dataclass(frozen=True)
class Row:
    """One method of one address, and who may call it."""

    method: str
    path: str
    cells: dict[str, str]
    """By PEOPLE: yes, own, or - for nobody."""
    scopes: frozenset[str]
    """Those that let a service in; `any`: whoever is signed in."""

    def cell_of_service(self, scope: str) -> str:
        """Return what a service with this scope alone may do."""
        return "yes" if self.scopes & {"any", scope} else "-"


def rows() -> list[Row]:
    """Return the table."""
    found = []
    for line in filter(None, _TABLE.splitlines()):
        left, right = line.split("|")
        method, path, *cells = left.split()
        found.append(
            Row(method, path, dict(zip(PEOPLE, cells, strict=True)), frozenset(right.split()))
        )
    return found


def make_section() -> str:
    """Return what stands between the marks."""
    shown = {"yes": "yes", "own": "own", "-": ""}
    lines = [
        "| endpoint | anybody | customer | analyst | operator | admin | services with |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows():
        cells = " | ".join(shown[cell] for cell in row.cells.values())
        scopes = ", ".join(_shown_scope(scope) for scope in sorted(row.scopes))
        lines.append(f"| `{row.method} {row.path}` | {cells} | {scopes} |")
    return "\n".join([*lines, "", _NOTES])


def _shown_scope(scope: str) -> str:
    return {"any": "any token", "-": ""}.get(scope, f"`{scope}`")


def made(page: str) -> str:
    """Return the page with its section made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{make_section()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(made(PAGE.read_text()))
