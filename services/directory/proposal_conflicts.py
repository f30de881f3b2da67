"""A proposed change against the version it was based on and the one that is current.

Plain functions of what is written of a partner: `base`, `current`, and a merge patch.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from services.directory.entries import IDENTITY
from shared.audience import cut_partner
from shared.records import JsonObject
from shared.vocabulary import Visibility

# Lists of which a reader may see some entries only.
_CUT_LISTS = ("contact_points", "relationships")


@dataclass(frozen=True, slots=True)
class Conflict:
    """A value that has changed since the proposal was made, and is proposed to be another."""

    field: str
    base: Any
    current: Any
    proposed: Any


def conflicts(base: JsonObject, current: JsonObject, patch: JsonObject) -> list[Conflict]:
    """Where what is proposed meets what somebody else has changed meanwhile, field by field."""
    return list(_conflicts("", base, current, patch))


def _conflicts(path: str, base: Any, current: Any, patch: JsonObject) -> Iterator[Conflict]:
    had, has = (value if isinstance(value, dict) else {} for value in (base, current))
    for name, proposed in patch.items():
        field = f"{path}{name}"
        was, now = had.get(name), has.get(name)
        if isinstance(proposed, dict):
            yield from _conflicts(f"{field}.", was, now, proposed)
        elif now not in (was, proposed):
            yield Conflict(field, was, now, proposed)


def without_fields(patch: JsonObject, kept: Collection[str], path: str = "") -> JsonObject:
    """`patch` without the fields that are to stay as they are."""
    rest: JsonObject = {}
    for name, proposed in patch.items():
        field = f"{path}{name}"
        if field in kept:
            continue
        if isinstance(proposed, dict):
            rest[name] = without_fields(proposed, kept, f"{field}.")
        else:
            rest[name] = proposed
    return rest


def with_unseen(patch: JsonObject, record: JsonObject, audience: str) -> JsonObject:
    """`patch` with the entries of lists that its author could not see in `record`.

    Who replaces a list of which some entries are hidden does not mean to remove those; nor what is
    hidden within an entry, such as where a person's consent is kept.
    """
    seen = cut_partner(record, Visibility(audience))
    if seen is None:
        return patch
    whole = dict(patch)
    for field in _CUT_LISTS:
        identity = IDENTITY[field]
        if isinstance(proposed := patch.get(field), list):
            shown = {_key(one, identity): one for one in seen[field]}
            real = {_key(one, identity): one for one in record[field]}
            whole[field] = [_restored(one, shown, real, identity) for one in proposed]
            for place, (key, one) in enumerate(real.items()):
                if key not in shown:
                    whole[field].insert(place, one)
    return whole


def _key(entry: Any, identity: tuple[str, ...]) -> Any:
    return tuple(entry.get(part) for part in identity) if isinstance(entry, dict) else None


def _restored(
    entry: Any, shown: dict[Any, Any], real: dict[Any, Any], identity: tuple[str, ...]
) -> Any:
    key = _key(entry, identity)
    if key not in real or key not in shown:
        return entry
    return {
        **entry,
        **{
            name: real[key][name]
            for name in entry
            if name in real[key] and entry[name] == shown[key][name]
        },
    }
