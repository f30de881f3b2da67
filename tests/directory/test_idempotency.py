"""Idempotency-Key: what is sent again takes effect once and is answered as at first."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from services.directory.idempotency import forget_answers_about, forget_old_answers
from shared.databases import Database
from tests.served_directory import ServedDirectory, a_partner

REPEATED = "Idempotent-Replayed"
PASSING = {"x-request-id", "content-length", REPEATED.lower()}


def _key() -> str:
    return str(uuid7())


async def _post(
    directory: ServedDirectory,
    key: str | None,
    body: Any,
    path: str = "/partners",
    headers: Any = None,
    **more: str,
) -> httpx.Response:
    keyed = {} if key is None else {"Idempotency-Key": key}
    who = headers if headers is not None else await directory.signed_in()
    return await directory.client.post(path, json=body, headers={**who, **keyed, **more})


async def _named(directory: ServedDirectory, name: str) -> list[str]:
    asked: dict[str, Any] = {"name": name, "limit": 200}
    answer = await directory.client.get(
        "/partners", params=asked, headers=await directory.signed_in()
    )
    return [item["id"] for item in answer.json()["items"]]


async def _in_database(directory: ServedDirectory, statement: str) -> Any:
    database: Database = directory.app.state.database
    async with database.transaction() as session:
        return await (await session.connection()).exec_driver_sql(statement)


async def test_what_is_sent_again_is_answered_as_at_first(directory: ServedDirectory) -> None:
    """Status, headers and body; it says that it is a repeat, and nothing happens by it."""
    body = a_partner("Sent twice")
    assured = await directory.create("Assured twice")
    for path, sent, more in (
        ("/partners", body, {}),
        ("/topics", {"notation": "twice", "scheme": "theme", "pref_label": {"en": "t"}}, {}),
        (f"/partners/{assured['id']}/assurance", {"method": "visit"}, {"If-Match": '"1"'}),
    ):
        key = _key()
        first = await _post(directory, key, sent, path, **more)
        assert first.is_success, first.text
        assert REPEATED not in first.headers
        for _ in range(2):
            again = await _post(directory, key, sent, path, **more)
            assert (again.status_code, again.content) == (first.status_code, first.content)
            assert again.headers[REPEATED] == "true"
            first_headers, again_headers = (
                {name: value for name, value in one.headers.items() if name not in PASSING}
                for one in (first, again)
            )
            assert again_headers == first_headers
    assert len(await _named(directory, "Sent twice")) == 1
    events = (await directory.changes())["items"]
    subjects = [event["subject"] for event in events if event["type"] == "partner.assured"]
    assert len(subjects) == len(set(subjects))


async def test_a_key_is_for_one_request(directory: ServedDirectory) -> None:
    """Another body, address or If-Match is refused; the same key of another account is its own."""
    key = _key()
    first = await _post(directory, key, a_partner("One request"))
    path = f"/partners/{first.json()['id']}"
    for sent, at, more in (
        (a_partner("Another request"), "/partners", {}),
        (a_partner("One request"), "/partners?reason=because", {}),
        (a_partner("One request"), "/topics", {}),
        ({"method": "visit"}, f"{path}/assurance", {"If-Match": '"1"'}),
    ):
        refused = await _post(directory, key, sent, at, **more)
        assert refused.status_code == 422, refused.text
        assert refused.json()["type"].endswith("idempotency-key-reused")
    other = await directory.account("secretariat")
    theirs = await _post(directory, key, a_partner("One request"), headers=other)
    assert theirs.status_code == 201
    assert REPEATED not in theirs.headers
    assert theirs.json()["id"] != first.json()["id"]
    assert await _named(directory, "Another request") == []


async def test_twins_take_effect_once(directory: ServedDirectory) -> None:
    """However close together: one is the first, all others are its repeats."""
    for number in range(3):
        key = _key()
        answers = await asyncio.gather(
            *(_post(directory, key, a_partner(f"Twin {number}")) for _ in range(8))
        )
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert sum(REPEATED not in answer.headers for answer in answers) == 1
        assert len(await _named(directory, f"Twin {number}")) == 1


async def test_what_was_refused_may_be_sent_again(directory: ServedDirectory) -> None:
    """With the same key, mended or when the reason has gone."""
    key = _key()
    for sent, status in (
        (a_partner("Mended", country="UK"), 422),
        ({"level": "national"}, 422),
        (a_partner("Mended", relationships=[{"kind": "parent", "partner_id": _key()}]), 422),
        (a_partner("Mended", country="GB"), 201),
    ):
        answer = await _post(directory, key, sent)
        assert answer.status_code == status, answer.text
        assert REPEATED not in answer.headers
    ids = [{"scheme": "isni", "value": "of idempotency"}]
    holder = await directory.create("Has the id", external_ids=ids)
    key = _key()
    wanted = a_partner("Wants the id", external_ids=ids)
    assert (await _post(directory, key, wanted)).status_code == 409
    assert (await directory.patch(holder, {"external_ids": []})).status_code == 200
    assert (await _post(directory, key, wanted)).status_code == 201


async def test_a_secret_is_not_kept_to_be_shown_again(directory: ServedDirectory) -> None:
    """The account is made once; a repeat is told where it is, and the secret is nowhere."""
    key = _key()
    body = {"name": "made with a key", "role": "member"}
    first = await _post(directory, key, body, "/accounts")
    assert first.status_code == 201
    again = await _post(directory, key, body, "/accounts")
    assert again.status_code == 409
    assert again.json()["type"].endswith("answer-not-shown-again")
    assert again.headers["Location"] == first.headers["Location"]
    kept = await _in_database(directory, "SELECT * FROM kept_answer")
    for secret in (first.json()["client_secret"],):
        assert secret not in repr(kept.all())
    secrets = f"/accounts/{first.json()['id']}/secrets"
    key = _key()
    assert (await _post(directory, key, None, secrets)).status_code == 201
    assert (await _post(directory, key, None, secrets)).status_code == 409
    account = await directory.client.get(
        first.headers["Location"], headers=await directory.signed_in()
    )
    assert len(account.json()["secret_ids"]) == 2


@pytest.mark.parametrize(
    ("key", "status"),
    [
        ("k" * 255, 201),
        ('"' + "q" * 255 + '"', 201),
        ("!#~", 201),
        ("", 422),
        ("k" * 256, 422),
        ("two words", 422),
        ('half"', 422),
        ('""', 422),
        ("clé", 422),
        ("tab\tbed", 422),
    ],
)
async def test_a_key_is_short_and_visible(
    directory: ServedDirectory, key: str, status: int
) -> None:
    """At most 255 visible characters; what cannot be a key is refused, not passed over."""
    headers = [
        (name.encode(), value.encode()) for name, value in (await directory.signed_in()).items()
    ]
    answer = await directory.client.post(
        "/partners",
        json=a_partner("Of a key"),
        headers=[*headers, (b"Idempotency-Key", key.encode())],
    )
    assert answer.status_code == status, answer.text
    if status == 422:
        assert answer.json()["errors"][0]["pointer"] == "/header/idempotency-key"


async def test_a_quoted_key_is_the_same_key(directory: ServedDirectory) -> None:
    """The draft has it as a quoted string; most clients send it bare."""
    key = _key()
    first = await _post(directory, key, a_partner("Quoted"))
    again = await _post(directory, f'"{key}"', a_partner("Quoted"))
    assert (again.content, again.headers[REPEATED]) == (first.content, "true")


async def test_strangers_share_no_keys(directory: ServedDirectory) -> None:
    """Who has not signed in is told so, and gets nobody's answer."""
    key = _key()
    await _post(directory, key, a_partner("Not a stranger"))
    assert (await _post(directory, key, a_partner("Not a stranger"), headers={})).status_code == 401


async def test_with_another_role_no_answer_is_given_again(directory: ServedDirectory) -> None:
    """What the account was shown as secretariat it may not see as a member."""
    account_id, headers = await directory.account_with_id("secretariat")
    account = await directory.client.post(
        f"/accounts/{account_id}/secrets", headers=await directory.signed_in()
    )
    secret = (account.json()["client_id"], account.json()["client_secret"])
    key, body = _key(), a_partner("Seen as secretariat", visibility="secretariat")
    assert (await _post(directory, key, body, headers=headers)).status_code == 201
    await directory.change_account(account_id, role="member")
    as_member = {"Authorization": f"Bearer {await directory.token(*secret)}"}
    refused = await _post(directory, key, body, headers=as_member)
    assert refused.status_code == 422
    assert "Seen as" not in refused.text


async def test_after_a_day_a_key_is_new(directory: ServedDirectory) -> None:
    """Whether or not its answer has been deleted by then; the worker deletes it."""
    key = _key()
    await _post(directory, key, a_partner("A day later"))
    await _in_database(directory, "UPDATE kept_answer SET at = '2020-01-01 00:00:00'")
    second = await _post(directory, key, a_partner("A day later"))
    assert (second.status_code, REPEATED in second.headers) == (201, False)
    assert len(await _named(directory, "A day later")) == 2
    again = await _post(directory, key, a_partner("A day later"))
    assert again.content == second.content
    database: Database = directory.app.state.database
    async with database.transaction() as session:
        assert await forget_old_answers(session) > 0
    left = await _in_database(directory, "SELECT key FROM kept_answer")
    assert left.all() == [(key,)]


async def test_an_answer_about_a_record_can_be_forgotten(directory: ServedDirectory) -> None:
    """Where somebody's details are erased; the request is still known, and has no new effect."""
    key, body = _key(), a_partner("To be forgotten")
    made = await _post(directory, key, body)
    database: Database = directory.app.state.database
    async with database.transaction() as session:
        await forget_answers_about(session, [UUID(made.json()["id"])])
    again = await _post(directory, key, body)
    assert again.status_code == 409
    assert again.headers["Location"] == made.headers["Location"]
    assert len(await _named(directory, "To be forgotten")) == 1


async def test_every_post_that_writes_takes_a_key(directory: ServedDirectory) -> None:
    """But for imports, which know their records by identifiers, and tokens, which write none.

    Whoever answers for a contact point has no account, and the same answer again changes nothing.
    """
    document = (await directory.client.get("/openapi.json")).json()
    without = {
        path
        for path, methods in document["paths"].items()
        if "post" in methods
        and "idempotency-key"
        not in {parameter["name"].lower() for parameter in methods["post"].get("parameters", [])}
    }
    assert without == {"/oauth/token", "/imports", "/confirmations/{token}"}


STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y", "refused"])),
    min_size=1,
    max_size=8,
)


async def test_any_order_of_repeats_has_the_effects_of_the_first(
    directory: ServedDirectory,
) -> None:
    """Against a model: a key keeps its first request that took effect, and no other one does."""
    orders: list[list[tuple[str, str]]] = []

    @settings(max_examples=15, database=None, deadline=None)
    @given(STEPS)
    def collect(steps: list[tuple[str, str]]) -> None:
        orders.append(steps)

    await asyncio.to_thread(collect)
    for number, steps in enumerate(orders):
        kept: dict[str, tuple[str, bytes]] = {}
        for key, what in steps:
            body = a_partner(f"Ordered {number} {what}")
            if what == "refused":
                body["country"] = "UK"
            answer = await _post(directory, f"{number}-{key}", body)
            if key in kept:
                same = kept[key][0] == what
                assert answer.status_code == (201 if same else 422)
                if same:
                    assert answer.content == kept[key][1]
            else:
                assert answer.status_code == (422 if what == "refused" else 201)
                if answer.status_code == 201:
                    kept[key] = (what, answer.content)
        assert len(await _named(directory, f"Ordered {number}")) == len(kept)
