"""Other origins read nothing and send nothing with our cookie, unless a setting names them (W07).

The origin that is configured is `https://shop.example`; look-alikes of it are as foreign as any.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import ValidationError

from aether_core.settings import GatewaySettings, Settings
from tests.api.identity.gateways import PASSWORD, Gateway, running_gateway

SHOP = "https://shop.example"
FOREIGN = [
    "https://evil.example", "null", "https://shop.example.evil.example", "https://shop.exampleX",
    "http://shop.example", "https://shop.example:8443", "https://a.shop.example", "HTTPS://SHOP.EXAMPLE",
    "https://shop.example, https://evil.example", "*", "",
]  # fmt: skip
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


@pytest.fixture
async def open_gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """A gateway that lets the shop's pages in."""
    gateway = settings.gateway.model_copy(update={"cors_origins": f"{SHOP}, http://localhost:5173"})
    async with running_gateway(settings.model_copy(update={"gateway": gateway})) as running:
        yield running


async def test_w07_no_origin_is_let_in_unless_it_is_configured(
    gateway: Gateway, open_gateway: Gateway
) -> None:
    token = (await gateway.login(await gateway.make_user()))["access_token"]
    mine = {"Authorization": f"Bearer {token}", "Cookie": "aether_refresh=x"}
    asked = [(gateway, origin) for origin in [SHOP, *FOREIGN]]
    asked += [(open_gateway, origin) for origin in FOREIGN]
    for where, origin in asked:
        for path in ("/auth/me", "/health", "/nope", "/transactions/"):
            answer = await where.http.get(path, headers=mine | {"Origin": origin})
            assert not [name for name in answer.headers if name.startswith("access-control-")]
        answer = await where.http.options("/transactions/", headers=PREFLIGHT | {"Origin": origin})
        assert answer.status_code == 405
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    answer = await open_gateway.http.get("/health")
    assert answer.headers["vary"] == "Origin"


async def test_w07_a_configured_origin_reads_answers_and_errors(open_gateway: Gateway) -> None:
    for method, path in (("GET", "/health"), ("GET", "/auth/me"), ("POST", "/transactions/")):
        answer = await open_gateway.http.request(method, path, headers={"Origin": SHOP})
        assert answer.headers["access-control-allow-origin"] == SHOP
        assert "access-control-allow-credentials" not in answer.headers
        assert answer.headers["vary"] == "Origin"
    answer = await open_gateway.http.options("/auth/me", headers=PREFLIGHT | {"Origin": SHOP})
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origins",
    ["*", "null", "https://", "https://shop.example/", "shop.example", "https://*.example"],
)
def test_only_whole_origins_can_be_configured(origins: str) -> None:
    with pytest.raises(ValidationError, match="no origin"):
        GatewaySettings(cors_origins=origins)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://gateway.example"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://gateway.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://gateway.example.evil.example"},
        {"Origin": "http://a.gateway.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://["},
    ],
    ids=str,
)
async def test_no_other_site_uses_or_plants_a_cookie(
    gateway: Gateway, headers: dict[str, str]
) -> None:
    user = await gateway.make_user()
    credentials = {"email": user.email, "password": PASSWORD, "use_cookie": True}
    refused = await gateway.http.post("/auth/login", json=credentials, headers=headers)
    assert refused.status_code == 403
    assert "set-cookie" not in refused.headers
    token = (await gateway.http.post("/auth/login", json=credentials)).json()["access_token"]
    for path in ("/auth/refresh", "/auth/logout"):
        assert (await gateway.http.post(path, headers=headers)).status_code == 403
    # Nothing was used up or ended by that.
    assert (await gateway.me(token)).status_code == 200
    ours = {"Origin": "http://gateway.example"}
    assert (await gateway.http.post("/auth/refresh", headers=ours)).status_code == 200
