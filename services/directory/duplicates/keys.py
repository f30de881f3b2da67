"""Where to look for records of the same body: keys that two such records are likely to share.

A key is a number made of what it says, with the place beside it. Records that share a key are
compared, unless so many share it that it says nothing; a key that is too common in its country may
still be rare in its place.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from services.directory.duplicates.traits import Traits

# A name of a hundred words in twenty languages must not make a thousand rows.
MAX_KEYS = 60


@dataclass(frozen=True, slots=True)
class Key:
    """What two records may share; `place` narrows it where it is common."""

    number: int
    place: int


def number_of(*parts: str) -> int:
    """`parts` as a signed number of 64 bits, the same in every process."""
    digest = hashlib.blake2b("\x00".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@lru_cache(maxsize=100_000)
def word_number(word: str, country: str | None) -> int:
    """The key of a word of a name, in its country."""
    return number_of("word", country or "", word)


def keys_of(traits: Traits) -> list[Key]:
    """The keys of a record, the most telling first, each once."""
    place = number_of("place", traits.place) if traits.place else 0
    country = traits.country or ""
    numbers: list[int] = []
    numbers += [number_of("identifier", one) for one in sorted(traits.identifiers)]
    numbers += [number_of("page", one) for one in sorted(traits.pages)]
    numbers += [number_of("name", *sorted(words)) for words in traits.names]
    numbers += [number_of("site", one) for one in sorted(traits.hosts | traits.sites)]
    single = {word for words in traits.names if len(words) == 1 for word in words}
    numbers += [number_of("acronym", country, one) for one in sorted(traits.acronyms | single)]
    words = {word for words in traits.names for word in words}
    numbers += [word_number(word, traits.country) for word in sorted(words, key=len, reverse=True)]
    return [Key(number, place) for number in list(dict.fromkeys(numbers))[:MAX_KEYS]]


def names_number(traits: Traits) -> int:
    """What a partner is called, as a number: the same until its names change in earnest.

    Accents, case, little words and the order of names make no difference.
    """
    spelled = {" ".join(sorted(words)) for words in traits.names}
    return number_of("names", *sorted(spelled), "", *sorted(traits.acronyms))
