"""What the console keeps from others: accounts, sites, and what a receiver may have written."""

import pytest

from tests.notify.browser import Page
from tests.notify.console_visits import a_browser, new_member, path_of, signed_in
from tests.notify.served_notify import ServedNotify
from tests.receiver import Receiver, Reply
from tests.waiting import wait_until

SCRIPT = "<script>alert('x')</script><b title=\"y\">&amp;</b>"


async def test_another_accounts_pages_are_not_there(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """Neither to see nor to act on: they read like those that never were."""
    webhook = await notify.register(receiver.url)
    await notify.directory.create("Somebody else's")
    [delivery] = await notify.settled(webhook, "delivered")
    nowhere = "01890000-0000-7000-8000-000000000000"
    async with signed_in(notify.app, await new_member(notify.directory)) as browser:
        never_was = await browser.visit(f"/console/webhooks/{nowhere}", 404)
        page = await browser.visit(path_of(webhook), 404)
        assert page.text.split("quote")[0] == never_was.text.split("quote")[0]
        never_was = await browser.visit(f"/console/deliveries/{nowhere}", 404)
        page = await browser.visit(f"/console/deliveries/{delivery['id']}", 404)
        assert page.text.split("quote")[0] == never_was.text.split("quote")[0]
        _, carried = (await browser.visit("/console")).form("Sign out")
        values = {**carried, "state": "paused", "kind": "v1", "newest_key_id": nowhere}
        for action in ("test", "verify", "state", "rotate"):
            await browser.send(f"{path_of(webhook)}/{action}", values, 404)
        await browser.send(f"/console/deliveries/{delivery['id']}/resend", values, 404)
    assert (await notify.get(f"/webhooks/{webhook['id']}"))["state"] == "active"
    assert len(receiver.requests) == 1


async def test_a_form_of_another_session_is_refused(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """Whoever has it sent, and whatever it would do; nothing is done."""
    webhook = await notify.register(receiver.url)
    async with signed_in(notify.app) as own, signed_in(notify.app) as other:
        page = await own.visit(path_of(webhook))
        key_id = page.form("Rotate the v1 key")[1]["newest_key_id"]
        _, elsewhere = (await other.visit("/console")).form("Sign out")
        for form_token in ("", elsewhere["form_token"], "\N{SNOWMAN}"):
            values = {"state": "paused", "kind": "v1", "newest_key_id": key_id}
            values["form_token"] = form_token
            for path in (
                *(f"{path_of(webhook)}/{one}" for one in ("test", "verify", "state", "rotate")),
                f"/console/deliveries/{key_id}/resend",
                "/console/sign-out",
            ):
                refused = await own.send(path, values, 403)
                assert refused.heading == "The form is out of date"
        assert (await own.visit("/console")).heading == "Webhooks"
    assert (await notify.get(f"/webhooks/{webhook['id']}"))["state"] == "active"
    assert len((await notify.get(f"/webhooks/{webhook['id']}/keys"))["items"]) == 1
    assert receiver.requests == []


async def test_a_closed_account_switches_nothing_on(notify: ServedNotify) -> None:
    """Although its session lives on until its token expires: the page says why, and who helps."""
    member = await new_member(notify.directory)
    headers = await notify.directory.signed_in(member)
    webhook = await notify.register("https://partner.example.org/hooks", headers)
    async with signed_in(notify.app, member) as browser:
        await notify.directory.change_account(webhook["account_id"], disabled=True)

        async def is_disabled() -> bool:
            page = await browser.visit(path_of(webhook))
            return "disabled, because its account was closed" in page.text

        await wait_until(is_disabled, "the webhook is disabled")
        page = await browser.visit(path_of(webhook))
        refused = await browser.press(page, "Go on: send what waits", 409)
        assert "The secretariat can open the account again" in refused.text


async def test_what_others_wrote_is_shown_as_text(notify: ServedNotify, receiver: Receiver) -> None:
    """A description and an answer may look like HTML; they are not."""
    receiver.usual = Reply(500, body=SCRIPT.encode())
    webhook = await notify.register(f"{receiver.url}?<script>", description=SCRIPT)
    await notify.directory.create("Told to a script")
    [delivery] = await notify.settled(webhook, "dead")
    async with signed_in(notify.app) as browser:
        pages = [await browser.visit("/console"), await browser.visit(path_of(webhook))]
        for page in pages:
            assert SCRIPT in page.text
        pages.append(await browser.visit(f"/console/deliveries/{delivery['id']}"))
        assert {one.text for one in pages[-1].root.all("pre")} == {SCRIPT}
        for page in pages:
            assert list(page.root.all("script", "b")) == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/console/nothing/here", 404),
        ("/console/webhooks/not-an-id", 404),
        ("/console/webhooks/01890000-0000-7000-8000-000000000000/test", 404),
        ("/console?stat=dead", 400),
        ("/console?cursor=damaged", 400),
        ("/console?cursor=a&cursor=b", 400),
        ("/console/sign-in?to=" + "x" * 201, 422),
    ],
)
async def test_what_is_not_there_or_not_known_has_a_page(
    notify: ServedNotify, path: str, status: int
) -> None:
    """Strict as everywhere, but in HTML."""
    async with signed_in(notify.app) as browser:
        page = await browser.visit(path, status)
        assert (await browser.visit(page.link("Your webhooks"))).heading == "Webhooks"


async def test_forms_with_other_values_are_refused(notify: ServedNotify) -> None:
    """And what cannot be read at all; a body that is too large is refused as everywhere."""
    webhook = await notify.register("https://partner.example.org/hooks")
    async with signed_in(notify.app) as browser:
        page = await browser.visit(path_of(webhook))
        _, carried = page.form("Pause: keep what is owed")
        await browser.press(page, "Pause: keep what is owed", 422, state="deleted")
        await browser.press(page, "Rotate the v1 key", 422, newest_key_id="none")
        await browser.press(page, "Rotate the v1 key", 412, kind="v1a")
        unreadable = await browser.client.post(
            f"{path_of(webhook)}/state",
            content=b"--",
            headers={"Content-Type": "multipart/form-data; boundary=a"},
        )
        assert Page(unreadable).status in {400, 403}
        large = await browser.client.post(
            f"{path_of(webhook)}/state", data={**carried, "state": "x" * 2_000_000}
        )
        assert (large.status_code, large.json()["type"].rpartition(":")[2]) == (
            413,
            "body-too-large",
        )
        page = await browser.visit("/console/")
        assert (page.path, page.heading) == ("/console", "Webhooks")


async def test_every_answer_carries_the_strict_headers(notify: ServedNotify) -> None:
    """Pages, refusals, ways to somewhere else and the stylesheet; nothing of it is in OpenAPI."""
    webhook = await notify.register("https://partner.example.org/hooks")
    async with signed_in(notify.app) as browser, a_browser(notify.app) as nobody:
        _, carried = (await browser.visit("/console")).form("Sign out")
        answers = [
            await browser.client.get("/console"),
            await browser.client.get(path_of(webhook)),
            await browser.client.get("/console/style.css"),
            await browser.client.get("/console/nothing"),
            await browser.client.get("/console?x=1"),
            await browser.client.put("/console"),
            await browser.client.head("/console"),
            await browser.client.post(f"{path_of(webhook)}/state"),
            await browser.client.post("/console/sign-out", data=carried),
            await nobody.client.get("/console"),
            await nobody.client.get("/console/sign-in"),
        ]
        statuses = [answer.status_code for answer in answers]
        assert statuses == [200, 200, 200, 404, 400, 404, 200, 403, 303, 303, 200]
        for answer in answers:
            assert answer.headers["content-security-policy"] == (
                "default-src 'none'; style-src 'self'; form-action 'self'; "
                "frame-ancestors 'none'; base-uri 'none'"
            )
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"
        assert answers[2].headers["content-type"].startswith("text/css")
    document = (await notify.client.get("/openapi.json")).json()
    assert [path for path in document["paths"] if path.startswith("/console")] == []
