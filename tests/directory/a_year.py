"""A year in a partner's life, lived over HTTP and told as the guide tells it.

What the guide shows is what was answered, but for ids, times and secrets, which differ each time.
"""

import json
import re
from typing import Any

import httpx

from tests.directory.contact_points import link_mailed
from tests.served_directory import ServedDirectory

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
# Words weigh by how many partners have them, which is learned in the background.
_SCORE = re.compile(r'"score": 0\.\d+')
_WIDTH = 96


class Telling:
    """The story so far, as lines of the guide."""

    def __init__(self, directory: ServedDirectory) -> None:
        self.directory = directory
        self.lines: list[str] = []
        self._names: dict[str, str] = {}

    def say(self, text: str) -> None:
        """A paragraph."""
        self.lines += [text, ""]

    def call(self, value: Any, name: str) -> None:
        """Write an id as `name` from now on."""
        self._names[str(value)] = name

    async def ask(
        self,
        who: str,
        headers: dict[str, str],
        method: str,
        path: str,
        body: Any = None,
        *,
        shown: tuple[str, ...] = (),
        status: int = 200,
        if_match: int | None = None,
    ) -> httpx.Response:
        """Send a request and show it with its answer, or with those fields of it."""
        more = {} if if_match is None else {"If-Match": f'"{if_match}"'}
        answer = await self.directory.client.request(
            method, path, json=body, headers={**headers, **more}
        )
        assert answer.status_code == status, answer.text
        self.lines += [f"{who}:", "```http", f"{method} {path}"]
        self.lines += [f"{name}: {value}" for name, value in more.items()]
        if body is not None:
            self.lines += ["", _as_json(body)]
        self.lines += ["```", "```http", f"{answer.status_code} {answer.reason_phrase}"]
        if "Location" in answer.headers:
            self.lines.append(f"Location: {answer.headers['Location']}")
        if answer.content and answer.headers["Content-Type"].endswith("json"):
            found = answer.json()
            if shown:
                found = {name: found[name] for name in shown}
            self.lines += ["", _as_json(found)]
        self.lines += ["```", ""]
        return answer

    def text(self) -> str:
        """The guide, with names for ids and one word for all times and scores."""
        text = "\n".join(self.lines)
        for value, name in self._names.items():
            text = text.replace(value, name)
        text = _ID.sub("01…", text)
        text = _SCORE.sub('"score": 0.…', text)
        return _TIME.sub("20…Z", text)


def _as_json(value: Any, indent: int = 0) -> str:
    """What fits into a line is in one."""
    short = json.dumps(value, ensure_ascii=False)
    if len(short) + indent <= _WIDTH or not isinstance(value, dict | list):
        return short
    inner = " " * (indent + 1)
    if isinstance(value, dict):
        parts = [
            f"{inner}{json.dumps(name)}: {_as_json(one, indent + 1)}" for name, one in value.items()
        ]
    else:
        parts = [inner + _as_json(one, indent + 1) for one in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return opening + "\n" + ",\n".join(parts) + "\n" + " " * indent + closing


async def tell(directory: ServedDirectory) -> str:
    """Live the year, and tell it."""
    story = Telling(directory)
    nobody: dict[str, str] = {}
    secretariat = await directory.signed_in()
    story.lines += ["# A year in a partner's life", ""]
    story.say(
        "What happens to a record from its first day to its last, with the true answers of a "
        "directory. Ids are shortened or named, times are left out, and of long answers only the "
        "fields that matter are shown. `tests/directory/test_a_year.py` lives this year in every "
        "run of the tests, and writes this page."
    )
    partner = await _joins(story, nobody, secretariat)
    editor = await _is_assured(story, secretariat, partner)
    await _moves(story, editor, partner)
    await _gets_a_contact(story, editor, nobody, partner)
    await _is_disputed(story, nobody, secretariat, partner)
    await _is_found_twice(story, nobody, secretariat, partner)
    await _closes(story, nobody, secretariat, partner)
    return story.text().rstrip() + "\n"


async def _version(story: Telling, partner: str) -> int:
    record = await story.directory.read(partner, await story.directory.signed_in())
    return int(record["version"])


async def _joins(story: Telling, nobody: dict[str, str], secretariat: dict[str, str]) -> str:
    story.say("## It joins")
    story.say(
        "Somebody misses the Severn Estuary Crime Unit, and proposes it. No account is needed."
    )
    partner = {
        "level": "local",
        "names": [
            {"value": "Severn Estuary Crime Unit", "kinds": ["display"], "lang": "en"},
            {"value": "SECU", "kinds": ["acronym"]},
        ],
        "country": "GB",
        "sectors": ["law_enforcement"],
        "contact_points": [
            {
                "kind": "service_desk",
                "purposes": ["single_point_of_contact"],
                "channels": [{"kind": "email", "value": "desk@secu.example"}],
            }
        ],
    }
    made = await story.ask(
        "Anybody",
        nobody,
        "POST",
        "/proposals",
        {"kind": "create", "reason": "I work with them.", "partner": partner},
        shown=("id", "kind", "state", "reason"),
        status=201,
    )
    story.call(made.json()["id"], "{proposal}")
    story.say("The secretariat looks at `GET /proposals?state=open`, telephones, and takes it.")
    applied = await story.ask(
        "The secretariat",
        secretariat,
        "POST",
        f"/proposals/{made.json()['id']}/apply",
        {"outcome": "Spoke to their desk. Welcome."},
        shown=("state", "partner_id", "outcome"),
    )
    partner_id = str(applied.json()["partner_id"])
    story.call(partner_id, "{secu}")
    await story.ask(
        "Anybody",
        nobody,
        "GET",
        f"/partners/{partner_id}?fields=version,names,assurance,flags",
    )
    return partner_id


async def _is_assured(story: Telling, secretariat: dict[str, str], partner: str) -> dict[str, str]:
    story.say("## It is assured, and gets an editor")
    story.say("That somebody has checked the record against the world is said by itself.")
    await story.ask(
        "The secretariat",
        secretariat,
        "POST",
        f"/partners/{partner}/assurance",
        {"method": "telephone"},
        shown=("version", "assurance"),
        if_match=1,
    )
    account_id, editor = await story.directory.account_with_id("editor", partner_id=partner)
    story.call(account_id, "{editor}")
    story.say(
        "One of its officers gets an account: `POST /accounts` with the role `editor` and its "
        "`partner_id`. From now on the unit keeps its record itself."
    )
    return editor


async def _moves(story: Telling, editor: dict[str, str], partner: str) -> None:
    story.say("## It moves")
    await story.ask(
        "Its editor",
        editor,
        "PATCH",
        f"/partners/{partner}?reason=moved%20to%20Newport",
        {"location": {"place": "Newport", "lat": 51.58, "lon": -2.99}},
        shown=("version", "location", "assurance"),
        if_match=2,
    )
    story.say(
        "Editing does not assure: the date of the next review stays. Everybody who follows the log "
        "hears of `partner.updated`; search finds the unit near Newport at once."
    )


async def _gets_a_contact(
    story: Telling, editor: dict[str, str], nobody: dict[str, str], partner: str
) -> None:
    story.say("## It gets a new contact")
    record = await story.directory.read(partner, editor)
    (desk,) = record["contact_points"]
    story.call(desk["id"], "{desk}")
    person = {
        "kind": "person",
        "name": "A. Officer",
        "purposes": ["research"],
        "channels": [{"kind": "email", "value": "officer@secu.example"}],
    }
    answer = await story.ask(
        "Its editor",
        editor,
        "PATCH",
        f"/partners/{partner}",
        {"contact_points": [{name: desk[name] for name in desk if desk[name]}, person]},
        shown=("version",),
        if_match=3,
    )
    officer = answer.json()["contact_points"][1]["id"]
    story.call(officer, "{officer}")
    path = f"/partners/{partner}/contact-points/{officer}/confirmation"
    await story.ask("Its editor again", editor, "POST", path, shown=("version",), status=202)
    link = await link_mailed(story.directory, partner)
    token = link.rpartition("/")[2]
    story.call(token, "{token}")
    story.say("The officer is mailed a link, opens its page, and says there that it is right.")
    await story.directory.client.post(link, data={"answer": "reached"})
    await story.ask("The officer's link", nobody, "GET", f"/confirmations/{token}")
    story.say("A person without recorded consent is for members; the public sees the desk alone.")
    shown = await story.directory.read(partner)
    assert [point["kind"] for point in shown["contact_points"]] == ["service_desk"]
    await story.ask("Anybody", nobody, "GET", f"/partners/{partner}?fields=contact_points.kind")


async def _is_disputed(
    story: Telling, nobody: dict[str, str], secretariat: dict[str, str], partner: str
) -> None:
    story.say("## Somebody says that it is wrong")
    await story.ask(
        "Anybody",
        nobody,
        "POST",
        f"/partners/{partner}/disputes",
        {"reason": "Mail to the desk comes back."},
        shown=("reason", "closed_at"),
        status=201,
    )
    await story.ask("Anybody", nobody, "GET", f"/partners/{partner}?fields=assurance,flags")
    story.say("The secretariat has the address mended, and assures the record anew.")
    await story.ask(
        "The secretariat",
        secretariat,
        "POST",
        f"/partners/{partner}/assurance",
        {"method": "e-mail"},
        shown=("version", "assurance", "flags"),
        if_match=7,
    )


async def _is_found_twice(
    story: Telling, nobody: dict[str, str], secretariat: dict[str, str], partner: str
) -> None:
    story.say("## It is found twice, and merged")
    story.say("A list from elsewhere has it under another name. The answer warns at once.")
    answer = await story.ask(
        "The secretariat",
        secretariat,
        "POST",
        "/partners",
        {
            "level": "local",
            "names": [{"value": "The Severn Estuary Crime Unit (SECU)", "kinds": ["display"]}],
            "country": "GB",
            "external_ids": [{"scheme": "wikidata", "value": "Q00000001"}],
        },
        shown=("id", "possible_duplicates"),
        status=201,
    )
    twin = answer.json()["id"]
    story.call(twin, "{twin}")
    merged = await story.ask(
        "The secretariat",
        secretariat,
        "POST",
        "/partners/merge",
        {"from": twin, "into": partner, "reason": "the same unit"},
        shown=("version", "names", "external_ids", "former_ids"),
    )
    assert merged.json()["former_ids"] == [twin]
    await story.ask("Anybody", nobody, "GET", f"/partners/{twin}", status=308)
    story.say("For 30 days the merge can be undone: [merging.md](merging.md).")


async def _closes(
    story: Telling, nobody: dict[str, str], secretariat: dict[str, str], partner: str
) -> None:
    story.say("## It closes, with a successor")
    successor = await story.directory.create("Bristol Channel Crime Unit", level="local")
    story.call(successor["id"], "{successor}")
    story.say(
        "A body that has ceased is not withdrawn: it was there, and people look for it. It becomes "
        "`inactive`, and names who took over."
    )
    await story.ask(
        "The secretariat",
        secretariat,
        "PATCH",
        f"/partners/{partner}?reason=merged%20forces",
        {
            "status": "inactive",
            "relationships": [{"kind": "successor", "partner_id": successor["id"]}],
        },
        shown=("version", "status", "relationships"),
        if_match=await _version(story, partner),
    )
    await story.ask(
        "Anybody", nobody, "GET", f"/partners/{successor['id']}?fields=names,relationships"
    )
    story.say("## What is left of it")
    story.say("The whole year, told backwards to those who keep the record:")
    answer = await story.directory.client.get(f"/partners/{partner}/history", headers=secretariat)
    story.lines += ["| version | event | who | why |", "|---|---|---|---|"]
    story.lines += [
        f"| {one['version']} | `{one['event']}` | {one['actor']['role'] or 'nobody'} "
        f"| {one['reason'] or ''} |"
        for one in answer.json()["items"]
    ]
    story.say("")
