"""In which formats partners can be read, and which of them a reader has asked for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from services.directory.formats import csv_rows, hsds, ror
from services.directory.formats.json_ld import CONTEXT, write_json_ld
from services.directory.formats.ror_relationships import Neighbour
from services.directory.formats.vcard import write_vcards
from shared.problems import Problem
from shared.records import JsonObject
from shared.vocabulary import Visibility

JSON = "application/json"


class NotAcceptable(Problem):
    """The record cannot be given in a format that the reader accepts."""

    status, title, kind = 406, "There is no such format of this record", "not-acceptable"


def content_of(media_type: str) -> dict[str, Any]:
    """How an answer of `media_type` is described in OpenAPI; JSON is left open."""
    plain = media_type.partition(";")[0]
    return {plain: {"schema": {} if plain.endswith("json") else {"type": "string"}}}


@dataclass(frozen=True, slots=True)
class Beside:
    """What a format needs beside the record itself."""

    base: str
    """Our own public address."""
    source_values: JsonObject | None = None
    neighbours: list[Neighbour] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Representation:
    """A format in which partners are read, one or many."""

    extension: str
    media_type: str
    description: str
    write: Callable[[JsonObject, Beside], str]
    """One of many. Raises NotInRor where the format has no form of it."""
    head: Callable[[Visibility], str] = lambda _: ""
    between: str = ""
    tail: str = ""
    one: Callable[[str, Visibility], str] = lambda written, _: written
    """From one of many to one alone."""
    source_format: str | None = None
    """Whose source values it is made of."""
    as_rendered: bool = False
    """Whether it is the record as it is kept, line by line."""

    @property
    def content(self) -> dict[str, Any]:
        """Its part of an answer's description in OpenAPI."""
        return content_of(self.media_type)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _csv_head(audience: Visibility) -> str:
    return csv_rows.csv_line(csv_rows.header(audience))


def _write_ror(record: JsonObject, beside: Beside) -> str:
    return _json(ror.write_ror(record, beside.source_values, beside.neighbours))


_CONTEXT = f'{{"@context":{_json(CONTEXT)},'
_ARRAY: dict[str, Any] = {"head": lambda _: "[\n", "between": ",\n", "tail": "\n]\n"}
_ROR_TYPE = "application/vnd.ror.v2+json"

REPRESENTATIONS: dict[str, Representation] = {
    one.extension: one
    for one in (
        Representation(
            "ndjson",
            "application/x-ndjson",
            "One record a line.",
            lambda record, _: f"{_json(record)}\n",
            as_rendered=True,
        ),
        Representation(
            "csv",
            "text/csv; charset=utf-8",
            "One row a partner.",
            lambda record, _: csv_rows.csv_line(csv_rows.write_row(record)),
            head=_csv_head,
            one=lambda written, audience: _csv_head(audience) + written,
        ),
        Representation(
            "ror.json",
            _ROR_TYPE,
            "An array of ROR records (schema v2.1); partners that ROR cannot have are left out.",
            _write_ror,
            source_format=ror.FORMAT,
            **_ARRAY,
        ),
        Representation(
            "ror.jsonl",
            "application/vnd.ror.v2+json-lines",
            "The same, one record a line.",
            lambda record, beside: f"{_write_ror(record, beside)}\n",
            source_format=ror.FORMAT,
        ),
        Representation(
            "hsds.json",
            "application/vnd.hsds.v3+json",
            "An array of HSDS 3.0 organizations.",
            lambda record, beside: _json(hsds.write_hsds(record, beside.source_values)),
            source_format=hsds.FORMAT,
            **_ARRAY,
        ),
        Representation(
            "jsonld",
            "application/ld+json",
            "JSON-LD in the words of schema.org and the Organization Ontology.",
            lambda record, beside: _json(write_json_ld(record, beside.base)),
            head=lambda _: f'{_CONTEXT}"@graph":[\n',
            between=",\n",
            tail="\n]}\n",
            one=lambda written, _: _CONTEXT + written[1:],
        ),
        Representation(
            "vcf",
            "text/vcard; charset=utf-8",
            "vCards 4.0.",
            lambda record, beside: write_vcards(record, f"{beside.base}/partners/{record['id']}"),
        ),
    )
}
"""By extension."""
OTHER_CONTENT = {kind: how for one in REPRESENTATIONS.values() for kind, how in one.content.items()}
"""What a partner can be read as beside JSON, for OpenAPI."""


@lru_cache(maxsize=256)
def negotiated(accept: str, offered: tuple[str, ...]) -> str:
    """Which of the media types `offered` an Accept header prefers; the first of equals.

    RFC 9110, section 12.5.1. Ranges that cannot be read are passed over.

    Raises:
        NotAcceptable: none of them.
    """
    ranges = [found for found in map(_range, accept.split(",")) if found is not None]
    if not ranges:
        return offered[0]
    best = max(offered, key=lambda media_type: _quality(media_type, ranges))
    if _quality(best, ranges) <= 0:
        raise NotAcceptable(
            f"There are {', '.join(offered)}. Accept one of them, or ask for the address with an "
            "extension, such as .csv.",
            media_types=list(offered),
        )
    return best


OFFERED = (JSON, *(one.media_type.partition(";")[0] for one in REPRESENTATIONS.values()))
_BY_TYPE = dict(zip(OFFERED[1:], REPRESENTATIONS.values(), strict=True))
# What most readers send, who take JSON.
_PLAIN = frozenset({"*/*", JSON, f"{JSON}, */*", f"{JSON}, text/plain, */*"})


def representation_for(accept: str | None) -> Representation | None:
    """The format that an Accept header asks for; None for our own JSON.

    Raises:
        NotAcceptable: there is none that it accepts.
    """
    if accept is None or accept in _PLAIN:
        return None
    return _BY_TYPE.get(negotiated(accept, OFFERED))


def _range(given: str) -> tuple[str, float] | None:
    media_range, *parameters = (part.strip().lower() for part in given.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = min(float(value), 1.0)
            except ValueError:
                return None
    return (media_range, quality) if media_range.count("/") == 1 else None


def _quality(media_type: str, ranges: list[tuple[str, float]]) -> float:
    """The quality of the most specific range that holds `media_type`."""
    family = media_type.partition("/")[0]
    for wanted in (media_type, f"{family}/*", "*/*"):
        for media_range, quality in ranges:
            if media_range == wanted:
                return quality
    return 0.0
