"""Any partner that may be written, for tests of rules; and its record as a reader gets it."""

import unicodedata
import uuid
from typing import Any

from hypothesis import strategies as st

from services.directory.partner_write import PartnerWrite
from shared.audience import cut_partner
from shared.records import JsonObject
from shared.vocabulary import (
    ContactPointKind,
    ContactPurpose,
    Level,
    LinkKind,
    NameKind,
    PartnerStatus,
    RelationshipKind,
    Sector,
    TopicRole,
    Visibility,
)

_FIRST_MOMENT = "2026-01-31T09:30:00Z"
# Characters that formats give a meaning to come often.
_LETTERS = st.characters(
    codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co", "Zl", "Zp")
) | st.sampled_from(" ,;:|\"'=+-@\\#[]{}()<>&%\t\n".replace("\t", "").replace("\n", ""))


def texts(most: int = 40) -> st.SearchStrategy[str]:
    """One line of text as it is kept."""
    found = st.text(_LETTERS, min_size=1, max_size=most)
    kept = found.map(lambda text: unicodedata.normalize("NFC", text).strip())
    return kept.filter(lambda text: 0 < len(text) <= 100)


def long_texts() -> st.SearchStrategy[str]:
    """Several lines of text as they are kept."""
    return st.lists(texts(), min_size=1, max_size=3).map("\n".join)


languages = st.sampled_from(["en", "fr", "en-GB", "gd", "zh-Hant", "sgn-ase"])
urls = st.sampled_from(
    ["https://a.example/", "http://b.example/x?y=1&z=a,b;c", "https://c.example/%20#f|g"]
)
days = st.dates().map(lambda day: day.isoformat())


def _some(values: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, max_size=most)


def _choice(enum: Any) -> st.SearchStrategy[str]:
    return st.sampled_from([str(one.value) for one in enum])


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


_channels = st.one_of(
    st.fixed_dictionaries(
        {
            "kind": st.just("email"),
            "value": st.sampled_from(["a@b.example", "o'x+y@c.example"]),
            "preferred": st.booleans(),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("phone"),
            "value": st.sampled_from(["+442079460018", "+31702180000"]),
            "preferred": st.booleans(),
        }
    ),
    st.fixed_dictionaries({"kind": st.just("url"), "value": urls, "preferred": st.booleans()}),
    st.fixed_dictionaries({"kind": st.just("post"), "value": texts(), "preferred": st.booleans()}),
)


@st.composite
def contact_points(draw: st.DrawFn) -> JsonObject:
    """A contact point."""
    kind = draw(_choice(ContactPointKind))
    first, last = sorted(draw(st.tuples(days, days)))
    return {
        "id": str(draw(st.uuids())),
        "kind": kind,
        "purposes": draw(st.lists(_choice(ContactPurpose), min_size=1, max_size=3)),
        "name": draw(texts() if kind == "person" else _maybe(texts())),
        "title": draw(_maybe(texts())),
        "department": draw(_maybe(texts())),
        "channels": draw(st.lists(_channels, min_size=1, max_size=4)),
        "languages": draw(_some(languages)),
        "hours": draw(
            _maybe(st.fixed_dictionaries({"text": texts(), "time_zone": st.just("Europe/London")}))
        ),
        "procedure": draw(_maybe(long_texts())),
        "valid_from": draw(st.sampled_from([None, first])),
        "valid_to": draw(st.sampled_from([None, last])),
        "consent": draw(
            _maybe(st.fixed_dictionaries({"given_at": days, "reference": _maybe(texts())}))
        )
        if kind == "person"
        else None,
        "visibility": draw(_choice(Visibility)),
    }


def _different(values: list[Any], *fields: str) -> list[Any]:
    return list({tuple(value[field] for field in fields): value for value in values}.values())


@st.composite
def partners(draw: st.DrawFn) -> JsonObject:
    """All that may be written of a partner, as it is kept."""
    names = draw(
        _some(
            st.fixed_dictionaries(
                {
                    "value": texts(),
                    "kinds": st.lists(
                        _choice([kind for kind in NameKind if kind != NameKind.display]),
                        min_size=1,
                        max_size=3,
                    ),
                    "lang": _maybe(languages),
                }
            ),
            4,
        )
    )
    shown = {
        "value": draw(texts()),
        "kinds": draw(st.permutations(["display", "label"])),
        "lang": None,
    }
    ids = draw(
        _some(
            st.fixed_dictionaries(
                {
                    "scheme": st.sampled_from(["isni", "grid", "gb-chc", "fundref", "wikidata"]),
                    "value": texts(),
                    "preferred": st.booleans(),
                }
            ),
            5,
        )
    )
    ids = _different(ids, "scheme", "value")
    for number, given in enumerate(ids):
        earlier = {one["scheme"] for one in ids[:number] if one["preferred"]}
        given["preferred"] = given["preferred"] and given["scheme"] not in earlier
    lat, lon = draw(st.floats(-90, 90)), draw(st.floats(-180, 180))
    where = draw(st.booleans())
    values = {
        "level": draw(_choice(Level)),
        "sectors": draw(st.lists(_choice(Sector), max_size=3, unique=True)),
        "names": _different([*names, shown], "value", "lang"),
        "description": draw(st.dictionaries(languages, long_texts(), max_size=2)),
        "country": draw(st.sampled_from([None, "GB", "NL", "XK", "US"])),
        "areas": draw(
            _some(
                st.fixed_dictionaries(
                    {
                        "code": st.sampled_from([None, "GB-ENG", "NL"]),
                        "name": texts(),
                        "kind": _maybe(texts()),
                    }
                )
            )
        ),
        "location": draw(
            _maybe(
                st.fixed_dictionaries(
                    {
                        "lat": st.just(lat if where else None),
                        "lon": st.just(lon if where else None),
                        "place": _maybe(texts()),
                        "geonames_id": _maybe(st.integers(1, 2**53)),
                    }
                    # One that says nothing is no location.
                ).filter(lambda location: any(one is not None for one in location.values()))
            )
        ),
        "domains": draw(
            st.lists(st.sampled_from(["a.example", "xn--b-1ga.example", "c.xn--p1ai"]), unique=True)
        ),
        "links": draw(_some(st.fixed_dictionaries({"kind": _choice(LinkKind), "url": urls}))),
        "established": draw(_maybe(st.integers(1, 2200))),
        "status": draw(_choice([PartnerStatus.active, PartnerStatus.inactive])),
        "external_ids": ids,
        "topics": _different(
            draw(
                _some(
                    st.fixed_dictionaries(
                        {"topic_id": st.uuids().map(str), "role": _choice(TopicRole)}
                    )
                )
            ),
            "topic_id",
            "role",
        ),
        "relationships": _different(
            draw(
                _some(
                    st.fixed_dictionaries(
                        {"kind": _choice(RelationshipKind), "partner_id": st.uuids().map(str)}
                    )
                )
            ),
            "kind",
            "partner_id",
        ),
        "contact_points": _different(draw(_some(contact_points())), "id"),
        "visibility": draw(_choice(Visibility)),
    }
    return PartnerWrite.model_validate(values).model_dump(mode="json")


def record_of(values: JsonObject, partner_id: str | None = None) -> JsonObject:
    """The record of a partner with these values, as the secretariat reads it."""
    record = {
        "id": partner_id or str(uuid.uuid4()),
        "version": 3,
        "created_at": _FIRST_MOMENT,
        "modified_at": "2026-02-28T23:59:59.123456Z",
        **values,
        "topics": [
            {**topic, "notation": f"topic-{topic['topic_id'][:8]}"} for topic in values["topics"]
        ],
        "relationships": [
            {**tie, "name": f"Partner {tie['partner_id'][:8]}", "visibility": "public"}
            for tie in values["relationships"]
        ],
        "contact_points": [
            {**point, "verification": {"status": "unverified", "at": None, "method": None}}
            for point in values["contact_points"]
        ],
        "assurance": {
            "status": "unverified",
            "assured_at": None,
            "assured_by": None,
            "method": None,
            "next_review_at": None,
        },
        "successor_id": None,
        "former_ids": [],
        "flags": [],
    }
    whole = cut_partner(record, Visibility.secretariat)
    assert whole is not None
    return whole
