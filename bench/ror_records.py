"""Records to load: of the Research Organization Registry where there are any, else made up."""

import gzip
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from services.directory.formats.ror import read_ror
from shared.folding import words_of
from shared.records import JsonObject

FOLDER = Path(__file__).parent.parent.parent / "shared" / "data"
_FILES = ("ror-records.jsonl.gz", "ror-sample-2000.jsonl.gz")
_MADE_UP = (
    "Northern Central Royal Public National Applied Joint Open",
    "Institute Centre Academy Agency Council Laboratory Board Office",
    "Forensic Policing Justice Security Evidence Safety Border Digital",
    "Research Science Studies Statistics Cooperation Innovation Analysis Training",
)


@dataclass(frozen=True, slots=True)
class Records:
    """Bodies for POST /partners, and where they are from."""

    source: str
    bodies: list[JsonObject]


def load_records(count: int) -> Records:
    """`count` records, or as many as there are."""
    for name in _FILES:
        path = FOLDER / name
        if path.exists():
            bodies = list(itertools.islice(_read(path), count))
            return Records(f"{len(bodies)} records of {name}", bodies)
    bodies = list(itertools.islice(_made_up(), count))
    return Records(f"{len(bodies)} made-up records", bodies)


def read_registry() -> Iterator[JsonObject]:
    """The registry's own records, of the largest file that is here."""
    path = next((FOLDER / name for name in _FILES if (FOLDER / name).exists()), None)
    if path is not None:
        with gzip.open(path) as lines:
            yield from map(orjson.loads, lines)


def _read(path: Path) -> Iterator[JsonObject]:
    with gzip.open(path) as lines:
        for line in lines:
            record = orjson.loads(line)
            if record["status"] != "withdrawn":
                yield partner_of(record)


def partner_of(record: JsonObject) -> JsonObject:
    """A record of ROR's schema v2 as a partner that can be written."""
    return read_ror(record).values


def _made_up() -> Iterator[JsonObject]:
    chance = random.Random(1)
    for number in itertools.count():
        kind, place, field, end = (chance.choice(words.split()) for words in _MADE_UP)
        yield {
            "level": "national",
            "names": [
                {"value": f"{kind} {place} of {field} {end} {number}", "kinds": ["display"]},
                {"value": f"{kind[0]}{place[0]}{field[0]}{end[0]}{number}", "kinds": ["acronym"]},
            ],
            "country": chance.choice(("GB", "NL", "DE", "FR", "IE", "US")),
        }


def queries_of(bodies: list[JsonObject], count: int) -> list[str]:
    """What people type who look for these: a whole name, one word of it, or its first words."""
    chance = random.Random(2)
    queries: list[str] = []
    while len(queries) < count:
        name = str(chance.choice(chance.choice(bodies)["names"])["value"])
        words = [word for word in words_of(name) if len(word) > 2]
        if words:
            queries.append((name, chance.choice(words), " ".join(words[:2]))[len(queries) % 3])
    return queries
