"""What makes one hit stand before another: every weight, tier and tie-break of search is here.

A hit's score is the highest tier that it reaches, or the weight of its words below all tiers: how
rare a word is among the records that the caller may see, times where it stands. Among equals, as
all hits in a tier are, the precedence decides: bodies that are active, then those of which the
directory knows most, then the name.
"""

from shared.records import JsonObject

# How much a word counts wherever it stands, and on top of it in a name, and in the display name;
# of a description it is the stem that counts.
WEIGHTS = {"found": 0.8, "names": 0.4, "title": 0.8, "description": 0.5}
# Words side by side, in one text.
PHRASE_WEIGHTS = {"title": 1.6, "names": 1.2, "around": 0.8, "description": 0.5}
# A word that the question's last word is the beginning of, wherever in a name it stands.
PREFIX_SCORE = 0.5
# What a word counts that is not the one that was asked, as a share of the one that was.
SYNONYM_SHARE = 0.4
TYPO_SHARE = {1: 0.7, 2: 0.4}
# On top of it where the first letter is wrong, which is rarer than an error further on.
FIRST_LETTER_SHARE = 0.7

# A tier lies above any sum of words.
TIER = 2_000.0
# Whole names by how good they are. A body that took over a name stands before the one that ceased;
# in the last the question is a whole name, and every other word of it says where the body is.
TIERS = {
    "exact_display": 6,
    "exact_former": 5,
    "exact_ceased": 4,
    "exact_acronym": 3,
    "exact_other": 2,
    "same_words": 1,
    "name_and_place": 0,
}
# Below those are the same for the question with its typing errors mended, in as many readings.
MOST_READINGS = 4
_FIRST_UNMENDED = 32
# A whole name within a question of which few or no records have every word: for each of its words,
# on top of what that word counts, by how rare it is.
CONTAINED_SHARE = 1.5

# In suggestions: a name that begins with all that was typed, times the tier of such a name.
NAME_BEGINS = 10.0

# In similar partners: what they have in common beside topics, of which a rare one counts about 8.
SAME_SECTOR = 1.5
SAME_AREA = 2.0
SAME_COUNTRY = 0.5
IN_RELATIONSHIP = 1.0


def tier_score(tier: str, reading: int | None = None) -> float:
    """What a whole name scores; `reading`: in which of the mended readings of the question.

    tantivy adds scores, because finding the highest of them takes twice the time. So each tier has
    a bit of its own, in multiples of TIER, from which `settled_score` tells the highest.
    """
    if reading is None:
        return TIER * (_FIRST_UNMENDED << TIERS[tier])
    return TIER * (MOST_READINGS * TIERS[tier] + MOST_READINGS - reading)


def settled_score(total: float) -> float:
    """Of what a hit scored in all, the highest tier alone; the sum of its words without a tier."""
    tiers = int(total // TIER)
    if not tiers:
        return total
    return TIER * (tiers if tiers < _FIRST_UNMENDED else 1 << tiers.bit_length() - 1)


_NAME_BYTES = 6
_MOST_PROMINENT = 63
_TELLING = (
    "names",
    "links",
    "external_ids",
    "relationships",
    "topics",
    "contact_points",
    "alt_labels",
    "related",
    "broader",
)


def prominence_of(record: JsonObject) -> int:
    """How much the directory knows of a record, from 0 to 63: others are apt to mean that one."""
    return min(_MOST_PROMINENT, sum(len(record.get(name, ())) for name in _TELLING))


def precedence_of(name_key: str, prominence: int, *, active: bool) -> int:
    """What decides between equal scores; smaller comes first. It fits into 62 bits."""
    beginning = int.from_bytes(name_key.encode()[:_NAME_BYTES].ljust(_NAME_BYTES, b"\x00"), "big")
    rank = (0 if active else 64) | (_MOST_PROMINENT - prominence)
    return rank << (8 * _NAME_BYTES) | beginning


def reading_of_precedence(precedence: int) -> JsonObject:
    """What `precedence_of` put into a number, for people: the reasons in their order."""
    rank = precedence >> (8 * _NAME_BYTES)
    beginning = (precedence & ((1 << (8 * _NAME_BYTES)) - 1)).to_bytes(_NAME_BYTES, "big")
    return {
        "active": rank < 64,
        "prominence": _MOST_PROMINENT - (rank & 63),
        "name_begins": beginning.rstrip(b"\x00").decode(errors="ignore"),
    }
