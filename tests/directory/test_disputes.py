"""Anybody may say that a record is wrong; it is disputed until somebody has looked."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from services.directory.disputes import MOST_OPEN
from tests.served_directory import ServedDirectory, serve_directory


async def _dispute(
    directory: ServedDirectory, record: Any, headers: Any = None, **more: Any
) -> httpx.Response:
    return await directory.client.post(
        f"/partners/{record['id']}/disputes",
        json={"reason": "It has moved.", **more},
        headers=headers or {},
    )


async def _listed(directory: ServedDirectory, record: Any, headers: Any, **more: Any) -> Any:
    answer = await directory.client.get(
        f"/partners/{record['id']}/disputes", params=more, headers=headers
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _close(directory: ServedDirectory, dispute: Any) -> httpx.Response:
    return await directory.client.post(
        f"/partners/{dispute['partner_id']}/disputes/{dispute['id']}/close",
        json={"outcome": "Looked, and it is true."},
        headers=await directory.signed_in(),
    )


async def _status(directory: ServedDirectory, record: Any) -> tuple[str, int, bool]:
    shown = await directory.read(record["id"])
    return shown["assurance"]["status"], shown["version"], "disputed" in shown["flags"]


async def test_anybody_marks_a_record_as_disputed(directory: ServedDirectory) -> None:
    """Without an account too; everybody sees that it is, once, and the log tells of it."""
    record = await directory.create("Disputed by anybody")
    member = await directory.account("member")
    answer = await _dispute(directory, record)
    assert answer.status_code == 201
    assert await _status(directory, record) == ("disputed", 2, True)
    assert (await _dispute(directory, record, member)).status_code == 201
    assert await _status(directory, record) == ("disputed", 2, True)
    later = await directory.create("Later than the dispute")
    await directory.event_of(later["id"])
    event = await directory.event_of(record["id"], await directory.signed_in())
    assert (event["type"], event["data"]["changed"]) == ("partner.updated", ["assurance", "flags"])
    assert event["data"]["actor"] == {"account_id": None, "role": None}
    assert "It has moved." not in str(event)


async def test_what_was_said_is_read_by_who_keeps_the_record(directory: ServedDirectory) -> None:
    """The newest first; who said it and where to ask back is for the secretariat alone."""
    record = await directory.create("Disputed and read")
    member_id, member = await directory.account_with_id("member")
    editor = await directory.account("editor", record["id"])
    await _dispute(directory, record, member, contact="me@example.org")
    await _dispute(directory, record, reason="It has closed.")
    whole = await _listed(directory, record, await directory.signed_in())
    assert [one["reason"] for one in whole["items"]] == ["It has closed.", "It has moved."]
    said = whole["items"][1]
    assert (said["account_id"], said["contact"]) == (member_id, "me@example.org")
    cut = (await _listed(directory, record, editor))["items"][1]
    assert cut == {**said, "account_id": None, "contact": None}
    page = await _listed(directory, record, editor, limit=1)
    rest = await _listed(directory, record, editor, limit=1, cursor=page["next"])
    assert [one["reason"] for one in page["items"] + rest["items"]] == [
        "It has closed.",
        "It has moved.",
    ]


async def test_a_record_is_disputed_until_the_last_is_closed(directory: ServedDirectory) -> None:
    """Editing closes none; each is closed once, with what became of it."""
    record = await directory.create("Disputed twice")
    one, two = (
        (await _dispute(directory, record)).json(),
        (await _dispute(directory, record)).json(),
    )
    shown = await directory.read(record["id"])
    assert (await directory.patch(shown, {"established": 1900})).status_code == 200
    assert (await _close(directory, one)).json()["outcome"] == "Looked, and it is true."
    assert (await _status(directory, record))[0] == "disputed"
    assert (await _close(directory, one)).status_code == 409
    assert (await _close(directory, two)).status_code == 200
    assert await _status(directory, record) == ("unverified", 4, False)
    secretariat = await directory.signed_in()
    assert (await _listed(directory, record, secretariat, open=True))["items"] == []
    assert len((await _listed(directory, record, secretariat, open=False))["items"]) == 2
    assert (await _close(directory, {**two, "partner_id": two["id"]})).status_code == 404


async def test_assuring_closes_what_is_open(directory: ServedDirectory) -> None:
    """Somebody has checked the record against the world; in one version and one event."""
    record = await directory.create("Disputed and assured")
    await _dispute(directory, record)
    answer = await directory.client.post(
        f"/partners/{record['id']}/assurance",
        json={"method": "telephone"},
        headers={**await directory.signed_in(), "If-Match": '"2"'},
    )
    assert (answer.json()["assurance"]["status"], answer.json()["version"]) == ("assured", 3)
    (closed,) = (await _listed(directory, record, await directory.signed_in()))["items"]
    assert closed["closed_at"] is not None
    assert "telephone" in closed["outcome"]


async def test_what_is_not_seen_is_not_disputed(directory: ServedDirectory) -> None:
    """Of a hidden partner the answer is as of none; a withdrawn one is not changed any more."""
    hidden = await directory.create("Hidden from disputes", visibility="secretariat")
    assert (await _dispute(directory, hidden)).status_code == 404
    gone = await directory.create("Withdrawn from disputes")
    await directory.client.delete(
        f"/partners/{gone['id']}", headers={**await directory.signed_in(), "If-Match": '"1"'}
    )
    member = await directory.account("member")
    assert (await _dispute(directory, gone, member)).status_code == 409


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "x" * 2_001}, {"reason": "r", "more": 1}]
)
async def test_a_dispute_says_what_is_wrong(directory: ServedDirectory, body: Any) -> None:
    """In so many characters; anything else is refused and marks nothing."""
    record = await directory.create("Badly disputed")
    answer = await directory.client.post(f"/partners/{record['id']}/disputes", json=body)
    assert answer.status_code == 422
    assert await _status(directory, record) == ("unverified", 1, False)


async def test_enough_is_enough(directory: ServedDirectory) -> None:
    """A record that many say is wrong takes no more of it until somebody has looked."""
    record = await directory.create("Disputed by all")
    member = await directory.account("member")
    answers = [(await _dispute(directory, record, member)) for _ in range(MOST_OPEN + 1)]
    assert {answer.status_code for answer in answers[:-1]} == {201}
    assert answers[-1].status_code == 409


async def test_without_an_account_there_is_a_limit(broker_url: str, tmp_path: Path) -> None:
    """For all together, within the hour; who has signed in is taken all the same."""
    async with serve_directory(
        f"sqlite:///{tmp_path}/directory.db",
        f"{broker_url}/3",
        tmp_path,
        ANONYMOUS_WRITES_PER_HOUR="2",
    ) as directory:
        record = await directory.create("Limited")
        assert [(await _dispute(directory, record)).status_code for _ in range(2)] == [201, 201]
        refused = await _dispute(directory, record)
        assert refused.status_code == 429
        assert 3_500 < int(refused.headers["Retry-After"]) <= 3_600
        assert (await _dispute(directory, record, await directory.signed_in())).status_code == 201
        listed = await _listed(directory, record, await directory.signed_in())
        assert len(listed["items"]) == 3
