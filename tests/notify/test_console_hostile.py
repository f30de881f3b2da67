"""Whatever is sent to the console, it answers with a page, and never with an error of ours."""

import pytest

from tests.notify.browser import Browser, Page
from tests.notify.console_visits import path_of, signed_in
from tests.notify.served_notify import ServedNotify

NOWHERE = "01890000-0000-7000-8000-000000000000"
VALUES = ["", "\x00", "a" * 5_000, "%ff", "[]", "{}", "v1,v1a", "-1", "\u202e", "\U0001f5ff", "yes"]
BODIES = [
    ("application/json", b'{"form_token": 1}'),
    ("application/x-www-form-urlencoded", b"\xff\xfe=%zz&&&==\x00"),
    ("application/x-www-form-urlencoded", b"a=1&" * 5_000),
    ("multipart/form-data; boundary=x", b"--x\r\nbroken"),
    ("multipart/form-data", b"no boundary"),
    ("", b"no type"),
]


async def forms_of(browser: Browser, notify: ServedNotify) -> dict[str, dict[str, str]]:
    """Every form there is, by where it goes, with what it carries; signing out is left out."""
    webhook = await notify.register("https://partner.example.org/hooks")
    path = path_of(webhook)
    page = await browser.visit(path)
    _, rotating = page.form("Rotate the v1 key")
    _, pausing = page.form("Pause: keep what is owed")
    _, testing = page.form("Send a test event")
    _, signing_in = (await browser.visit("/console/sign-in")).form("Sign in")
    return {
        f"{path}/rotate": {**rotating, "at_once": "yes"},
        f"{path}/state": pausing,
        f"{path}/test": testing,
        f"{path}/verify": testing,
        f"/console/deliveries/{NOWHERE}/resend": testing,
        "/console/sign-in": signing_in,
    }


async def test_odd_forms_get_pages(notify: ServedNotify) -> None:
    """Odd values, files in the place of values, bodies that are no forms."""
    async with signed_in(notify.app) as browser:
        post = browser.client.post
        for path, carried in (await forms_of(browser, notify)).items():
            answers = []
            for name in carried:
                answers += [await post(path, data={**carried, name: value}) for value in VALUES]
                others = {other: carried[other] for other in carried if other != name}
                answers.append(await post(path, data=others))
                answers.append(await post(path, data=others, files={name: ("a.txt", b"x")}))
            for media_type, body in BODIES:
                answers.append(await post(path, content=body, headers={"Content-Type": media_type}))
            for answer in answers:
                assert answer.status_code < 500, (path, answer.text)
                assert answer.status_code == 303 or Page(answer).heading


@pytest.mark.parametrize(
    "query",
    [
        "state=",
        "state=%00",
        "state=dead,failed",
        "state=dead&state=dead",
        "cursor=%00",
        "cursor=%ff",
        "cursor=WyIiXQ",
        "limit=5",
        "%5B%5D=1",
    ],
)
async def test_odd_addresses_get_pages(notify: ServedNotify, query: str) -> None:
    """They are refused: a misspelt filter does not show everything."""
    webhook = await notify.register("https://partner.example.org/hooks")
    async with signed_in(notify.app) as browser:
        for path in ("/console", path_of(webhook)):
            page = Page(await browser.client.get(f"{path}?{query}"))
            assert page.status in {400, 422}


@pytest.mark.parametrize(
    "path",
    ["//", "/webhooks/", "/webhooks/%00", "/%2e%2e/webhooks", "/style.css/", "/webhooks/\xe9"],
)
async def test_odd_paths_get_pages(notify: ServedNotify, path: str) -> None:
    """And so does a cookie of any size."""
    async with signed_in(notify.app) as browser:
        await browser.visit(f"/console{path}", 404)
    large = {"Cookie": "console_session=" + "A" * 20_000}
    assert (await notify.client.get("/console", headers=large)).status_code == 303
