"""Records as a reader wants them: with chosen fields only, or with related records embedded."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, get_args
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.models import partner_table, topic_table
from shared.problems import FieldError, InvalidValues
from shared.records import JsonObject, Partner
from shared.vocabulary import Visibility

MAX_EMBEDDED = 500
"""How many different records one answer embeds at most."""


class RecordVariant(BaseModel):
    """A record with the fields only that `fields` names, or with those in it that `expand` names.

    Each field is as in the record itself; a part of a record that was chosen within has some of
    its fields, and one in which a record is embedded has one more.
    """

    model_config = ConfigDict(extra="allow")


class VariantPage(BaseModel):
    """A page of records with chosen fields, or with related records in them."""

    items: list[RecordVariant] = Field(description="The records.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


@dataclass(frozen=True, slots=True)
class _Embedding:
    """Where a record names another one, and as what that is put beside the name."""

    within: str | None
    id_field: str
    field: str
    of_topics: bool = False


_EMBEDDINGS = {
    "relationships.partner": _Embedding("relationships", "partner_id", "partner"),
    "successor": _Embedding(None, "successor_id", "successor"),
    "topics": _Embedding("topics", "topic_id", "topic", of_topics=True),
}

Fields = Annotated[
    str | None,
    Query(
        max_length=1_000,
        description="Only these fields, parted by commas; a dot chooses within a field.",
        examples=["id,names,contact_points.channels"],
    ),
]
Expand = Annotated[
    str | None,
    Query(
        max_length=100,
        description="Embed related records as you may see them, parted by commas: "
        f"{', '.join(f'`{name}`' for name in _EMBEDDINGS)}. What you may not see is null.",
        examples=["relationships.partner,topics"],
    ),
]


@dataclass(frozen=True, slots=True)
class Variant:
    """How a record is wanted."""

    fields: dict[str, set[str] | None] | None
    """Fields to show, each with its parts or, whole, with None; None for all fields."""
    expand: tuple[_Embedding, ...]
    asked: str

    def etag(self, version: int) -> str:
        """The entity tag of a record at `version` in this variant, which embeds nothing."""
        return f'"{version}-{hashlib.blake2b(self.asked.encode(), digest_size=6).hexdigest()}"'


def _wrong(parameter: str, detail: str) -> InvalidValues:
    return InvalidValues(
        f"`{parameter}` {detail}",
        errors=[FieldError(pointer=f"/query/{parameter}", detail=detail)],
    )


def _part_of(annotation: Any) -> type[BaseModel] | None:
    """The model inside of a field's type: itself, of a list, or of what may be null."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_part_of(one) for one in get_args(annotation))
    return next((one for one in inner if one is not None), None)


def read_variant(
    fields: str | None, expand: str | None, record: type[BaseModel] = Partner
) -> Variant | None:
    """The variant that a reader of records of the model `record` asks for; None for the usual one.

    Raises:
        InvalidValues: a field or what is to be embedded is not there.
    """
    if fields is None and expand is None:
        return None
    embeddings = []
    for name in dict.fromkeys(expand.split(",")) if expand is not None else ():
        if name.strip() not in _EMBEDDINGS:
            raise _wrong("expand", f"can embed {', '.join(_EMBEDDINGS)}, not {name!r}.")
        embeddings.append(_EMBEDDINGS[name.strip()])
    chosen = None if fields is None else _chosen(fields, record, embeddings)
    return Variant(chosen, tuple(embeddings), f"{fields} {expand}")


def _chosen(
    fields: str, record: type[BaseModel], embeddings: list[_Embedding]
) -> dict[str, set[str] | None]:
    embedded = {(one.within, one.field) for one in embeddings}
    chosen: dict[str, set[str] | None] = {}
    for name in (one.strip() for one in fields.split(",")):
        outer, _, inner = name.partition(".")
        known = [*record.model_fields, *(field for within, field in embedded if within is None)]
        if outer not in known:
            raise _wrong("fields", f"can name {', '.join(known)}, not {name!r}.")
        if not inner and name == outer:
            chosen[outer] = None
            continue
        field = record.model_fields.get(outer)
        part = _part_of(field.annotation) if field is not None else None
        if part is None:
            raise _wrong("fields", f"cannot choose within {outer}; name it whole.")
        parts = [*part.model_fields, *(field for within, field in embedded if within == outer)]
        if inner not in parts:
            raise _wrong("fields", f"can name {', '.join(parts)} in {outer}, not {inner!r}.")
        if (inners := chosen.setdefault(outer, set())) is not None:
            inners.add(inner)
    return chosen


async def in_variant(
    session: AsyncSession, items: list[bytes], variant: Variant, audience: Visibility
) -> list[bytes]:
    """The finished `items` as `variant` wants them; what is embedded is cut to `audience`.

    Raises:
        InvalidValues: more records would be embedded than one answer may hold.
    """
    records: list[JsonObject] = [orjson.loads(item) for item in items]
    for embedding in variant.expand:
        await _embed(session, records, embedding, audience)
    if variant.fields is not None:
        records = [_picked(record, variant.fields) for record in records]
    return [orjson.dumps(record) for record in records]


def _holders(records: Iterable[JsonObject], embedding: _Embedding) -> Iterator[JsonObject]:
    """The objects in which other records are named."""
    for record in records:
        yield from (record,) if embedding.within is None else record[embedding.within]


async def _embed(
    session: AsyncSession, records: list[JsonObject], embedding: _Embedding, audience: Visibility
) -> None:
    named = {
        UUID(holder[embedding.id_field])
        for holder in _holders(records, embedding)
        if holder[embedding.id_field] is not None
    }
    if len(named) > MAX_EMBEDDED:
        raise _wrong(
            "expand",
            f"would embed {len(named)} records here, {MAX_EMBEDDED} are possible. Ask for fewer "
            "records at a time with `limit`, or read the others with GET /partners?ids=.",
        )
    table = topic_table if embedding.of_topics else partner_table
    shown = table.c.rendered if embedding.of_topics else table.c[audience.value]
    rows = await session.execute(select(table.c.id, shown).where(table.c.id.in_(named)))
    found = {str(row[0]): row[1] for row in rows}
    for holder in _holders(records, embedding):
        rendered = found.get(holder[embedding.id_field])
        holder[embedding.field] = None if rendered is None else orjson.Fragment(rendered)


def _picked(record: JsonObject, fields: dict[str, set[str] | None]) -> JsonObject:
    return {
        name: record[name] if parts is None else _parts(record[name], parts)
        for name, parts in fields.items()
    }


def _parts(value: Any, names: set[str]) -> Any:
    if isinstance(value, list):
        return [_parts(one, names) for one in value]
    if isinstance(value, dict):
        return {name: inner for name, inner in value.items() if name in names}
    return value
