"""Topics over HTTP: making, changing, ordering, deprecating, finding."""

from typing import Any

import httpx

from tests.served_directory import ServedDirectory


async def _post(directory: ServedDirectory, notation: str, **more: Any) -> httpx.Response:
    body = {"notation": notation, "scheme": "theme", "pref_label": {"en": notation}, **more}
    return await directory.client.post("/topics", json=body, headers=await directory.signed_in())


async def _topic(directory: ServedDirectory, notation: str, **more: Any) -> dict[str, Any]:
    answer = await _post(directory, notation, **more)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _patch(
    directory: ServedDirectory, topic: dict[str, Any], patch: dict[str, Any], method: str = "PATCH"
) -> httpx.Response:
    return await directory.client.request(
        method,
        f"/topics/{topic['id']}",
        json=patch,
        headers={**await directory.signed_in(), "If-Match": f'"{topic["version"]}"'},
    )


async def test_a_topic_needs_a_notation_a_scheme_and_a_label(directory: ServedDirectory) -> None:
    """The answer is the topic, its address and its ETag; everybody may read it."""
    answer = await _post(directory, "needs-three")
    topic = answer.json()
    assert answer.headers["Location"] == f"/topics/{topic['id']}"
    read = await directory.client.get(f"/topics/{topic['id']}")
    assert (read.json(), read.headers["ETag"]) == (topic, '"1"')
    again = await directory.client.get(f"/topics/{topic['id']}", headers={"If-None-Match": '"1"'})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_notation_is_unique_and_never_changes(directory: ServedDirectory) -> None:
    """A second claim names the topic that has it; a change of it is refused."""
    topic = await _topic(directory, "is-unique")
    second = await _post(directory, "is-unique", scheme="strand")
    assert (second.status_code, second.json()["topic_id"]) == (409, topic["id"])
    for patch in ({"notation": "is-another"}, {"notation": None}, {"notation": "Not A Code"}):
        assert (await _patch(directory, topic, patch)).status_code == 422
    put = {**topic, "notation": "is-another"}
    assert (await _patch(directory, topic, put, "PUT")).status_code == 422


async def test_a_topic_is_patched_and_replaced(directory: ServedDirectory) -> None:
    """A patch keeps what it does not name, a replacement does not."""
    topic = await _topic(directory, "is-changed", priorities=["A gap."], source="2.1")
    patched = (await _patch(directory, topic, {"state_of_knowledge": "weak"})).json()
    assert (patched["version"], patched["priorities"]) == (2, ["A gap."])
    body = {"notation": "is-changed", "scheme": "theme", "pref_label": {"en": "New"}}
    replaced = (await _patch(directory, patched, body, "PUT")).json()
    assert (replaced["version"], replaced["priorities"], replaced["source"]) == (3, [], None)
    assert replaced["created_at"] == topic["created_at"]
    stale = await _patch(directory, topic, {"source": "x"})
    assert (stale.status_code, stale.headers["ETag"]) == (412, '"3"')


async def test_a_topic_can_be_sent_back_as_it_was_read(directory: ServedDirectory) -> None:
    """Nothing differs, so nothing happens."""
    topic = await _topic(
        directory,
        "is-sent-back",
        alt_labels=[{"value": "Other", "lang": "en"}],
        review={"period": "P1Y", "next_at": "2030-01-31"},
    )
    assert (await _patch(directory, topic, topic, "PUT")).json() == topic


async def test_broader_topics_do_not_run_in_a_circle(directory: ServedDirectory) -> None:
    """Not to itself and not over several steps; nothing is written."""
    top = await _topic(directory, "circle-top")
    middle = await _topic(directory, "circle-middle", broader=[top["id"]])
    low = await _topic(directory, "circle-low", broader=[middle["id"]])
    assert (await _patch(directory, top, {"broader": [low["id"]]})).status_code == 409
    assert (await _patch(directory, top, {"broader": [top["id"]]})).status_code == 422
    assert (await directory.client.get(f"/topics/{top['id']}")).json() == top


async def test_a_topic_refers_to_topics_that_are_there(directory: ServedDirectory) -> None:
    """Broader, related and replacing ones."""
    missing = "01890000-0000-7000-8000-000000000000"
    for body in (
        {"broader": [missing]},
        {"related": [missing]},
        {"status": "deprecated", "replaced_by": missing},
    ):
        assert (await _post(directory, "refers-to-nothing", **body)).status_code == 422
    found = await directory.client.get("/topics?notation=refers-to-nothing")
    assert found.json()["items"] == []


async def test_a_deprecated_topic_names_its_replacement(directory: ServedDirectory) -> None:
    """It stays readable; the log says `deprecated` once; only a deprecated topic is replaced."""
    new = await _topic(directory, "replacement")
    old = await _topic(directory, "replaced")
    assert (await _patch(directory, old, {"replaced_by": new["id"]})).status_code == 422
    patch = {"status": "deprecated", "replaced_by": new["id"]}
    deprecated = (await _patch(directory, old, patch)).json()
    assert (await _patch(directory, deprecated, {"source": "A note"})).status_code == 200
    await directory.event_of((await _topic(directory, "after-replaced"))["id"])
    events = (await directory.changes())["items"]
    told = [event for event in events if event["subject"] == old["id"]]
    assert [event["type"] for event in told] == [
        "topic.created",
        "topic.deprecated",
        "topic.updated",
    ]
    assert [event["data"]["changed"] for event in told[1:]] == [
        ["replaced_by", "status"],
        ["source"],
    ]
    assert told[1]["data"]["record"]["replaced_by"] == new["id"]


async def test_topics_are_filtered_and_paged(directory: ServedDirectory) -> None:
    """By scheme, status, notation and what is right above; in the order of their notations."""
    top = await _topic(directory, "f-top", scheme="discipline")
    for number in (3, 1, 2):
        await _topic(directory, f"f-{number}", scheme="discipline", broader=[top["id"]])
    gone = await _topic(directory, "f-gone", scheme="discipline", status="deprecated")

    async def found(**asked: str) -> list[str]:
        answer = await directory.client.get("/topics", params={"scheme": "discipline", **asked})
        assert answer.status_code == 200, answer.text
        return [topic["notation"] for topic in answer.json()["items"]]

    assert await found() == ["f-1", "f-2", "f-3", "f-gone", "f-top"]
    assert await found(status="deprecated") == [gone["notation"]]
    assert await found(broader=top["id"]) == ["f-1", "f-2", "f-3"]
    assert await found(notation="f-2") == ["f-2"]
    assert await found(scheme="strand", notation="f-2") == []
    seen: list[str] = []
    url = "/topics?scheme=discipline&limit=2"
    while url:
        answer = await directory.client.get(url)
        seen += [topic["notation"] for topic in answer.json()["items"]]
        url = answer.headers.get("Link", "")[1:].partition(">")[0]
    assert seen == await found()


async def test_a_partner_shows_the_notation_of_its_topics(directory: ServedDirectory) -> None:
    """And may name only topics that are there."""
    topic = await _topic(directory, "shown-on-a-partner")
    record = await directory.create("Shows", topics=[{"topic_id": topic["id"], "role": "funds"}])
    assert [one["notation"] for one in record["topics"]] == ["shown-on-a-partner"]
    answer = await directory.patch(
        record, {"topics": [{"topic_id": record["id"], "role": "funds"}]}
    )
    assert answer.status_code == 422


async def test_topics_are_exported_whole(directory: ServedDirectory) -> None:
    """One a line, with the place on the log from which to follow on."""
    topic = await _topic(directory, "is-exported")
    event = await directory.event_of(topic["id"])
    answer = await directory.client.get("/topics/export.ndjson")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert int(answer.headers["X-Sequence"]) >= event["sequence"]
    assert topic["id"] in answer.text.splitlines()[-1]
