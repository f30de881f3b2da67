"""What a reader of a format makes of one record, before anything is asked of the database."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.records import JsonObject
from shared.vocabulary import RelationshipKind


class UnreadableRecord(ValueError):
    """A record that is not what its format says; the message tells what to mend, and where."""


@dataclass(frozen=True, slots=True)
class ForeignTie:
    """A relationship to a partner that is named by an identifier in another registry."""

    kind: RelationshipKind
    scheme: str
    value: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """One record of a file.

    `values` is what `PartnerWrite` is made of, not checked yet; fields that are left out keep what
    the partner has. `source_values` is what our record has no place for and the format wants back.
    """

    values: JsonObject
    ties: tuple[ForeignTie, ...] = ()
    source_values: JsonObject | None = field(default=None)
    partner_id: str | None = None
    """The partner's id in this directory, where the format has it."""
    only_when_new: frozenset[str] = frozenset()
    """Fields of `values` that the format only guesses: a partner that is there keeps its own."""
    combine: Mapping[str, Callable[[Any, Any], Any]] = field(default_factory=dict)
    """By field, what becomes of what the format says and what a partner that is there has."""

    def over(self, current: JsonObject) -> JsonObject:
        """What is to be written of a partner that is there, and now has the values `current`."""
        return {
            name: self.combine[name](value, current[name]) if name in self.combine else value
            for name, value in self.values.items()
            if name not in self.only_when_new
        }


def besides(cannot_say: Callable[[JsonObject], bool]) -> Callable[[Any, Any], Any]:
    """The list that the format gives, and behind it the partner's items that it cannot say."""
    return lambda said, has: [*said, *(item for item in has if cannot_say(item))]
