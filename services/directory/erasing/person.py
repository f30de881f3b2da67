"""Whose details are erased: the contact points that are one person's, and what they say of it."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from shared.folding import folded_name
from shared.records import JsonObject
from shared.vocabulary import ContactPointKind

ERASED = "[erased]"
# What is shorter stands in many texts without meaning the person.
_SHORTEST = 4
_NOTHING = r"(?!)"

Forms = Mapping[str, Sequence[JsonObject]]
"""What each contact point, by its id, has ever been."""


class Person:
    """What is to be forgotten: contact points, and what they say that others might repeat."""

    def __init__(self, forms: Forms) -> None:
        """`forms`: the contact points that go."""
        self.forms = forms
        every = [form for known in forms.values() for form in known]
        self._names = {folded_name(form["name"]) for form in every if _is_person(form)}
        self._emails = {value for form in every for value in _emails(form)}
        said = {channel["value"] for form in every for channel in form["channels"]}
        said |= {form["name"] for form in every if _is_person(form)}
        # The longest first: a part of a value must not be all of it that goes.
        found = sorted((re.escape(one) for one in said if len(one) >= _SHORTEST), key=len)[::-1]
        pattern = rf"(?<!\w)(?:{'|'.join(found)})(?!\w)" if found else _NOTHING
        self._said = re.compile(pattern, re.IGNORECASE)

    @property
    def ids(self) -> Collection[str]:
        """The contact points that go."""
        return self.forms.keys()

    def is_reached_by(self, point: JsonObject) -> bool:
        """Whether `point`, with or without an id, is one of them or another one of the person.

        A role or a desk is not the person, whoever sits there.
        """
        if point.get("id") in self.ids:
            return True
        if not _is_person(point):
            return False
        return folded_name(point["name"]) in self._names or not self._emails.isdisjoint(
            _emails(point)
        )

    def is_mentioned_in(self, text: str) -> bool:
        """Whether a name, an address or a number of the person stands in `text`."""
        return self._said.search(text) is not None

    def forgotten_in(self, value: Any) -> Any:
        """`value`, a text or JSON, with the person's name, addresses and numbers taken out."""
        match value:
            case str():
                return self._said.sub(ERASED, value)
            case list():
                return [self.forgotten_in(entry) for entry in value]
            case dict():
                return {name: self.forgotten_in(inner) for name, inner in value.items()}
            case _:
                return value

    def others_of(self, points: Iterable[JsonObject]) -> list[JsonObject]:
        """Those of `points` that are not the person's."""
        return [point for point in points if not self.is_reached_by(point)]


def person_of(point_id: str, known: Forms) -> Person | None:
    """The person whose contact point has `point_id`, by all that is `known` of its partners.

    None where no contact point of this id is known.
    """
    if point_id not in known:
        return None
    person = Person({point_id: known[point_id]})
    while True:
        reached = {
            one: forms
            for one, forms in known.items()
            if any(person.is_reached_by(form) for form in forms)
        }
        # What was found may have another address, by which still more is found.
        if len(reached) == len(person.forms):
            return person
        person = Person(reached)


def _is_person(point: JsonObject) -> bool:
    return bool(point["kind"] == ContactPointKind.person.value)


def _emails(point: JsonObject) -> set[str]:
    return {
        channel["value"].casefold() for channel in point["channels"] if channel["kind"] == "email"
    }
