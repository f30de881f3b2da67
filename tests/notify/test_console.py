"""The console's pages: what an owner sees there and does."""

import re

from tests.notify.browser import Browser, Page
from tests.notify.console_visits import new_member, path_of, signed_in
from tests.notify.served_notify import ServedNotify
from tests.notify.test_keys import next_request, verifies, verifies_v1a
from tests.receiver import Receiver, Reply


def secrets_in(page: Page) -> list[str]:
    """The secrets that a page shows."""
    return re.findall(r"whsec_[A-Za-z0-9+/=]+", page.answer.text)


async def settled_page(browser: Browser, page: Page) -> Page:
    """The delivery's page, as soon as the delivery is finished."""
    while "Look again" in page.links():
        page = await browser.visit(page.link("Look again"))
    return page


async def test_an_owner_sees_its_own_and_the_secretariat_everybodys(notify: ServedNotify) -> None:
    """The secretariat also sees whose each one is."""
    member = await new_member(notify.directory)
    headers = await notify.directory.signed_in(member)
    own = await notify.register("https://own.example.org/hooks", headers, description="Our own")
    other = await notify.register("https://other.example.org/hooks")
    async with signed_in(notify.app, member) as browser:
        page = await browser.visit("/console")
        [row] = page.rows("Your webhooks")
        assert row == ["https://own.example.org/hooks Our own", "active", "–", "0"]
        assert (await browser.visit(page.link(own["url"]))).path == path_of(own)
    async with signed_in(notify.app) as browser:
        page = await browser.visit("/console?")
        rows = {row[0]: row[1:] for row in page.rows("Everybody's webhooks")}
        assert rows["https://own.example.org/hooks Our own"][0] == "A member"
        assert other["url"] in rows


async def test_a_rotated_secret_is_shown_once(notify: ServedNotify, receiver: Receiver) -> None:
    """It signs at once, beside the old one; sending the form again rotates nothing."""
    webhook = await notify.register(receiver.url)
    async with signed_in(notify.app) as browser:
        page = await browser.visit(path_of(webhook))
        assert [row[3] for row in page.rows("Keys")] == ["it is replaced"]
        rotated = await browser.press(page, "Rotate the v1 key", 201)
        [secret] = secrets_in(rotated)
        again = await browser.press(page, "Rotate the v1 key", 412)
        assert again.heading == "The key was replaced already"
        page = await browser.visit(path_of(webhook))
        assert len(page.rows("Keys")) == 2
        assert [secrets_in(page), secrets_in(again)] == [[], []]
        request = await next_request(notify, receiver)
        assert verifies(secret, request)
        assert verifies(webhook["secret"], request)
        rotated = await browser.press(page, "Rotate the v1 key", 201, at_once="yes")
        [newest] = secrets_in(rotated)
        request = await next_request(notify, receiver)
        assert verifies(newest, request)
        assert not verifies(secret, request)
        assert len((await browser.visit(path_of(webhook))).rows("Keys")) == 1


async def test_a_public_key_is_replaced_apart(notify: ServedNotify, receiver: Receiver) -> None:
    """And stays to be seen, for anybody may read it."""
    webhook = await notify.register(receiver.url, signatures=["v1", "v1a"])
    async with signed_in(notify.app) as browser:
        page = await browser.visit(path_of(webhook))
        rotated = await browser.press(page, "Rotate the v1a key", 201)
        [public] = re.findall(r"whpk_[A-Za-z0-9+/=]+", rotated.answer.text)
        assert secrets_in(rotated) == []
        keys = [(row[0], row[4]) for row in (await browser.visit(path_of(webhook))).rows("Keys")]
    assert keys == [("v1a", public), ("v1a", webhook["public_key"]), ("v1", "–")]
    request = await next_request(notify, receiver)
    assert verifies_v1a(public, request)
    assert verifies(webhook["secret"], request)


async def test_a_test_event_arrives_and_its_attempts_are_seen(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """With status, duration, error and what the endpoint answered."""
    webhook = await notify.register(receiver.url)
    receiver.script = [Reply(503, body=b"Back in a moment"), Reply(200, body=b"Thanks")]
    async with signed_in(notify.app) as browser:
        page = await browser.press(await browser.visit(path_of(webhook)), "Send a test event")
        assert page.path.startswith("/console/deliveries/")
        page = await settled_page(browser, page)
        assert page.heading == "Delivery of webhook.test"
        first, second = page.rows("Attempts")
        assert [first[0], *first[3:5]] == ["1", "try again", "503"]
        assert first[5] != "–"
        assert [second[0], *second[3:]] == ["2", "delivered", "200", "–"]
        assert re.fullmatch(r"[0-9.]+ ms", second[2])
        assert [one.text for one in page.root.all("pre")] == ["Back in a moment", "Thanks"]
        back = await browser.visit(page.link(f"Webhook {webhook['url']}"))
        [row] = back.rows("All deliveries")
        assert row[1].startswith("webhook.test")
        assert row[2:] == ["delivered", "2", "–", "200"]
        facts = back.facts()
        assert (facts["Attempts"], facts["Succeeded"]) == ("2", "1 (50.0 %)")
        assert facts["99 of 100 at most"] in {first[2], second[2]}
    assert [request.event["type"] for request in receiver.requests] == ["webhook.test"] * 2


async def test_a_delivery_is_sent_again(notify: ServedNotify, receiver: Receiver) -> None:
    """With all the attempts before; not while its webhook is disabled."""
    webhook = await notify.register(receiver.url)
    receiver.script = [Reply(410)]
    await notify.directory.create("Given up at first")
    [delivery] = await notify.settled(webhook, "dead")
    async with signed_in(notify.app) as browser:
        path = f"/console/deliveries/{delivery['id']}"
        page = await browser.visit(path)
        assert "Send it again" not in page.buttons()
        _, carried = page.form("Sign out")
        refused = await browser.send(f"{path}/resend", carried, 409)
        assert "Let it go on first" in refused.text
        page = await browser.visit(path_of(webhook))
        await browser.press(page, "Go on: send what waits")
        page = await browser.press(await browser.visit(path), "Send it again")
        assert page.path == path
        page = await settled_page(browser, page)
        assert [row[3] for row in page.rows("Attempts")] == ["gave up", "delivered"]
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    assert len(receiver.requests) == 2


async def test_pausing_and_going_on(notify: ServedNotify, receiver: Receiver) -> None:
    """What is owed meanwhile waits, and is seen waiting; the state says why."""
    webhook = await notify.register(receiver.url)
    idle = await notify.register("https://idle.example.org/hooks", event_types=["topic.created"])
    async with signed_in(notify.app) as browser:
        page = await browser.visit(path_of(webhook))
        page = await browser.press(page, "Pause: keep what is owed")
        assert "paused, because its owner paused it" in page.text
        partner = await notify.directory.create("Kept for later")
        await notify.settled(webhook, "pending")
        page = await browser.visit(path_of(webhook))
        assert re.search(r"1 delivery waits, the oldest for \w+ \w+", page.text)
        assert "Nothing was sent. Next attempt: none is due." in page.text
        rows = {row[0]: row[-1] for row in (await browser.visit("/console")).rows("Everybody's")}
        assert (rows[webhook["url"]], rows[idle["url"]]) == ("1", "0")
        [row] = page.rows("All deliveries")
        assert row[1:] == [f"partner.created {partner['id']}", "pending", "0", "–", "–"]
        assert receiver.requests == []
        page = await browser.press(page, "Go on: send what waits")
        assert "Pause: keep what is owed" in page.buttons()
        await receiver.got(1)


async def test_a_webhook_that_fails_says_since_when(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """In the list and on its page; one that was disabled says why, and goes on by hand."""
    webhook = await notify.register(receiver.url, description="It fails")
    receiver.usual = Reply(500)
    await notify.directory.create("Not taken")
    await notify.settled(webhook, "dead")
    async with signed_in(notify.app) as browser:
        [row] = [
            row for row in (await browser.visit("/console")).rows("Every") if "fails" in row[0]
        ]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d [\d:]{8} UTC \(.+\)", row[3])
        page = await browser.visit(path_of(webhook))
        assert "Failing since" in page.text
        receiver.usual = Reply(410)
        await notify.directory.create("Gone")
        await notify.settled(webhook, "dead", 2)
        page = await browser.visit(path_of(webhook))
        assert "disabled, because" in page.text
        assert "Send a test event" not in page.buttons()
        page = await browser.press(page, "Go on: send what waits")
        assert "Pause: keep what is owed" in page.buttons()


async def test_deliveries_by_state_and_page(notify: ServedNotify, receiver: Receiver) -> None:
    """Every one is on one page, the newest first, and the filter goes along to the next page."""
    webhook = await notify.register(receiver.url, ordering="fast")
    receiver.script = [Reply(400)] * 10
    headers = await notify.directory.signed_in()
    for _ in range(27):
        await notify.client.post(f"/webhooks/{webhook['id']}/test", headers=headers)
    await receiver.got(37)
    await notify.settled(webhook, "delivered", 27)
    async with signed_in(notify.app) as browser:
        page = await browser.visit(path_of(webhook))
        page = await browser.visit(page.link("delivered"))
        assert len(page.rows("Delivered deliveries")) == 25
        older = await browser.visit(page.link("Older"))
        assert len(older.rows("Delivered deliveries")) == 2
        assert "Older" not in older.links()
        links = [*page.root.all("a"), *older.root.all("a")]
        shown = [
            one.attributes["href"] for one in links if "/deliveries/" in one.attributes["href"]
        ]
        assert (len(shown), len(set(shown))) == (27, 27)
        newest = await browser.visit(older.link("Newest"))
        assert newest.rows("Delivered") == page.rows("Delivered")
        none = await browser.visit(page.link("dead"))
        assert "There are none that are dead" in none.text
        [current] = none.root.all("a", **{"aria-current": "true"})
        assert current.text == "dead"


async def test_many_webhooks_are_shown_page_by_page(notify: ServedNotify) -> None:
    """None twice, none left out."""
    member = await new_member(notify.directory)
    headers = await notify.directory.signed_in(member)
    urls = [f"https://partner.example.org/hooks/{number}" for number in range(52)]
    for url in urls:
        await notify.register(url, headers)
    async with signed_in(notify.app, member) as browser:
        page = await browser.visit("/console")
        second = await browser.visit(page.link("Next page"))
        rows = [*page.rows("Your webhooks"), *second.rows("Your webhooks")]
        assert [row[0] for row in rows] == urls
        assert (await browser.visit(second.link("First page"))).rows("Your") == page.rows("Your")


async def test_an_endpoint_is_sent_another_challenge(
    strict: ServedNotify, receiver: Receiver
) -> None:
    """While it has not answered one, that is all there is to send it; then it is active."""
    webhook = await strict.register(receiver.url)
    await strict.settled(webhook, "dead")
    async with signed_in(strict.app) as browser:
        page = await browser.visit(path_of(webhook))
        assert page.heading.startswith("Webhook")
        assert "Send a test event" not in page.buttons()
        receiver.usual = Reply(200, echoing="challenge")
        page = await browser.press(page, "Send another challenge")
        page = await settled_page(browser, page)
        assert page.heading == "Delivery of webhook.verification"
        await strict.settled(webhook, "delivered")
        page = await browser.visit(path_of(webhook))
        assert "Send another challenge" not in page.buttons()
        assert "Send a test event" in page.buttons()
