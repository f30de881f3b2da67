"""Contact points confirm themselves by a link that is mailed to them."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.directory.contact_points import (
    a_desk,
    ask,
    asked,
    last_event,
    let_an_hour_pass,
    let_days_pass,
    point_of,
    requests_of,
)
from tests.served_directory import ServedDirectory

PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def _status(directory: ServedDirectory, record: dict[str, Any]) -> str:
    shown = await directory.read(record["id"], await directory.signed_in())
    return str(point_of(shown)["verification"]["status"])


async def test_a_contact_point_confirms_itself(directory: ServedDirectory) -> None:
    """Asked, looked at, answered: only the answer, which needs no account, makes it verified."""
    desk = a_desk("confirms@example.org", name="Desk")
    record = await directory.create("Confirmed", contact_points=[desk])
    editor = await directory.account("editor", record["id"])
    pending = await ask(directory, record, headers=editor)
    assert (pending.status_code, pending.headers["ETag"]) == (202, '"2"')
    verification = point_of(pending.json())["verification"]
    assert (verification["status"], verification["method"]) == ("pending", "email")
    assert pending.json()["flags"] == []
    [request] = await requests_of(directory, record["id"])
    link, expires_at = request["data"]["link"], request["data"]["expires_at"]
    assert datetime.fromisoformat(expires_at) - datetime.fromisoformat(
        verification["at"]
    ) == timedelta(days=14)
    for _ in range(2):
        page = await directory.client.get(link, headers=PAGE)
        assert page.status_code == 200
        assert page.text.count("<button") == 2
        assert "Confirmed" in page.text
        shown = await directory.client.get(link)
        assert shown.json() == {
            "partner_name": "Confirmed",
            "contact_point_name": "Desk",
            "purposes": ["single_point_of_contact"],
            "verification": verification,
            "expires_at": expires_at,
        }
    assert (await directory.read(record["id"]))["version"] == 2
    answered = await directory.client.post(link, data={"answer": "reached"}, headers=PAGE)
    assert (answered.status_code, "Thank you" in answered.text) == (200, True)
    verified = await directory.read(record["id"])
    assert verified["version"] == 3
    verification = point_of(verified)["verification"]
    assert (verification["status"], verification["method"]) == ("verified", "email")
    event = await last_event(directory, record["id"])
    assert (event["type"], event["data"]["changed"]) == ("partner.updated", ["contact_points"])
    member = await directory.account("member")
    actor = (await directory.event_of(record["id"], member))["data"]["actor"]
    assert actor == {"account_id": None, "role": None}
    history = await directory.client.get(f"/partners/{record['id']}/history", headers=editor)
    assert "confirmed itself" in history.json()["items"][0]["reason"]


async def test_a_second_press_says_that_it_is_done(directory: ServedDirectory) -> None:
    """And changes nothing; another answer than the first is refused."""
    record = await directory.create("Twice", contact_points=[a_desk("twice@example.org")])
    link = await asked(directory, record)
    for words in ("Thank you</h1>", "answered already"):
        answer = await directory.client.post(link, data={"answer": "reached"}, headers=PAGE)
        assert (answer.status_code, words in answer.text) == (200, True)
    assert "answered already" in (await directory.client.get(link, headers=PAGE)).text
    other = await directory.client.post(link, data={"answer": "not_reached"})
    assert (other.status_code, other.json()["type"][-17:]) == (410, "confirmation-void")
    shown = await directory.read(record["id"])
    assert (shown["version"], point_of(shown)["verification"]["status"]) == (3, "verified")


async def test_whoever_is_not_reached_says_so(directory: ServedDirectory) -> None:
    """Then the contact point is on the work list, and the link is used up."""
    record = await directory.create("Not us", contact_points=[a_desk("not-us@example.org")])
    link = await asked(directory, record)
    for _ in range(2):
        answer = await directory.client.post(link, data={"answer": "not_reached"}, headers=PAGE)
        assert (answer.status_code, "is not reached this way" in answer.text) == (200, True)
    shown = await directory.read(record["id"])
    assert (shown["version"], shown["flags"]) == (3, ["contact_expired"])
    assert point_of(shown)["verification"]["status"] == "bounced"
    assert (await directory.client.post(link, data={"answer": "reached"})).status_code == 410


async def test_our_own_services_are_told_whom_to_mail(directory: ServedDirectory) -> None:
    """In the shape that the event leads to. Nobody else is, by any way to the log."""
    record = await directory.create("Told", contact_points=[a_desk("told@example.org")])
    await asked(directory, record)
    [event] = await requests_of(directory, record["id"])
    Draft202012Validator((await directory.client.get(event["dataschema"])).json()).validate(event)
    data = event["data"]
    assert (data["recipient"], data["partner_name"]) == ("told@example.org", "Told")
    assert (data["partner_id"], data["contact_point_id"]) == (
        record["id"],
        point_of(record)["id"],
    )
    assert data["actor"]["role"] == "secretariat"
    for headers in (
        {},
        await directory.account("member"),
        await directory.account("editor", record["id"]),
        await directory.signed_in(),
    ):
        page = await directory.client.get("/changes?limit=1000", headers=headers)
        assert page.json()["next_after"] == page.json()["head"]
        assert "confirmation" not in page.text
    named = await directory.client.get("/event-schemas/contact_point.renamed")
    assert "contact_point" not in named.json()["detail"].partition("There are")[2]


@pytest.mark.parametrize(
    ("channels", "email", "recipient"),
    [
        ("a b", None, "a"),
        ("a b!", None, "b"),
        ("a! b", "b", "b"),
        ("a b", "B", None),
        ("a b", "c", None),
    ],
)
async def test_which_address_is_asked(
    directory: ServedDirectory, channels: str, email: str | None, recipient: str | None
) -> None:
    """The one that was chosen; else the preferred one, else the first."""
    name = f"{channels} {email}".encode().hex()

    def address(local: str) -> str:
        return f"{local}-{name}@example.org"

    point = a_desk(None)
    point["channels"] += [
        {"kind": "email", "value": address(one[0]), "preferred": one.endswith("!")}
        for one in channels.split()
    ]
    record = await directory.create("Several", contact_points=[point])
    answer = await ask(directory, record, None if email is None else {"email": address(email)})
    requests = await requests_of(directory, record["id"])
    if recipient is None:
        assert (answer.status_code, requests) == (422, [])
    else:
        [request] = requests
        assert request["data"]["recipient"] == address(recipient)


@pytest.mark.parametrize(
    ("point", "partner"),
    [
        (a_desk(None), {}),
        (a_desk("gone@example.org", valid_to="2011-12-31"), {}),
        (a_desk("later@example.org", valid_from="9999-12-31"), {}),
        (a_desk("secret@example.org", visibility="secretariat"), {}),
        (a_desk("hidden@example.org"), {"visibility": "secretariat"}),
    ],
)
async def test_who_cannot_be_asked(
    directory: ServedDirectory, point: dict[str, Any], partner: dict[str, Any]
) -> None:
    """No address, not in use, or for the secretariat alone, of which the log is told nothing."""
    record = await directory.create("Not asked", contact_points=[point], **partner)
    answer = await ask(directory, record)
    assert (answer.status_code, answer.json()["type"][-15:]) == (409, "not-confirmable")
    assert await _status(directory, record) == "unverified"
    assert await requests_of(directory, record["id"]) == []


async def test_a_withdrawn_partner_is_not_asked(directory: ServedDirectory) -> None:
    """Nor a contact point that is not there."""
    record = await directory.create("Leaving", contact_points=[a_desk("leaving@example.org")])
    secretariat = await directory.signed_in()
    path = f"/partners/{record['id']}"
    unknown = await directory.client.post(
        f"{path}/contact-points/{record['id']}/confirmation", headers=secretariat
    )
    assert unknown.status_code == 404
    await directory.client.delete(path, headers={**secretariat, "If-Match": '"1"'})
    assert (await ask(directory, record)).json()["type"].endswith(":partner-withdrawn")


async def test_nobody_is_written_to_again_and_again(directory: ServedDirectory) -> None:
    """Once an hour, however the contact point is edited and whoever else has the address."""
    record = await directory.create("Bombed", contact_points=[a_desk("victim@example.org")])
    assert (await ask(directory, record)).status_code == 202
    again = await ask(directory, record)
    assert (again.status_code, again.json()["type"][-12:]) == (429, "asked-lately")
    assert 3_500 < int(again.headers["Retry-After"]) <= 3_600
    record = await directory.read(record["id"])
    point = {**point_of(record), "channels": a_desk("other-victim@example.org")["channels"]}
    edited = (await directory.patch(record, {"contact_points": [point]})).json()
    assert (await ask(directory, edited)).status_code == 429
    other = await directory.create("Bomber", contact_points=[a_desk("VICTIM@example.org")])
    assert (await ask(directory, other)).status_code == 429
    assert await requests_of(directory, other["id"]) == []
    assert await _status(directory, other) == "unverified"
    await let_an_hour_pass(directory)
    assert (await ask(directory, other)).status_code == 202


async def test_a_partner_does_not_write_to_the_whole_world(directory: ServedDirectory) -> None:
    """Twenty contact points of one partner are asked an hour; those of others go on."""
    points = [a_desk(f"desk-{number}@example.org") for number in range(21)]
    record = await directory.create("Many desks", contact_points=points)
    for number in range(20):
        assert (await ask(directory, record, number=number)).status_code == 202
    last = await ask(directory, record, number=20)
    assert (last.status_code, last.json()["type"][-12:]) == (429, "asked-lately")
    other = await directory.create("One desk", contact_points=[a_desk("one-desk@example.org")])
    assert (await ask(directory, other)).status_code == 202
    await let_an_hour_pass(directory)
    assert (await ask(directory, record, number=20)).status_code == 202


async def test_a_repeated_request_sends_one_mail(directory: ServedDirectory) -> None:
    """By its Idempotency-Key it is answered as at first, not with the limit."""
    record = await directory.create("Repeats", contact_points=[a_desk("repeats@example.org")])
    headers = {**await directory.signed_in(), "Idempotency-Key": "ask-repeats"}
    answers = [await ask(directory, record, headers=headers) for _ in range(2)]
    assert [one.status_code for one in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert len(await requests_of(directory, record["id"])) == 1


async def test_what_nobody_answers_expires(directory: ServedDirectory) -> None:
    """After CONFIRMATION_DAYS, when the link counts no more either; it can be asked again."""
    record = await directory.create("Silent", contact_points=[a_desk("silent@example.org")])
    assert (await ask(directory, record)).status_code == 202
    await let_days_pass(directory, 13)
    assert (await directory.read(record["id"]))["flags"] == []
    await let_days_pass(directory, 1)
    shown = await directory.read(record["id"])
    assert (point_of(shown)["verification"]["status"], shown["flags"]) == (
        "expired",
        ["contact_expired"],
    )
    await let_an_hour_pass(directory)
    pending = (await ask(directory, record)).json()
    assert (point_of(pending)["verification"]["status"], pending["flags"]) == ("pending", [])


async def test_a_mail_that_is_refused_is_a_bounce(directory: ServedDirectory) -> None:
    """Told by our own services, as often as they like, and only while the request is open."""
    made = []
    for name in ("Refused", "Answered", "Edited", "Asked again"):
        email = f"{name.lower().replace(' ', '-')}@example.org"
        record = await directory.create(name, contact_points=[a_desk(email)])
        link = await asked(directory, record)
        if name == "Answered":
            await directory.client.post(link, data={"answer": "reached"})
        elif name == "Edited":
            now = await directory.read(record["id"])
            point = {**point_of(now), "channels": a_desk(None)["channels"]}
            await directory.patch(now, {"contact_points": [point]})
        made.append(record)
    await let_an_hour_pass(directory)
    await ask(directory, made[3])
    service = await directory.service()
    for record, status in zip(made, ("bounced", "verified", "unverified", "pending"), strict=True):
        request = (await requests_of(directory, record["id"]))[0]
        told = {"confirmation_id": request["data"]["confirmation_id"]}
        for _ in range(2):
            answer = await directory.client.post(
                "/contact-points/bounces", json=told, headers=service
            )
            assert answer.status_code == 204, answer.text
        assert await _status(directory, record) == status
    shown = await directory.read(made[0]["id"])
    assert (shown["version"], shown["flags"]) == (3, ["contact_expired"])
    unknown = {"confirmation_id": made[0]["id"]}
    answer = await directory.client.post("/contact-points/bounces", json=unknown, headers=service)
    assert answer.status_code == 404
