"""From a change in the directory to the request that an endpoint receives."""

from typing import Any

import orjson
from jsonschema import Draft202012Validator
from standardwebhooks.webhooks import Webhook

from services.notify.webhooks.signing import body_for
from tests.notify.cloudevents_schema import CLOUDEVENTS
from tests.notify.served_notify import ServedNotify
from tests.receiver import Receiver, serve_receiver


async def test_a_change_reaches_the_endpoint_signed(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """The reference library verifies the request; its body is a CloudEvent of the type's schema."""
    webhook = await notify.register(receiver.url)
    partner = await notify.directory.create("Border Force")
    [request] = await receiver.got(1)
    Webhook(webhook["secret"]).verify(request.body, request.headers)
    assert request.headers["Content-Type"] == "application/cloudevents+json"
    event = request.event
    assert (event["type"], event["subject"]) == ("partner.created", partner["id"])
    assert request.headers["webhook-id"] == event["id"]
    assert "audiences" not in event["data"]
    CLOUDEVENTS.validate(event)
    [schema] = [
        item["schema"]
        for item in (await notify.get("/event-types"))["items"]
        if item["type"] == event["type"]
    ]
    Draft202012Validator(schema).validate(event)
    [delivery] = await notify.settled(webhook, "delivered")
    assert delivery["event_id"] == event["id"]
    assert (delivery["attempts"], delivery["last_status_code"]) == (1, 204)
    assert delivery["next_attempt_at"] is None


PERSON: dict[str, Any] = {
    "kind": "person",
    "purposes": ["research"],
    "name": "A. Person",
    "channels": [{"kind": "email", "value": "a.person@example.org", "preferred": True}],
}


async def test_bodies_are_cut_to_the_webhooks_audience(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """A member is told of persons and never who assured; the public would see neither."""
    member = await notify.directory.account("member")
    webhook = await notify.register(receiver.url, member)
    assert webhook["audience"] == "member"
    partner = await notify.directory.create("Kent Police", contact_points=[PERSON])
    await receiver.got(1)
    event = receiver.requests[0].event
    assert event["data"]["record"] == await notify.directory.read(partner["id"], member)
    assert "a.person@example.org" in receiver.requests[0].body.decode()
    inner = await notify.directory.event_of(partner["id"], await notify.directory.service())
    for_public = body_for(orjson.dumps(inner).decode(), "public")
    assert for_public is not None
    assert b"a.person" not in for_public
    assert b"audiences" not in for_public


async def test_what_an_audience_may_not_see_is_not_told(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """A secretariat record gives a member no delivery; one that becomes so is taken away."""
    webhook = await notify.register(receiver.url, await notify.directory.account("member"))
    await notify.directory.create("Hidden board", visibility="secretariat")
    shown = await notify.directory.create("Open board", visibility="member")
    [first] = await receiver.got(1)
    assert first.event["subject"] == shown["id"]
    await notify.directory.patch(shown, {"visibility": "secretariat"})
    await receiver.got(2)
    assert receiver.requests[1].event["data"]["record"] is None
    assert len(await notify.settled(webhook, "delivered", 2)) == 2


async def test_filters_choose_what_is_told(notify: ServedNotify) -> None:
    """All filters must fit, one value of each is enough; a single value needs no list."""
    async with serve_receiver() as local, serve_receiver() as british, serve_receiver() as every:
        await notify.register(local.url, filters={"level": "local", "sector": ["academia"]})
        await notify.register(british.url, filters={"country": ["GB", "IE"]})
        one = await notify.directory.create("One", level="local", sectors=["academia", "network"])
        two = await notify.directory.create("Two", level="local", sectors=["voluntary"])
        three = await notify.directory.create("Three", country="IE")
        await british.got(1, "what was made so far is fanned out")
        await notify.register(every.url, filters={"record_ids": [two["id"], three["id"]]})
        await notify.directory.patch(two, {"country": "GB"})
        await notify.directory.patch(one, {"established": 1990})
        last = await notify.directory.patch(three, {"established": 1991})
        assert last.status_code == 200
        await local.got(2)
        await british.got(3)
        await every.got(2)
        assert [request.event["subject"] for request in local.requests] == [one["id"]] * 2
        assert sorted(request.event["subject"] for request in british.requests) == sorted(
            [three["id"], two["id"], three["id"]]
        )
        assert sorted(request.event["subject"] for request in every.requests) == sorted(
            [two["id"], three["id"]]
        )


async def test_who_follows_a_record_follows_what_takes_its_place(notify: ServedNotify) -> None:
    """A filter by the id of a partner that is merged goes on with the one that stays.

    Once the merge is undone, it is about the first one again.
    """
    directory = notify.directory
    async with serve_receiver() as every, serve_receiver() as follower:
        await notify.register(every.url)
        lost, kept = [await directory.create(name) for name in ("Goes", "Stays")]
        await every.got(2, "what was made so far is fanned out")
        webhook = await notify.register(follower.url, filters={"record_ids": [lost["id"]]})
        headers = await directory.signed_in()
        merged = await directory.client.post(
            "/partners/merge", json={"from": lost["id"], "into": kept["id"]}, headers=headers
        )
        await directory.patch(merged.json(), {"established": 1990})
        told = [(one.event["type"], one.event["subject"]) for one in await follower.got(3)]
        assert sorted(told) == [
            ("partner.merged", lost["id"]),
            ("partner.updated", kept["id"]),
            ("partner.updated", kept["id"]),
        ]
        undo = merged.headers["Link"].partition(">")[0].strip("<")
        await directory.client.post(f"{undo}/undo", headers=headers)
        await directory.patch(await directory.read(kept["id"], headers), {"established": 1991})
        await directory.patch(await directory.read(lost["id"], headers), {"established": 1992})
        # What is owed for the last write is owed after everything before it.
        owed = await notify.settled(webhook, "delivered", 5)
        assert len(owed) == 5
        assert [one.event["subject"] for one in follower.requests[3:]] == [lost["id"]] * 2


async def test_topics_are_told_and_filtered(notify: ServedNotify, receiver: Receiver) -> None:
    """A topic filter takes ids and notations, of topics and of what partners work on."""
    headers = await notify.directory.signed_in()
    await notify.register(
        receiver.url, event_types=["topic.created", "partner.*"], filters={"topic": ["cyber-1"]}
    )
    for notation in ("fraud-1", "cyber-1"):
        answer = await notify.directory.client.post(
            "/topics",
            json={"notation": notation, "scheme": "crime_type", "pref_label": {"en": notation}},
            headers=headers,
        )
        assert answer.status_code == 201, answer.text
    topic = answer.json()
    await notify.directory.create("Nobody")
    works = await notify.directory.create(
        "Works on it", topics=[{"topic_id": topic["id"], "role": "works_on"}]
    )
    await receiver.got(2)
    assert [request.event["subject"] for request in receiver.requests] == [topic["id"], works["id"]]
