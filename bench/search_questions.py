"""What is asked in order to judge search: questions, and the records that are the right answers."""

import gzip
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from shared.records import JsonObject

NAME_QUERIES = Path(__file__).parent.parent.parent / "shared/data/name-queries-dev.jsonl.gz"
_ACRONYMS = 1_000
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LONG_WORD = re.compile(r"\w{4,}")


@dataclass(frozen=True, slots=True)
class Task:
    """Questions of one kind, and how often the right record should be first, and among five."""

    name: str
    rows: Sequence[tuple[str, frozenset[str]]]
    first: float
    among_five: float | None = None


def make_tasks(records: Sequence[JsonObject], id_of: Mapping[str, str]) -> list[Task]:
    """The tasks over the ROR `records` that are loaded; `id_of`: their ids by ROR id.

    Rows whose answer is not loaded do not count. Chance is seeded, so each run asks the same.
    """
    loaded = [record for record in records if record["id"] in id_of]
    named = _name_rows(id_of)
    chance = random.Random(5)
    mistyped = [(with_typing_error(q, chance), ids) for q, ids in named for _ in range(3)]
    acronyms = _acronym_rows(loaded, id_of, chance)
    return [
        Task("names people typed", named, 0.94, 0.99),
        Task("the same with a typing error", mistyped, 0.87, 0.96),
        Task("acronyms", [(acronym, ids) for acronym, _, ids in acronyms], 0.80),
        Task(
            "acronym and city",
            [(f"{acronym} {place}", ids) for acronym, place, ids in acronyms if place],
            0.90,
        ),
        Task("former or predecessors' names", _predecessor_rows(loaded, id_of), 0.85),
    ]


def _name_rows(id_of: Mapping[str, str]) -> list[tuple[str, frozenset[str]]]:
    if not NAME_QUERIES.exists():
        return []
    with gzip.open(NAME_QUERIES) as lines:
        rows = [orjson.loads(line) for line in lines]
    found = [
        (str(row["query"]), frozenset(id_of[ror] for ror in row["ror_ids"] if ror in id_of))
        for row in rows
    ]
    return [(query, ids) for query, ids in found if ids]


def _acronym_rows(
    loaded: Sequence[JsonObject], id_of: Mapping[str, str], chance: random.Random
) -> list[tuple[str, str, frozenset[str]]]:
    """Acronyms, each with one of the bodies that have it, drawn by chance, and its place."""
    holders: dict[str, list[JsonObject]] = {}
    for record in loaded:
        for name in record["names"]:
            if "acronym" in name["types"]:
                holders.setdefault(name["value"], []).append(record)
    drawn = chance.sample(sorted(holders), min(_ACRONYMS, len(holders)))
    rows = []
    for acronym in drawn:
        record = chance.choice(holders[acronym])
        locations = record["locations"]
        place = locations[0]["geonames_details"]["name"] if locations else ""
        rows.append((acronym, place, frozenset([id_of[record["id"]]])))
    return rows


def _predecessor_rows(
    loaded: Sequence[JsonObject], id_of: Mapping[str, str]
) -> list[tuple[str, frozenset[str]]]:
    return [
        (relationship["label"], frozenset([id_of[record["id"]]]))
        for record in loaded
        for relationship in record["relationships"]
        if relationship["type"] == "predecessor"
    ]


def with_typing_error(text: str, chance: random.Random) -> str:
    """`text` with a letter of one of its words left out, added, replaced, or swapped."""
    words = list(_LONG_WORD.finditer(text))
    if not words:
        return text
    word = chance.choice(words)
    before, letters, after = text[: word.start()], word[0], text[word.end() :]
    at = chance.randrange(len(letters) - 1)
    other = chance.choice(_LETTERS)
    match chance.choice(("left out", "added", "replaced", "swapped")):
        case "left out":
            letters = letters[:at] + letters[at + 1 :]
        case "added":
            letters = letters[:at] + other + letters[at:]
        case "replaced":
            letters = letters[:at] + other + letters[at + 1 :]
        case _:
            letters = letters[:at] + letters[at + 1] + letters[at] + letters[at + 2 :]
    return before + letters + after
