"""When the directory erases a contact point, notify forgets it: what it owes, what it has told."""

from typing import Any

import orjson
import pytest
from sqlalchemy import select

from services.notify.models import metadata
from tests.databases_for_tests import times_in_files
from tests.notify.served_notify import ServedNotify
from tests.notify.stream_reading import read_stream
from tests.receiver import Receiver, Reply
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

NAME, EMAIL = "Ottoline Fairweather", "ottoline@tithe.example"
PERSON = {
    "kind": "person",
    "purposes": ["research"],
    "name": NAME,
    "channels": [{"kind": "email", "value": EMAIL}],
    "visibility": "member",
}


async def _kept(notify: ServedNotify) -> list[str]:
    """The tables that have something of the person."""
    found = []
    async with notify.app.state.database.reading() as session:
        for table in metadata.sorted_tables:
            rows = (await session.execute(select(table))).mappings()
            content = b" ".join(
                orjson.dumps(value, default=str) for row in rows for value in row.values()
            )
            if NAME.encode() in content or EMAIL.encode() in content:
                found.append(table.name)
    return found


async def _erase(directory: ServedDirectory, record: Any) -> None:
    point_id = record["contact_points"][0]["id"]
    answer = await directory.client.post(
        f"/partners/{record['id']}/contact-points/{point_id}/erasure",
        headers=await directory.signed_in(),
    )
    assert answer.status_code == 200, answer.text


async def _switch(notify: ServedNotify, webhook: Any, state: str) -> None:
    answer = await notify.client.patch(
        f"/webhooks/{webhook['id']}",
        json={"state": state},
        headers=await notify.directory.signed_in(),
    )
    assert answer.status_code == 200, answer.text


async def _send_again(notify: ServedNotify, webhook: Any) -> None:
    (first, *_) = await notify.deliveries(webhook, "delivered")
    answer = await notify.client.post(
        f"/deliveries/{first['id']}/resend", headers=await notify.directory.signed_in()
    )
    assert answer.is_success, answer.text


async def test_deliveries_forget_an_erased_contact_point(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """Neither what was delivered nor what is still owed, nor what endpoints answered, has it.

    The endpoint is told that it was erased, with the id that it is to forget.
    """
    receiver.script = [Reply(500, body=f"cannot take {NAME}".encode())]
    webhook = await notify.register(receiver.url)
    made = await notify.directory.create("Tithe House", contact_points=[PERSON])
    await notify.settled(webhook, "delivered")
    await _switch(notify, webhook, "paused")
    made = (await notify.directory.patch(made, {"established": 1901})).json()
    await notify.settled(webhook, "pending")
    assert set(await _kept(notify)) == {"event", "attempt"}
    assert NAME.encode() in receiver.requests[-1].body
    await _erase(notify.directory, made)

    async def is_forgotten() -> bool:
        return not await _kept(notify)

    await wait_until(is_forgotten, "nothing is kept of the person")
    receiver.forget()
    # While it is off: what is under way already would be waited for.
    await notify.settled(webhook, "pending", 2)
    await _send_again(notify, webhook)
    await _switch(notify, webhook, "active")
    await notify.settled(webhook, "delivered", 3)

    async def all_have_come() -> bool:
        return len(receiver.requests) == 3

    await wait_until(all_have_come, "what was owed and what was sent again have come")
    assert NAME.encode() not in b"".join(one.body for one in receiver.requests)
    told = {one.event["type"]: one.event["data"] for one in receiver.requests}
    assert told.keys() == {"partner.created", "partner.updated", "partner.contact_erased"}
    assert [data["record"]["contact_points"] for data in told.values()] == [[], [], []]
    erased = told["partner.contact_erased"]
    assert erased["contact_point_ids"] == [made["contact_points"][0]["id"]]
    assert "audiences" not in erased


async def test_no_file_keeps_what_was_overwritten(notify: ServedNotify, receiver: Receiver) -> None:
    """On SQLite; what PostgreSQL has overwritten is in its files until VACUUM."""
    database = notify.app.state.database
    if not database.is_sqlite:
        pytest.skip("what PostgreSQL has overwritten is in its files until VACUUM")
    webhook = await notify.register(receiver.url)
    email = "only.here@tithe.example"
    person = {**PERSON, "channels": [{"kind": "email", "value": email}]}
    made = await notify.directory.create("Tithe House", contact_points=[person])
    await notify.settled(webhook, "delivered")
    assert times_in_files(database, email) > 0
    await _erase(notify.directory, made)

    async def is_gone() -> bool:
        return times_in_files(database, email) == 0

    await wait_until(is_gone, "no file has the address")


async def test_the_stream_forgets_an_erased_contact_point(
    notify: ServedNotify, stream_url: str
) -> None:
    """Whoever comes back to the stream is told of the past without it, and that it was erased."""
    directory = notify.directory
    begin = (await directory.event_of((await directory.create("Before"))["id"]))["sequence"]
    member = await directory.account("member")
    made = await directory.create("Tithe House", contact_points=[PERSON])
    async with read_stream(stream_url, {**member, "Last-Event-ID": str(begin)}) as stream:
        (created,) = await stream.has(1)
        assert NAME in created.data
        await _erase(directory, made)
        await stream.has(2)
    async with read_stream(stream_url, {**member, "Last-Event-ID": str(begin)}) as stream:
        created, erased = await stream.has(2)
    assert [created.event, erased.event] == ["partner.created", "partner.contact_erased"]
    assert NAME not in created.data + erased.data
    assert erased.content["data"]["contact_point_ids"] == [made["contact_points"][0]["id"]]


async def test_who_could_not_see_it_is_not_told(notify: ServedNotify, stream_url: str) -> None:
    """The public hears nothing of the erasure of a contact point that was for members."""
    directory = notify.directory
    made = await directory.create("Tithe House", contact_points=[PERSON])
    begin = (await directory.event_of(made["id"]))["sequence"]
    async with read_stream(stream_url, {"Last-Event-ID": str(begin)}) as stream:
        await _erase(directory, made)
        await directory.create("Afterwards")
        (told,) = await stream.has(1)
    assert told.event == "partner.created"
    assert told.content["subject"] != made["id"]
