"""Access tokens: which are believed, and which are not, whoever made them."""

import base64
import time
from typing import Any

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from services.directory.signing_keys import SigningKeys
from shared.tokens import ISSUER
from tests.served_directory import ServedDirectory


def _unpadded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _keys(directory: ServedDirectory) -> SigningKeys:
    keys: SigningKeys = directory.app.state.signing_keys
    return keys


def _claims(**more: Any) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": "01890000-0000-7000-8000-000000000000",
        "role": "secretariat",
        "partner_id": None,
        "iat": now,
        "exp": now + 600,
        **more,
    }


def _signed(directory: ServedDirectory, claims: dict[str, Any]) -> str:
    key = next(iter(_keys(directory).public.keys))
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": key.kid}
    return jwt.encode(header, claims, key, algorithms=["EdDSA"])


async def _status(directory: ServedDirectory, token: str) -> int:
    answer = await directory.client.get("/accounts", headers={"Authorization": f"Bearer {token}"})
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    return answer.status_code


async def test_a_token_of_ours_is_believed_until_it_expires(directory: ServedDirectory) -> None:
    """A few seconds of difference between clocks are forgiven."""
    now = int(time.time())
    assert await _status(directory, _signed(directory, _claims())) == 200
    assert await _status(directory, _signed(directory, _claims(exp=now - 60))) == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "somebody else"},
        {"role": "king"},
        {"sub": "not an id"},
        {"exp": "soon"},
        {"partner_id": 7},
        {"exp": None},
    ],
    ids=str,
)
async def test_a_token_with_other_claims_is_refused(
    directory: ServedDirectory, claims: dict[str, Any]
) -> None:
    """Even if our key signed it."""
    assert await _status(directory, _signed(directory, _claims(**claims))) == 401


async def test_a_forged_token_is_refused(directory: ServedDirectory) -> None:
    """A foreign key, no signature, our public key as a shared secret, another role in our token."""
    kid = str(next(iter(_keys(directory).public.keys)).kid)
    foreign = OKPKey.generate_key("Ed25519", {"kid": kid})
    header = {"alg": "EdDSA", "kid": kid}
    by_another = jwt.encode(header, _claims(), foreign, algorithms=["EdDSA"])
    claims = _unpadded(orjson.dumps(_claims()))
    unsigned = [
        f"{_unpadded(orjson.dumps({'alg': alg, 'kid': kid}))}.{claims}." for alg in ("none", "None")
    ]
    published = (await directory.client.get("/.well-known/jwks.json")).json()["keys"][0]
    by_public = [
        jwt.encode({"alg": "HS256", "kid": kid}, _claims(), OctKey.import_key(secret))
        for secret in (published["x"], orjson.dumps(published))
    ]
    head, _, signature = _signed(directory, _claims(role="member")).split(".")
    for token in (by_another, *unsigned, *by_public, f"{head}.{claims}.{signature}"):
        assert await _status(directory, token) == 401, token


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a.b.c",
        "e30.e30.e30",
        "..",
        "." * 5_000,
        "€",
        _unpadded(b'{"alg":"EdDSA","kid":' + b"[" * 20_000) + ".e30.e30",
        _unpadded(b'{"alg":' + b"[" * 900 + b"]" * 900 + b"}") + ".e30.e30",
        _unpadded(b'{"alg":"EdDSA","kid":7}') + ".e30.e30",
        _unpadded(b'{"alg":["EdDSA"]}') + ".e30.e30",
        _unpadded(b'{"alg":"EdDSA","crit":["exp"],"b64":false}') + ".e30.e30",
        _unpadded(b"[]") + ".e30.e30",
        _unpadded(b"null") + ".e30.e30",
        _unpadded(b"\xff") + ".e30.e30",
    ],
    ids=lambda token: token[:20],
)
async def test_a_token_that_is_none_is_refused(directory: ServedDirectory, token: str) -> None:
    """Whatever it is, it is the caller's mistake and not an error of ours."""
    answer = await directory.client.get(
        "/partners", headers={b"Authorization": f"Bearer {token}".encode()}
    )
    assert answer.status_code == 401, answer.text


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic abc", "", "token"])
async def test_another_authorization_is_refused(directory: ServedDirectory, header: str) -> None:
    """Rather than to answer as if nobody had signed in, which would hide the mistake."""
    answer = await directory.client.get("/partners", headers={"Authorization": header})
    assert answer.status_code == 401
