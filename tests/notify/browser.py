"""A browser without JavaScript: reads pages, follows links, sends forms, keeps cookies."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

_VOID = {"br", "input", "link", "meta"}


@dataclass
class Element:
    """An element of a page."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What it reads, without its elements."""
        return " ".join(self._written().split())

    def _written(self) -> str:
        if self.tag == "br":
            return " "
        return "".join(one if isinstance(one, str) else one._written() for one in self.children)

    def all(self, *tags: str, **attributes: str) -> Iterator["Element"]:
        """The elements inside, in their order."""
        for one in self.children:
            if isinstance(one, Element):
                fits = all(one.attributes.get(name) == value for name, value in attributes.items())
                if one.tag in tags and fits:
                    yield one
                yield from one.all(*tags, **attributes)


class _Reader(HTMLParser):
    """Reads HTML in which every element is closed, as pages of ours must be."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("document")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


class Page:
    """A page as it came."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.status = answer.status_code
        self.path = answer.url.path
        assert answer.headers["content-type"] == "text/html; charset=utf-8", answer.text
        reader = _Reader()
        reader.feed(answer.text)
        reader.close()
        [self.root] = reader.open

    @property
    def text(self) -> str:
        """All that it reads."""
        return self.root.text

    @property
    def heading(self) -> str:
        """Its one main heading."""
        [heading] = self.root.all("h1")
        return heading.text

    def link(self, label: str) -> str:
        """Where the link leads that reads so."""
        [found] = [one for one in self.root.all("a") if one.text == label]
        return found.attributes["href"]

    def links(self) -> dict[str, str]:
        """All links: what they read, where they lead."""
        return {one.text: one.attributes["href"] for one in self.root.all("a")}

    def rows(self, caption: str) -> list[list[str]]:
        """The body of the table whose caption begins so."""
        for table in self.root.all("table"):
            if next(table.all("caption")).text.startswith(caption):
                [body] = table.all("tbody")
                return [[cell.text for cell in row.all("th", "td")] for row in body.all("tr")]
        return []

    def facts(self) -> dict[str, str]:
        """What the page's lists of terms say, by term."""
        terms = [one.text for one in self.root.all("dt")]
        return dict(zip(terms, [one.text for one in self.root.all("dd")], strict=True))

    def buttons(self) -> list[str]:
        """What one can press."""
        return [one.text for one in self.root.all("button")]

    def form(self, button: str) -> tuple[str, dict[str, str]]:
        """Where the form with this button goes, and what it carries before anybody fills it in."""
        for form in self.root.all("form"):
            if button in [one.text for one in form.all("button")]:
                assert form.attributes["method"] == "post"
                inputs = [one.attributes for one in form.all("input")]
                carried = {
                    one["name"]: one.get("value", "")
                    for one in inputs
                    if one.get("type") != "checkbox"
                }
                return form.attributes["action"], carried
        raise AssertionError(f"{button!r} is none of {self.buttons()}")


class Browser:
    """Visits one service."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def visit(self, path: str, status: int = 200) -> Page:
        """The page at `path`, or where it leads."""
        page = Page(await self.client.get(path, follow_redirects=True))
        assert page.status == status, page.text
        return page

    async def press(self, page: Page, button: str, status: int = 200, **filled: str) -> Page:
        """The page that comes when the form with this button is sent, filled in so."""
        action, carried = page.form(button)
        return await self.send(action, {**carried, **filled}, status)

    async def send(self, path: str, values: dict[str, str], status: int = 200) -> Page:
        """The page that comes when a form with these values is sent, from wherever."""
        answer = await self.client.post(path, data=values, follow_redirects=True)
        assert all(one.status_code == 303 for one in answer.history), answer.history
        page = Page(answer)
        assert page.status == status, page.text
        return page

    async def sign_in(self, credentials: tuple[str, str], path: str = "/console") -> Page:
        """The page at `path`, for whoever has these credentials."""
        form = await self.visit(path)
        assert form.heading == "Sign in"
        client_id, client_secret = credentials
        return await self.press(form, "Sign in", client_id=client_id, client_secret=client_secret)
