"""Accounts: what the secretariat may change of them, and what must stay."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.served_directory import BOOTSTRAP, ServedDirectory

MISSING = "01890000-0000-7000-8000-000000000000"


async def _make(directory: ServedDirectory, **more: Any) -> dict[str, Any]:
    answer = await directory.client.post(
        "/accounts",
        json={"name": "Intranet", "role": "member", **more},
        headers=await directory.signed_in(),
    )
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _read(
    directory: ServedDirectory, account: dict[str, Any], headers: dict[str, str] | None = None
) -> dict[str, Any]:
    answer = await directory.client.get(
        f"/accounts/{account['id']}", headers=headers or await directory.signed_in()
    )
    assert answer.headers["ETag"] == f'"{answer.json()["version"]}"'
    read: dict[str, Any] = answer.json()
    return read


async def _patch(
    directory: ServedDirectory,
    account: dict[str, Any],
    patch: dict[str, Any],
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """The answer to a patch of the account as it is now."""
    signed_in = headers or await directory.signed_in()
    version = (await _read(directory, account, signed_in))["version"]
    return await directory.client.patch(
        f"/accounts/{account['id']}", json=patch, headers={**signed_in, "If-Match": f'"{version}"'}
    )


async def _of_client(directory: ServedDirectory, client_id: str) -> dict[str, Any]:
    answer = await directory.client.get(
        "/accounts", params={"limit": 200}, headers=await directory.signed_in()
    )
    found: dict[str, Any]
    [found] = [one for one in answer.json()["items"] if one["client_id"] == client_id]
    return found


async def test_a_patch_changes_what_it_names(directory: ServedDirectory) -> None:
    """The rest stays; null takes away; what differs in nothing is no new version."""
    partner = await directory.create("Kent Police")
    account = await _make(directory, email="  Desk@EXAMPLE.org ")
    assert (account["email"], account["version"]) == ("Desk@example.org", 1)
    before = await _read(directory, account)
    for patch, version in (
        ({"name": "Intranet of Kent Police"}, 2),
        ({"role": "editor", "partner_id": partner["id"]}, 3),
        ({"email": None}, 4),
        ({"email": "other@example.org", "role": "member", "partner_id": None}, 5),
        ({"email": "other@EXAMPLE.org"}, 5),
        ({}, 5),
    ):
        answer = await _patch(directory, account, patch)
        assert answer.status_code == 200, answer.text
        assert answer.headers["ETag"] == f'"{version}"'
    after = await _read(directory, account)
    assert after == answer.json()
    assert after == {
        **before,
        "version": 5,
        "name": "Intranet of Kent Police",
        "email": "other@example.org",
    }


@pytest.mark.parametrize("address", ["nobody", "a@b", "a b@example.org", "x" * 321, ""])
async def test_an_account_is_not_made_with_what_is_no_address(
    directory: ServedDirectory, address: str
) -> None:
    """422, pointing at it."""
    answer = await directory.client.post(
        "/accounts",
        json={"name": "n", "role": "member", "email": address},
        headers=await directory.signed_in(),
    )
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/email"]


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"role": "editor"}, ""),
        ({"role": "service"}, ""),
        ({"role": "king"}, "/role"),
        ({"name": None}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"email": "nobody"}, "/email"),
        ({"email": f"{'x' * 310}@example.org"}, "/email"),
        ({"email": "a\x00b@example.org"}, "/email"),
        ({"disabled": None}, "/disabled"),
        ({"disabled": "yes"}, "/disabled"),
        ({"disabled_at": "2026-11-25T12:00:00Z"}, "/disabled_at"),
        ({"client_id": "another"}, "/client_id"),
        ({"partner_id": MISSING}, None),
    ],
    ids=str,
)
async def test_a_patch_that_breaks_a_rule_is_refused(
    directory: ServedDirectory, patch: dict[str, Any], pointer: str | None
) -> None:
    """The answer points at what is wrong, and nothing has changed."""
    account = await _make(directory)
    before = await _read(directory, account)
    answer = await _patch(directory, account, {"name": "Never", **patch})
    assert answer.status_code == 422, answer.text
    pointers = [error["pointer"] for error in answer.json()["errors"]]
    assert pointers == ([] if pointer is None else [pointer])
    assert await _read(directory, account) == before


async def test_nobody_writes_over_a_change_of_an_account_that_they_have_not_seen(
    directory: ServedDirectory,
) -> None:
    """As with records: 428 without If-Match, 412 with an old one. A new secret is a change too."""
    account = await _make(directory)
    path, secretariat = f"/accounts/{account['id']}", await directory.signed_in()
    answer = await directory.client.patch(path, json={"name": "n"}, headers=secretariat)
    assert answer.status_code == 428
    added = await directory.client.post(f"{path}/secrets", headers=secretariat)
    stale = {**secretariat, "If-Match": '"1"'}
    answer = await directory.client.patch(path, json={"name": "n"}, headers=stale)
    assert (answer.status_code, answer.headers["ETag"]) == (412, '"2"')
    await directory.client.delete(f"{path}/secrets/{added.json()['id']}", headers=secretariat)
    assert (await _read(directory, account))["version"] == 3


async def test_a_disabled_account_can_be_opened_again(directory: ServedDirectory) -> None:
    """Meanwhile its secret gets no token; afterwards it does."""
    account = await _make(directory)
    credentials = (account["client_id"], account["client_secret"])

    async def sign_in() -> int:
        grant = {"grant_type": "client_credentials"}
        answer = await directory.client.post("/oauth/token", auth=credentials, data=grant)
        return answer.status_code

    closed = await _patch(directory, account, {"disabled": True})
    assert closed.json()["disabled_at"] is not None
    assert await sign_in() == 401
    again = await _patch(directory, account, {"disabled": True})
    assert again.json() == closed.json()
    opened = await _patch(directory, account, {"disabled": False})
    assert opened.json()["disabled_at"] is None
    assert await sign_in() == 200


async def test_the_last_account_of_the_secretariat_stays(directory: ServedDirectory) -> None:
    """A disabled one does not count; the refusal says what to do first, and that helps."""
    first = await _of_client(directory, BOOTSTRAP[0])
    second = await _make(directory, role="secretariat")
    as_second = await directory.signed_in((second["client_id"], second["client_secret"]))
    assert (await _patch(directory, second, {"disabled": True})).status_code == 200
    delete = await directory.client.delete(
        f"/accounts/{first['id']}", headers=await directory.signed_in()
    )
    refused = [
        delete,
        await _patch(directory, first, {"role": "member"}),
        await _patch(directory, first, {"disabled": True}),
    ]
    for answer in refused:
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (
            409,
            "last-of-secretariat",
        )
        assert "POST /accounts" in answer.json()["detail"]
    assert (await _read(directory, first))["version"] == first["version"]
    assert (await _patch(directory, first, {"email": "s@example.org"})).status_code == 200
    assert (await _patch(directory, second, {"disabled": False})).status_code == 200
    assert (await _patch(directory, first, {"role": "member"}, as_second)).status_code == 200
    assert (await _patch(directory, second, {"role": "member"}, as_second)).status_code == 409
    assert (await _patch(directory, first, {"role": "secretariat"}, as_second)).status_code == 200
    assert (await _patch(directory, second, {"role": "member"}, as_second)).status_code == 200


async def test_the_last_secret_of_the_secretariat_stays(directory: ServedDirectory) -> None:
    """Others without a secret of their own do not count; with another secret it can be taken."""
    first = await _of_client(directory, BOOTSTRAP[0])
    other = await _make(directory, role="secretariat")
    secretariat = await directory.signed_in()

    async def take_back(account: dict[str, Any], secret_id: str) -> httpx.Response:
        path = f"/accounts/{account['id']}/secrets/{secret_id}"
        return await directory.client.delete(path, headers=secretariat)

    [others] = (await _read(directory, other))["secret_ids"]
    assert (await take_back(other, others)).status_code == 204
    [last] = first["secret_ids"]
    refused = await take_back(first, last)
    assert refused.status_code == 409, refused.text
    assert refused.json()["type"].endswith("last-of-secretariat")
    assert "/secrets" in refused.json()["detail"]
    assert (await _read(directory, first))["secret_ids"] == [last]
    added = await directory.client.post(f"/accounts/{first['id']}/secrets", headers=secretariat)
    assert (await take_back(first, added.json()["id"])).status_code == 204


async def test_two_accounts_of_the_secretariat_do_not_close_each_other(
    directory: ServedDirectory,
) -> None:
    """Asked at the same moment, one of the two is refused, each time anew."""
    first = await _of_client(directory, BOOTSTRAP[0])
    second = await _make(directory, role="secretariat")
    headers = await directory.signed_in()
    for _ in range(8):
        answers = await asyncio.gather(
            *(
                directory.client.delete(f"/accounts/{one['id']}", headers=headers)
                for one in (first, second)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [204, 409]
        closed = first if answers[0].status_code == 204 else second
        assert (await _patch(directory, closed, {"disabled": False}, headers)).status_code == 200
    assert (await _patch(directory, second, {"role": "member"}, headers)).status_code == 200


async def test_the_account_of_our_own_services_is_not_changed(directory: ServedDirectory) -> None:
    """Search and notify would be cut off; the settings of the services set it up."""
    account = await _of_client(directory, "services")
    delete = await directory.client.delete(
        f"/accounts/{account['id']}", headers=await directory.signed_in()
    )
    for answer in (
        delete,
        await _patch(directory, account, {"name": "Others"}),
        await _patch(directory, account, {"role": "secretariat"}),
        await _patch(directory, account, {"disabled": True}),
    ):
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (
            409,
            "service-account",
        )
        assert "SERVICE_CLIENT_SECRET" in answer.json()["detail"]
    assert await _read(directory, account) == account
