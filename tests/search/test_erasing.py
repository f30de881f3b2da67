"""When the directory erases a contact point, the index is built anew without it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.search.dead_events import keep_dead_event
from services.search.index import IndexHome
from shared.log_follower import Position
from tests.conftest import database_url  # noqa: F401 - on both kinds of database
from tests.search.served_search import ServedSearch, search_settings, serve_search
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

NAME = "Ottoline Fairweather"
PERSON = {
    "kind": "person",
    "purposes": ["research"],
    "name": NAME,
    "channels": [{"kind": "email", "value": "ottoline@tithe.example"}],
    "visibility": "member",
}


@pytest.fixture
async def served(
    directory: ServedDirectory, directory_url: str, search_database_url: str, tmp_path: Path
) -> AsyncIterator[ServedSearch]:
    """Search with its loops, and an index of its own."""
    settings = search_settings(
        directory_url, directory.redis_url, tmp_path, SEARCH_DATABASE_URL=search_database_url
    )
    async with serve_search(settings, directory) as search:
        yield search


async def _shown(search: ServedSearch, headers: dict[str, str], partner_id: str) -> Any:
    found = await search.ask(headers, q="tithe house")
    return next(item["record"] for item in found["items"] if item["id"] == partner_id)


async def test_no_file_of_the_index_keeps_what_was_erased(
    served: ServedSearch, directory: ServedDirectory
) -> None:
    """The index is built anew, for what is only deleted stays in its files; searching goes on."""
    member = await directory.account("member")
    made = await directory.create("Tithe House", contact_points=[PERSON])
    # Beside many others, so that no merge of its own takes the old document away.
    for number in range(20):
        await directory.create(f"Tithe Cottage {number}")
    await served.caught_up()
    point = (await _shown(served, member, made["id"]))["contact_points"][0]
    assert point["name"] == NAME
    before = IndexHome(served.settings.index_dir).live()
    assert before is not None
    answer = await directory.client.post(
        f"/partners/{made['id']}/contact-points/{point['id']}/erasure",
        headers=await directory.signed_in(),
    )
    assert answer.status_code == 200

    async def is_gone() -> bool:
        return not before.exists()

    await wait_until(is_gone, "the index that had the contact point is gone")
    await served.caught_up()
    assert (await _shown(served, member, made["id"]))["contact_points"] == []
    assert (await served.ask(q="tithe cottage"))["total"] == 20


async def test_an_event_set_aside_is_forgotten(
    served: ServedSearch, directory: ServedDirectory
) -> None:
    """What could not be handled, and has the person in it, goes; the record is newer since."""
    made = await directory.create("Tithe House", contact_points=[PERSON])
    await served.caught_up()
    sequence = (await directory.event_of(made["id"]))["sequence"]
    event = {"type": "partner.created", "subject": made["id"], "about": NAME}
    async with served.app.state.database.transaction() as session:
        await keep_dead_event(
            session, event, "cannot be read", Position("of-another-time", sequence)
        )
    headers = await directory.signed_in()

    async def set_aside() -> Any:
        answer = await served.client.get("/search/dead-events", headers=headers)
        return answer.json()["items"]

    assert len(await set_aside()) == 1
    point_id = made["contact_points"][0]["id"]
    answer = await directory.client.post(
        f"/partners/{made['id']}/contact-points/{point_id}/erasure", headers=headers
    )
    assert answer.status_code == 200

    async def is_gone() -> bool:
        return not await set_aside()

    await wait_until(is_gone, "the event that was set aside is gone")
