"""Batches: many writes at once, each answered and held to its rules as if it came alone."""

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.directory.batches import MAX_OPERATIONS
from tests.served_directory import ServedDirectory, a_partner

NOBODY = "01890000-0000-7000-8000-000000000000"


async def _send(
    directory: ServedDirectory,
    operations: Any,
    headers: dict[str, str] | None = None,
    atomic: bool = False,
    **more: str,
) -> httpx.Response:
    who = headers if headers is not None else await directory.signed_in()
    return await directory.client.post(
        "/partners/batch",
        params={"atomic": "true"} if atomic else None,
        json={"operations": operations},
        headers={**who, **more},
    )


async def _results(directory: ServedDirectory, operations: Any, **more: Any) -> list[Any]:
    answer = await _send(directory, operations, **more)
    assert answer.status_code == 200, answer.text
    results: list[Any] = answer.json()["results"]
    return results


def _create(name: str, **more: Any) -> dict[str, Any]:
    return {"operation": "create", "partner": a_partner(name, **more)}


def _patch(record: dict[str, Any], **patch: Any) -> dict[str, Any]:
    return {
        "operation": "patch",
        "id": record["id"],
        "version": record["version"],
        "patch": patch,
    }


async def test_each_write_has_a_result_in_its_place(directory: ServedDirectory) -> None:
    """What can be done is done; what cannot says why, with a pointer to what is wrong."""
    one, two, three = [await directory.create(f"Row {number}") for number in range(3)]
    results = await _results(
        directory,
        [
            _create("Made in a batch"),
            _create("Not made", country="UK"),
            _patch(one, established=1900),
            _patch({**one, "version": 1}, established=1901),
            _patch({**one, "version": 2}, established=1902),
            {"operation": "replace", "id": two["id"], "version": 1, "partner": a_partner("New")},
            {"operation": "withdraw", "id": three["id"], "version": 1, "successor": one["id"]},
            _patch({**three, "version": 2}, established=1903),
            {"operation": "patch", "id": one["id"], "patch": {}},
            {"operation": "praise", "id": one["id"]},
            "patch",
            _patch({"id": NOBODY, "version": 1}),
            {"operation": "create"},
        ],
    )
    statuses = [result["status"] for result in results]
    expected = [201, 422, 200, 412, 200, 200, 204, 409, 428, 422, 422, 404, 422]
    assert statuses == expected
    for result in results:
        assert (result["problem"] is None) == (result["status"] < 300)
        assert (result["id"] is not None) == (result["status"] < 300)
        assert (result["etag"] is not None) == (result["status"] in {200, 201})
    made = await directory.read(results[0]["id"], await directory.signed_in())
    assert (made["names"][0]["value"], made["version"]) == ("Made in a batch", 1)
    assert (await directory.read(one["id"]))["established"] == 1902
    # Version 4: the batch edited it twice, and then it took the place of another one.
    assert (results[4]["etag"], (await directory.read(one["id"]))["version"]) == ('"3"', 4)
    assert (await directory.read(two["id"]))["names"][0]["value"] == "New"
    gone = await directory.client.get(f"/partners/{three['id']}")
    assert (gone.status_code, gone.headers["Location"]) == (308, f"/partners/{one['id']}")
    pointers = [
        [error["pointer"] for error in results[place]["problem"]["errors"]]
        for place in (1, 9, 10, 12)
    ]
    assert pointers == [
        ["/operations/1/partner/country"],
        ["/operations/9"],
        ["/operations/10"],
        ["/operations/12/partner"],
    ]


async def test_a_refused_write_leaves_nothing_of_itself(directory: ServedDirectory) -> None:
    """Also where it is refused late: its names, claims and ties are as they were."""
    above, below = await directory.create("Above"), await directory.create("Below")
    ties = [{"kind": "parent", "partner_id": above["id"]}]
    below = (await directory.patch(below, {"relationships": ties})).json()
    above = await directory.read(above["id"], await directory.signed_in())
    circle = [*above["relationships"], {"kind": "parent", "partner_id": below["id"]}]
    claim = [{"scheme": "isni", "value": "late"}]
    results = await _results(
        directory,
        [
            _patch(above, relationships=circle, external_ids=claim, sectors=["military"]),
            _create("Has the claim", external_ids=claim),
            _create("Wants the claim", external_ids=claim, sectors=["military"]),
            _patch(above, sectors=["academia"]),
        ],
    )
    assert [result["status"] for result in results] == [409, 201, 409, 200]
    assert results[2]["problem"]["type"].endswith("external-id-taken")
    now = await directory.read(above["id"], await directory.signed_in())
    assert now == {
        **above,
        "sectors": ["academia"],
        "version": above["version"] + 1,
        "modified_at": now["modified_at"],
    }
    listed = await directory.client.get("/partners", params={"sector": "military"})
    assert listed.json()["items"] == []


async def test_an_atomic_batch_is_written_whole_or_not_at_all(directory: ServedDirectory) -> None:
    """One refusal, and there is no record, no change and no event; all refusals are told."""
    one = await directory.create("Of all or nothing")
    await directory.event_of(one["id"])
    head = (await directory.changes(headers=await directory.service()))["head"]
    operations = [
        _create("All or nothing", country="LI"),
        _patch(one, established=1950),
        _patch(one, established=1951),
        _create("All or nothing", country="UK"),
    ]
    answer = await _send(directory, operations, atomic=True)
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("batch-refused")
    assert [result["status"] for result in answer.json()["results"]] == [424, 424, 412, 422]
    assert await directory.read(one["id"]) == {**one, "assurance": one["assurance"]}
    listed = await directory.client.get("/partners", params={"country": "LI"})
    assert listed.json()["items"] == []
    good = await _send(directory, operations[:2], atomic=True)
    assert [result["status"] for result in good.json()["results"]] == [201, 200]
    await directory.event_of(good.json()["results"][0]["id"])
    events = (await directory.changes(head, await directory.service()))["items"]
    assert [event["type"] for event in events] == ["partner.created", "partner.updated"]


async def test_an_editor_writes_its_own_partner(directory: ServedDirectory) -> None:
    """Each row is held to what its sender may do alone."""
    own, other = await directory.create("Own"), await directory.create("Other")
    hidden = await directory.create("Hidden", visibility="secretariat")
    editor = await directory.account("editor", own["id"])
    results = await _results(
        directory,
        [
            _patch(own, established=1900),
            _patch(other, established=1900),
            _patch(hidden, established=1900),
            _create("By an editor"),
            {"operation": "withdraw", "id": own["id"], "version": 2},
            _patch(
                {**own, "version": 2},
                relationships=[{"kind": "parent", "partner_id": other["id"]}],
            ),
        ],
        headers=editor,
    )
    assert [result["status"] for result in results] == [200, 403, 404, 403, 403, 403]
    assert "Hidden" not in str(results)


@pytest.mark.parametrize("count", [0, 1, MAX_OPERATIONS, MAX_OPERATIONS + 1])
async def test_a_batch_has_a_limited_number_of_writes(
    directory: ServedDirectory, count: int
) -> None:
    """1 to 200."""
    answer = await _send(directory, [_create(f"One of {count}") for _ in range(count)])
    assert answer.status_code == (200 if 1 <= count <= MAX_OPERATIONS else 422)


async def test_a_batch_that_is_sent_again_takes_effect_once(directory: ServedDirectory) -> None:
    """With an Idempotency-Key it is answered as at first, result by result."""
    operations = [_create("Batched twice"), _create("Batched twice", country="UK")]
    key: Any = {"Idempotency-Key": "a-batch"}
    first = await _send(directory, operations, **key)
    again = await _send(directory, operations, **key)
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    listed = await directory.client.get("/partners", params={"name": "batched"})
    assert len(listed.json()["items"]) == 1


STEPS: st.SearchStrategy[list[tuple[int, int, Any]]] = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 1),
        st.sampled_from(
            [
                {"established": 1900},
                {"established": 1950, "sectors": ["academia"]},
                {"sectors": ["academia", "military"]},
                {"sectors": []},
                {"external_ids": [{"scheme": "isni", "value": "mark"}]},
                {"external_ids": []},
                {"names": [{"value": "Renamed mark", "kinds": ["display"]}]},
                {"country": "UK"},
                {"colour": "red"},
                None,
            ]
        ),
    ),
    min_size=1,
    max_size=10,
)


def _marked(value: Any, mark: str) -> Any:
    if isinstance(value, dict):
        return {key: _marked(inner, mark) for key, inner in value.items()}
    if isinstance(value, list):
        return [_marked(inner, mark) for inner in value]
    return value.replace("mark", mark) if isinstance(value, str) else value


async def test_a_batch_does_what_its_writes_do_one_by_one(directory: ServedDirectory) -> None:
    """The same writes to twins of the partners: the same statuses, and the same records."""
    orders: list[list[tuple[int, int, Any]]] = []

    @settings(max_examples=15, database=None, deadline=None)
    @given(STEPS)
    def collect(steps: list[tuple[int, int, Any]]) -> None:
        orders.append(steps)

    await asyncio.to_thread(collect)
    headers = await directory.signed_in()
    for number, steps in enumerate(orders):
        made = {
            mark: [await directory.create(f"Twin {place} {mark}") for place in range(3)]
            for mark in (f"alone{number}", f"batched{number}")
        }
        versions = [1, 1, 1]
        alone = []
        operations = []
        for place, off, patch in steps:
            mark, batched = made
            version = versions[place] + off
            record = {"id": made[mark][place]["id"], "version": version}
            twin = {"id": made[batched][place]["id"], "version": version}
            if patch is None:
                operations.append({"operation": "withdraw", **twin})
                answer = await directory.client.delete(
                    f"/partners/{record['id']}", headers={**headers, "If-Match": f'"{version}"'}
                )
            else:
                operations.append(_patch(twin, **_marked(patch, batched)))
                answer = await directory.patch(record, _marked(patch, mark))
            alone.append(answer.status_code)
            if answer.is_success and "ETag" in answer.headers:
                versions[place] = int(answer.headers["ETag"].strip('"'))
        results = await _results(directory, operations)
        assert [result["status"] for result in results] == alone
        for first, second in zip(*made.values(), strict=True):
            records = [
                (await directory.client.get(f"/partners/{one['id']}", headers=headers)).text
                for one in (first, second)
            ]
            mark, batched = made
            shapes = [
                httpx.Response(200, text=text.replace(batched, mark)).json() for text in records
            ]
            for shape in shapes:
                for field in ("id", "created_at", "modified_at"):
                    shape.pop(field)
            assert shapes[0] == shapes[1]
