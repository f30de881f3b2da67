"""The console can be read and used by all: with a screen reader, by keyboard, without colours."""

import re
from typing import Any

from tests.notify.browser import Page
from tests.notify.console_visits import a_browser, path_of, signed_in
from tests.notify.served_notify import ServedNotify
from tests.receiver import Receiver


def everything(page: Page) -> list[Any]:
    """All elements of a page."""
    tags = set(re.findall(r"<([a-z0-9]+)", page.answer.text))
    return list(page.root.all(*tags))


async def test_pages_can_be_read_and_used_by_all(notify: ServedNotify, receiver: Receiver) -> None:
    """One main heading, a title, a language; labels, captions, headers; nothing loaded but CSS."""
    webhook = await notify.register(receiver.url, signatures=["v1", "v1a"])
    await notify.directory.create("To be looked at")
    [delivery] = await notify.settled(webhook, "delivered")
    async with signed_in(notify.app) as browser, a_browser(notify.app) as nobody:
        form = await nobody.visit("/console")
        page = await browser.visit(path_of(webhook))
        pages = [
            form,
            await nobody.press(form, "Sign in", 401, client_id="no", client_secret="body"),
            await browser.visit("/console"),
            page,
            await browser.visit(f"/console/deliveries/{delivery['id']}"),
            await browser.press(page, "Rotate the v1 key", 201),
            await browser.visit("/console/nothing", 404),
        ]
    titles = set()
    for page in pages:
        root = page.root
        [html] = root.all("html")
        assert html.attributes["lang"] == "en"
        [title] = root.all("title")
        titles.add(title.text)
        assert page.heading
        ids = [one.attributes["id"] for one in everything(page) if "id" in one.attributes]
        assert len(ids) == len(set(ids))
        named = {label.attributes["for"] for label in root.all("label")}
        for one in root.all("input", "select", "textarea"):
            assert one.attributes.get("type") == "hidden" or one.attributes["id"] in named
        for table in root.all("table"):
            assert len(list(table.all("caption"))) == 1
            assert all(one.attributes.get("scope") for one in table.all("th"))
        for one in everything(page):
            assert not {"style", "onclick", "src"} & set(one.attributes)
            for name in ("aria-labelledby", "aria-describedby"):
                assert one.attributes.get(name, ids[0]) in ids
        assert [one.attributes["href"] for one in root.all("link")] == ["/console/style.css"]
        assert all(button.text for button in root.all("button"))
    assert len(titles) == len(pages)
