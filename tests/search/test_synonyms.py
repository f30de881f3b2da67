"""Synonyms over HTTP: who may change the list, and its rules."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, insert

from services.search.models import SynonymRow, metadata
from tests.conftest import database_url  # noqa: F401 - on both kinds of database
from tests.search.served_search import ServedSearch
from tests.search.synonym_editing import (
    Json,
    add_synonym,
    change_synonym,
    others_of,
    post_synonym,
)


@pytest.fixture
def served(replicas: tuple[ServedSearch, ServedSearch]) -> ServedSearch:
    """The first of the two."""
    return replicas[0]


async def test_a_synonym_is_added_and_everybody_may_read_it(served: ServedSearch) -> None:
    """The answer is the synonym, its address and its ETag; reading needs no token."""
    answer = await post_synonym(
        served, "Modern Slavery", "human trafficking", note="An Act of 2015."
    )
    made = answer.json()
    assert (made["version"], made["direction"]) == (1, "both")
    assert (made["terms"], made["note"]) == (
        ["Modern Slavery", "human trafficking"],
        "An Act of 2015.",
    )
    assert made["created_at"] == made["modified_at"]
    assert datetime.fromisoformat(made["created_at"]).utcoffset() is not None
    assert answer.headers["Location"] == f"/synonyms/{made['id']}"
    read = await served.client.get(f"/synonyms/{made['id']}")
    assert (read.json(), read.headers["ETag"]) == (made, '"1"')
    again = await served.client.get(f"/synonyms/{made['id']}", headers={"If-None-Match": '"1"'})
    assert (again.status_code, again.content) == (304, b"")
    missing = await served.client.get(f"/synonyms/{uuid.UUID(int=1)}")
    assert (missing.status_code, missing.json()["type"]) == (
        404,
        "urn:partner-directory:problem:synonym-not-found",
    )


async def test_only_the_secretariat_changes_the_list(served: ServedSearch) -> None:
    """Nobody in particular is asked to sign in, every other role is refused; nothing changes."""
    synonym = await add_synonym(served, "only secretariat", "nobody else")
    body = {"terms": ["refused", "turned down"]}
    partner = await served.directory.create("Of an editor")
    editor = await served.directory.account("editor", partner["id"])
    others = [
        (None, 401),
        (await served.directory.account("member"), 403),
        (editor, 403),
        (await served.directory.service(), 403),
    ]
    for headers, status in others:
        with_version = {**(headers or {}), "If-Match": '"1"'}
        path = f"/synonyms/{synonym['id']}"
        answers = [
            await served.client.post("/synonyms", json=body, headers=headers),
            await served.client.put(path, json=body, headers=with_version),
            await served.client.delete(path, headers=with_version),
        ]
        assert [answer.status_code for answer in answers] == [status] * 3
    assert (await served.client.get(f"/synonyms/{synonym['id']}")).json() == synonym
    listed = await served.client.get("/synonyms", params={"term": "refused"})
    assert listed.json()["items"] == []


async def test_a_synonym_is_replaced_and_deleted(served: ServedSearch) -> None:
    """Nobody writes over what they have not seen, and sending back what was read does nothing."""
    synonym = await add_synonym(served, "to replace", "to be replaced")
    assert (await change_synonym(served, synonym, "PUT", synonym)).json() == synonym
    body = {"terms": ["to replace", "replacing"], "direction": "one_way"}
    answer = await change_synonym(served, synonym, "PUT", body)
    replaced = answer.json()
    assert (answer.headers["ETag"], replaced["version"], replaced["direction"]) == (
        '"2"',
        2,
        "one_way",
    )
    assert replaced["created_at"] == synonym["created_at"]
    assert others_of(served, "to replace") == {"replacing"}
    assert others_of(served, "replacing") == set()

    headers = await served.directory.signed_in()
    for method in ("PUT", "DELETE"):
        stale = await change_synonym(served, synonym, method, body if method == "PUT" else None)
        assert (stale.status_code, stale.headers["ETag"]) == (412, '"2"')
        without = await served.client.request(
            method,
            f"/synonyms/{synonym['id']}",
            json=body if method == "PUT" else None,
            headers=headers,
        )
        assert without.status_code == 428
    assert (await change_synonym(served, replaced, "DELETE")).status_code == 204
    assert (await change_synonym(served, replaced, "DELETE")).status_code == 404
    assert (await served.client.get(f"/synonyms/{synonym['id']}")).status_code == 404
    assert others_of(served, "to replace") == set()


@pytest.mark.parametrize(
    ("terms", "wrong"),
    [
        (["alone"], "/terms"),
        ([f"number {number}" for number in range(21)], "/terms"),
        (["good", "?! …"], "/terms/1"),
        (["good", "x" * 101], "/terms/1"),
        (["good", "one two three four five six seven eight nine"], "/terms/1"),
        (["good", "two\nlines"], "/terms/1"),
        (["Straße", "good", "STRASSE"], "/terms"),
        (["e-mail", "E Mail"], "/terms"),
        (["good", 5], "/terms/1"),
    ],
    ids=str,
)
async def test_terms_that_search_could_not_use_are_refused(
    served: ServedSearch, terms: list[Any], wrong: str
) -> None:
    """The answer points at what is wrong."""
    answer = await post_synonym(served, *terms)
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [wrong]


async def test_what_the_address_does_not_know_is_refused(served: ServedSearch) -> None:
    """A misspelt parameter or field does not pass unseen, and a cursor is of this list."""
    assert (await served.client.get("/synonyms?terms=x")).status_code == 400
    assert (await served.client.get("/synonyms?cursor=x")).status_code == 400
    assert (await served.client.get("/synonyms?limit=201")).status_code == 422
    assert (await post_synonym(served, "an unknown", "field", direktion="both")).status_code == 422
    assert (await post_synonym(served, "an unknown", "value", direction="back")).status_code == 422
    assert (await post_synonym(served, "a long", "note", note="x" * 501)).status_code == 422


async def test_two_synonyms_do_not_say_the_same(served: ServedSearch) -> None:
    """Order and spelling make no difference; direction does, and in it which term leads."""
    first = await add_synonym(served, "Zürich", "City of Zurich", "Turicum")
    for again in (["turicum", "ZURICH", "city of zürich"], ["Zürich", "City of Zurich", "Turicum"]):
        answer = await post_synonym(served, *again)
        assert (answer.status_code, answer.json()["synonym_id"]) == (409, first["id"])
        assert first["id"] in answer.json()["detail"]
    one_way = ["Zürich", "City of Zurich", "Turicum"]
    await add_synonym(served, *one_way, direction="one_way")
    assert (await post_synonym(served, *one_way, direction="one_way")).status_code == 409
    other_way = await add_synonym(served, *reversed(one_way), direction="one_way")
    answer = await change_synonym(served, other_way, "PUT", {"terms": one_way})
    assert (answer.status_code, answer.json()["synonym_id"]) == (409, first["id"])
    assert (await served.client.get(f"/synonyms/{other_way['id']}")).json() == other_way


async def test_not_too_many_terms_stand_for_one(served: ServedSearch) -> None:
    """Each is one more way to ask, so that they bound what a search costs."""
    for ten in range(5):
        others = [f"crowd {ten} {number}" for number in range(10)]
        await add_synonym(served, "crowded", *others, direction="one_way")
    answer = await post_synonym(served, "one more", "Crowded")
    assert (answer.status_code, answer.json()["type"]) == (
        409,
        "urn:partner-directory:problem:too-many-terms",
    )
    await add_synonym(served, "one more", "Crowded", direction="one_way")
    assert len(others_of(served, "crowded")) == 50


async def test_the_list_is_read_page_by_page_and_by_term(served: ServedSearch) -> None:
    """The oldest first; a term is found however it is written, and only as a whole."""
    made = [await add_synonym(served, "Paged Crime", f"page {number}") for number in range(5)]
    await add_synonym(served, "Paged Crimes", "crime that is paged")
    found: list[Json] = []
    url: str | None = "/synonyms?term=paged+CRÍME&limit=2"
    while url is not None:
        answer = await served.client.get(url)
        page = answer.json()
        assert len(page["items"]) <= 2
        found += page["items"]
        assert ("Link" in answer.headers) == (page["next"] is not None)
        link = answer.headers.get("Link", "")
        url = link.removeprefix("<").partition(">")[0] or None
    assert found == made
    for nothing in ("paged", "???", "page%", "%"):
        answer = await served.client.get("/synonyms", params={"term": nothing})
        assert answer.json() == {"items": [], "next": None}


async def test_the_list_has_an_end(served: ServedSearch) -> None:
    """The answer says how many there may be; changing one of them is still possible."""
    synonym = await add_synonym(served, "the last", "one that fits")
    rows = [
        {
            "id": str(uuid.uuid4()),
            "version": 1,
            "terms": ["full", str(number)],
            "folded": f"\nfull\n{number}\n",
            "fingerprint": f"full {number}",
            "direction": "both",
            "note": None,
            "created_at": datetime.now(UTC),
            "modified_at": datetime.now(UTC),
        }
        for number in range(4_990)
    ]
    database = served.app.state.database
    async with database.transaction() as session:
        await session.execute(insert(SynonymRow), rows)
    answer = await post_synonym(served, "one too", "many")
    assert (answer.status_code, "5000 synonyms" in answer.json()["detail"]) == (409, True)
    assert (
        await change_synonym(served, synonym, "PUT", {"terms": ["still", "fits"]})
    ).status_code == 200
    async with database.transaction() as session:
        filler = metadata.tables["synonym"].c.fingerprint.like("full %")
        await session.execute(delete(SynonymRow).where(filler))
