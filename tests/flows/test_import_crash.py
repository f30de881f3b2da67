"""An import goes on after whatever has killed the process that worked on it."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import orjson
from uuid_utils.compat import uuid7

from tests.imported import as_lines
from tests.network import Network
from tests.waiting import wait_until

_ROWS = 3_000
_FAMILY = 10


def _rows() -> list[dict[str, Any]]:
    """Families of which the first is the parent of all others, who come before it."""
    ids = [str(uuid7()) for _ in range(_ROWS)]
    rows = []
    for number, partner_id in enumerate(ids):
        row: dict[str, Any] = {
            "id": partner_id,
            "level": "local",
            "names": [{"value": f"Partner {number}", "kinds": ["display"]}],
            "external_ids": [{"scheme": "isni", "value": str(number), "preferred": False}],
        }
        parent = ids[number - number % _FAMILY]
        if parent != partner_id:
            row["relationships"] = [{"kind": "parent", "partner_id": parent}]
        rows.append(row)
    return rows[::-1]


async def test_a_killed_import_goes_on_where_it_was(
    tmp_path: Path, database_urls: dict[str, str]
) -> None:
    """Killed again and again in the middle: every row is taken once, and told of once."""
    chance = random.Random(7)
    rows = _rows()
    async with Network(tmp_path, database_urls, services=("directory",)) as network:
        answer = await network.client.post(
            f"{network.urls['directory']}/imports?format=ndjson&warn=true",
            content=as_lines(rows),
            headers=await network.signed_in(),
        )
        assert answer.status_code == 202, answer.text
        location = f"{network.urls['directory']}{answer.headers['Location']}"
        found: dict[str, Any] = {}

        async def look() -> tuple[str, int]:
            try:
                headers = await network.signed_in()
                answer = await network.client.get(location, headers=headers)
            except httpx.TransportError:
                return "away", 0
            found.update(answer.raise_for_status().json())
            return found["phase"], found["rows_read"]

        killed_in = Counter[str]()
        for _ in range(6):
            before, more = await look(), chance.randrange(1, 500)

            async def is_further(before: Any = before, more: int = more) -> bool:
                phase, read = await look()
                return bool(
                    phase != before[0] or read >= before[1] + more or found["state"] == "done"
                )

            await wait_until(is_further, "the import goes on", 60)
            if found["state"] == "done":
                break
            killed_in[found["phase"]] += 1
            network.kill("directory")
            await network.restart("directory")

        async def has_ended() -> bool:
            await look()
            return bool(found["state"] != "running")

        await wait_until(has_ended, "the import has ended", 120)
        assert killed_in
        assert found["state"] == "done", found
        counts = {"created": _ROWS, "updated": 0, "unchanged": 0, "refused": 0}
        assert (found["counts"], found["rows_read"], found["notes"]) == (counts, _ROWS, 0)
        await _check(network, location, rows)


async def _check(network: Network, location: str, rows: list[dict[str, Any]]) -> None:
    headers = await network.signed_in()
    report = await network.client.get(f"{location}/report?rows=all", headers=headers)
    told = [orjson.loads(line) for line in report.content.splitlines()]
    assert [line["row"] for line in told] == list(range(1, _ROWS + 1))
    assert [line["partner_id"] for line in told] == [row["id"] for row in rows]

    async def all_are_told() -> bool:
        events = [event for event in await network.whole_log() if event["type"][:7] == "partner"]
        versions = Counter(event["subject"] for event in events)
        created = Counter(
            event["subject"] for event in events if event["type"] == "partner.created"
        )
        # Each was made, and then shows its relationships with one version more.
        return created == Counter(row["id"] for row in rows) and set(versions.values()) == {2}

    await wait_until(all_are_told, "each partner is told of twice", 60)
    export = await network.client.get(
        f"{network.urls['directory']}/partners/export.ndjson", headers=headers
    )
    records = [orjson.loads(line) for line in export.content.splitlines()]
    assert {record["id"] for record in records} == {row["id"] for row in rows}
    for record in records:
        number = int(record["external_ids"][0]["value"])
        kinds = Counter(tie["kind"] for tie in record["relationships"])
        assert kinds == ({"parent": 1} if number % _FAMILY else {"child": _FAMILY - 1})
        assert record["version"] == 2
