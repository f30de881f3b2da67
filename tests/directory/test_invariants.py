"""Whatever is done to partners, in whatever order: the rules of a record hold after each step."""

import os
import uuid
from typing import Any

import orjson
from hypothesis import HealthCheck, Phase, example, given, note, settings
from hypothesis import strategies as st

from tests.directory.record_rules import INVERSE, check_alone, check_ties
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

LONG = bool(os.environ.get("LONG"))
_REFUSED = {409, 412, 422}
_PARTNER = st.integers(0, 5)
_STEP = st.one_of(
    st.tuples(st.just("create"), st.integers(0, 2), _PARTNER),
    st.tuples(st.just("edit"), _PARTNER, st.integers(0, 3)),
    st.tuples(st.just("identify"), _PARTNER, st.integers(0, 2)),
    st.tuples(st.just("relate"), _PARTNER, _PARTNER, st.sampled_from(sorted(INVERSE))),
    st.tuples(st.just("rename"), _PARTNER, st.integers(0, 9)),
    st.tuples(st.just("withdraw"), _PARTNER, _PARTNER),
    st.tuples(st.just("merge"), _PARTNER, _PARTNER),
    st.tuples(st.just("undo"), st.integers(0, 2)),
    st.tuples(st.just("restore"), _PARTNER, st.integers(1, 6)),
    st.tuples(st.just("propose"), _PARTNER, st.integers(0, 3)),
    st.tuples(st.just("apply"), st.integers(0, 2)),
    st.tuples(st.just("dispute"), _PARTNER),
    st.tuples(st.just("assure"), _PARTNER),
    st.tuples(st.just("erase"), _PARTNER),
    st.tuples(st.just("import"), st.integers(0, 2), _PARTNER),
)


class Story:
    """A few partners of one example, and what happens to them."""

    def __init__(self, directory: ServedDirectory, headers: dict[str, str]) -> None:
        self.directory = directory
        self.headers = headers
        self.mark = uuid.uuid4().hex
        self.ids: list[str] = []
        self.merges: list[str] = []
        self.proposals: list[str] = []
        self.erased: set[str] = set()
        self.log_begins = 0
        self.seen: dict[tuple[str, int], Any] = {}

    async def _send(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = await self.directory.client.request(
            method, path, json=body, headers={**self.headers, **more}
        )
        assert answer.status_code < 400 or answer.status_code in _REFUSED, answer.text
        return answer

    async def now(self, partner_id: str) -> Any:
        """The whole record of a partner, withdrawn or not."""
        answer = await self.directory.client.get(
            f"/partners/{partner_id}?at=9999-01-01", headers=self.headers
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def all_now(self) -> dict[str, Any]:
        """All of them, by their ids."""
        return {partner_id: await self.now(partner_id) for partner_id in self.ids}

    def _one(self, number: int) -> str:
        return self.ids[number % len(self.ids)]

    def _external(self, number: int) -> list[dict[str, Any]]:
        return [{"scheme": "test", "value": f"{self.mark}-{number}"}]

    async def _patch(self, partner_id: str, patch: Any) -> Any:
        record = await self.now(partner_id)
        tag = {"If-Match": f'"{record["version"]}"'}
        return await self._send("PATCH", f"/partners/{partner_id}", patch, **tag)

    async def create(self, identifier: int, other: int) -> None:
        """A partner with an identifier, related to another one."""
        ties = [{"kind": "related", "partner_id": self._one(other)}] if self.ids else []
        body = {
            "level": "local",
            "names": [{"value": f"{self.mark} {len(self.ids)}", "kinds": ["display"]}],
            "external_ids": self._external(identifier) if identifier else [],
            "relationships": ties,
            "contact_points": [
                {
                    "kind": "person",
                    "name": f"Person {len(self.ids) % 2}",
                    "purposes": ["press"],
                    "channels": [{"kind": "post", "value": f"{len(self.ids)} Street"}],
                }
            ],
        }
        answer = await self._send("POST", "/partners", body)
        if answer.status_code == 201:
            self.ids.append(answer.json()["id"])

    async def edit(self, number: int, value: int) -> None:
        """A plain value."""
        await self._patch(self._one(number), {"established": value or None})

    async def identify(self, number: int, identifier: int) -> None:
        """Another identifier, which another one may have."""
        await self._patch(self._one(number), {"external_ids": self._external(identifier)})

    async def relate(self, number: int, other: int, kind: str) -> None:
        """One more relationship."""
        record = await self.now(self._one(number))
        ties = [*record["relationships"], {"kind": kind, "partner_id": self._one(other)}]
        await self._patch(record["id"], {"relationships": ties})

    async def rename(self, number: int, value: int) -> None:
        """Another display name, which those related show."""
        names = [{"value": f"{self.mark} renamed {value}", "kinds": ["display"]}]
        await self._patch(self._one(number), {"names": names})

    async def withdraw(self, number: int, successor: int) -> None:
        """With a successor, which may be itself or gone."""
        record = await self.now(self._one(number))
        await self._send(
            "DELETE",
            f"/partners/{record['id']}?successor={self._one(successor)}",
            **{"If-Match": f'"{record["version"]}"'},
        )

    async def merge(self, lost: int, kept: int) -> None:
        """Two into one."""
        body = {"from": self._one(lost), "into": self._one(kept)}
        answer = await self._send("POST", "/partners/merge", body)
        if answer.status_code == 200:
            self.merges.append(answer.headers["Link"].partition("<")[2].partition(">")[0])

    async def undo(self, number: int) -> None:
        """One of the merges, the last ones or others."""
        if self.merges:
            await self._send("POST", f"{self.merges[-1 - number % len(self.merges)]}/undo")

    async def restore(self, number: int, version: int) -> None:
        """A version that may not be there."""
        record = await self.now(self._one(number))
        if version <= record["version"]:
            await self._send(
                "POST",
                f"/partners/{record['id']}/restore",
                {"version": version},
                **{"If-Match": f'"{record["version"]}"'},
            )

    async def propose(self, number: int, value: int) -> None:
        """A change that is applied later or never."""
        body = {
            "kind": "update",
            "reason": "A proposal.",
            "partner_id": self._one(number),
            "patch": {"established": value or None, "country": "GB"},
        }
        answer = await self._send("POST", "/proposals", body)
        if answer.status_code == 201:
            self.proposals.append(answer.json()["id"])

    async def apply(self, number: int) -> None:
        """One of the proposals, whatever has become of its partner."""
        if self.proposals:
            chosen = self.proposals[-1 - number % len(self.proposals)]
            await self._send("POST", f"/proposals/{chosen}/apply", {})

    async def dispute(self, number: int) -> None:
        """Somebody says that it is wrong."""
        await self._send("POST", f"/partners/{self._one(number)}/disputes", {"reason": "Wrong."})

    async def assure(self, number: int) -> None:
        """Somebody has looked."""
        record = await self.now(self._one(number))
        tag = {"If-Match": f'"{record["version"]}"'}
        body = {"method": "letter"}
        await self._send("POST", f"/partners/{record['id']}/assurance", body, **tag)

    async def erase(self, number: int) -> None:
        """A person, whose contact point may be one of the past."""
        partner_id = self._one(number)
        known = [record for (one, _), record in self.seen.items() if one == partner_id]
        points = [point["id"] for record in known for point in record["contact_points"]]
        if not points:
            return
        path = f"/partners/{partner_id}/contact-points/{points[0]}/erasure"
        answer = await self._send("POST", path)
        self.erased.update(answer.json()["contact_point_ids"])
        self.seen = {key: self._without_erased(record) for key, record in self.seen.items()}

    def _without_erased(self, record: Any) -> Any:
        left = [point for point in record["contact_points"] if point["id"] not in self.erased]
        return {**record, "contact_points": left}

    async def load(self, identifier: int, other: int) -> None:
        """A file of two rows: one by an identifier, one by an id."""
        rows = [
            {
                "level": "local",
                "names": [{"value": f"{self.mark} loaded", "kinds": ["display"]}],
                "external_ids": self._external(identifier),
            },
            {"id": self._one(other), "established": 1234},
        ]
        answer = await self.directory.client.post(
            "/imports?format=ndjson",
            content=b"\n".join(map(orjson.dumps, rows)),
            headers={**self.headers, "Content-Type": "application/x-ndjson"},
        )
        assert answer.status_code == 202, answer.text
        path = answer.headers["Location"]

        async def is_over() -> bool:
            found = await self.directory.client.get(path, headers=self.headers)
            return bool(found.json()["state"] == "done")

        await wait_until(is_over, "the import is done")
        report = await self.directory.client.get(f"{path}/report?rows=all", headers=self.headers)
        for line in map(orjson.loads, report.text.splitlines()):
            if line["partner_id"] and line["partner_id"] not in self.ids:
                self.ids.append(line["partner_id"])

    async def check(self) -> None:
        """Everything that PRODUCT says of a record, of each and of all together."""
        records = await self.all_now()
        there = {one: each for one, each in records.items() if each["status"] != "withdrawn"}
        claimed = [
            (one["scheme"], one["value"]) for each in there.values() for one in each["external_ids"]
        ]
        assert len(claimed) == len(set(claimed)), "an identifier belongs to two"
        for record in records.values():
            check_alone(record)
            assert record == self._without_erased(record), "an erased person is back"
            key = (record["id"], record["version"])
            assert self.seen.setdefault(key, record) == record, "a version was changed"
        for record in there.values():
            check_ties(record, there)
            shown = await self.directory.client.get(
                f"/partners/{record['id']}", headers=self.headers
            )
            assert (shown.json(), shown.headers["ETag"]) == (record, f'"{record["version"]}"')
        for record in records.values():
            if record["status"] == "withdrawn":
                await self._check_withdrawn(record, records)

    async def _check_withdrawn(self, record: Any, records: dict[str, Any]) -> None:
        assert record["relationships"] == []
        successor_id = record["successor_id"]
        if successor_id is not None:
            answer = await self.directory.client.get(f"/partners/{record['id']}")
            assert (answer.status_code, answer.headers["Location"]) == (
                308,
                f"/partners/{successor_id}",
            )
            successor = records[successor_id]
            if successor["status"] != "withdrawn":
                assert record["id"] in successor["former_ids"]

    async def _told_since_the_beginning(self) -> dict[str, Any]:
        """The last event of each record, once the log has all that was written."""
        later = await self.directory.create(f"{self.mark} later")
        last: dict[str, Any] = {}
        after = self.log_begins

        async def is_whole() -> bool:
            nonlocal after
            page = await self.directory.changes(after, self.headers)
            after = page["next_after"]
            for event in page["items"]:
                record = event["data"].get("record")
                if record is not None and "contact_points" in record:
                    assert record == self._without_erased(record), "the log has an erased person"
            last.update({event["subject"]: event for event in page["items"]})
            return later["id"] in last

        await wait_until(is_whole, "the log has the last write")
        return last

    async def check_history_and_log(self) -> None:
        """Each version is in the history as it was seen; the log ends with what is."""
        for partner_id, record in (await self.all_now()).items():
            answer = await self.directory.client.get(
                f"/partners/{partner_id}/history?limit=100", headers=self.headers
            )
            versions = [one["version"] for one in answer.json()["items"]]
            assert versions == list(range(record["version"], 0, -1))
            for version in versions:
                past = await self.directory.client.get(
                    f"/partners/{partner_id}?at={version}", headers=self.headers
                )
                seen = self.seen.get((partner_id, version))
                assert seen is None or past.json() == seen
        last = await self._told_since_the_beginning()
        for partner_id, record in (await self.all_now()).items():
            assert last[partner_id]["data"]["record"]["version"] == record["version"]


@given(steps=st.lists(_STEP, min_size=3, max_size=14))
@settings(
    max_examples=200 if LONG else 12,
    # The same in every run, but for the long form: what that finds is not what a change has broken.
    derandomize=not LONG,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # A step takes a tenth of a second, so the shortest of all failures would take minutes to find.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@example(steps=[("withdraw", 0, 1), ("restore", 0, 3)])
@example(steps=[("merge", 0, 1), ("undo", 0)])
@example(steps=[("merge", 0, 1), ("edit", 1, 1), ("erase", 0), ("undo", 0), ("restore", 1, 1)])
async def test_the_rules_hold_whatever_happens(
    directory: ServedDirectory, steps: list[tuple[Any, ...]]
) -> None:
    """Edits, merges, undos, proposals, erasures, imports …; what is refused changes nothing."""
    note(repr(steps))
    story = Story(directory, await directory.signed_in())
    story.log_begins = (await directory.changes(headers=story.headers))["head"]
    for number in range(3):
        await story.create(number, 0)
    for name, *given_values in steps:
        await getattr(story, "load" if name == "import" else name)(*given_values)
        await story.check()
    await story.check_history_and_log()
