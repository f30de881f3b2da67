"""Rules that hold whatever is written: found out with records and edits made up by chance."""

import asyncio
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.directory.merge_patch import merge_patch
from services.directory.partner_write import PartnerWrite
from shared.problems import InvalidValues
from shared.vocabulary import INVERSE_RELATIONSHIP, RelationshipKind
from tests.served_directory import ServedDirectory, a_partner

TEXT = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co", "Zl", "Zp"]), min_size=1, max_size=20
).filter(str.strip)
NAMES = st.lists(TEXT, min_size=1, max_size=4, unique=True).map(
    lambda values: [
        {"value": value, "kinds": ["display"] if place == 0 else ["alias"]}
        for place, value in enumerate(values)
    ]
)
POINTS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["role", "service_desk"]),
            "purposes": st.just(["press"]),
            "channels": TEXT.map(lambda text: [{"kind": "post", "value": text}]),
            "visibility": st.sampled_from(["public", "member", "secretariat"]),
            "valid_to": st.none() | st.dates().map(str),
        }
    ),
    max_size=2,
)
PARTNERS = st.fixed_dictionaries(
    {"level": st.sampled_from(["local", "national", "international"]), "names": NAMES},
    optional={
        "description": st.dictionaries(st.sampled_from(["en", "fr", "zh-Hant"]), TEXT),
        "country": st.sampled_from([None, "GB", "LU"]),
        "sectors": st.lists(st.sampled_from(["academia", "industry"]), max_size=3),
        "domains": st.lists(st.sampled_from(["Example.ORG", "b.example"]), max_size=3),
        "established": st.none() | st.integers(1, 2200),
        "location": st.fixed_dictionaries({"lat": st.floats(-90, 90), "lon": st.floats(-180, 180)}),
        "contact_points": POINTS,
        "visibility": st.sampled_from(["public", "member", "secretariat"]),
    },
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=4)
    ),
    max_leaves=12,
)

# RFC 7396, appendix A: original, patch, result.
APPENDIX_A: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("original", "patch", "result"), APPENDIX_A)
def test_a_merge_patch_does_what_the_rfc_shows(original: Any, patch: Any, result: Any) -> None:
    """Its own examples; the original stays as it was."""
    before = repr(original)
    assert merge_patch(original, patch) == result
    assert repr(original) == before


def test_a_patch_without_a_bottom_is_refused() -> None:
    """JSON may be nested deeper than Python calls functions; no record is."""
    patch: Any = 1
    for _ in range(5_000):
        patch = {"a": patch}
    with pytest.raises(InvalidValues):
        merge_patch({}, patch)


@given(VALUES, VALUES)
def test_a_merge_patch_is_idempotent_and_leaves_no_null(original: Any, patch: Any) -> None:
    """Applied twice it does no more; what it names is not null, and the rest is as it was."""
    once = merge_patch(original, patch)
    assert merge_patch(once, patch) == once
    if isinstance(patch, dict):
        for field, value in patch.items():
            assert (field in once) == (value is not None)
        if isinstance(original, dict):
            assert {k: v for k, v in once.items() if k not in patch} == {
                k: v for k, v in original.items() if k not in patch
            }


@given(PARTNERS)
def test_what_was_checked_once_passes_again(partner: dict[str, Any]) -> None:
    """A value in its usual form is not changed by being brought into its usual form."""
    try:
        once = PartnerWrite.model_validate(partner)
    except ValueError:
        return
    written = once.model_dump(mode="json")
    assert PartnerWrite.model_validate(written).model_dump(mode="json") == written


async def test_what_was_read_can_be_put_back(directory: ServedDirectory) -> None:
    """It changes nothing, and the version stays."""
    secretariat = await directory.signed_in()
    made: list[dict[str, Any]] = []

    @settings(max_examples=40, database=None, deadline=None)
    @given(PARTNERS)
    def collect(partner: dict[str, Any]) -> None:
        made.append(partner)

    await asyncio.to_thread(collect)
    accepted = 0
    for partner in made:
        answer = await directory.client.post("/partners", json=partner, headers=secretariat)
        if answer.status_code == 422:
            continue
        record = answer.json()
        record.pop("possible_duplicates", None)
        accepted += 1
        again = await directory.client.put(
            f"/partners/{record['id']}", json=record, headers={**secretariat, "If-Match": '"1"'}
        )
        assert (again.status_code, again.json()) == (200, record)
    assert accepted > len(made) / 2


async def test_two_writers_of_one_version_never_both_win(directory: ServedDirectory) -> None:
    """One is answered 200, all others 412; what is written is what the winner sent."""
    record = await directory.create("Wanted by many")
    for _ in range(5):
        # None of them is the year that the record has: writing that changes nothing and is no win.
        years = random.sample(sorted({*range(1, 2200)} - {record["established"]}), 6)
        answers = await asyncio.gather(
            *(directory.patch(record, {"established": year}) for year in years)
        )
        statuses = [answer.status_code for answer in answers]
        assert sorted(statuses) == [200, 412, 412, 412, 412, 412]
        record = answers[statuses.index(200)].json()
        assert record["established"] == years[statuses.index(200)]
        assert await directory.read(record["id"], await directory.signed_in()) == record


async def test_two_claims_to_one_identifier_never_both_win(directory: ServedDirectory) -> None:
    """Whichever comes second is refused, at the same moment too."""
    ids = [{"scheme": "isni", "value": "0000 0001"}]
    headers = await directory.signed_in()
    answers = await asyncio.gather(
        *(
            directory.client.post(
                "/partners", json=a_partner(f"Claims {number}", external_ids=ids), headers=headers
            )
            for number in range(6)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5


class Edits:
    """Random edits of a few partners, and what must hold after them."""

    def __init__(self, directory: ServedDirectory, chance: random.Random) -> None:
        self.directory = directory
        self.chance = chance
        self.ids: list[str] = []
        self.versions: dict[str, list[int]] = {}

    async def records(self) -> list[dict[str, Any]]:
        """All records as the secretariat reads them; a version never goes down."""
        headers = await self.directory.signed_in()
        found = [await self.directory.read(one, headers) for one in self.ids]
        for record in found:
            known = self.versions.setdefault(record["id"], [record["version"]])
            assert record["version"] >= known[-1]
            known.append(record["version"])
        return found

    async def edit(self) -> None:
        """One change, allowed or not."""
        chance, records = self.chance, await self.records()
        record, other = chance.sample(records, 2)
        tie = {"kind": chance.choice(list(RelationshipKind)).value, "partner_id": other["id"]}
        external = {"scheme": "isni", "value": str(chance.randrange(4)), "preferred": True}
        name = {"value": f"Name {chance.randrange(4)}", "kinds": ["display"]}
        patch: dict[str, Any] = chance.choice(
            [
                {"names": [name]},
                {"names": [*record["names"], name]},
                {"external_ids": [external]},
                {"external_ids": [*record["external_ids"], external]},
                {"relationships": [*record["relationships"], tie]},
                {"relationships": record["relationships"][1:]},
                {"visibility": chance.choice(["public", "member", "secretariat"])},
                {"status": chance.choice(["active", "inactive"])},
            ]
        )
        answer = await self.directory.patch(record, patch)
        assert answer.status_code in {200, 409, 422}, answer.text
        if answer.status_code == 200:
            unchanged = answer.json() == record
            assert (answer.json()["version"] == record["version"]) == unchanged

    async def check(self) -> None:
        """PRODUCT.md's rules, and an event for each version of each record."""
        records = {record["id"]: record for record in await self.records()}
        claims = Counter(
            (one["scheme"], one["value"]) for r in records.values() for one in r["external_ids"]
        )
        assert all(count == 1 for count in claims.values())
        for record in records.values():
            displayed = [name for name in record["names"] if "display" in name["kinds"]]
            assert len(displayed) == 1
            ties = [(tie["kind"], tie["partner_id"]) for tie in record["relationships"]]
            assert len(set(ties)) == len(ties)
            for tie in record["relationships"]:
                other = records[tie["partner_id"]]
                inverse = INVERSE_RELATIONSHIP[RelationshipKind(tie["kind"])].value
                assert (inverse, record["id"]) in [
                    (back["kind"], back["partner_id"]) for back in other["relationships"]
                ]
                assert tie["visibility"] == other["visibility"]
                assert tie["name"] in [
                    name["value"] for name in other["names"] if "display" in name["kinds"]
                ]
        last = await self.directory.create("The last of the edits")
        await self.directory.event_of(last["id"])
        log = await self.directory.changes(headers=await self.directory.service())
        told = Counter(event["subject"] for event in log["items"])
        assert {one: told[one] for one in records} == {
            one: record["version"] for one, record in records.items()
        }


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_edits_by_chance_keep_the_rules(directory: ServedDirectory, seed: int) -> None:
    """After each dozen all rules hold, and every version of every record is one event."""
    edits = Edits(directory, random.Random(seed))
    clean: dict[str, Any] = {"external_ids": []}
    for number in range(5):
        edits.ids.append((await directory.create(f"Edited {seed} {number}"))["id"])
    for _ in range(4):
        for _ in range(12):
            await edits.edit()
        await edits.check()
    # The next seed claims the same identifiers.
    for record in await edits.records():
        assert (await directory.patch(record, clean)).status_code == 200
