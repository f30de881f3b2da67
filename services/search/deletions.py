"""Words that are one or two typing errors away, found among many within microseconds.

The idea is SymSpell's (Wolf Garbe, 2012): two words are near each other if they become equal by
leaving letters out of both. All that a vocabulary becomes in that way is hashed and sorted once;
a word that is asked for is then looked up, not compared with each. What is kept of a variant is
32 bits of its hash beside the number of its word, in one array of 64 bits.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

_BASE = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_SHORTEST = 3
# Two letters are left out of words in between; longer ones would make too many variants.
_TWO_FROM, _TWO_TO = 7, 22
LONGEST = 40

_POWERS = [pow(_BASE, exponent, 1 << 64) for exponent in range(LONGEST + 1)]

Hashes = NDArray[np.uint64]


class Deletions:
    """The variants of the words it was made of."""

    def __init__(self, words: Sequence[str]) -> None:
        by_length: defaultdict[int, list[int]] = defaultdict(list)
        for number, word in enumerate(words):
            if _SHORTEST <= len(word) <= LONGEST and word.isalpha():
                by_length[len(word)].append(number)
        parts = [_keys_of([words[at] for at in at_length], at_length)
                 for at_length in by_length.values()]  # fmt: skip
        keys = np.concatenate(parts) if parts else np.empty(0, np.uint64)
        keys.sort()
        self._keys = keys

    @property
    def size_bytes(self) -> int:
        """Memory that it holds."""
        return int(self._keys.nbytes)

    def near(self, word: str, most: int) -> list[int]:
        """Numbers of words that may be within `most` (1 or 2) errors of `word`, some of them not.

        There are none for a word of over LONGEST letters.

        Raises:
            ValueError: `most` is neither.
        """
        if most not in {1, 2}:
            raise ValueError(f"most is {most}, and can be 1 or 2")
        if not len(self._keys) or len(word) > LONGEST:
            return []
        wanted = np.fromiter(
            {(found >> 32) << 32 for found in _variants(word, most)}, dtype=np.uint64
        )
        first = np.searchsorted(self._keys, wanted)
        last = np.searchsorted(self._keys, wanted | np.uint64(0xFFFFFFFF), side="right")
        found = [self._keys[a:b] for a, b in zip(first, last, strict=True) if a < b]
        if not found:
            return []
        numbers = np.unique(np.concatenate(found) & np.uint64(0xFFFFFFFF))
        return [int(number) for number in numbers]


def _variants(word: str, most: int) -> Iterator[int]:
    """Hashes of `word` and of what is left of it without one or two of its letters.

    Each follows from the hash of a beginning and that of an end, as in `_keys_of`.
    """
    codes = [ord(letter) + 1 for letter in word]
    length = len(codes)
    ends = [0] * (length + 1)
    for at in range(length - 1, -1, -1):
        ends[at] = (codes[at] * _POWERS[length - 1 - at] + ends[at + 1]) & _MASK
    yield ends[0]
    begin = 0
    for one in range(length):
        yield (begin * _POWERS[length - 1 - one] + ends[one + 1]) & _MASK
        if most == 2:
            middle = begin
            for other in range(one + 1, length):
                yield (middle * _POWERS[length - 1 - other] + ends[other + 1]) & _MASK
                middle = (middle * _BASE + codes[other]) & _MASK
        begin = (begin * _BASE + codes[one]) & _MASK


def _keys_of(words: Sequence[str], numbers: Sequence[int]) -> Hashes:
    """The variants of words of one length, each with the number of its word, all at once.

    The hash is a polynomial, so what is left of a word follows from the hashes of its beginnings:
    no variant is ever spelled out.
    """
    length = len(words[0])
    codes = np.array([[ord(letter) + 1 for letter in word] for word in words], dtype=np.uint64)
    power = [np.uint64(value) for value in _POWERS[: length + 1]]
    begins = [np.zeros(len(words), np.uint64)]
    for at in range(length):
        begins.append(begins[-1] * power[1] + codes[:, at])

    def between(first: int, last: int) -> Hashes:
        return begins[last] - begins[first] * power[last - first]

    variants = [begins[length]]
    for one in range(length):
        variants.append(begins[one] * power[length - 1 - one] + between(one + 1, length))
        if not _TWO_FROM <= length <= _TWO_TO:
            continue
        for other in range(one + 1, length):
            middle = begins[one] * power[other - one - 1] + between(one + 1, other)
            variants.append(middle * power[length - 1 - other] + between(other + 1, length))
    hashes = np.concatenate(variants)
    own = np.tile(np.array(numbers, dtype=np.uint64), len(variants))
    return (hashes >> np.uint64(32)) << np.uint64(32) | own
