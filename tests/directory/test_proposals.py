"""Anybody proposes; the secretariat, or an editor for its own partner, decides."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.directory.merge_patch import merge_patch
from services.directory.proposal_conflicts import conflicts, without_fields
from tests.served_directory import ServedDirectory, a_partner

NOWHERE = "01890000-0000-7000-8000-000000000000"


async def _propose(directory: ServedDirectory, headers: Any = None, **body: Any) -> httpx.Response:
    return await directory.client.post(
        "/proposals", json={"reason": "Seen on its website.", **body}, headers=headers or {}
    )


async def _made(directory: ServedDirectory, headers: Any = None, **body: Any) -> Any:
    answer = await _propose(directory, headers, **body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/proposals/{answer.json()['id']}"
    return answer.json()


async def _update(
    directory: ServedDirectory, record: Any, patch: Any, headers: Any = None, **more: Any
) -> Any:
    return await _made(
        directory, headers, kind="update", partner_id=record["id"], patch=patch, **more
    )


async def _read(directory: ServedDirectory, proposal: Any, headers: Any = None) -> Any:
    answer = await directory.client.get(
        f"/proposals/{proposal['id']}", headers=headers or await directory.signed_in()
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _decide(
    directory: ServedDirectory, proposal: Any, what: str, headers: Any = None, **body: Any
) -> httpx.Response:
    return await directory.client.post(
        f"/proposals/{proposal['id']}/{what}",
        json=body,
        headers=headers or await directory.signed_in(),
    )


async def _whole(directory: ServedDirectory, record: Any) -> Any:
    return await directory.read(record["id"], await directory.signed_in())


async def test_a_proposal_is_looked_at_and_applied(directory: ServedDirectory) -> None:
    """Made by nobody in particular; what would change is shown; the history names the proposal."""
    record = await directory.create("Proposed to")
    proposal = await _update(
        directory, record, {"established": 1850}, contact="somebody@example.org"
    )
    assert (proposal["state"], proposal["base_version"]) == ("open", 1)
    assert (proposal["account_id"], proposal["contact"]) == (None, None)
    assert await _whole(directory, record) == record
    shown = await _read(directory, proposal)
    assert shown["contact"] == "somebody@example.org"
    assert [(one["field"], one["before"], one["after"]) for one in shown["differences"]] == [
        ("established", None, 1850)
    ]
    assert (shown["conflicts"], shown["obstacle"]) == ([], None)
    applied = await _decide(directory, proposal, "apply", outcome="Thank you.")
    assert (applied.status_code, applied.json()["state"]) == (200, "applied")
    assert applied.json()["outcome"] == "Thank you."
    changed = await _whole(directory, record)
    assert (changed["established"], changed["version"]) == (1850, 2)
    history = await directory.client.get(
        f"/partners/{record['id']}/history", headers=await directory.signed_in()
    )
    assert history.json()["items"][0]["reason"] == f"proposal {proposal['id']}"
    for what, body in (("apply", {}), ("discard", {"outcome": "No."})):
        again = await _decide(directory, proposal, what, **body)
        assert (again.status_code, again.json()["type"].rpartition(":")[2]) == (
            409,
            "proposal-decided",
        )


async def test_others_changes_stay(directory: ServedDirectory) -> None:
    """What was changed in other places since, another language of a text included."""
    record = await directory.create("Changed meanwhile", description={"en": "One.", "de": "Eins."})
    proposal = await _update(directory, record, {"description": {"en": "Two."}, "country": "GB"})
    await directory.patch(record, {"description": {"de": "Zwei."}, "established": 1900})
    applied = await _decide(directory, proposal, "apply")
    assert applied.status_code == 200, applied.text
    changed = await _whole(directory, record)
    assert changed["description"] == {"en": "Two.", "de": "Zwei."}
    assert (changed["country"], changed["established"]) == ("GB", 1900)


async def test_conflicts_are_decided_field_by_field(directory: ServedDirectory) -> None:
    """Each with its value of then, of now and the proposed one; nothing happens until then."""
    record = await directory.create("In conflict", established=1, description={"en": "Base."})
    patch = {"established": 2, "description": {"en": "Proposed."}, "country": "FR"}
    proposal = await _update(directory, record, patch)
    current = (
        await directory.patch(
            record, {"established": 3, "description": {"en": "Current."}, "country": "FR"}
        )
    ).json()
    refused = await _decide(directory, proposal, "apply")
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (
        409,
        "proposal-conflict",
    )
    expected = [
        {"field": "established", "base": 1, "current": 3, "proposed": 2},
        {
            "field": "description.en",
            "base": "Base.",
            "current": "Current.",
            "proposed": "Proposed.",
        },
    ]
    assert refused.json()["conflicts"] == expected
    assert (await _read(directory, proposal))["conflicts"] == expected
    half = await _decide(directory, proposal, "apply", keep=["established"])
    assert [one["field"] for one in half.json()["conflicts"]] == ["description.en"]
    for wrong in ({"keep": ["country"]}, {"keep": ["established"], "overwrite": ["established"]}):
        assert (await _decide(directory, proposal, "apply", **wrong)).status_code == 422
    assert await _whole(directory, record) == current
    applied = await _decide(
        directory, proposal, "apply", keep=["established"], overwrite=["description.en"]
    )
    assert applied.status_code == 200
    changed = await _whole(directory, record)
    assert (changed["established"], changed["description"]) == (3, {"en": "Proposed."})


async def test_what_the_author_could_not_see_is_not_lost(directory: ServedDirectory) -> None:
    """Hidden contact points and ties, and where a consent is kept, stay when lists are replaced."""
    hidden = await directory.create("Hidden and related", visibility="secretariat")
    channel = [{"kind": "post", "value": "1 High Street"}]
    record = await directory.create(
        "Seen in part",
        relationships=[{"kind": "related", "partner_id": hidden["id"]}],
        contact_points=[
            {"kind": "role", "purposes": ["press"], "channels": channel, "visibility": "member"},
            {
                "kind": "person",
                "name": "A. Person",
                "purposes": ["press"],
                "channels": channel,
                "consent": {"given_at": "2026-01-01", "reference": "in the safe"},
            },
        ],
    )
    seen = await directory.read(record["id"])
    assert (len(seen["contact_points"]), seen["relationships"]) == (1, [])
    point = {**seen["contact_points"][0], "title": "Editor"}
    proposal = await _update(directory, record, {"contact_points": [point], "relationships": []})
    shown = await _read(directory, proposal)
    assert [one["field"] for one in shown["differences"]] == ["contact_points.title"]
    assert (await _decide(directory, proposal, "apply")).status_code == 200
    changed = await _whole(directory, record)
    assert changed["relationships"] == record["relationships"]
    points = {one["id"]: one for one in changed["contact_points"]}
    before = {one["id"]: one for one in record["contact_points"]}
    assert points.pop(point["id"]) == {**before.pop(point["id"]), "title": "Editor"}
    assert points == before


async def test_an_editor_decides_what_is_about_its_partners_own_values(
    directory: ServedDirectory,
) -> None:
    """Not merges or withdrawals of it, and nothing about others, which it does not see."""
    record, other = await directory.create("Has an editor"), await directory.create("Has another")
    editor = await directory.account("editor", record["id"])
    own = await _update(directory, record, {"established": 1860})
    listed = await directory.client.get("/proposals", headers=editor)
    assert [one["id"] for one in listed.json()["items"]] == [own["id"]]
    assert (await _decide(directory, own, "apply", editor)).status_code == 200
    withdraw = await _made(directory, kind="withdraw", partner_id=record["id"])
    assert (await _decide(directory, withdraw, "apply", editor)).status_code == 403
    assert (await _read(directory, withdraw, editor))["differences"] is None
    foreign = await _update(directory, other, {"established": 1})
    for what, body in (("apply", {}), ("discard", {"outcome": "No."}), ("comments", {"text": "?"})):
        assert (await _decide(directory, foreign, what, editor, **body)).status_code == 404
    tie = [{"kind": "related", "partner_id": other["id"]}]
    ties = await _update(directory, record, {"relationships": tie})
    assert (await _decide(directory, ties, "apply", editor)).status_code == 403
    assert (await _read(directory, ties))["state"] == "open"


async def test_an_author_reads_and_takes_back_its_own(directory: ServedDirectory) -> None:
    """With what is said about it; others know nothing of it."""
    record = await directory.create("Proposed by a member")
    member, other = await directory.account("member"), await directory.account("member")
    proposal = await _update(directory, record, {"established": 1870}, member)
    comment = await _decide(directory, proposal, "comments", member, text="I work there.")
    assert comment.status_code == 201
    answered = await _decide(directory, proposal, "comments", text="Since when?")
    assert answered.status_code == 201
    shown = await _read(directory, proposal, member)
    assert [one["text"] for one in shown["comments"]] == ["I work there.", "Since when?"]
    assert (shown["differences"], shown["conflicts"]) == (None, None)
    assert (await _decide(directory, proposal, "apply", member)).status_code == 403
    hidden = await directory.client.get(f"/proposals/{proposal['id']}", headers=other)
    assert hidden.status_code == 404
    assert (await directory.client.get("/proposals", headers=other)).json()["items"] == []
    taken = await _decide(directory, proposal, "discard", member, outcome="I was wrong.")
    assert (taken.status_code, taken.json()["state"]) == (200, "discarded")
    assert await _whole(directory, record) == record
    open_ones = await directory.client.get(
        "/proposals",
        params={"partner": record["id"], "state": "open"},
        headers=await directory.signed_in(),
    )
    assert open_ones.json()["items"] == []


async def test_partners_are_made_withdrawn_and_merged_by_proposals(
    directory: ServedDirectory,
) -> None:
    """The same rules hold as for any other change, when it is applied."""
    made = await _made(directory, kind="create", partner=a_partner("Proposed body"))
    assert (await _read(directory, made))["differences"] != []
    applied = (await _decide(directory, made, "apply")).json()
    body = await directory.read(applied["partner_id"])
    assert body["names"][0]["value"] == "Proposed body"
    kept, gone = await directory.create("Stays of three"), await directory.create("Goes of three")
    merge = await _made(directory, kind="merge", partner_id=body["id"], into_id=kept["id"])
    assert (await _decide(directory, merge, "apply")).status_code == 200
    withdraw = await _made(
        directory, kind="withdraw", partner_id=gone["id"], successor_id=kept["id"]
    )
    assert (await _decide(directory, withdraw, "apply")).status_code == 200
    for one in (body, gone):
        moved = await directory.client.get(f"/partners/{one['id']}")
        assert (moved.status_code, moved.headers["Location"]) == (308, f"/partners/{kept['id']}")
    late = await _propose(directory, kind="update", partner_id=gone["id"], patch={"established": 1})
    assert late.status_code == 409
    clash = [{"scheme": "wikidata", "value": "Q9001"}]
    await directory.create("Has it", external_ids=clash)
    twice = await _made(directory, kind="create", partner=a_partner("Also", external_ids=clash))
    assert (await _decide(directory, twice, "apply")).status_code == 409
    assert (await _read(directory, twice))["state"] == "open"


async def test_what_makes_no_sense_is_refused_at_once(directory: ServedDirectory) -> None:
    """With what is missing, surplus or not there; nothing is kept."""
    record = await directory.create("Badly proposed")
    hidden = await directory.create("Not seen", visibility="member")
    update = {"kind": "update", "partner_id": record["id"], "patch": {"established": 1}}
    for body, status in (
        ({"kind": "destroy"}, 422),
        ({"kind": "update", "partner_id": record["id"]}, 422),
        ({**update, "into_id": hidden["id"]}, 422),
        ({**update, "patch": {"names": []}}, 422),
        ({**update, "patch": {"level": None}}, 422),
        ({**update, "base_version": 2}, 422),
        ({**update, "reason": ""}, 422),
        ({**update, "partner_id": NOWHERE}, 404),
        ({**update, "partner_id": hidden["id"]}, 404),
        ({"kind": "create", "partner": {"level": "national"}}, 422),
        ({"kind": "merge", "partner_id": record["id"], "into_id": record["id"]}, 422),
        ({"kind": "merge", "partner_id": record["id"], "into_id": hidden["id"]}, 404),
        ({"kind": "withdraw", "partner_id": record["id"], "successor_id": NOWHERE}, 404),
    ):
        assert (await _propose(directory, **body)).status_code == status, body
    listed = await directory.client.get(
        "/proposals", params={"partner": record["id"]}, headers=await directory.signed_in()
    )
    assert listed.json()["items"] == []


_VALUE = st.sampled_from([1, 2, 3])
_VALUES = st.fixed_dictionaries(dict.fromkeys("abc", _VALUE)).flatmap(
    lambda flat: st.dictionaries(st.sampled_from("xy"), _VALUE).map(
        lambda text: {**flat, "t": text}
    )
)
_PATCH = st.fixed_dictionaries(
    {}, optional={"a": _VALUE, "b": _VALUE, "t": st.dictionaries(st.sampled_from("xy"), _VALUE)}
)


@pytest.mark.parametrize("how", ["keep", "overwrite"])
@given(base=_VALUES, current=_VALUES, patch=_PATCH)
def test_nobodys_change_is_lost_unseen(
    base: dict[str, Any], current: dict[str, Any], patch: dict[str, Any], how: str
) -> None:
    """What somebody has changed since is overwritten only where that was a conflict, and chosen."""
    fields = {one.field for one in conflicts(base, current, patch)}
    result = merge_patch(current, without_fields(patch, fields if how == "keep" else ()))

    def flat(values: dict[str, Any]) -> dict[str, Any]:
        return {
            **{name: values[name] for name in "abc"},
            **{f"t.{name}": values["t"].get(name) for name in "xy"},
        }

    was, now, then = flat(base), flat(current), flat(result)
    changed_since = {name for name in was if was[name] != now[name]}
    lost = {name for name in changed_since if then[name] != now[name]}
    assert lost == (set() if how == "keep" else fields)
