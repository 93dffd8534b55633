"""Off-the-shelf clients just work: Authlib, joserfc, curl and Prometheus, as their manuals say.

Nothing here knows more than the address: every endpoint is read from the published metadata
(RFC 8414). The client that is generated from the OpenAPI document is the dashboard's own, which
tests/end_to_end runs in a browser.
"""

from __future__ import annotations

import json
import subprocess
import warnings
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from prometheus_client.parser import text_string_to_metric_families

from tests.api.conftest import Served
from tests.running import ServiceClient

with warnings.catch_warnings():
    # It warns that the package httpx will be called otherwise one day.
    warnings.simplefilter("ignore")
    from authlib.integrations.httpx_client import OAuth2Client

TRANSACTION = {"amount": "12.50", "currency": "EUR", "merchant": "Standard", "account_id": "std-1"}
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(scope="module")
def metadata(served: Served) -> dict[str, Any]:
    """What the gateway publishes about itself."""
    answer = httpx.get(f"{served.system.base_url}/.well-known/oauth-authorization-server")
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


@pytest.fixture(scope="module")
def client(served: Served) -> ServiceClient:
    return served.system.make_client("transactions:write_any", "transactions:read_any")


def session_of(
    client: ServiceClient, metadata: dict[str, Any], method: str = "client_secret_basic"
) -> OAuth2Client:
    return OAuth2Client(
        client.client_id,
        client.client_secret,
        token_endpoint=metadata["token_endpoint"],
        token_endpoint_auth_method=method,
        base_url=address_of(metadata),
    )


def address_of(metadata: dict[str, Any]) -> str:
    """Where the gateway is: the issuer is a name until somebody sets its public address."""
    return str(metadata["token_endpoint"]).removesuffix("/oauth/token")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib_gets_a_token_for_a_service_and_uses_it(
    metadata: dict[str, Any], client: ServiceClient, method: str
) -> None:
    assert method in metadata["token_endpoint_auth_methods_supported"]
    with session_of(client, metadata, method) as session:
        token = session.fetch_token(grant_type="client_credentials")
        assert token["token_type"].lower() == "bearer"
        accepted = session.post("/transactions/", json=TRANSACTION)
        assert accepted.status_code == httpx.codes.CREATED, accepted.text
        assert session.get(accepted.headers["location"]).json()["amount"] == "12.50"


def test_authlib_revokes_and_introspects(metadata: dict[str, Any], client: ServiceClient) -> None:
    with session_of(client, metadata) as session:
        token = session.fetch_token(grant_type="client_credentials")["access_token"]
        asked = session.introspect_token(metadata["introspection_endpoint"], token=token)
        assert asked.json()["active"] is True
        assert asked.json()["client_id"] == client.client_id
        revoked = session.revoke_token(metadata["revocation_endpoint"], token=token)
        assert revoked.status_code == httpx.codes.OK
        asked = session.introspect_token(metadata["introspection_endpoint"], token=token)
        assert asked.json() == {"active": False}
        assert session.get("/transactions/").status_code == httpx.codes.UNAUTHORIZED


def test_authlib_signs_a_device_in_and_refreshes_by_itself(
    served: Served, metadata: dict[str, Any]
) -> None:
    person = served.system.make_user("analyst")
    with OAuth2Client(
        "aether",
        token_endpoint=metadata["token_endpoint"],
        token_endpoint_auth_method="none",
        base_url=address_of(metadata),
    ) as device:
        codes = httpx.post(
            metadata["device_authorization_endpoint"], data={"client_id": "aether"}
        ).json()
        with served.system.http(person) as browser:
            approved = browser.post(f"/auth/devices/{codes['user_code']}", json={"approve": True})
            assert approved.status_code == httpx.codes.OK, approved.text
        first = dict(device.fetch_token(grant_type=DEVICE_GRANT, device_code=codes["device_code"]))
        assert device.get("/auth/me").json()["email"] == person.email
        second = device.refresh_token(metadata["token_endpoint"], first["refresh_token"])
        assert second["refresh_token"] != first["refresh_token"]
        assert device.get("/auth/me").json()["email"] == person.email
        device.revoke_token(metadata["revocation_endpoint"], token=second["refresh_token"])
        assert device.get("/auth/me").status_code == httpx.codes.UNAUTHORIZED


# RFC 9864 gives the algorithm another name; the old one is what every library knows.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_another_librarys_jwt_verifies_by_the_published_keys(
    served: Served, metadata: dict[str, Any], client: ServiceClient
) -> None:
    token = served.system.token_of(client)
    keys = KeySet.import_key_set(httpx.get(metadata["jwks_uri"]).raise_for_status().json())
    read = jwt.decode(token, keys, algorithms=["EdDSA"])
    assert read.header["typ"] == "at+jwt"
    assert read.claims["iss"] == metadata["issuer"]
    assert read.claims["client_id"] == client.client_id
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": metadata["issuer"]},
        aud={"essential": True},
        exp={"essential": True},
        sub={"essential": True},
    ).validate(read.claims)


def curl(*arguments: str) -> dict[str, Any]:
    """Run curl as people type it; return the JSON that it prints."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--fail-with-body", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_curl_gets_a_token_and_submits(metadata: dict[str, Any], client: ServiceClient) -> None:
    token = curl(
        "--user", f"{client.client_id}:{client.client_secret}",
        "--data", "grant_type=client_credentials",
        metadata["token_endpoint"],
    )["access_token"]  # fmt: skip
    accepted = curl(
        "--oauth2-bearer", token, "--json", json.dumps(TRANSACTION),
        f"{address_of(metadata)}/transactions/",
    )  # fmt: skip
    assert accepted["status"] == "pending"


def test_prometheus_reads_the_metrics(served: Served) -> None:
    client = served.system.make_client("operations:read")
    with served.system.http(client) as http:
        answer = http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(answer.text))
    assert families
    for family in families:
        assert family.name.startswith(("aether_", "process_", "python_")), family.name
        assert family.documentation, family.name
        assert family.type != "unknown", family.name
