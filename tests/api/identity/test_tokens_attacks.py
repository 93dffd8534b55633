"""Forged, bent and stolen access tokens are refused: the J rows of the attack table."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aether_core.settings import Settings
from tests.api.identity.forging import segment, signed
from tests.api.identity.gateways import Gateway, claims_of


def _refuses(answer: httpx.Response) -> None:
    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    problem = answer.json()
    assert problem["type"] == "/problems/not-authenticated"
    assert problem.keys() <= {"type", "title", "status", "detail", "instance", "request_id"}


async def test_j01_no_token_is_no_error(gateway: Gateway) -> None:
    answer = await gateway.http.get("/auth/me")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_token_in_its_one_form_is_taken(gateway: Gateway, settings: Settings) -> None:
    user = await gateway.make_user()
    kid, key = await gateway.signing_key()
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
    assert (await gateway.me(signed(key, header, claims_of(user, settings)))).status_code == 200


async def test_j02_tokens_without_signature(gateway: Gateway, settings: Settings) -> None:
    user = await gateway.make_user()
    kid, key = await gateway.signing_key()
    claims = claims_of(user, settings)
    real = signed(key, {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}, claims)
    for algorithm in ("none", "None", "nOnE", "NONE"):
        header = segment({"alg": algorithm, "typ": "at+jwt", "kid": kid})
        body = segment(claims)
        for token in (f"{header}.{body}.", f"{header}.{body}", f"{header}.{body}.{real[-86:]}"):
            _refuses(await gateway.me(token))
    _refuses(await gateway.me(real.rpartition(".")[0] + "."))
    _refuses(await gateway.me(real.rpartition(".")[0]))


async def test_j03_the_public_key_is_no_secret(gateway: Gateway, settings: Settings) -> None:
    user = await gateway.make_user()
    kid, key = await gateway.signing_key()
    public = key.public_key()
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    published = (await gateway.http.get("/.well-known/jwks.json")).json()["keys"][0]
    secrets = [
        public.public_bytes(serialization.Encoding.PEM, spki),
        public.public_bytes(serialization.Encoding.DER, spki),
        public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH),
        public.public_bytes_raw(),
        json.dumps(published).encode(),
        published["x"].encode(),
    ]
    for secret in secrets:
        text = f"{segment({'alg': 'HS256', 'typ': 'at+jwt', 'kid': kid})}."
        text += segment(claims_of(user, settings))
        mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
        _refuses(await gateway.me(f"{text}.{segment(mac)}"))


async def test_j04_the_header_does_not_choose_the_algorithm(
    gateway: Gateway, settings: Settings
) -> None:
    user = await gateway.make_user()
    kid, key = await gateway.signing_key()
    claims = claims_of(user, settings)
    headers = {"typ": "at+jwt", "kid": kid}
    foreign: list[tuple[Any, str]] = [
        ("x" * 64, "HS384"),
        (rsa.generate_private_key(65537, 2048), "PS256"),
        (ec.generate_private_key(ec.SECP256K1()), "ES256K"),
        (Ed25519PrivateKey.generate(), "EdDSA"),
    ]
    for other, algorithm in foreign:
        _refuses(await gateway.me(jwt.encode(claims, other, algorithm, headers=headers)))
    # Signed by the right key, under another name.
    for name in ("Ed25519", "eddsa", "ES256K", "", None, ["EdDSA"]):
        token = signed(key, {"alg": name, "typ": "at+jwt", "kid": kid}, claims)
        _refuses(await gateway.me(token))


async def test_j05_issuer_and_audience_are_exact(gateway: Gateway, settings: Settings) -> None:
    user = await gateway.make_user()
    kid, key = await gateway.signing_key()
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
    for claim in ("iss", "aud"):
        ours = str(claims_of(user, settings)[claim])
        wrong = (None, "other", ours[:-1], ours + "x", ours.upper(), "", [ours], [ours, "x"], 7)
        for value in wrong:
            token = signed(key, header, claims_of(user, settings, **{claim: value}))
            _refuses(await gateway.me(token))


async def test_j07_kinds_of_tokens_do_not_mix(gateway: Gateway, settings: Settings) -> None:
    user = await gateway.make_user()
    tokens = await gateway.login(user)
    kid, key = await gateway.signing_key()
    for kind in ("JWT", "jwt", "AT+JWT", "application/at+jwt", "rt+jwt", "", None, 1):
        token = signed(key, {"alg": "EdDSA", "typ": kind, "kid": kid}, claims_of(user, settings))
        _refuses(await gateway.me(token))
    _refuses(await gateway.me(signed(key, {"alg": "EdDSA", "kid": kid}, claims_of(user, settings))))
    _refuses(await gateway.me(tokens["refresh_token"]))


async def test_j10_time_is_respected(gateway: Gateway, settings: Settings) -> None:
    user = await gateway.make_user()
    kid, key = await gateway.signing_key()
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
    now = int(time.time())
    for changes in (
        {"nbf": now + 120},
        {"iat": now + 120},
        {"exp": now},
        {"exp": now - 60},
        {"exp": now + 100_000},
        {"exp": None},
        {"iat": None},
        {"nbf": None},
        {"exp": 1e400},
        {"exp": str(now + 600)},
        {"exp": True},
        {"exp": 10**400},
    ):
        token = signed(key, header, claims_of(user, settings, **changes))
        _refuses(await gateway.me(token))


async def test_an_expired_token_is_refused_also_when_it_is_remembered(
    gateway: Gateway, settings: Settings
) -> None:
    user = await gateway.make_user()
    kid, key = await gateway.signing_key()
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
    token = signed(key, header, claims_of(user, settings, exp=int(time.time()) + 2))
    answer = await gateway.me(token)
    assert answer.status_code == 200
    deadline = time.monotonic() + 15
    while (answer := await gateway.me(token)).status_code == 200:
        assert time.monotonic() < deadline
    for _ in range(3):
        _refuses(await gateway.me(token))


async def test_j11_a_kid_is_only_a_name(gateway: Gateway, settings: Settings) -> None:
    user = await gateway.make_user()
    _, key = await gateway.signing_key()
    claims = claims_of(user, settings)
    for kid in (
        *("unknown", "../../dev/null", "' OR 1=1--", "x" * 2000, "nul\x00", "", "\ud800"),
        *("http://127.0.0.1:1/key", None, 7, ["a"], {"a": 1}),
    ):
        token = signed(key, {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}, claims)
        _refuses(await gateway.me(token))
    _refuses(await gateway.me(signed(key, {"alg": "EdDSA", "typ": "at+jwt"}, claims)))


async def test_j13_j14_nothing_else_may_stand_in_the_header(
    gateway: Gateway, settings: Settings
) -> None:
    user = await gateway.make_user()
    kid, key = await gateway.signing_key()
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
    published = (await gateway.http.get("/.well-known/jwks.json")).json()["keys"][0]
    for extra in (
        {"crit": ["exp"]},
        {"crit": ["x-unknown"], "x-unknown": True},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"enc": "A256GCM"},
        {"jwk": published},
        {"jku": "http://127.0.0.1:1/keys"},
        {"x5u": "http://127.0.0.1:1/cert"},
    ):
        _refuses(await gateway.me(signed(key, header | extra, claims_of(user, settings))))
    nested = signed(key, header, claims_of(user, settings))
    _refuses(await gateway.me(signed(key, header, nested.encode())))
    # The five parts of an encrypted token.
    _refuses(await gateway.me(".".join([segment(header), "a", "b", "c", "d"])))


async def test_j15_one_way_to_write_a_token(gateway: Gateway, settings: Settings) -> None:
    user = await gateway.make_user()
    kid, key = await gateway.signing_key()
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
    claims = claims_of(user, settings)
    token = signed(key, header, claims)
    assert (await gateway.me(token)).status_code == 200
    head, body, signature = token.split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # The same 64 bytes with other unused bits at their end.
    twin = signature[:-1] + last[last.index(signature[-1]) + 1]
    for bent in (
        f"{head}.{body}.{twin}",
        f"{head}.{body}.{signature}=",
        f"{head}.{body}.{signature}==",
        f"{head}=.{body}.{signature}",
        f"{head}.{body}.{signature}.",
        f".{head}.{body}.{signature}",
        f"{head}..{signature}",
        f"{head}.{body}.{signature} ",
        f"{head}.{body}.{signature}x",
        f"{head}.{body}. {signature}",
        f"{head}.{body}.{signature[:40]}.{signature[40:]}",
        "...",
        "a.b.c",
        "\u00e9.b.c",
    ):
        header_bytes = {b"Authorization": f"Bearer {bent}".encode("latin-1")}
        answer = await gateway.http.get("/auth/me", headers=header_bytes)
        _refuses(answer)
    text = json.dumps(claims)
    doubled = text[:-1] + ', "role": "admin"}'
    _refuses(await gateway.me(signed(key, header, doubled.encode())))
    twice = json.dumps(header)[:-1] + ', "alg": "EdDSA"}'
    _refuses(await gateway.me(signed(key, twice.encode(), claims)))
    for odd in (b"[]", b"7", b'"x"', b"null", b"", b"\xff\xfe", b"{" * 900, b'{"a":NaN}'):
        _refuses(await gateway.me(signed(key, header, odd)))
        _refuses(await gateway.me(signed(key, odd, claims)))
    _refuses(await gateway.me(signed(key, header, claims | {"unknown": 1})))


async def test_j15_a_huge_token(gateway: Gateway) -> None:
    answer = await gateway.me("a" * 500_000 + "." + "b" * 500_000 + "." + "c" * 86)
    assert answer.status_code in {401, 431}


async def test_j17_one_header_one_scheme(gateway: Gateway) -> None:
    token = (await gateway.login(await gateway.make_user()))["access_token"]
    for header, statuses in (
        (f"bearer {token}", {200}),
        (f"BEARER {token}", {200}),
        (f"Bearer  {token}", {401}),
        (f"Bearer\t{token}", {401}),
        (f"Bearer Bearer {token}", {401}),
        (f"Basic {token}", {401}),
        ("Bearer", {401}),
        ("Bearer ", {401}),
        (token, {401}),
    ):
        answer = await gateway.http.get("/auth/me", headers={"Authorization": header})
        assert answer.status_code in statuses, header.replace(token, "…")
    two = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
    assert (await gateway.http.get("/auth/me", headers=two)).status_code in {400, 401}


async def test_j18_no_token_in_the_url(gateway: Gateway) -> None:
    token = (await gateway.login(await gateway.make_user()))["access_token"]
    answer = await gateway.http.get("/auth/me", params={"access_token": token})
    assert answer.status_code in {401, 422}
    assert token not in answer.text


async def test_j24_subjects_that_are_nobody(gateway: Gateway, settings: Settings) -> None:
    user = await gateway.make_user()
    kid, key = await gateway.signing_key()
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
    for subject in (
        *("00000000-0000-4000-8000-000000000000", "' OR 1=1--", "", 7, ["x"], {"$ne": 1}),
        *("client_none", "x" * 1000, None, "nul\x00"),
    ):
        _refuses(await gateway.me(signed(key, header, claims_of(user, settings, sub=subject))))
        client = claims_of(user, settings, sub=subject, client_id=subject, role=None, sid=None)
        _refuses(await gateway.me(signed(key, header, client)))


async def test_the_cache_stays_small(
    gateway: Gateway, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aether_api.access.CACHE_SIZE_MAX", 3)
    user = await gateway.make_user()
    kid, key = await gateway.signing_key()
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
    tokens = [signed(key, header, claims_of(user, settings)) for _ in range(5)]
    for _ in range(2):
        for token in tokens:
            assert (await gateway.me(token)).status_code == 200
    assert len(gateway.access._cache) == 3
