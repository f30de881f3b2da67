"""The types of events: each with its schema and an example that is true."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from shared.events import EVENT_TYPES
from tests.notify.cloudevents_schema import CLOUDEVENTS
from tests.notify.served_notify import ServedNotify
from tests.receiver import Receiver


def paths_in(value: Any, path: str = "") -> Iterator[str]:
    """Where something stands in `value`; the languages of a text are all alike."""
    if isinstance(value, dict):
        for name, inner in value.items():
            below = "*" if path.endswith(("description", "pref_label", "definition")) else name
            yield from paths_in(inner, f"{path}/{below}")
    elif isinstance(value, list):
        for inner in value:
            yield from paths_in(inner, f"{path}/[]")
    else:
        yield path


@pytest.mark.parametrize("event_type", EVENT_TYPES)
async def test_each_type_has_a_true_example(notify: ServedNotify, event_type: str) -> None:
    """It is a CloudEvent, of that type, and valid by the schema that stands beside it."""
    listed = {item["type"]: item for item in (await notify.get("/event-types"))["items"]}
    example = listed[event_type]["example"]
    assert example["type"] == event_type
    CLOUDEVENTS.validate(example)
    Draft202012Validator(listed[event_type]["schema"]).validate(example)


async def test_examples_look_as_what_is_sent(notify: ServedNotify, receiver: Receiver) -> None:
    """An event that arrives has every value that its example has, where the record has one."""
    webhook = await notify.register(receiver.url, event_types=["*"])
    headers = await notify.directory.signed_in()
    topic = await notify.directory.client.post(
        "/topics",
        json={
            "notation": "example",
            "scheme": "crime_type",
            "pref_label": {"en": "Example"},
            "definition": {"en": "Like the one that is shown."},
        },
        headers=headers,
    )
    await notify.directory.create(
        "An example",
        names=[{"value": "An example", "kinds": ["display"]}],
        sectors=["law_enforcement"],
        topics=[{"topic_id": topic.json()["id"], "role": "leads"}],
    )
    await notify.client.post(f"/webhooks/{webhook['id']}/test", headers=headers)
    arrived = {request.event["type"]: request.event for request in await receiver.got(3)}
    listed = {item["type"]: item for item in (await notify.get("/event-types"))["items"]}
    for event_type, event in arrived.items():
        shown = set(paths_in(listed[event_type]["example"]))
        assert shown - {"/traceparent"} == set(paths_in(event)) - {"/traceparent"}, event_type
