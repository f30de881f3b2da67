"""Which deliveries a list has: what can be asked in the query of its address."""

from typing import Annotated, Literal

from pydantic import Field

from services.notify.models import DeliveryState
from services.notify.moments import Instant
from services.notify.patterns import UnknownEventPattern, check_patterns
from shared.paging import PageParameters
from shared.problems import FieldError, InvalidValues

_Order = Literal["newest", "oldest"]


class DeliveryParameters(PageParameters):
    """Which deliveries."""

    state: str | None = Field(
        default=None,
        max_length=100,
        description="Only those in this state: `pending`, `failed`, `delivered` or `dead`; several "
        "with commas.",
        examples=["failed,dead"],
    )
    event_type: str | None = Field(
        default=None,
        max_length=200,
        description="Only those of events of this type: a type, `noun.*` or `*`.",
        examples=["partner.*"],
    )
    subject: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]+$")] | None = Field(
        default=None, description="Only those about the record of this id."
    )
    since: Instant | None = Field(
        default=None, description="Only those created at this moment or later."
    )
    until: Instant | None = Field(default=None, description="Only those created before it.")
    order: _Order = Field(default="newest", description="Which of them come first.")

    def states(self) -> set[DeliveryState]:
        """The states asked for; none stands for all.

        Raises:
            InvalidValues: one is no state.
        """
        asked = [part for part in (self.state or "").split(",") if part]
        unknown = [part for part in asked if part not in set(DeliveryState)]
        if unknown:
            raise InvalidValues(
                f"{unknown[0]!r} is no state of a delivery. The states are "
                f"{', '.join(DeliveryState)}; several with commas.",
                errors=[FieldError(pointer="/query/state", detail="unknown")],
            )
        return {DeliveryState(part) for part in asked}

    def pattern(self) -> str | None:
        """The pattern of event types; None where all are wanted.

        Raises:
            UnknownEventPattern: it can match no event.
        """
        if self.event_type is None or self.event_type == "*":
            return None
        try:
            check_patterns([self.event_type])
        except UnknownEventPattern as unknown:
            errors = [FieldError(pointer="/query/event_type", detail="unknown")]
            raise UnknownEventPattern(unknown.detail, errors=errors) from None
        return self.event_type
