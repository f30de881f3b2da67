"""Failing endpoints: when they are asked again, and when no more."""

import asyncio
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from services.notify.retries import Answer, Delivered, GaveUp, RetrySchedule, TryAgain
from services.notify.settings import Settings
from tests.notify.served_notify import ServedNotify
from tests.receiver import Receiver, Reply, serve_receiver
from tests.waiting import wait_until

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
WAITS = Settings.model_fields["retry_seconds"].default
SCHEDULE = RetrySchedule(WAITS, jitter=0.2, overload_seconds=60)


def wait_after(answer: Answer, number: int) -> float:
    """How long the schedule waits after `answer` to attempt `number`."""
    outcome = SCHEDULE.outcome_of(answer, number, NOW)
    assert isinstance(outcome, TryAgain)
    return outcome.after_seconds


def test_ten_attempts_within_about_76_hours() -> None:
    """As documented."""
    assert len(WAITS) == 10
    assert 75 < sum(WAITS) / 3600 < 77
    assert isinstance(SCHEDULE.outcome_of(Answer(status_code=500), 10, NOW), GaveUp)
    assert isinstance(SCHEDULE.outcome_of(Answer(status_code=500), 12, NOW), GaveUp)


@pytest.mark.parametrize("number", range(1, 10))
def test_waits_are_those_of_the_schedule_give_or_take_a_fifth(number: int) -> None:
    """So that retries of many deliveries spread."""
    waits = {wait_after(Answer(status_code=500), number) for _ in range(50)}
    assert len(waits) > 10
    assert all(0.8 * WAITS[number] <= wait <= 1.2 * WAITS[number] for wait in waits)


@pytest.mark.parametrize(
    "answer",
    [Answer(status_code=429), Answer(status_code=503), Answer(error="late", timed_out=True)],
)
def test_overloaded_endpoints_are_left_alone_for_a_minute(answer: Answer) -> None:
    """At least, whatever the schedule says."""
    assert all(60 <= wait_after(answer, 1) <= 72 for _ in range(50))


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ("400", 400),
        ("10", 300),
        ("99999", 600),
        (format_datetime(datetime(2026, 11, 22, 10, 7, tzinfo=UTC), usegmt=True), 420),
        ("Sun, 22 Nov 2026 10:07:00", 420),
        ("9" * 5_000, None),
        ("-5", None),
        ("soon", None),
        ("²", None),
    ],
)
def test_retry_after_is_honoured_between_one_and_two_steps(asked: str, wait: int | None) -> None:
    """An endpoint can ask for more time, but neither hurry us nor put us off for ever."""
    found = wait_after(Answer(status_code=500, retry_after=asked), 2)
    assert found == wait if wait is not None else 240 <= found <= 360


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(status: int) -> None:
    """And nothing else is."""
    assert SCHEDULE.outcome_of(Answer(status_code=status), 1, NOW) == Delivered()


async def test_a_failing_endpoint_is_tried_until_it_answers(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """Same id each time; every attempt stays on record with its status and answer."""
    receiver.script = [
        Reply(500, body=b"no\x00t yet"),
        Reply(302, {"Location": receiver.url}),
        Reply(503, {"Retry-After": "0"}, body=b"x" * 20_000),
        Reply(404),
    ]
    webhook = await notify.register(receiver.url)
    await notify.directory.create("Ofgem")
    [delivery] = await notify.settled(webhook, "delivered")
    assert len(receiver.requests) == 5
    assert {request.headers["webhook-id"] for request in receiver.requests} == {
        delivery["event_id"]
    }
    read = await notify.get(f"/deliveries/{delivery['id']}")
    attempts = read["attempt_list"]
    assert [attempt["status_code"] for attempt in attempts] == [500, 302, 503, 404, 204]
    assert [attempt["number"] for attempt in attempts] == [1, 2, 3, 4, 5]
    assert [attempt["outcome"] for attempt in attempts] == ["try_again"] * 4 + ["delivered"]
    assert attempts[0]["response_body"] == "no\ufffdt yet"
    assert "redirects are not followed" in attempts[1]["error"]
    assert len(attempts[2]["response_body"]) == 16_384
    assert delivery["attempts"] == 5


async def test_an_endpoint_that_never_answers_is_given_up(notify: ServedNotify) -> None:
    """After the last attempt the delivery is dead; the webhook stays, and later events come."""
    async with serve_receiver() as receiver:
        webhook = await notify.register(receiver.url)
        receiver.script = [Reply(500)] * 10
        first = await notify.directory.create("Ofsted")
        [dead] = await notify.settled(webhook, "dead")
        assert (dead["attempts"], dead["subject"]) == (10, first["id"])
        assert "no attempt is left" in dead["last_error"]
        await notify.directory.patch(first, {"established": 1992})
        [later] = await notify.settled(webhook, "delivered")
        assert later["subject"] == first["id"]
    await notify.directory.create("Ofcom")
    [refused] = [
        delivery
        for delivery in await notify.settled(webhook, "dead", 2)
        if delivery["id"] != dead["id"]
    ]
    assert "cannot connect" in refused["last_error"]


async def test_410_disables_the_webhook_at_once(notify: ServedNotify, receiver: Receiver) -> None:
    """What it is owed waits, and is sent once it is switched on again; tests are refused."""
    hold = asyncio.Event()
    receiver.usual = Reply(500)
    webhook = await notify.register(receiver.url)
    one = await notify.directory.create("NPIA")
    await receiver.got(1)
    receiver.usual = Reply(410, held_until=hold)
    await receiver.got(2)
    await notify.directory.patch(one, {"established": 2007})

    async def both_owed() -> bool:
        return len(await notify.deliveries(webhook)) == 2

    await wait_until(both_owed, "the second event is owed too")
    hold.set()
    await notify.settled(webhook, "dead")
    shown = await notify.get(f"/webhooks/{webhook['id']}")
    assert shown["state"] == "disabled"
    assert "410" in shown["state_reason"]
    waiting = [d for d in await notify.deliveries(webhook) if d["state"] != "dead"]
    assert [delivery["next_attempt_at"] for delivery in waiting] == [None]
    after = await notify.directory.create("Successor")
    await notify.directory.event_of(after["id"])
    answer = await notify.client.post(
        f"/webhooks/{webhook['id']}/test", headers=await notify.directory.signed_in()
    )
    assert answer.status_code == 409

    async def all_owed() -> bool:
        return len(await notify.deliveries(webhook)) == 3

    await wait_until(all_owed, "what happened meanwhile is owed too")
    assert len(receiver.requests) == 2
    receiver.usual = Reply()
    again = await notify.client.patch(
        f"/webhooks/{webhook['id']}",
        json={"state": "active"},
        headers=await notify.directory.signed_in(),
    )
    assert (again.status_code, again.json()["state"]) == (200, "active")
    delivered = await notify.settled(webhook, "delivered", 2)
    assert [delivery["subject"] for delivery in delivered] == [one["id"], after["id"]]
