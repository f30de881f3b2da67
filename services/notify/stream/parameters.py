"""What can be asked of the live stream in the query of its address: the filters of webhooks."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.notify.patterns import UnknownEventPattern, check_patterns
from services.notify.webhooks.readings import WebhookFilters
from shared.problems import FieldError, InvalidValues

_MOST_PATTERNS = 50
_Values = Annotated[str | None, Field(max_length=16_000)]


class StreamParameters(BaseModel):
    """Which events, and behind which one to begin."""

    model_config = ConfigDict(extra="forbid")

    event_types: _Values = Field(
        default=None,
        description="Types of events, `noun.*` or `*`, with commas; left out: all.",
        examples=["partner.created,partner.updated"],
    )
    level: _Values = Field(
        default=None,
        description="Levels of the partner, with commas: any of them will do.",
        examples=["local,national"],
    )
    sector: _Values = Field(
        default=None, description="Sectors of the partner, with commas.", examples=["academia"]
    )
    topic: _Values = Field(
        default=None,
        description="Topics, by id or notation, with commas: what is about one of them, or about "
        "one that is narrower.",
        examples=["cyber-crime"],
    )
    country: _Values = Field(
        default=None,
        description="Countries of the partner (ISO 3166-1 alpha-2), with commas.",
        examples=["GB,IE"],
    )
    record_ids: _Values = Field(default=None, description="Ids of partners or topics, with commas.")
    last_event_id: str | None = Field(
        default=None,
        max_length=100,
        description="The same as the header Last-Event-ID, for clients that cannot set it. The "
        "header counts if both are there.",
        examples=["4711"],
    )
    log_id: str | None = Field(
        default=None,
        max_length=100,
        description="The log that `last_event_id` is a place in: `X-Log-Id` of the export, or "
        "`log_id` of GET /changes. If it is another one by now, you are sent `reset`.",
    )

    def patterns(self) -> list[str]:
        """The types asked for; none stands for all.

        Raises:
            InvalidValues: they are too many.
            UnknownEventPattern: one can match no event.
        """
        found = _parts(self.event_types)
        where = "/query/event_types"
        if len(found) > _MOST_PATTERNS:
            raise InvalidValues(
                f"Name at most {_MOST_PATTERNS} types; `noun.*` stands for all of a noun.",
                errors=[FieldError(pointer=where, detail=f"more than {_MOST_PATTERNS}")],
            )
        try:
            check_patterns(found)
        except UnknownEventPattern as unknown:
            errors = [FieldError(pointer=where, detail="unknown") for _ in unknown.errors]
            raise UnknownEventPattern(unknown.detail, errors=errors) from None
        return found

    def filters(self) -> Mapping[str, list[str]]:
        """The filters that ask for something.

        Raises:
            InvalidValues: a value is none of its field.
        """
        asked = {name: _parts(getattr(self, name)) for name in WebhookFilters.model_fields}
        try:
            return WebhookFilters.model_validate(asked).asked()
        except ValidationError as invalid:
            errors = [
                FieldError(pointer=f"/query/{error['loc'][0]}", detail=str(error["msg"]))
                for error in invalid.errors()
            ]
            raise InvalidValues(
                f"{len(errors)} value(s) are not acceptable; `errors` lists them. "
                f"First: {errors[0].pointer}: {errors[0].detail}.",
                errors=errors[:100],
            ) from None


def _parts(value: str | None) -> list[str]:
    return [part for part in (value or "").split(",") if part]
