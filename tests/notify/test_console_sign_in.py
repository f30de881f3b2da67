"""The console's sessions: who gets in, and what the browser keeps."""

from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.notify.app import create_app
from tests.network import BOOTSTRAP as NETWORK_BOOTSTRAP
from tests.network import Network, free_port
from tests.notify.browser import Browser, Page
from tests.notify.console_visits import a_browser, new_member, signed_in
from tests.notify.served_notify import ServedNotify, notify_settings
from tests.served_directory import BOOTSTRAP

SESSION = "console_session"


def cookies_of(answer: httpx.Response) -> dict[str, Any]:
    """What the answer has the browser keep, by name."""
    found: SimpleCookie = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):
        found.load(header)
    return dict(found)


async def post_credentials(browser: Browser, headers: dict[str, str] | None = None) -> Any:
    """The answer to the right credentials, as it is."""
    action, carried = (await browser.visit("/console")).form("Sign in")
    client_id, client_secret = BOOTSTRAP
    data = {**carried, "client_id": client_id, "client_secret": client_secret}
    return await browser.client.post(action, data=data, headers=headers)


async def test_who_signs_in_comes_to_the_page_that_was_wanted(notify: ServedNotify) -> None:
    """Before, there is nothing but the form; after signing out, too."""
    webhook = await notify.register("https://partner.example.org/hooks", description="wanted")
    path = f"/console/webhooks/{webhook['id']}"
    async with a_browser(notify.app) as browser:
        form = await browser.visit(path)
        assert (form.path, form.heading) == ("/console/sign-in", "Sign in")
        assert "partner.example.org" not in form.text
        page = await browser.sign_in(BOOTSTRAP, path)
        assert (page.path, "wanted" in page.text) == (path, True)
        assert (await browser.press(page, "Sign out")).heading == "Sign in"
        assert (await browser.visit(path)).heading == "Sign in"


@pytest.mark.parametrize(
    ("client_id", "client_secret"),
    [
        (BOOTSTRAP[0], "not the secret of this account"),
        ("nobody-has-this-id", BOOTSTRAP[1]),
        ("", ""),
        ("x" * 201, "y" * 201),
        ("nul\x00", "nul\x00"),
        ("semi:colon", "perc%ent+plus&amp;"),
    ],
)
async def test_wrong_credentials_get_the_form_again(
    notify: ServedNotify, client_id: str, client_secret: str
) -> None:
    """With a sentence, with the id filled in, without the secret and without a session."""
    async with a_browser(notify.app) as browser:
        form = await browser.visit("/console")
        page = await browser.press(
            form, "Sign in", 401, client_id=client_id, client_secret=client_secret
        )
        [sentence] = page.root.all("p", role="alert")
        assert "ask the secretariat" in sentence.text
        [kept] = page.root.all("input", name="client_id")
        assert kept.attributes["value"] == client_id
        assert not client_secret or client_secret not in page.answer.text.replace(client_id, "")
        assert SESSION not in browser.client.cookies
        assert (await browser.visit("/console")).heading == "Sign in"
        await browser.press(page, "Sign in", client_id=BOOTSTRAP[0], client_secret=BOOTSTRAP[1])


@pytest.mark.parametrize(
    ("url", "headers", "secure"),
    [
        ("http://notify.test", {}, False),
        ("https://notify.test", {}, True),
        ("http://notify.test", {"X-Forwarded-Proto": "https"}, True),
    ],
)
async def test_the_cookie_is_for_the_console_alone(
    notify: ServedNotify, url: str, headers: dict[str, str], secure: bool
) -> None:
    """No script reads it, no other site has it sent, and it ends with the token."""
    async with a_browser(notify.app, url) as browser:
        answer = await post_credentials(browser, headers)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    cookie = cookies_of(answer)[SESSION]
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"]) == ("strict", "/console")
    assert cookie["max-age"] == "600"
    assert bool(cookie["secure"]) is secure
    assert not cookie["domain"]


async def test_the_cookie_is_worth_nothing_elsewhere(notify: ServedNotify) -> None:
    """It does not sign in to the API, as a cookie or as a token; a token is no cookie."""
    async with signed_in(notify.app) as browser:
        sealed = browser.client.cookies[SESSION]
        for headers in ({"Authorization": f"Bearer {sealed}"}, {"Cookie": f"{SESSION}={sealed}"}):
            answer = await notify.client.get("/webhooks", headers=headers)
            assert answer.status_code == 401
    headers = await notify.directory.signed_in()
    token = headers["Authorization"].removeprefix("Bearer ")
    for given in (headers, {"Cookie": f"{SESSION}={token}"}):
        answer = await notify.client.get("/console", headers=given)
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")


@pytest.mark.parametrize("place", [0, 20, 60, 400])
async def test_a_changed_cookie_is_none(notify: ServedNotify, place: int) -> None:
    """Whichever of its characters was changed."""
    async with signed_in(notify.app) as browser:
        characters = list(browser.client.cookies[SESSION])
    characters[place] = "A" if characters[place] != "A" else "B"
    changed = {"Cookie": f"{SESSION}={''.join(characters)}"}
    answer = await notify.client.get("/console", headers=changed)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")


@pytest.mark.parametrize("cookie", [b"\xe9\xff", b"", b"=", b"a.b.c", b'"'])
async def test_what_is_no_cookie_of_ours_is_none(notify: ServedNotify, cookie: bytes) -> None:
    """The way to sign in is shown, not an error."""
    answer = await notify.client.get(
        "/console", headers={b"Cookie": SESSION.encode() + b"=" + cookie}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")


async def test_nobody_is_signed_in_by_another_site(notify: ServedNotify) -> None:
    """A sign-in form that this browser was not given is refused, also with the right secret."""
    async with a_browser(notify.app) as own, a_browser(notify.app) as other:
        _, elsewhere = (await other.visit("/console")).form("Sign in")
        for form_token in ("", elsewhere["form_token"], "\N{SNOWMAN}"):
            for _ in range(2):  # without and with a form of its own
                refused = await own.send(
                    "/console/sign-in",
                    {
                        "form_token": form_token,
                        "client_id": BOOTSTRAP[0],
                        "client_secret": BOOTSTRAP[1],
                    },
                    403,
                )
                assert refused.heading == "The form is out of date"
                await own.visit("/console")
        assert SESSION not in own.client.cookies


async def test_a_link_from_elsewhere_does_not_sign_out(notify: ServedNotify) -> None:
    """Browsers keep the session's cookie back then; what they are given leaves it alone."""
    answer = await notify.client.get("/console/sign-in")
    [(name, cookie)] = cookies_of(answer).items()
    assert name != SESSION
    assert cookie["path"] == "/console/sign-in"


@pytest.mark.parametrize(
    "to",
    ["https://evil.example", "//evil.example/console", "/console/../docs", "/console/sign-out", ""],
)
async def test_signing_in_leads_to_the_console_only(notify: ServedNotify, to: str) -> None:
    """Whatever the address of the form says."""
    async with a_browser(notify.app) as browser:
        answer = await browser.client.get("/console/sign-in", params={"to": to})
        page = await browser.press(
            Page(answer), "Sign in", client_id=BOOTSTRAP[0], client_secret=BOOTSTRAP[1]
        )
        assert (page.path, page.heading) == ("/console", "Webhooks")
        answer = await browser.client.get("/console/sign-in", params={"to": to})
        page = await browser.press(
            Page(answer), "Sign in", client_id=BOOTSTRAP[0], client_secret=BOOTSTRAP[1], to=to
        )
        assert page.path == "/console"


async def test_without_the_directory_nobody_signs_in(
    notify: ServedNotify, notify_database_url: str
) -> None:
    """A page says so, instead of calling the credentials wrong."""
    settings = notify_settings(
        notify_database_url,
        notify.directory.redis_url,
        DIRECTORY_URL=f"http://127.0.0.1:{free_port()}",
        WORKER="off",
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app), a_browser(app) as browser:
        form = await browser.visit("/console")
        page = await browser.press(form, "Sign in", 503, client_id="any", client_secret="thing")
        assert page.heading == "Not available right now"
        assert SESSION not in browser.client.cookies


async def test_a_member_signs_in_too(notify: ServedNotify) -> None:
    """And sees that there is nothing yet."""
    async with a_browser(notify.app) as browser:
        page = await browser.sign_in(await new_member(notify.directory))
        assert "There are none" in page.text


async def test_nothing_secret_is_logged(tmp_path: Path) -> None:
    """Each request has its line, and none has what a form carried or a page showed."""
    async with Network(tmp_path, settings={"LOG_LEVEL": "debug"}) as network:
        made = await network.client.post(
            f"{network.urls['notify']}/webhooks",
            json={"url": "https://partner.example.org/hooks", "event_types": ["*"]},
            headers=await network.signed_in(),
        )
        async with httpx.AsyncClient(base_url=network.urls["notify"]) as client:
            browser = Browser(client)
            form = await browser.visit("/console")
            wrong = "m4rk-wrong-secret"
            await browser.press(form, "Sign in", 401, client_id="m4rk-id", client_secret=wrong)
            await browser.sign_in(NETWORK_BOOTSTRAP)
            page = await browser.visit(f"/console/webhooks/{made.json()['id']}")
            rotated = await browser.press(page, "Rotate the v1 key", 201)
            [secret] = [one.text for one in rotated.root.all("code") if "whsec_" in one.text]
            _, carried = page.form("Rotate the v1 key")
            head = await client.head("/console/sign-in")
            assert (head.status_code, head.content) == (200, b"")
            session = client.cookies[SESSION]
        log = (tmp_path / "notify.log").read_text()
    assert '"route":"/console/webhooks/{webhook_id}/rotate"' in log
    hidden = (secret, session, carried["form_token"], NETWORK_BOOTSTRAP[1], "m4rk", "eyJ")
    assert [one for one in hidden if one in log] == []
