"""Service clients by OAuth 2.0: tokens, revocation, introspection, keys, metadata (J33, J34)."""

from __future__ import annotations

import base64
from urllib.parse import quote

import jwt

from aether_core.database.connection import borrow
from aether_core.identity import clients
from aether_core.settings import Settings
from tests.api.identity.gateways import FORM, PASSWORD, Gateway

GRANT = {"grant_type": "client_credentials"}


async def test_a_client_gets_tokens_both_ways(gateway: Gateway) -> None:
    client = await gateway.make_client("transactions:write_any", "transactions:read_any")
    basic = await gateway.form("/oauth/token", GRANT, client)
    body = {"client_id": client.client.id, "client_secret": client.secret}
    for answer in (basic, await gateway.form("/oauth/token", GRANT | body)):
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        tokens = answer.json()
        assert tokens.keys() == {"access_token", "token_type", "expires_in", "scope"}
        assert tokens["token_type"] == "Bearer"
        assert tokens["scope"] == "transactions:read_any transactions:write_any"
        me = (await gateway.me(tokens["access_token"])).json()
        assert me == {
            "user_id": client.client.id,
            "email": client.client.name,
            "role": "service",
            "account_id": None,
            "scopes": ["transactions:read_any", "transactions:write_any"],
            "second_factor": None,
        }


async def test_the_token_is_one_of_rfc_9068(gateway: Gateway, settings: Settings) -> None:
    client = await gateway.make_client("transactions:write_any")
    token = (await gateway.form("/oauth/token", GRANT, client)).json()["access_token"]
    keys = jwt.PyJWKSet.from_dict((await gateway.http.get("/.well-known/jwks.json")).json())
    header = jwt.get_unverified_header(token)
    assert header["typ"] == "at+jwt"
    claims = jwt.decode(
        token,
        keys[header["kid"]].key,
        algorithms=["EdDSA"],
        audience=settings.identity.audience,
        issuer=settings.identity.issuer,
        options={"require": ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"]},
    )
    assert claims["sub"] == claims["client_id"] == client.client.id
    assert claims["scope"] == "transactions:write_any"


async def test_fewer_scopes_may_be_asked_for_and_no_more(gateway: Gateway) -> None:
    client = await gateway.make_client("transactions:write_any", "transactions:read_any")
    fewer = await gateway.form("/oauth/token", GRANT | {"scope": "transactions:read_any"}, client)
    assert fewer.json()["scope"] == "transactions:read_any"
    for scope in ("admin", "transactions:read_any admin", "nonsense", "transactions:read"):
        answer = await gateway.form("/oauth/token", GRANT | {"scope": scope}, client)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


async def test_wrong_credentials_are_refused_alike(gateway: Gateway) -> None:
    client = await gateway.make_client("transactions:write_any")
    other = await gateway.make_client("transactions:write_any")
    pairs = [
        (client.client.id, "wrong"),
        (client.client.id, other.secret),
        ("client_unknown", client.secret),
        ("nul\x00", client.secret),
        ("é", client.secret),
        (client.client.id, ""),
        ("", ""),
    ]
    for pair in pairs:
        answer = await gateway.http.post("/oauth/token", data=GRANT, auth=pair)
        assert answer.status_code == 401, pair
        assert answer.json()["error"] == "invalid_client"
        assert answer.headers["www-authenticate"] == 'Basic realm="aether"'
        assert answer.headers["content-type"] == "application/json"
        body = GRANT | {"client_id": pair[0] or "x", "client_secret": pair[1] or "x"}
        assert (await gateway.form("/oauth/token", body)).status_code == 401
    for raw in (
        "!!!",
        base64.b64encode(b"no colon").decode(),
        base64.b64encode(b"\xff:x").decode(),
    ):
        answer = await gateway.http.post(
            "/oauth/token", data=GRANT, headers={"Authorization": f"Basic {raw}"}
        )
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert (await gateway.form("/oauth/token", GRANT)).json()["error"] == "invalid_client"


async def test_basic_credentials_are_form_encoded(gateway: Gateway) -> None:
    client = await gateway.make_client("transactions:write_any")
    encoded = ":".join(quote(part, safe="") for part in (client.client.id, client.secret))
    encoded = encoded.replace("_", "%5F")
    header = "basic " + base64.b64encode(encoded.encode()).decode()
    answer = await gateway.http.post("/oauth/token", data=GRANT, headers={"Authorization": header})
    assert answer.status_code == 200


async def test_a_disabled_client_is_out_at_once(gateway: Gateway) -> None:
    client = await gateway.make_client("transactions:write_any")
    token = (await gateway.form("/oauth/token", GRANT, client)).json()["access_token"]
    async with borrow(gateway.access.pool) as connection, connection.transaction():
        revocation = await clients.set_client_active(
            connection, client.client.name, is_active=False
        )
    await gateway.access.apply(revocation)
    assert (await gateway.me(token)).status_code == 401
    assert (await gateway.form("/oauth/token", GRANT, client)).json()["error"] == "invalid_client"


async def test_p11_only_a_plain_form_is_read(gateway: Gateway) -> None:
    for content, media_type in (
        (b"grant_type=client_credentials&grant_type=refresh_token", FORM),
        (b"", FORM),
        (b"scope=x", FORM),
        (b"grant_type=", FORM),
        (b"&".join(b"f%d=1" % n for n in range(1000)), FORM),
        (b"grant_type=%ff%fe", FORM),
        (b"grant_type=client_credentials&scope=" + b"x" * 5000, FORM),
        (b"grant_type=x&client_id=a&client_secret=", FORM),
        (b'{"grant_type": "client_credentials"}', "application/json"),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
        (b"grant_type=client_credentials", "text/plain"),
    ):
        answer = await gateway.http.post(
            "/oauth/token", content=content, headers={"Content-Type": media_type}
        )
        assert answer.status_code in {400, 415}, content[:50]
        assert {"type", "title", "status"} <= answer.json().keys()


async def test_two_ways_to_show_a_secret_are_one_too_many(gateway: Gateway) -> None:
    client = await gateway.make_client("transactions:write_any")
    fields = GRANT | {"client_id": client.client.id, "client_secret": client.secret}
    answer = await gateway.form("/oauth/token", fields, client)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_j33_revocation_tells_nothing(gateway: Gateway) -> None:
    client = await gateway.make_client("transactions:write_any")
    other = await gateway.make_client("transactions:write_any")
    token = (await gateway.form("/oauth/token", GRANT, client)).json()["access_token"]
    answers = [
        await gateway.form("/oauth/revoke", {"token": wrong}, by)
        for wrong in ("unknown", "a.b.c", token + "x", "aether_refresh_x", "nul\x00")
        for by in (client, None)
    ]
    # Somebody else's: the same answer, and the token lives on.
    answers += [
        await gateway.form("/oauth/revoke", {"token": token}, other),
        await gateway.form("/oauth/revoke", {"token": token}),
    ]
    assert {(a.status_code, a.text) for a in answers} == {(200, answers[0].text)}
    assert (await gateway.me(token)).status_code == 200
    wrong_secret = {"token": token, "client_id": client.client.id, "client_secret": "x"}
    assert (await gateway.form("/oauth/revoke", wrong_secret)).status_code == 401
    done = await gateway.form(
        "/oauth/revoke", {"token": token, "token_type_hint": "refresh_token"}, client
    )
    assert (done.status_code, done.text) == (200, answers[0].text)
    assert (await gateway.me(token)).status_code == 401


async def test_revoking_a_refresh_token_ends_the_sign_in(gateway: Gateway) -> None:
    tokens = await gateway.login(await gateway.make_user())
    answer = await gateway.form("/oauth/revoke", {"token": tokens["refresh_token"]})
    assert answer.status_code == 200
    assert (await gateway.me(tokens["access_token"])).status_code == 401
    refreshed = await gateway.http.post(
        "/auth/refresh", json={"refresh_token": tokens["refresh_token"]}
    )
    assert refreshed.status_code == 401


async def test_revoking_an_access_token_leaves_the_sign_in(gateway: Gateway) -> None:
    tokens = await gateway.login(await gateway.make_user())
    await gateway.form("/oauth/revoke", {"token": tokens["access_token"]})
    assert (await gateway.me(tokens["access_token"])).status_code == 401
    refreshed = await gateway.http.post(
        "/auth/refresh", json={"refresh_token": tokens["refresh_token"]}
    )
    assert refreshed.status_code == 200


async def test_j34_introspection_is_no_oracle(gateway: Gateway) -> None:
    client = await gateway.make_client("transactions:write_any")
    checker = await gateway.make_client("admin")
    customer = await gateway.login(await gateway.make_user())
    token = (await gateway.form("/oauth/token", GRANT, client)).json()["access_token"]
    fields = {"token": token}
    assert (await gateway.form("/oauth/introspect", fields)).status_code == 401
    by_customer = await gateway.http.post(
        "/oauth/introspect",
        data=fields,
        headers={"Authorization": f"Bearer {customer['access_token']}"},
    )
    assert by_customer.status_code == 403
    own = (await gateway.form("/oauth/introspect", fields, client)).json()
    assert own["active"] is True
    assert own["sub"] == own["client_id"] == client.client.id
    assert own["scope"] == "transactions:write_any"
    for unseen in (customer["access_token"], customer["refresh_token"], "unknown", "a.b.c"):
        answer = await gateway.form("/oauth/introspect", {"token": unseen}, client)
        assert (answer.status_code, answer.json()) == (200, {"active": False})
    seen = await gateway.form("/oauth/introspect", {"token": customer["access_token"]}, checker)
    assert seen.json()["role"] == "customer"
    await gateway.form("/oauth/revoke", fields, client)
    answer = await gateway.form("/oauth/introspect", fields, client)
    assert answer.json() == {"active": False}


async def test_an_admin_introspects_with_a_token(gateway: Gateway) -> None:
    admin = (await gateway.login(await gateway.make_user("admin")))["access_token"]
    answer = await gateway.http.post(
        "/oauth/introspect", data={"token": admin}, headers={"Authorization": f"Bearer {admin}"}
    )
    assert answer.json()["active"] is True
    assert answer.json()["role"] == "admin"


async def test_metadata_leads_to_what_is_there(gateway: Gateway) -> None:
    answer = await gateway.http.get(
        "/.well-known/oauth-authorization-server", headers={"Host": "evil.example"}
    )
    assert answer.status_code == 200
    assert "evil" not in answer.text
    found = answer.json()
    base = gateway.access.settings.base_url
    for name in ("token_endpoint", "revocation_endpoint", "introspection_endpoint"):
        path = found[name].removeprefix(base)
        assert (await gateway.http.post(path, data={"x": "y"})).status_code in {400, 401}
    keys = await gateway.http.get(found["jwks_uri"].removeprefix(base))
    assert [key["alg"] for key in keys.json()["keys"]] == ["EdDSA"]
    assert all("d" not in key for key in keys.json()["keys"])
    assert "password" not in found["grant_types_supported"]


async def test_the_document_tells_of_all_this(gateway: Gateway) -> None:
    document = (await gateway.http.get("/openapi.json")).json()
    for path in ("/auth/register", "/auth/login", "/auth/refresh", "/auth/logout"):
        assert "post" in document["paths"][path]
    for path in ("/oauth/token", "/oauth/revoke", "/oauth/introspect"):
        body = document["paths"][path]["post"]["requestBody"]["content"]
        assert body[FORM]["example"]
    schemes = document["components"]["securitySchemes"]
    assert schemes["bearer"]["scheme"] == "bearer"
    assert schemes["oauth2"]["flows"]["clientCredentials"]["tokenUrl"] == "/oauth/token"
    assert {"bearer": []} in document["paths"]["/auth/me"]["get"]["security"]
    login = document["components"]["schemas"]["Credentials"]
    assert login["additionalProperties"] is False
    assert login["properties"]["password"]["examples"] != [PASSWORD + "x"]
