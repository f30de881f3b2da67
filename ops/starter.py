"""Loads the starter data through the public API; what is there already is left as it is.

Topics are found by their notation, partners by an external id of the scheme `starter`. What a
record could not name when it was made is added at the end, so the next run takes up a killed one.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx

from ops.credentials import CREDENTIALS_FILE, read_file
from ops.starter_client import Refused, StarterClient
from ops.starter_files import Entry, WrongStarterData, find_id, read_starter_files, waves
from shared.records import JsonObject
from shared.service_client import DirectoryClient

_SCHEME = "starter"
_AT_ONCE = 8
_SECONDS = 30.0

Item = TypeVar("Item")


@dataclass
class Counts:
    """What a run has done."""

    created: int = 0
    unchanged: int = 0
    linked: int = 0
    refused: list[str] = field(default_factory=list)


async def _each(items: Iterable[Item], act: Callable[[Item], Awaitable[None]]) -> None:
    places = asyncio.Semaphore(_AT_ONCE)

    async def act_in_turn(item: Item) -> None:
        async with places:
            await act(item)

    try:
        async with asyncio.TaskGroup() as group:
            for item in items:
                group.create_task(act_in_turn(item))
    except ExceptionGroup as failed:
        # What has failed says it for all: the others were cancelled because of it.
        raise failed.exceptions[0] from failed


async def load_topics(client: StarterClient, topics: list[Entry], counts: Counts) -> dict[str, str]:
    """Create the topics that are missing; the ids of all by notation."""
    ids = {topic["notation"]: topic["id"] for topic in await client.list_all("/topics")}
    for topic in topics:  # One after the other: broader ones first.
        if topic["notation"] in ids:
            counts.unchanged += 1
            continue
        body = {name: value for name, value in topic.items() if name != "related"}
        body["broader"] = [find_id(ids, notation) for notation in topic.get("broader", [])]
        try:
            created = await client.create("/topics", body)
        except Refused as error:
            counts.refused.append(f"topic {topic['notation']}: {error}")
            continue
        if created is None:
            # Another loader was faster, or our own request was answered into the void.
            ids |= {found["notation"]: found["id"] for found in await client.list_all("/topics")}
            continue
        ids[topic["notation"]] = created["id"]
        counts.created += 1
    return ids


async def relate_topics(
    client: StarterClient, topics: list[Entry], ids: Mapping[str, str], counts: Counts
) -> None:
    """Add the related topics that are missing."""

    async def relate(topic: Entry) -> None:
        if topic["notation"] not in ids:
            return
        wanted = [find_id(ids, notation) for notation in topic["related"]]

        def missing(record: JsonObject) -> JsonObject | None:
            found: list[str] = record["related"]
            more = [topic_id for topic_id in wanted if topic_id not in found]
            return {"related": [*found, *more]} if more else None

        try:
            if await client.change(f"/topics/{ids[topic['notation']]}", missing):
                counts.linked += 1
        except Refused as error:
            counts.refused.append(f"related topics of {topic['notation']}: {error}")

    await _each([topic for topic in topics if topic.get("related")], relate)


def _ties(partner: Entry, ids: Mapping[str, str]) -> list[JsonObject]:
    return [
        {"kind": tie["kind"], "partner_id": ids[tie["partner"]]}
        for tie in partner.get("relationships", [])
        if tie["partner"] in ids
    ]


def _partner_body(
    partner: Entry, topic_ids: Mapping[str, str], partner_ids: Mapping[str, str]
) -> JsonObject:
    body = {name: value for name, value in partner.items() if name != "key"}
    mark = {"scheme": _SCHEME, "value": partner["key"], "preferred": False}
    body["external_ids"] = [*partner.get("external_ids", []), mark]
    body["topics"] = [
        {"topic_id": find_id(topic_ids, topic["topic"]), "role": topic["role"]}
        for topic in partner.get("topics", [])
    ]
    body["relationships"] = _ties(partner, partner_ids)
    return body


async def load_partners(
    client: StarterClient, partners: list[Entry], topic_ids: Mapping[str, str], counts: Counts
) -> dict[str, str]:
    """Create the partners that are missing; the ids of all by key."""
    ids: dict[str, str] = {}

    async def find(key: str) -> str | None:
        found = (await client.get("/partners", external_id=f"{_SCHEME}:{key}")).json()["items"]
        return str(found[0]["id"]) if found else None

    async def load(partner: Entry) -> None:
        key = partner["key"]
        if partner_id := await find(key):
            ids[key] = partner_id
            counts.unchanged += 1
            return
        try:
            created = await client.create("/partners", _partner_body(partner, topic_ids, ids))
        except Refused as error:
            counts.refused.append(f"partner {key}: {error}")
            return
        partner_id = created["id"] if created else await find(key)
        if partner_id:
            ids[key] = partner_id
            counts.created += 1
        else:
            counts.refused.append(f"partner {key}: another partner has one of its external ids")

    for wave in waves(partners):
        await _each(wave, load)
    return ids


async def relate_partners(
    client: StarterClient, partners: list[Entry], ids: Mapping[str, str], counts: Counts
) -> None:
    """Add the relationships that are missing; the directory shows each from both sides."""

    async def relate(partner: Entry) -> None:
        wanted = _ties(partner, ids)

        def missing(record: JsonObject) -> JsonObject | None:
            found = [
                {"kind": tie["kind"], "partner_id": tie["partner_id"]}
                for tie in record["relationships"]
            ]
            more = [tie for tie in wanted if tie not in found]
            return {"relationships": [*found, *more]} if more else None

        try:
            if await client.change(f"/partners/{ids[partner['key']]}", missing):
                counts.linked += 1
        except Refused as error:
            counts.refused.append(f"relationships of {partner['key']}: {error}")

    related = [partner for partner in partners if partner.get("relationships")]
    await _each([partner for partner in related if partner["key"] in ids], relate)


async def load_starter_data(directory_url: str, client_id: str, client_secret: str) -> Counts:
    """Load everything that is missing.

    Raises:
        WrongStarterData: the files contradict each other.
        httpx.HTTPError: the directory does not answer, or refuses the account.
    """
    topics, partners = read_starter_files()
    counts = Counts()
    async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as http:
        client = StarterClient(DirectoryClient(directory_url, client_id, client_secret, http))
        topic_ids = await load_topics(client, topics, counts)
        await relate_topics(client, topics, topic_ids, counts)
        partner_ids = await load_partners(client, partners, topic_ids, counts)
        await relate_partners(client, partners, partner_ids, counts)
    return counts


def main() -> int:
    """Load the starter data and print one line of counts, then one for each refusal."""
    var_dir = Path(os.environ.get("VAR_DIR") or "var")
    account = read_file(var_dir / CREDENTIALS_FILE)
    client_id = os.environ.get("BOOTSTRAP_CLIENT_ID") or account.get("client_id")
    client_secret = os.environ.get("BOOTSTRAP_CLIENT_SECRET") or account.get("client_secret")
    if not client_id or not client_secret:
        print(f"Set BOOTSTRAP_CLIENT_ID and BOOTSTRAP_CLIENT_SECRET; {var_dir} has no credentials.")
        return 1
    directory_url = os.environ.get("DIRECTORY_URL") or "http://127.0.0.1:8001"
    try:
        counts = asyncio.run(load_starter_data(directory_url, client_id, client_secret))
    except (httpx.HTTPError, WrongStarterData) as error:
        print(f"The starter data is not loaded: {error}")
        return 1
    print(
        f"Starter data: {counts.created} records created, {counts.unchanged} were there, "
        f"{counts.linked} linked, {len(counts.refused)} refused."
    )
    for refusal in counts.refused:
        print(f"  {refusal}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
