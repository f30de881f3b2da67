"""What is open about a partner that is merged away is not lost: disputes and proposals."""

from typing import Any

from tests.served_directory import ServedDirectory


async def _send(directory: ServedDirectory, method: str, path: str, body: Any = None) -> Any:
    answer = await directory.client.request(
        method, path, json=body, headers=await directory.signed_in()
    )
    assert answer.is_success, answer.text
    return answer


async def _merge(directory: ServedDirectory, lost: Any, kept: Any) -> str:
    """The address of the merge."""
    body = {"from": lost["id"], "into": kept["id"]}
    answer = await _send(directory, "POST", "/partners/merge", body)
    return str(answer.headers["Link"].partition(">")[0].strip("<"))


async def _propose(directory: ServedDirectory, **body: Any) -> str:
    answer = await _send(directory, "POST", "/proposals", {"reason": "So it is.", **body})
    return str(answer.headers["Location"])


async def _at(directory: ServedDirectory, path: str) -> Any:
    return (await _send(directory, "GET", path)).json()


async def _status(directory: ServedDirectory, record: Any) -> str:
    found = await directory.read(record["id"], await directory.signed_in())
    return str(found["assurance"]["status"])


async def test_open_disputes_go_with_the_record(directory: ServedDirectory) -> None:
    """The one that stays is disputed by them, until they are closed; undoing gives them back."""
    lost, kept = [await directory.create(name) for name in ("Disputed", "In peace")]
    for reason in ("It has moved.", "It was closed."):
        await _send(directory, "POST", f"/partners/{lost['id']}/disputes", {"reason": reason})
    (newer, older) = (await _at(directory, f"/partners/{lost['id']}/disputes"))["items"]
    closing = {"outcome": "It was not."}
    path = f"/partners/{lost['id']}/disputes/{newer['id']}/close"
    await _send(directory, "POST", path, closing)
    merge = await _merge(directory, lost, kept)
    assert await _status(directory, kept) == "disputed"
    (open_one,) = (await _at(directory, f"/partners/{kept['id']}/disputes"))["items"]
    assert (open_one["id"], open_one["partner_id"]) == (older["id"], kept["id"])
    await _send(directory, "POST", f"{merge}/undo")
    assert (await _status(directory, kept), await _status(directory, lost)) == (
        "unverified",
        "disputed",
    )
    assert (await _at(directory, f"/partners/{kept['id']}/disputes"))["items"] == []


async def test_a_dispute_that_was_closed_since_stays(directory: ServedDirectory) -> None:
    """Undoing a merge opens nothing again."""
    lost, kept = [await directory.create(name) for name in ("Disputed too", "In peace too")]
    await _send(directory, "POST", f"/partners/{lost['id']}/disputes", {"reason": "Moved."})
    merge = await _merge(directory, lost, kept)
    (dispute,) = (await _at(directory, f"/partners/{kept['id']}/disputes"))["items"]
    path = f"/partners/{kept['id']}/disputes/{dispute['id']}/close"
    await _send(directory, "POST", path, {"outcome": "Mended."})
    await _send(directory, "POST", f"{merge}/undo")
    assert await _status(directory, kept) == await _status(directory, lost) == "unverified"


async def test_a_proposed_change_is_judged_by_what_its_author_saw(
    directory: ServedDirectory,
) -> None:
    """Where the one that stays differs from the one that went is a conflict; the rest applies."""
    lost = await directory.create("Proposed", established=1900, country="GB")
    kept = await directory.create("Stays proposed", established=1950, country="GB")
    patch = {"established": 1901, "country": "FR"}
    path = await _propose(directory, kind="update", partner_id=lost["id"], patch=patch)
    await _merge(directory, lost, kept)
    proposal = await _at(directory, path)
    assert (proposal["state"], proposal["partner_id"]) == ("open", kept["id"])
    assert (proposal["base_partner_id"], proposal["base_version"]) == (lost["id"], 1)
    (conflict,) = proposal["conflicts"]
    assert conflict == {"field": "established", "base": 1900, "current": 1950, "proposed": 1901}
    refused = await directory.client.post(
        f"{path}/apply", json={}, headers=await directory.signed_in()
    )
    assert refused.status_code == 409
    assert lost["id"] in refused.json()["detail"]
    await _send(directory, "POST", f"{path}/apply", {"keep": ["established"]})
    record = await directory.read(kept["id"], await directory.signed_in())
    assert (record["established"], record["country"]) == (1950, "FR")


async def test_what_the_merge_decides_is_decided(directory: ServedDirectory) -> None:
    """To merge the two: applied. To withdraw one: discarded, with a word to its author.

    Into a third, or for one: it is about the one that stays. Undoing gives back what is open, and
    opens what had become pointless; what was fulfilled stays so.
    """
    lost, kept, third = [await directory.create(f"Decided {number}") for number in range(3)]
    same = await _propose(directory, kind="merge", partner_id=kept["id"], into_id=lost["id"])
    pointless = await _propose(
        directory, kind="withdraw", partner_id=lost["id"], successor_id=third["id"]
    )
    other = await _propose(directory, kind="merge", partner_id=third["id"], into_id=lost["id"])
    successor = await _propose(
        directory, kind="withdraw", partner_id=third["id"], successor_id=lost["id"]
    )
    taken_back = await _propose(
        directory, kind="update", partner_id=lost["id"], patch={"established": 1}
    )
    merge = await _merge(directory, lost, kept)
    assert (await _at(directory, same))["state"] == "applied"
    found = await _at(directory, pointless)
    assert found["state"] == "discarded"
    assert kept["id"] in found["outcome"]
    assert (await _at(directory, other))["into_id"] == kept["id"]
    assert (await _at(directory, successor))["successor_id"] == kept["id"]
    await _send(directory, "POST", f"{taken_back}/discard", {"outcome": "No."})
    await _send(directory, "POST", f"{merge}/undo")
    assert (await _at(directory, same))["state"] == "applied"
    found = await _at(directory, pointless)
    assert (found["state"], found["outcome"], found["decided_at"]) == ("open", None, None)
    assert (found["partner_id"], found["base_partner_id"]) == (lost["id"], None)
    assert (await _at(directory, other))["into_id"] == lost["id"]
    assert (await _at(directory, successor))["successor_id"] == lost["id"]
    assert (await _at(directory, taken_back))["outcome"] == "No."
