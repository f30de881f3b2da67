"""Who may do what, and who sees what: tables of every endpoint and every value by every role."""

from typing import Any

import pytest

from services.directory.representations import REPRESENTATIONS
from services.directory.topic_forms import TOPIC_FORMS
from tests.served_directory import SERVICE_SECRET, ServedDirectory, a_partner

# They say nothing of anybody.
OF_NOBODY = {"/healthz", "/readyz", "/metrics"}
ROLES = ("nobody", "member", "editor", "other editor", "secretariat", "service")
ALL = dict.fromkeys(ROLES, 200)
TOPIC = {"notation": "audience-topic", "scheme": "theme", "pref_label": {"en": "Audience"}}
NOWHERE = "01890000-0000-7000-8000-000000000000"
PROPOSAL = {"kind": "create", "reason": "New.", "partner": a_partner("Proposed")}
A_METHOD = {"method": "telephone"}
NO_PAIR = {
    "a": "01890000-0000-7000-8000-000000000001",
    "b": "01890000-0000-7000-8000-000000000002",
    "reason": "They are two",
}


def _only(status: int, *roles: str) -> dict[str, int]:
    """Those of `roles` get `status`, nobody has to sign in first, the others may not."""
    others = {role: 403 for role in ROLES if role not in roles}
    return {**others, "nobody": 401, **dict.fromkeys(roles, status)}


# Each line: method, path, body, and what each role is answered. {open} and {hidden} are partners,
# the first public, the second for the secretariat only; `editor` edits both, one account each.
ENDPOINTS: list[tuple[str, str, Any, dict[str, int]]] = [
    ("GET", "/partners", None, ALL),
    *(("GET", f"/partners/export.{one}", None, ALL) for one in REPRESENTATIONS),
    ("GET", "/partners/{open}.{extension}", None, ALL),
    (
        "GET",
        "/partners/{hidden}.{extension}",
        None,
        {**dict.fromkeys(ROLES, 404), "secretariat": 200, "editor": 200},
    ),
    ("GET", "/partners/{open}", None, ALL),
    ("HEAD", "/partners/{open}", None, ALL),
    (
        "GET",
        "/partners/{hidden}",
        None,
        {**dict.fromkeys(ROLES, 404), "secretariat": 200, "editor": 200},
    ),
    ("POST", "/partners", a_partner("By somebody"), _only(201, "secretariat")),
    (
        "POST",
        "/partners/batch",
        {"operations": [{"operation": "patch", "id": "x"}]},
        _only(200, "secretariat", "editor", "other editor"),
    ),
    ("PUT", "/partners/{open}", a_partner("Open"), _only(412, "secretariat", "editor")),
    ("PATCH", "/partners/{open}", {"established": 1}, _only(412, "secretariat", "editor")),
    (
        "PATCH",
        "/partners/{hidden}",
        {"established": 1},
        {**dict.fromkeys(ROLES, 404), "nobody": 401, "secretariat": 412, "editor": 412},
    ),
    ("DELETE", "/partners/{open}", None, _only(412, "secretariat")),
    ("POST", "/partners/{open}/assurance", A_METHOD, _only(412, "secretariat")),
    ("GET", "/partners/{open}?at=1", None, _only(200, "secretariat", "editor")),
    ("GET", "/partners/{open}/history", None, _only(200, "secretariat", "editor")),
    (
        "GET",
        "/partners/{hidden}/history",
        None,
        {**dict.fromkeys(ROLES, 404), "nobody": 401, "secretariat": 200, "editor": 200},
    ),
    (
        "POST",
        "/partners/{open}/restore",
        {"version": 1},
        _only(412, "secretariat", "editor"),
    ),
    (
        "POST",
        "/partners/merge",
        {"from": NOWHERE, "into": NOWHERE},
        _only(422, "secretariat"),
    ),
    ("GET", "/partners/merges", None, _only(200, "secretariat")),
    ("GET", "/partners/merges/{nothing}", None, _only(404, "secretariat")),
    ("POST", "/partners/merges/{nothing}/undo", None, _only(404, "secretariat")),
    (
        "POST",
        "/partners/{open}/contact-points/{nothing}/verification",
        {"status": "verified", "method": "telephone"},
        _only(412, "secretariat", "editor"),
    ),
    (
        "POST",
        "/partners/{open}/contact-points/{nothing}/confirmation",
        None,
        _only(404, "secretariat", "editor"),
    ),
    (
        "POST",
        "/contact-points/bounces",
        {"confirmation_id": NOWHERE},
        _only(404, "service"),
    ),
    ("GET", "/confirmations/{nothing}", None, dict.fromkeys(ROLES, 404)),
    ("POST", "/confirmations/{nothing}", None, dict.fromkeys(ROLES, 422)),
    ("POST", "/partners/{open}/disputes", {"reason": "Moved."}, dict.fromkeys(ROLES, 201)),
    (
        "POST",
        "/partners/{hidden}/disputes",
        {"reason": "Moved."},
        {**dict.fromkeys(ROLES, 404), "secretariat": 201, "editor": 201},
    ),
    (
        "POST",
        "/partners/{open}/contact-points/{nothing}/erasure",
        None,
        _only(404, "secretariat"),
    ),
    ("GET", "/partners/{open}/disputes", None, _only(200, "secretariat", "editor")),
    (
        "POST",
        "/partners/{open}/disputes/{nothing}/close",
        {"outcome": "Looked."},
        _only(404, "secretariat"),
    ),
    ("POST", "/proposals", PROPOSAL, dict.fromkeys(ROLES, 201)),
    ("GET", "/proposals", None, {**ALL, "nobody": 401}),
    ("GET", "/proposals/{nothing}", None, {**dict.fromkeys(ROLES, 404), "nobody": 401}),
    (
        "POST",
        "/proposals/{nothing}/comments",
        {"text": "Why?"},
        {**dict.fromkeys(ROLES, 404), "nobody": 401},
    ),
    (
        "POST",
        "/proposals/{nothing}/apply",
        {},
        {**dict.fromkeys(ROLES, 404), "nobody": 401},
    ),
    (
        "POST",
        "/proposals/{nothing}/discard",
        {"outcome": "No."},
        {**dict.fromkeys(ROLES, 404), "nobody": 401},
    ),
    ("GET", "/partners/duplicates", None, _only(200, "secretariat")),
    ("POST", "/partners/duplicates/dismissals", NO_PAIR, _only(404, "secretariat")),
    ("DELETE", "/partners/duplicates/dismissals/{open}", None, _only(404, "secretariat")),
    ("POST", "/imports?format=ndjson", a_partner("Loaded"), _only(202, "secretariat")),
    ("GET", "/imports", None, _only(200, "secretariat")),
    ("GET", "/imports/{nothing}", None, _only(404, "secretariat")),
    ("GET", "/imports/{nothing}/report", None, _only(404, "secretariat")),
    ("DELETE", "/imports/{nothing}", None, _only(404, "secretariat")),
    ("GET", "/topics", None, ALL),
    ("GET", "/topics/export.ndjson", None, ALL),
    *(("GET", f"/topics/export.{one}", None, ALL) for one in TOPIC_FORMS),
    ("GET", "/topics/{topic}.{topic_extension}", None, ALL),
    ("GET", "/topics/{topic}", None, ALL),
    ("POST", "/topics", TOPIC, _only(409, "secretariat")),
    ("PUT", "/topics/{topic}", TOPIC, _only(412, "secretariat")),
    ("PATCH", "/topics/{topic}", {}, _only(412, "secretariat")),
    ("GET", "/changes", None, ALL),
    ("GET", "/event-schemas/{event_type}", None, ALL),
    ("GET", "/accounts", None, _only(200, "secretariat")),
    ("POST", "/accounts", {"name": "n", "role": "member"}, _only(201, "secretariat")),
    ("GET", "/accounts/{account}", None, _only(200, "secretariat", "service")),
    ("PATCH", "/accounts/{account}", {"name": "n"}, _only(412, "secretariat")),
    ("POST", "/accounts/{account}/secrets", None, _only(201, "secretariat")),
    ("DELETE", "/accounts/{account}/secrets/{open}", None, _only(404, "secretariat")),
    ("DELETE", "/accounts/{account}", None, _only(204, "secretariat")),
    ("POST", "/oauth/token", None, dict.fromkeys(ROLES, 422)),
    ("GET", "/.well-known/oauth-authorization-server", None, ALL),
    ("GET", "/.well-known/jwks.json", None, ALL),
]


class Cast:
    """A directory with a public and a hidden partner, and an account of each role."""

    def __init__(self, directory: ServedDirectory) -> None:
        self.directory = directory
        self.ids: dict[str, str] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.editor_of_hidden: dict[str, str] = {}

    async def come(self) -> None:
        """Make everybody, once for a module."""
        directory = self.directory
        secretariat = await directory.signed_in()
        self.ids["open"] = (await directory.create("Open"))["id"]
        self.ids["hidden"] = (await directory.create("Hidden", visibility="secretariat"))["id"]
        topic = await directory.client.post("/topics", json=TOPIC, headers=secretariat)
        self.ids["topic"] = topic.json()["id"]
        account = await directory.client.post(
            "/accounts", json={"name": "n", "role": "member"}, headers=secretariat
        )
        self.ids["account"] = account.json()["id"]
        self.ids["nothing"] = NOWHERE
        self.ids["event_type"] = "partner.created"
        self.ids |= {"extension": "csv", "topic_extension": "ttl"}
        other = await directory.create("Elsewhere")
        self.editor_of_hidden = await directory.account("editor", self.ids["hidden"])
        self.headers = {
            "nobody": {},
            "member": await directory.account("member"),
            "editor": await directory.account("editor", self.ids["open"]),
            "other editor": await directory.account("editor", other["id"]),
            "secretariat": secretariat,
            "service": await directory.service(),
        }


@pytest.fixture(scope="module")
async def cast(directory: ServedDirectory) -> Cast:
    """Everybody."""
    made = Cast(directory)
    await made.come()
    return made


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    ENDPOINTS,
    ids=[f"{method} {path}" for method, path, _, _ in ENDPOINTS],
)
async def test_each_role_may_do_what_the_table_says(
    cast: Cast, method: str, path: str, body: Any, expected: dict[str, int], role: str
) -> None:
    """A version that never was stands in If-Match, so that whoever may write is answered 412."""
    headers = cast.headers[role]
    if role == "editor" and "{hidden}" in path:
        headers = cast.editor_of_hidden
    answer = await cast.directory.client.request(
        method, path.format(**cast.ids), json=body, headers={**headers, "If-Match": '"99"'}
    )
    assert answer.status_code == expected[role], answer.text


async def test_the_table_has_every_endpoint(directory: ServedDirectory) -> None:
    """A new endpoint needs a line, in whichever part of the directory it is."""
    document = (await directory.client.get("/openapi.json")).json()
    routed = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        if path not in OF_NOBODY
        for method in operations
    }
    assert len(routed) > 50
    names = {
        "{partner_id}": ("{open}", "{hidden}"),
        "{topic_id}": ("{topic}",),
        "{extension}": ("{extension}", "{topic_extension}"),
        "{account_id}": ("{account}",),
        "{secret_id}": ("{open}",),
        "{merge_id}": ("{nothing}",),
        "{contact_point_id}": ("{nothing}",),
        "{token}": ("{nothing}",),
        "{dispute_id}": ("{nothing}",),
        "{proposal_id}": ("{nothing}",),
        "{dismissal_id}": ("{open}",),
        "{import_id}": ("{nothing}",),
    }

    def spellings(path: str) -> set[str]:
        paths = {path}
        for name, places in names.items():
            paths = {one.replace(name, place) for one in paths for place in places}
        return paths

    listed = {(method, path.partition("?")[0]) for method, path, _, _ in ENDPOINTS}
    missing = [
        (method, path)
        for method, path in routed
        if not any((method, spelling) in listed for spelling in spellings(path))
    ]
    assert missing == []


async def test_an_editor_changes_its_own_partner_even_if_only_the_secretariat_sees_it(
    cast: Cast,
) -> None:
    """What it may read whole it may also write."""
    record = await cast.directory.read(cast.ids["hidden"], cast.editor_of_hidden)
    answer = await cast.directory.patch(record, {"established": 1911}, cast.editor_of_hidden)
    assert answer.status_code == 200, answer.text


async def test_only_the_secretariat_relates_partners(cast: Cast) -> None:
    """An editor who sends other relationships is refused, because they change another record."""
    record = await cast.directory.read(cast.ids["open"], cast.headers["editor"])
    tie = {"kind": "related", "partner_id": cast.ids["hidden"]}
    answer = await cast.directory.patch(record, {"relationships": [tie]}, cast.headers["editor"])
    assert answer.status_code == 403
    assert await cast.directory.read(cast.ids["open"], cast.headers["editor"]) == record


async def test_the_services_own_secret_opens_no_write(directory: ServedDirectory) -> None:
    """Our services read; a secret that leaks from one of them changes nothing."""
    headers = await directory.signed_in(("services", SERVICE_SECRET))
    answer = await directory.client.post("/partners", json=a_partner("No"), headers=headers)
    assert answer.status_code == 403
