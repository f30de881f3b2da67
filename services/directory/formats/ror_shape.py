"""The shape of a ROR record (schema v2.1), as far as reading depends on it.

What our own record has a rule for (addresses, countries, lengths) is checked where it is written.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, StringConstraints, TypeAdapter
from typing_extensions import TypedDict

from services.directory.formats.shapes import check_shape

_RorId = Annotated[str, StringConstraints(pattern=r"^https://ror\.org/0[a-z0-9]{8}$")]
_Text = Annotated[str, StringConstraints(min_length=1)]
_Number = Annotated[float, Field(allow_inf_nan=False)]


class _Version(TypedDict):
    date: str
    schema_version: str


class _Admin(TypedDict):
    created: _Version
    last_modified: _Version


class _ExternalIds(TypedDict):
    type: Literal["fundref", "grid", "isni", "wikidata"]
    all: list[_Text]
    preferred: NotRequired[str | None]


class _Link(TypedDict):
    type: Literal["website", "wikipedia"]
    value: str


class _Details(TypedDict):
    name: _Text
    lat: NotRequired[_Number | None]
    lng: NotRequired[_Number | None]
    country_code: NotRequired[str | None]


class _Place(TypedDict):
    geonames_id: int
    geonames_details: _Details


class _Name(TypedDict):
    value: _Text
    types: Annotated[list[Literal["acronym", "alias", "label", "ror_display"]], Field(min_length=1)]
    lang: NotRequired[str | None]


class _Relationship(TypedDict):
    type: Literal["related", "parent", "child", "successor", "predecessor"]
    id: _RorId
    label: _Text


class _Record(TypedDict):
    id: _RorId
    admin: _Admin
    locations: Annotated[list[_Place], Field(min_length=1)]
    names: Annotated[list[_Name], Field(min_length=1)]
    status: Literal["active", "inactive", "withdrawn"]
    types: list[str]
    domains: NotRequired[list[str]]
    established: NotRequired[_Number | None]
    external_ids: NotRequired[list[_ExternalIds]]
    links: NotRequired[list[_Link]]
    relationships: NotRequired[list[_Relationship]]


_SHAPE: TypeAdapter[Any] = TypeAdapter(_Record)


def check_ror(record: Any) -> None:
    """Nothing, where `record` has the shape of a ROR record.

    Raises:
        UnreadableRecord: it has not.
    """
    check_shape(_SHAPE, record, "a record of ROR's schema v2")
