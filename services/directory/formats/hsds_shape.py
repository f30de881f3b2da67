"""The shape of an HSDS 3.0 organisation, as far as reading depends on it."""

from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter
from typing_extensions import TypedDict

from services.directory.formats.shapes import check_shape


def _as_uuid(given: str) -> str:
    try:
        UUID(given)
    except ValueError as error:
        raise ValueError("must be a UUID") from error
    return given


_Id = Annotated[str, AfterValidator(_as_uuid)]
_Text = Annotated[str, StringConstraints(min_length=1)]
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Words = str | None


class _Language(TypedDict):
    code: NotRequired[_Words]


class _Phone(TypedDict):
    number: _Text
    languages: NotRequired[list[_Language] | None]


class _Term(TypedDict):
    code: NotRequired[_Words]
    taxonomy: NotRequired[_Words]


class _Attribute(TypedDict):
    taxonomy_term: NotRequired[_Term | None]


class _Contact(TypedDict):
    id: _Id
    name: NotRequired[_Words]
    title: NotRequired[_Words]
    department: NotRequired[_Words]
    email: NotRequired[_Words]
    phones: NotRequired[list[_Phone] | None]
    attributes: NotRequired[list[_Attribute] | None]


class _Address(TypedDict):
    city: NotRequired[_Words]
    country: NotRequired[_Words]


class _Location(TypedDict):
    location_type: Literal["physical", "postal", "virtual"]
    name: NotRequired[_Words]
    latitude: NotRequired[_Number | None]
    longitude: NotRequired[_Number | None]
    external_identifier: NotRequired[_Words]
    external_identifier_type: NotRequired[_Words]
    addresses: NotRequired[list[_Address] | None]


class _Identifier(TypedDict):
    identifier_scheme: NotRequired[_Words]
    identifier_type: _Text
    identifier: _Text


class _Organization(TypedDict):
    id: _Id
    name: _Text
    description: str
    alternate_name: NotRequired[_Words]
    email: NotRequired[_Words]
    website: NotRequired[_Words]
    year_incorporated: NotRequired[_Number | None]
    parent_organization_id: NotRequired[_Id | None]
    contacts: NotRequired[list[_Contact] | None]
    phones: NotRequired[list[_Phone] | None]
    locations: NotRequired[list[_Location] | None]
    organization_identifiers: NotRequired[list[_Identifier] | None]


_SHAPE: TypeAdapter[Any] = TypeAdapter(_Organization)


def check_hsds(record: Any) -> None:
    """Nothing, where `record` has the shape of an organisation.

    Raises:
        UnreadableRecord: it has not.
    """
    check_shape(_SHAPE, record, "an organization of HSDS 3.0")
