"""The live stream: what its readers are told, and what they are not."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from services.notify.stream.parameters import StreamParameters
from tests.notify.served_notify import ServedNotify
from tests.notify.stream_reading import StreamReader, read_stream
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

Json = dict[str, Any]


async def make_topic(directory: ServedDirectory, notation: str, *broader: str) -> Json:
    """A new topic."""
    answer = await directory.client.post(
        "/topics",
        json={
            "notation": notation,
            "scheme": "theme",
            "pref_label": {"en": notation},
            "broader": broader,
        },
        headers=await directory.signed_in(),
    )
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def works_on(topic: Json) -> list[Json]:
    """`topics` of a partner that works on `topic`."""
    return [{"topic_id": topic["id"], "role": "works_on"}]


async def test_it_tells_what_happens_from_now_on(notify: ServedNotify, stream_url: str) -> None:
    """Each event is a message with its place on the log, its type, and the CloudEvents JSON."""
    before = await notify.directory.create("Before anybody listened")
    sequence = (await notify.directory.event_of(before["id"]))["sequence"]
    async with read_stream(stream_url, last_event_id=sequence) as stream:
        made = await notify.directory.create("Told at once")
        [message] = await stream.has(1)
    event = await notify.directory.event_of(made["id"])
    assert (message.id, message.event) == (str(event["sequence"]), "partner.created")
    assert message.content == event


async def test_nobody_between_keeps_it(notify: ServedNotify, stream_url: str) -> None:
    """The head says that it is a stream, not to be stored or held up, and of which log."""
    log = await notify.directory.changes()
    async with read_stream(stream_url) as stream:
        pass
    assert stream.status == 200
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.headers["cache-control"] == "no-store"
    assert stream.headers["x-accel-buffering"] == "no"
    assert stream.headers["x-log-id"] == log["log_id"]
    assert stream.headers["x-sequence"] == stream.last_event_id
    assert stream.comments[0] == f"log {log['log_id']}"
    assert stream.retry is not None
    assert 2_000 <= stream.retry <= 5_000


async def test_filters_choose_what_is_told(notify: ServedNotify, stream_url: str) -> None:
    """As for webhooks: all filters must fit, and one value of each is enough."""
    topic = await make_topic(notify.directory, "stream-topic")
    begin = (await notify.directory.event_of(topic["id"]))["sequence"]
    asked: Mapping[str, Mapping[str, Any]] = {
        "made": {"event_types": "partner.created"},
        "topics": {"event_types": "topic.*,partner.withdrawn"},
        "local academics": {"level": "local,international", "sector": "academia"},
        "british": {"country": "GB,IE"},
        "on the topic": {"topic": "stream-topic"},
        "on it, by id": {"topic": topic["id"]},
        "everything": {},
    }
    async with AsyncExitStack() as stack:
        streams: dict[str, StreamReader] = {}
        for name, query in asked.items():
            opening = read_stream(stream_url, last_event_id=begin, **query)
            streams[name] = await stack.enter_async_context(opening)
        create = notify.directory.create
        one = await create("One", level="local", sectors=["academia", "network"])
        two = await create("Two", level="local", sectors=["voluntary"], country="GB")
        three = await create("Three", sectors=["academia"], topics=works_on(topic))
        await notify.directory.patch(two, {"country": None})
        other = await make_topic(notify.directory, "stream-other")
        # A stream from now on begins where the process has come to in the log.
        place = (await notify.directory.event_of(other["id"]))["sequence"]
        await streams["everything"].is_at(place)
        async with read_stream(stream_url, record_ids=f"{one['id']},{three['id']}") as chosen:
            await notify.directory.patch(two, {"established": 1990})
            await notify.directory.patch(three, {"established": 1991})
            last = await create("Last", country="IE")
            await streams["everything"].has(7)
            await chosen.has(1)
            sequence = (await notify.directory.event_of(last["id"]))["sequence"]
            for name in ("made", "topics", "local academics", "on the topic", "on it, by id"):
                await streams[name].is_at(sequence)
    ids = {name: stream.subjects for name, stream in streams.items()}
    assert ids["made"] == [one["id"], two["id"], three["id"], last["id"]]
    assert ids["topics"] == [other["id"]]
    assert ids["local academics"] == [one["id"]]
    assert ids["british"] == [two["id"], last["id"]]
    assert ids["on the topic"] == ids["on it, by id"] == [three["id"]] * 2
    assert chosen.subjects == [three["id"]]


async def test_a_topic_stands_for_its_narrower_ones(notify: ServedNotify, stream_url: str) -> None:
    """At any depth, and as they are by now: one that moves below it while somebody listens too."""
    top = await make_topic(notify.directory, "stream-top")
    middle = await make_topic(notify.directory, "stream-middle", top["id"])
    low = await make_topic(notify.directory, "stream-low", middle["id"])
    aside = await make_topic(notify.directory, "stream-aside")
    async with read_stream(stream_url, topic="stream-top", event_types="partner.*") as stream:
        create = notify.directory.create
        deep = await create("Deep below", topics=works_on(low))
        beside = await create("Beside it", topics=works_on(aside))
        await stream.is_at((await notify.directory.event_of(beside["id"]))["sequence"])
        moved = await notify.directory.client.patch(
            f"/topics/{aside['id']}",
            json={"broader": [low["id"]]},
            headers={**await notify.directory.signed_in(), "If-Match": '"1"'},
        )
        assert moved.status_code == 200, moved.text
        below = await create("Below it by now", topics=works_on(aside))
        await stream.has(2)
    assert stream.subjects == [deep["id"], below["id"]]


async def change_everything(directory: ServedDirectory) -> str:
    """Change what the public sees, what it does not, and what it does no more; the last subject."""
    desk = {
        "kind": "service_desk",
        "purposes": ["press"],
        "channels": [{"kind": "email", "value": "for-members@partner.example.org"}],
        "visibility": "member",
    }
    shown = await directory.create("Shown to all", contact_points=[desk])
    await directory.create("Members alone see it", visibility="member")
    await directory.create("The secretariat alone sees it", visibility="secretariat")
    shown = (await directory.patch(shown, {"contact_points": [{**desk, "name": "Told"}]})).json()
    shown = (await directory.patch(shown, {"established": 1999})).json()
    shown = (await directory.patch(shown, {"visibility": "member"})).json()
    shown = (await directory.patch(shown, {"visibility": "secretariat"})).json()
    shown = (await directory.patch(shown, {"visibility": "public"})).json()
    return str((await directory.create("Seen last"))["id"])


ROLES = ("nobody", "member", "editor", "secretariat", "service")


async def test_each_reader_is_told_what_it_may_see(notify: ServedNotify, stream_url: str) -> None:
    """Exactly what GET /changes answers the same caller, and to the public nothing of members."""
    directory = notify.directory
    partner = await directory.create("An editor's")
    callers: dict[str, dict[str, str]] = {
        "nobody": {},
        "member": await directory.account("member"),
        "editor": await directory.account("editor", partner["id"]),
        "secretariat": await directory.signed_in(),
        "service": await directory.service(),
    }
    async with AsyncExitStack() as stack:
        streams = {
            role: await stack.enter_async_context(read_stream(stream_url, callers[role]))
            for role in ROLES
        }
        begin = {role: int(stream.last_event_id) for role, stream in streams.items()}
        last = await change_everything(directory)
        end = (await directory.event_of(last))["sequence"]
        for stream in streams.values():
            await stream.is_at(end)
    for role, stream in streams.items():
        # Services read the log whole; a stream is for readers outside.
        as_told = callers["member"] if role == "service" else callers[role]
        log = (await directory.changes(begin[role], as_told))["items"]
        assert [message.content for message in stream.messages] == log, role
    text = "".join(message.data for message in streams["nobody"].messages)
    assert "for-members" not in text
    assert "alone see" not in text
    assert '"audiences"' not in text
    assert "for-members" in "".join(message.data for message in streams["member"].messages)
    assert [message.content["data"]["record"] for message in streams["nobody"].messages][2] is None


@pytest.mark.parametrize(
    ("asked", "status", "pointer"),
    [
        ({"level": "galactic"}, 422, "/query/level"),
        ({"country": "gb"}, 422, "/query/country"),
        ({"record_ids": "4711"}, 422, "/query/record_ids"),
        ({"topic": "\x00"}, 422, "/query/topic"),
        ({"topic": ",".join(f"t{number}" for number in range(201))}, 422, "/query/topic"),
        ({"event_types": "partner.exploded"}, 422, "/query/event_types"),
        ({"event_types": "account.*"}, 422, "/query/event_types"),
        ({"event_types": ",".join(["*"] * 51)}, 422, "/query/event_types"),
        ({"colour": "red"}, 400, "/query/colour"),
        ({"last_event_id": "-1"}, 400, None),
        ({"last_event_id": "four"}, 400, None),
        ({"last_event_id": "٤"}, 400, None),
        ({"last_event_id": "9" * 40}, 400, None),
        ({"last_event_id": "9" * 400}, 422, "/query/last_event_id"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    notify: ServedNotify, asked: dict[str, str], status: int, pointer: str | None
) -> None:
    """With a problem that points at it, before a stream is begun."""
    answer = await notify.client.get("/stream", params=asked)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    assert [error["pointer"] for error in problem["errors"]][:1] == ([pointer] if pointer else [])
    assert problem["detail"]


async def test_a_forged_token_opens_no_stream(notify: ServedNotify) -> None:
    """Not even the public one: whoever sends a token wants to be known by it."""
    answer = await notify.client.get("/stream", headers={"Authorization": "Bearer forged"})
    assert answer.status_code == 401


@settings(max_examples=100, deadline=None)
@given(
    asked=st.dictionaries(
        st.sampled_from(sorted(StreamParameters.model_fields)),
        st.text(max_size=40),
    ),
    header=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
)
async def test_whatever_is_asked_is_answered(
    notify: ServedNotify, asked: dict[str, str], header: str
) -> None:
    """HEAD, which asks all that GET does, finds a stream or a problem, and no error of ours."""
    answer = await notify.client.head(
        "/stream", params=asked, headers={"Last-Event-ID": header.strip()}
    )
    assert answer.status_code in {200, 400, 422}
    kind = "text/event-stream" if answer.status_code == 200 else "application/problem+json"
    assert answer.headers["content-type"].startswith(kind)


async def test_what_is_open_is_counted(notify: ServedNotify, stream_url: str) -> None:
    """Readers, what they were sent, and why they ended; HEAD opens nothing."""

    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    before = value("stream_readers"), value("stream_events_sent_total")
    assert (await notify.client.head("/stream")).status_code == 200
    left = value("stream_ended_total", why="left")
    async with read_stream(stream_url) as one, read_stream(stream_url) as two:
        assert value("stream_readers") == before[0] + 2
        made = await notify.directory.create("Counted")
        await one.has(1)
        await two.has(1)
    assert made["id"] in one.subjects

    async def both_have_left() -> bool:
        return value("stream_ended_total", why="left") == left + 2

    await wait_until(both_have_left, "both have left")
    assert value("stream_readers") == before[0]
    assert value("stream_events_sent_total") == before[1] + 2
