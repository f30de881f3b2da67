"""What it is worth that two records agree or differ: a score from 0 to 1, with its reasons.

Each comparison adds to the odds that the two are one body or takes from them, as in the theory of
record linkage (Fellegi and Sunter, 1969), and the sum becomes a score. The weights are natural
logarithms of odds, rounded; docs/decisions/duplicates-are-found-by-shared-keys.md says where they
are from. No other record scores higher against a record than one with the same values.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rapidfuzz.fuzz import ratio

from services.directory.duplicates.traits import Traits, Words

ReasonCode = Literal[
    "same_name",
    "similar_name",
    "same_acronym",
    "same_host",
    "same_site",
    "other_site",
    "same_identifier",
    "same_page",
    "same_place",
    "near",
    "far",
    "other_country",
    "same_year",
    "other_year",
    "one_has_ceased",
]
# What a comparison found, and what that adds to the odds.
_Found = tuple[ReasonCode, float]
# What a word of a name is worth.
Weigh = Callable[[str], float]

# What a pair has to make up for. At 0.5 a list of registry records is worth looking through.
_START = -5.0
# Names: equal ones are worth all three; others what is alike, and what of the shorter lies within.
_ALIKE, _WITHIN, _EQUAL = 1.9, 3.2, 1.8
# A name of common words only is worth this share of one with rare words in it.
_COMMON_SHARE, _RARE_AT = 0.6, 2.2
# A body that has ceased lives on under another name, so a name that differs says less.
_CEASED = 3.5
_IDENTIFIER, _PAGE, _ACRONYM = 3.3, 1.2, 1.3
_HOST, _SITE, _OTHER_SITE = 1.4, 1.1, -0.6
_SAME_PLACE, _NEAR, _FAR, _OTHER_COUNTRY = 0.9, 0.3, -0.2, -4.1
_SAME_YEAR, _OTHER_YEAR = 0.3, -0.3
_SPELLED_ALIKE = 85.0
_NEAR_KILOMETRES = 30.0
_EARTH_KILOMETRES = 6_371.0


@dataclass(frozen=True, slots=True)
class Likeness:
    """How likely two records are of one body, and the codes of what speaks for it or against."""

    score: float
    reasons: tuple[ReasonCode, ...]


def weight_of(commonness: int) -> float:
    """What a word is worth that `commonness` records have."""
    return 1.0 / (1.0 + math.log(max(1, commonness)))


def _mended(left: Words, right: Words, weigh: Weigh) -> float:
    """What words of `left` and `right` are worth that are one word spelled or bent in two ways."""
    free = set(right)
    worth = 0.0
    for word in sorted(left):
        if len(word) < 5 or not free:
            continue
        best = max(free, key=lambda other: (ratio(word, other), other))
        if ratio(word, best) >= _SPELLED_ALIKE:
            free.discard(best)
            worth += 0.9 * min(weigh(word), weigh(best))
    return worth


def _name_worth(left: Words, right: Words, weigh: Weigh, ceased: bool) -> float:
    """What it is worth that one body has the name `left` and the other the name `right`."""
    best = _ALIKE + _WITHIN + _EQUAL
    one = sum(map(weigh, left))
    if left == right:
        return best * _rarity(one)
    other = sum(map(weigh, right))
    shared = sum(map(weigh, left & right))
    # In one order, so that it is the same seen from either side.
    fewer, more = sorted((left - right, right - left), key=lambda only: (len(only), sorted(only)))
    if fewer:
        shared += _mended(fewer, more, weigh)
    if not shared:
        return 0.0
    alike = _ALIKE * shared * shared / (one * other)
    within = _WITHIN * min(1.0, shared / min(one, other))
    return min(best, alike + within + (_CEASED if ceased else 0.0)) * _rarity(
        min(shared, one, other)
    )


def _rarity(shared: float) -> float:
    return _COMMON_SHARE + (1 - _COMMON_SHARE) * min(1.0, shared / _RARE_AT)


def _kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    (lat, lon), (lat_2, lon_2) = (tuple(map(math.radians, place)) for place in (one, other))
    half = (
        math.sin((lat - lat_2) / 2) ** 2
        + math.cos(lat) * math.cos(lat_2) * math.sin((lon - lon_2) / 2) ** 2
    )
    return 2 * _EARTH_KILOMETRES * math.asin(math.sqrt(min(1.0, half)))


def _where(a: Traits, b: Traits) -> _Found | None:
    if a.country is not None and b.country is not None and a.country != b.country:
        return "other_country", _OTHER_COUNTRY
    if a.place is not None and a.place == b.place:
        return "same_place", _SAME_PLACE
    if a.position is None or b.position is None:
        return None
    if _kilometres(a.position, b.position) <= _NEAR_KILOMETRES:
        return "near", _NEAR
    return "far", _FAR


def _on_the_web(a: Traits, b: Traits) -> _Found | None:
    if a.hosts & b.hosts:
        return "same_host", _HOST
    if a.sites & b.sites:
        return "same_site", _SITE
    return ("other_site", _OTHER_SITE) if a.sites and b.sites else None


def _besides_names(a: Traits, b: Traits) -> list[_Found]:
    found: list[_Found] = [one for one in (_on_the_web(a, b), _where(a, b)) if one is not None]
    if a.identifiers & b.identifiers:
        found.append(("same_identifier", _IDENTIFIER))
    if a.pages & b.pages:
        found.append(("same_page", _PAGE))
    if a.acronyms & b.acronyms:
        found.append(("same_acronym", _ACRONYM))
    if a.established is not None and b.established is not None:
        same = a.established == b.established
        found.append(("same_year", _SAME_YEAR) if same else ("other_year", _OTHER_YEAR))
    return found


def compare(a: Traits, b: Traits, weigh: Weigh, at_least: float = 0.0) -> Likeness | None:
    """How likely `a` and `b` are of one body; None where that is less than `at_least`.

    It is the same seen from either side, and does not hang on the order of names.
    """
    found = _besides_names(a, b)
    rest = _START + sum(worth for _, worth in found)
    # Names are the dear part, and most pairs could not make up for the rest with any name.
    if _score(rest + _ALIKE + _WITHIN + _EQUAL) < at_least:
        return None
    ceased = a.ceased != b.ceased

    name = max(
        (_name_worth(left, right, weigh, ceased) for left in a.names for right in b.names),
        default=0.0,
    )
    score = _score(rest + name)
    if score < at_least:
        return None
    codes: list[ReasonCode] = [code for code, _ in found]
    if set(a.names) & set(b.names):
        codes.insert(0, "same_name")
    elif name:
        codes.insert(0, "similar_name")
        if ceased:
            codes.append("one_has_ceased")
    return Likeness(round(score, 4), tuple(codes))


def _score(odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-odds))
