"""Events of accounts: one for each change, on the log for our own services, for nobody else."""

from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from jsonschema import Draft202012Validator

from shared.events import ACCOUNT_EVENT_TYPES, parse_log_event
from tests.served_directory import BOOTSTRAP, ServedDirectory, serve_directory

NOBODY = {"account_id": None, "role": None}


async def _events_of(
    directory: ServedDirectory, subject: str, headers: dict[str, str] | None = None
) -> list[Any]:
    """All events about `subject` so far: what is written later comes later on the log."""
    last = await directory.create("The last one so far")
    await directory.event_of(last["id"])
    page = await directory.changes(headers=headers or await directory.service())
    assert page["next_after"] == page["head"]
    return [event for event in page["items"] if event["subject"] == subject]


async def _account(directory: ServedDirectory, **more: Any) -> dict[str, Any]:
    answer = await directory.client.post(
        "/accounts",
        json={"name": "Intranet", "role": "member", **more},
        headers=await directory.signed_in(),
    )
    made: dict[str, Any] = answer.json()
    return made


async def _patch(
    directory: ServedDirectory, account: dict[str, Any], version: int, patch: dict[str, Any]
) -> int:
    answer = await directory.client.patch(
        f"/accounts/{account['id']}",
        json=patch,
        headers={**await directory.signed_in(), "If-Match": f'"{version}"'},
    )
    return answer.status_code


async def test_each_change_of_an_account_is_one_event(directory: ServedDirectory) -> None:
    """With the whole account after it, the names of what changed, and who did it."""
    secretary = (
        await directory.client.get("/accounts", headers=await directory.signed_in())
    ).json()
    [secretariat] = [one for one in secretary["items"] if one["client_id"] == BOOTSTRAP[0]]
    partner = await directory.create("Kent Police")
    account = await _account(directory, email="desk@example.org")
    patches = [
        {"name": "Intranet of Kent Police"},
        {"partner_id": partner["id"], "role": "editor"},
        {"email": None},
        {"disabled": True},
        {"disabled": False, "role": "member"},
    ]
    for version, patch in enumerate(patches, 1):
        assert await _patch(directory, account, version, patch) == 200
    path = f"/accounts/{account['id']}"
    await directory.client.delete(path, headers=await directory.signed_in())
    events = await _events_of(directory, account["id"])
    assert [(event["type"], event["data"]["changed"]) for event in events] == [
        (
            "account.created",
            ["disabled_at", "email", "id", "name", "partner_id", "role"],
        ),
        ("account.updated", ["name"]),
        ("account.updated", ["partner_id", "role"]),
        ("account.updated", ["email"]),
        ("account.closed", ["disabled_at"]),
        ("account.updated", ["disabled_at", "role"]),
        ("account.closed", ["disabled_at"]),
    ]
    states = [event["data"]["account"] for event in events]
    assert [state["version"] for state in states] == [1, 2, 3, 4, 5, 6, 7]
    assert states[0] == {
        "id": account["id"],
        "version": 1,
        "name": "Intranet",
        "role": "member",
        "partner_id": None,
        "email": "desk@example.org",
        "disabled_at": None,
    }
    shown = (await directory.client.get(path, headers=await directory.signed_in())).json()
    assert states[-1] == {field: shown[field] for field in states[-1]}
    actor = {"account_id": secretariat["id"], "role": "secretariat"}
    assert all(event["data"]["actor"] == actor for event in events)


async def test_what_changes_nothing_of_an_account_is_no_event(directory: ServedDirectory) -> None:
    """A patch without a difference, a refused one, a second closing; new and removed secrets."""
    account = await _account(directory)
    path, secretariat = f"/accounts/{account['id']}", await directory.signed_in()
    assert await _patch(directory, account, 1, {"name": " Intranet", "disabled": False}) == 200
    assert await _patch(directory, account, 1, {"role": "editor"}) == 422
    assert await _patch(directory, account, 9, {"name": "Stale"}) == 412
    added = await directory.client.post(f"{path}/secrets", headers=secretariat)
    await directory.client.delete(f"{path}/secrets/{added.json()['id']}", headers=secretariat)
    for _ in range(2):
        await directory.client.delete(path, headers=secretariat)
    events = await _events_of(directory, account["id"])
    assert [event["type"] for event in events] == ["account.created", "account.closed"]


async def test_only_our_own_services_are_told_of_accounts(directory: ServedDirectory) -> None:
    """Neither the public, nor the account itself, nor the secretariat; no secret is on the log."""
    partner = await directory.create("Elsewhere")
    account = await _account(directory, email="only-for-services@example.org")
    itself = await directory.signed_in((account["client_id"], account["client_secret"]))
    assert await _patch(directory, account, 1, {"disabled": True}) == 200
    assert len(await _events_of(directory, account["id"])) == 2
    for headers in (
        {},
        itself,
        await directory.account("member"),
        await directory.account("editor", partner["id"]),
        await directory.signed_in(),
    ):
        page = await directory.changes(headers=headers)
        assert page["items"]
        assert page["next_after"] == page["head"]
        assert not {event["type"] for event in page["items"]} & {*ACCOUNT_EVENT_TYPES}
        assert all(event["subject"] != account["id"] for event in page["items"])
    whole = await directory.client.get("/changes?limit=1000", headers=await directory.service())
    assert account["client_secret"] not in whole.text
    assert "argon2" not in whole.text


async def test_an_account_event_has_the_shape_that_it_leads_to(directory: ServedDirectory) -> None:
    """`dataschema` is answered, and the event is what it says."""
    account = await _account(directory)
    [event] = await _events_of(directory, account["id"])
    schema = await directory.client.get(event["dataschema"])
    Draft202012Validator(schema.json()).validate(event)
    assert parse_log_event(event).sequence == event["sequence"]
    unknown = await directory.client.get("/event-schemas/account.renamed")
    assert unknown.status_code == 404
    assert "account" not in unknown.json()["detail"].partition("There are")[2]


async def test_the_accounts_that_a_directory_makes_itself_are_told_of(
    directory: ServedDirectory,
) -> None:
    """First of all on a new log; nobody in particular did it."""
    await directory.event_of((await directory.create("After the first ones"))["id"])
    events = (await directory.changes(headers=await directory.service()))["items"][:2]
    assert [event["type"] for event in events] == ["account.created"] * 2
    assert [event["data"]["account"]["role"] for event in events] == ["service", "secretariat"]
    assert [event["data"]["actor"] for event in events] == [NOBODY] * 2


async def test_a_directory_that_starts_again_tells_nothing_of_its_accounts(
    broker_url: str, tmp_path: Path
) -> None:
    """Not even when it is given another secret for one."""
    url, key = f"sqlite:///{tmp_path}/directory.db", Fernet.generate_key().decode()
    heads: list[int] = []
    for secret in ("the first secret", "the first secret", "another secret"):
        settings = {"ENCRYPTION_KEYS": key, "BOOTSTRAP_CLIENT_SECRET": secret}
        async with serve_directory(url, f"{broker_url}/3", tmp_path, **settings) as directory:
            token = await directory.token(BOOTSTRAP[0], secret)
            made = await directory.client.post(
                "/topics",
                json={
                    "notation": f"topic-{len(heads)}",
                    "scheme": "theme",
                    "pref_label": {"en": "Topic"},
                },
                headers={"Authorization": f"Bearer {token}"},
            )
            heads.append((await directory.event_of(made.json()["id"]))["sequence"])
    assert heads == [3, 4, 5]
