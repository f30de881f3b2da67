"""A directory that says what a test tells it to: for what the real one never says."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
from fastapi import FastAPI, Response

from shared.service_client import DirectoryClient

Json = dict[str, Any]
_MOMENT = "2026-01-02T03:04:05.000000Z"


def a_record(record_id: str, version: int, name: str, **more: Any) -> Json:
    """A whole partner at member level."""
    return {
        "id": record_id,
        "version": version,
        "created_at": _MOMENT,
        "modified_at": _MOMENT,
        "level": "national",
        "sectors": ["government"],
        "names": [{"value": name, "kinds": ["display"], "lang": None}],
        "description": {},
        "country": None,
        "areas": [],
        "location": None,
        "domains": [],
        "links": [],
        "established": None,
        "status": "active",
        "external_ids": [],
        "topics": [],
        "relationships": [],
        "contact_points": [],
        "assurance": {
            "status": "unverified",
            "assured_at": None,
            "assured_by": None,
            "method": None,
            "next_review_at": None,
        },
        "visibility": "public",
        "successor_id": None,
        "former_ids": [],
        "flags": [],
        **more,
    }


def a_topic(topic_id: str, version: int, notation: str, **more: Any) -> Json:
    """A whole topic."""
    return {
        "id": topic_id,
        "version": version,
        "created_at": _MOMENT,
        "modified_at": _MOMENT,
        "notation": notation,
        "scheme": "theme",
        "pref_label": {"en": notation},
        "alt_labels": [],
        "definition": {},
        "broader": [],
        "related": [],
        "status": "active",
        "replaced_by": None,
        "state_of_knowledge": None,
        "priorities": [],
        "source": None,
        "review": None,
        **more,
    }


def an_event(
    sequence: int, record_id: str, record: Json | None, kind: str = "partner.updated"
) -> Json:
    """An event as it stands on the log."""
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{record_id} {sequence}")),
        "source": "/directory",
        "type": kind,
        "subject": record_id,
        "time": _MOMENT,
        "datacontenttype": "application/json",
        "dataschema": f"http://directory.test/event-schemas/{kind}",
        "traceparent": None,
        "sequence": sequence,
        "data": {
            "record": record,
            "changed": ["names"],
            "actor": None,
            "audiences": {
                "public": {"was_visible": True, "changed": ["names"]},
                "member": {"was_visible": True, "changed": ["names"]},
            },
        },
    }


class ScriptedDirectory:
    """What it answers is in its attributes."""

    def __init__(self) -> None:
        self.log_id = str(uuid.uuid4())
        self.records: dict[str, Json] = {}
        self.topics: dict[str, Json] = {}
        self.exported_at = 0
        self.events: list[Json] = []
        self.app = FastAPI()
        self.app.post("/oauth/token")(self._token)
        self.app.get("/changes")(self._changes)
        self.app.get("/partners/export.ndjson")(self._partners)
        self.app.get("/topics/export.ndjson")(self._topics)
        self.app.get("/topics")(self._topic_page)

    @property
    def head(self) -> int:
        """Sequence of the last event."""
        return int(self.events[-1]["sequence"]) if self.events else 0

    def say(self, record_id: str, record: Json | None, kind: str = "updated") -> Json:
        """Put an event on the log."""
        return self._put(an_event(self.head + 1, record_id, record, f"partner.{kind}"))

    def say_topic(self, topic: Json) -> Json:
        """Put an event of a topic on the log."""
        return self._put(an_event(self.head + 1, topic["id"], topic, "topic.updated"))

    def as_of(self, sequence: int) -> "ScriptedDirectory":
        """This directory as it was when it had said so much."""
        then = ScriptedDirectory()
        then.log_id = self.log_id
        for event in self.events[:sequence]:
            then._put(event)
        return then

    def stream_entries(self) -> list[tuple[str, Any]]:
        """All events as they stand on the stream: their ids there, and their fields."""
        return [
            (f"{event['sequence']}-0", {"event": orjson.dumps(event), "log_id": self.log_id})
            for event in self.events
        ]

    def _put(self, event: Json) -> Json:
        self.events.append(event)
        record_id, record = event["subject"], event["data"]["record"]
        if event["type"].startswith("topic."):
            self.topics[record_id] = record
        elif record is None or record["status"] == "withdrawn":
            self.records.pop(record_id, None)
        else:
            self.records[record_id] = record
        return event

    async def _token(self) -> Json:
        return {"access_token": "any", "token_type": "Bearer", "expires_in": 600}

    async def _changes(self, after: int, limit: int) -> Json:
        items = [event for event in self.events if event["sequence"] > after][:limit]
        last = items[-1]["sequence"] if items else after
        return {"items": items, "next_after": last, "log_id": self.log_id, "head": self.head}

    async def _partners(self) -> Response:
        return self._export(self.records)

    async def _topics(self) -> Response:
        return self._export(self.topics)

    async def _topic_page(self) -> Json:
        return {"items": list(self.topics.values()), "next": None}

    def _export(self, records: dict[str, Json]) -> Response:
        lines = b"".join(orjson.dumps(record) + b"\n" for record in records.values())
        self.exported_at = self.head
        headers = {"X-Log-Id": self.log_id, "X-Sequence": str(self.head)}
        return Response(lines, media_type="application/x-ndjson", headers=headers)


@asynccontextmanager
async def client_of(scripted: ScriptedDirectory) -> AsyncIterator[DirectoryClient]:
    """The client by which search asks `scripted`."""
    transport = httpx.ASGITransport(app=scripted.app)
    async with httpx.AsyncClient(transport=transport) as client:
        yield DirectoryClient("http://directory.test", "services", "secret", client)
