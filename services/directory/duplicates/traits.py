"""What of a partner's record is compared with others': names as words, hosts, pages, place, year.

Relationships are no part of it: that somebody has said who followed on whom must not decide whether
two records look alike.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.folding import folded_name, words_of
from shared.records import JsonObject
from shared.vocabulary import PartnerStatus

# More names than this are compared with no gain: the records that have more name one body in as
# many languages.
MAX_NAMES = 15
# A bracket at the end qualifies a name: a country, a place, its own short form.
_QUALIFIER = re.compile(r"\s*[(（][^()（）]*[)）]\s*$")
_LITTLE_WORDS = frozenset(
    words_of(
        "a an and at d da das de dei del della den der des di die do dos du e el et for fur i in l "
        "la las le les los na of och on per s the til to u un une und van von voor y"
    )
)
# Second-level labels under which a country's registry lets anybody have a name, as ac.uk or com.br.
_REGISTRY_LABELS = frozenset(
    words_of("ac co com edu go gob gouv gov govt ltd mil ne net nhs nom or org re res sch")
)

Words = frozenset[str]


@dataclass(frozen=True, slots=True)
class Traits:
    """What is compared of one partner."""

    names: tuple[Words, ...]
    acronyms: frozenset[str]
    hosts: frozenset[str]
    sites: frozenset[str]
    pages: frozenset[str]
    identifiers: frozenset[str]
    country: str | None
    place: str | None
    position: tuple[float, float] | None
    established: int | None
    ceased: bool


def _telling_words(name: str) -> Words:
    """The words of a name without its qualifier and little words; all where none is left."""
    words = words_of(_QUALIFIER.sub("", name)) or words_of(name)
    return frozenset(word for word in words if word not in _LITTLE_WORDS) or frozenset(words)


def site_of(host: str) -> str:
    """The part of a host name that somebody has registered: `crim.ox.ac.uk` is of `ox.ac.uk`."""
    labels = host.split(".")
    if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _REGISTRY_LABELS:
        return ".".join(labels[-3:])
    return ".".join(labels[-2:])


def _host_of(url: str) -> str | None:
    host = (urlsplit(url).hostname or "").lower().removeprefix("www.")
    return host or None


def _hosts_of(content: JsonObject) -> frozenset[str]:
    hosts = {str(domain).removeprefix("www.") for domain in content["domains"]}
    for link in content["links"]:
        if link["kind"] == "website" and (host := _host_of(link["url"])):
            hosts.add(host)
    return frozenset(hosts)


def _pages_of(content: JsonObject) -> frozenset[str]:
    """Pages that are about the body as such, in one spelling."""
    return frozenset(
        link["url"].partition("://")[2].rstrip("/").lower()
        for link in content["links"]
        if link["kind"] == "wikipedia"
    )


def traits_of(content: JsonObject, country: str | None, status: str) -> Traits:
    """What is compared of a partner whose own values are `content`."""
    spelled = [name for name in content["names"] if name["kinds"] != ["acronym"]]
    short = [name for name in content["names"] if "acronym" in name["kinds"]]
    location = content["location"] or {}
    hosts = _hosts_of(content)
    place = location.get("geonames_id") or folded_name(location.get("place") or "")
    has_position = location.get("lat") is not None
    return Traits(
        names=tuple(
            dict.fromkeys(
                words for name in spelled[:MAX_NAMES] if (words := _telling_words(name["value"]))
            )
        ),
        acronyms=frozenset(folded_name(name["value"]) for name in short) - {""},
        hosts=hosts,
        sites=frozenset(site_of(host) for host in hosts),
        pages=_pages_of(content),
        identifiers=frozenset(
            f"{given['scheme']}:{''.join(filter(str.isalnum, given['value'].lower()))}"
            for given in content["external_ids"]
        ),
        country=country,
        place=str(place) if place else None,
        position=(location["lat"], location["lon"]) if has_position else None,
        established=content["established"],
        ceased=status == PartnerStatus.inactive.value,
    )


def traits_of_record(record: JsonObject) -> Traits | None:
    """What is compared of a whole record; None of one that is withdrawn: it is like nobody."""
    if record["status"] == PartnerStatus.withdrawn.value:
        return None
    return traits_of(record, record["country"], record["status"])
