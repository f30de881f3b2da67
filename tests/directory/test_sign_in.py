"""Signing in: tokens, secrets and their rotation, keys and metadata."""

from typing import Any

import httpx
import pytest

from tests.served_directory import BOOTSTRAP, URL, ServedDirectory, serve_directory

GRANT = {"grant_type": "client_credentials"}


async def _ask(
    directory: ServedDirectory, client_id: str, secret: str, form: bool = False
) -> httpx.Response:
    if form:
        credentials = {"client_id": client_id, "client_secret": secret}
        return await directory.client.post("/oauth/token", data={**GRANT, **credentials})
    return await directory.client.post("/oauth/token", auth=(client_id, secret), data=GRANT)


async def _account(directory: ServedDirectory) -> dict[str, Any]:
    answer = await directory.client.post(
        "/accounts", json={"name": "n", "role": "member"}, headers=await directory.signed_in()
    )
    assert answer.headers["Cache-Control"] == "no-store"
    made: dict[str, Any] = answer.json()
    return made


async def _status(directory: ServedDirectory, token: str) -> int:
    answer = await directory.client.get("/accounts", headers={"Authorization": f"Bearer {token}"})
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    return answer.status_code


@pytest.mark.parametrize("form", [False, True], ids=["basic", "form"])
async def test_a_token_is_had_by_basic_auth_or_by_form(
    directory: ServedDirectory, form: bool
) -> None:
    """It is short-lived, is not stored on the way, and opens what its role may do."""
    answer = await _ask(directory, *BOOTSTRAP, form=form)
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 600)
    assert await _status(directory, body["access_token"]) == 200


@pytest.mark.parametrize("form", [False, True], ids=["basic", "form"])
@pytest.mark.parametrize(
    ("client_id", "secret"),
    [
        (BOOTSTRAP[0], "wrong"),
        (BOOTSTRAP[0], BOOTSTRAP[1] + "\x00"),
        ("nobody at all", "wrong"),
        ("nul \x00 inside", "wrong"),
        (BOOTSTRAP[0], ""),
        ("", ""),
    ],
)
async def test_a_wrong_secret_is_refused(
    directory: ServedDirectory, client_id: str, secret: str, form: bool
) -> None:
    """As RFC 6749 has it; the answer does not tell whether there is such an account."""
    answer = await _ask(directory, client_id, secret, form=form)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert BOOTSTRAP[1] not in answer.text


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic /w==", "Bearer x", "Digest a=b"])
async def test_an_authorization_that_cannot_be_read_is_refused(
    directory: ServedDirectory, header: str
) -> None:
    """With 401, and what to send instead."""
    answer = await directory.client.post(
        "/oauth/token", data=GRANT, headers={"Authorization": header}
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_another_grant_is_refused(directory: ServedDirectory) -> None:
    """There is only one."""
    answer = await directory.client.post(
        "/oauth/token", auth=BOOTSTRAP, data={"grant_type": "password"}
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


async def test_a_secret_may_hold_any_sign(
    broker_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Sent as it is, as most clients do, or form-encoded, as RFC 6749 wants it."""
    folder = tmp_path_factory.mktemp("signs")
    secret = "a+b/c=%41:é and so on"
    settings = {"BOOTSTRAP_CLIENT_SECRET": secret}
    url = f"sqlite:///{folder}/directory.db"
    async with serve_directory(url, f"{broker_url}/3", folder, **settings) as directory:
        assert (await _ask(directory, BOOTSTRAP[0], secret)).status_code == 200
        assert (await _ask(directory, BOOTSTRAP[0], secret, form=True)).status_code == 200
        encoded = "a%2Bb%2Fc%3D%2541%3A%C3%A9+and+so+on"
        assert (await _ask(directory, BOOTSTRAP[0], encoded)).status_code == 200


async def test_secrets_are_rotated_without_an_interruption(directory: ServedDirectory) -> None:
    """The new one works beside the old one, until the old one is taken back."""
    account = await _account(directory)
    secretariat = await directory.signed_in()
    path = f"/accounts/{account['id']}/secrets"
    added = (await directory.client.post(path, headers=secretariat)).json()
    for secret in (account["client_secret"], added["client_secret"]):
        assert (await _ask(directory, account["client_id"], secret)).status_code == 200
    old = next(one for one in account["secret_ids"] if one != added["id"])
    removed = await directory.client.delete(f"{path}/{old}", headers=secretariat)
    assert removed.status_code == 204
    again = await directory.client.delete(f"{path}/{old}", headers=secretariat)
    assert again.status_code == 404
    statuses = [
        (await _ask(directory, account["client_id"], secret)).status_code
        for secret in (account["client_secret"], added["client_secret"])
    ]
    assert statuses == [401, 200]


async def test_an_account_has_a_few_secrets_at_most(directory: ServedDirectory) -> None:
    """The sixth is refused, and the answer says which to take back."""
    account = await _account(directory)
    path = f"/accounts/{account['id']}/secrets"
    secretariat = await directory.signed_in()
    answers = [await directory.client.post(path, headers=secretariat) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [201] * 4 + [409]
    assert account["secret_ids"][0] in answers[-1].json()["detail"]


async def test_a_disabled_account_gets_no_token(directory: ServedDirectory) -> None:
    """It stays on record with the time; disabling it twice changes nothing."""
    account = await _account(directory)
    path, secretariat = f"/accounts/{account['id']}", await directory.signed_in()
    assert (await directory.client.delete(path, headers=secretariat)).status_code == 204
    disabled = (await directory.client.get(path, headers=secretariat)).json()
    assert disabled["disabled_at"] is not None
    await directory.client.delete(path, headers=secretariat)
    assert (await directory.client.get(path, headers=secretariat)).json() == disabled
    answer = await _ask(directory, account["client_id"], account["client_secret"])
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_secrets_are_shown_once(directory: ServedDirectory) -> None:
    """Neither the account nor the list of accounts ever holds one, hashed or not."""
    account = await _account(directory)
    secretariat = await directory.signed_in()
    for path in ("/accounts?limit=200", f"/accounts/{account['id']}"):
        text = (await directory.client.get(path, headers=secretariat)).text
        assert account["client_id"] in text
        assert "client_secret" not in text
        assert "argon2" not in text


async def test_an_account_of_a_partner_needs_the_partner(directory: ServedDirectory) -> None:
    """An editor has one, it is there; `service` is not for handing out."""
    missing = "01890000-0000-7000-8000-000000000000"
    for body in (
        {"role": "editor"},
        {"role": "editor", "partner_id": missing},
        {"role": "service"},
    ):
        answer = await directory.client.post(
            "/accounts", json={"name": "n", **body}, headers=await directory.signed_in()
        )
        assert answer.status_code == 422, answer.text


async def test_published_keys_hold_no_private_part(directory: ServedDirectory) -> None:
    """Only what is needed to check a signature."""
    (key,) = (await directory.client.get("/.well-known/jwks.json")).json()["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}
    assert (key["kty"], key["crv"]) == ("OKP", "Ed25519")


async def test_the_metadata_leads_to_the_endpoints(directory: ServedDirectory) -> None:
    """RFC 8414: a client that knows only this address finds the others."""
    metadata = (await directory.client.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["issuer"] == URL
    assert metadata["grant_types_supported"] == ["client_credentials"]
    assert (await directory.client.get(metadata["jwks_uri"])).status_code == 200
    answer = await directory.client.post(metadata["token_endpoint"], auth=BOOTSTRAP, data=GRANT)
    assert answer.status_code == 200


async def test_keys_and_accounts_outlive_the_process(
    broker_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A token of before a restart is still good after it."""
    folder = tmp_path_factory.mktemp("restart")
    url = f"sqlite:///{folder}/directory.db"
    keys = {"ENCRYPTION_KEYS": "0123456789012345678901234567890123456789012="}
    async with serve_directory(url, f"{broker_url}/3", folder, **keys) as directory:
        token = await directory.token(*BOOTSTRAP)
    async with serve_directory(url, f"{broker_url}/3", folder, **keys) as directory:
        assert await _status(directory, token) == 200


async def test_the_list_of_accounts_leads_to_its_next_page(directory: ServedDirectory) -> None:
    """As every list: by `next`, and by a Link header that can be followed as it is."""
    await directory.account("member")
    headers = await directory.signed_in()
    first = await directory.client.get("/accounts", params={"limit": 1}, headers=headers)
    address = first.links["next"]["url"]
    second = await directory.client.get(address, headers=headers)
    assert second.status_code == 200
    assert second.json()["items"][0]["id"] > first.json()["items"][0]["id"]
