"""Every operation that needs a token refuses those that are signed, bent or aged wrongly (J03-J14).

`test_tokens_attacks` tries many of each kind on one operation; here each kind is tried on all.
"""

from __future__ import annotations

import hashlib
import hmac
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aether_core.identity.roles import SCOPES, scope_text
from aether_core.settings import Settings
from tests.api.identity.forging import segment, signed
from tests.api.identity.gateways import Gateway, claims_of
from tests.api.operations import operations


async def _forged(gateway: Gateway, settings: Settings) -> dict[str, str]:
    """Return a token of each kind, of an admin who may do everything."""
    user = await gateway.make_user("admin")
    kid, key = await gateway.signing_key()
    now = int(time.time())
    claims = claims_of(user, settings, scope=scope_text(SCOPES))
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
    text = f"{segment(header | {'alg': 'HS256'})}.{segment(claims)}"
    public = key.public_key().public_bytes_raw()
    assert (await gateway.me(signed(key, header, claims))).status_code == 200
    return {
        "J03 the public key as a secret": (
            f"{text}.{segment(hmac.new(public, text.encode(), hashlib.sha256).digest())}"
        ),
        "J04 another algorithm": signed(key, header | {"alg": "ES256"}, claims),
        "J05 another issuer": signed(key, header, claims | {"iss": "other"}),
        "J05 another audience": signed(key, header, claims | {"aud": "other"}),
        "J07 another kind": signed(key, header | {"typ": "JWT"}, claims),
        "J10 not yet": signed(key, header, claims | {"nbf": now + 120}),
        "J10 no more": signed(key, header, claims | {"exp": now - 60}),
        "J11 a key that is not ours": signed(key, header | {"kid": "../x"}, claims),
        "J12 another key": signed(Ed25519PrivateKey.generate(), header, claims),
        "J13 critical": signed(key, header | {"crit": ["exp"]}, claims),
        "J14 its own key": signed(key, header | {"jwk": {"kty": "OKP"}}, claims),
    }


async def test_j03_to_j14_on_every_operation(gateway: Gateway, settings: Settings) -> None:
    forged = await _forged(gateway, settings)
    asked = [one for one in operations() if one.needs_token]
    assert len(asked) > 40
    for operation in asked:
        for kind, token in forged.items():
            answer = await gateway.http.request(
                operation.method, operation.target, headers={"Authorization": f"Bearer {token}"}
            )
            where = f"{operation.name}: {kind}"
            assert answer.status_code == 401, where
            assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"', where
