"""Topics below each other, and partners with values of every facet, by chance."""

import random
from typing import Any

from tests.served_directory import ServedDirectory

# Notation: scheme, label, what is broader.
TOPICS = {
    "fraud": ("crime_type", "Fraud", ()),
    "cyber-fraud": ("crime_type", "Fraud on the net", ("fraud",)),
    "romance-fraud": ("crime_type", "Romance scams", ("cyber-fraud",)),
    "vat-fraud": ("crime_type", "Evasion of taxes", ("fraud",)),
    "law": ("discipline", "Law", ()),
    "pursue": ("strand", "Pursue", ()),
    "pursue-abroad": ("strand", "Pursue abroad", ("pursue",)),
    "prevent": ("strand", "Prevent", ("law",)),
}
AREAS: list[dict[str, str]] = [
    {"code": "GB-ENG"}, {"code": "DE-BY", "name": "Freistaat Bayern"}, {"name": "Thames Valley"},
    {"name": "Île-de-France"}, {"code": "FR"},
]  # fmt: skip
CHOICES = {
    "kind": ["partner", "topic"],
    "level": ["local", "national", "international"],
    "sector": ["academia", "military", "network"],
    "country": ["GB", "DE", "FR"],
    "area": ["GB-ENG", "DE-BY", "Thames Valley", "Île-de-France", "FR"],
    "topic": list(TOPICS),
    "strand": ["pursue", "pursue-abroad", "prevent"],
    "status": ["active", "inactive"],
    "year": ["1990", "1991", "1992"],
}
_COUNT = 60


async def add_topics(directory: ServedDirectory) -> dict[str, str]:
    """The topics of TOPICS; their ids by notation."""
    ids: dict[str, str] = {}
    for notation, (scheme, label, broader) in TOPICS.items():
        body = {
            "notation": notation,
            "scheme": scheme,
            "pref_label": {"en": label},
            "broader": [ids[above] for above in broader],
        }
        headers = await directory.signed_in()
        answer = await directory.client.post("/topics", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        ids[notation] = answer.json()["id"]
    return ids


async def add_partners(directory: ServedDirectory, ids: dict[str, str]) -> None:
    """Partners, the same in every run; `ids` has those of the topics by notation."""
    chance = random.Random(3)

    def some(values: list[Any], most: int) -> list[Any]:
        return chance.sample(values, chance.randint(0, most))

    for number in range(_COUNT):
        await directory.create(
            f"{chance.choice(['Amber', 'Birch'])} {number}",
            level=chance.choice(CHOICES["level"]),
            sectors=some(CHOICES["sector"], 2),
            country=chance.choice([None, *CHOICES["country"]]),
            areas=some(AREAS, 2),
            topics=[
                {"topic_id": ids[notation], "role": role}
                for notation in some(list(TOPICS), 3)
                for role in some(["leads", "funds"], 2)
            ],
            status=chance.choice(["active", "active", "inactive"]),
            established=chance.choice([None, 1990, 1991, 1992]),
            location=chance.choice([None, {"lat": 51.5, "lon": -0.1}, {"lat": 48.1, "lon": 11.6}]),
        )
