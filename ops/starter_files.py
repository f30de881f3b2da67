"""The starter data as it stands in data/: records that name each other by short keys."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from ops.starter_marker import starter_files

Entry = dict[str, Any]

# libyaml's is ten times as fast; not every build of PyYAML has it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class WrongStarterData(Exception):
    """A file names something that no file has."""


def read_starter_files() -> tuple[list[Entry], list[Entry]]:
    """The topics, broader ones first, and the partners.

    Raises:
        WrongStarterData: see its text.
    """
    topics: list[Entry] = []
    partners: list[Entry] = []
    for file in starter_files():
        content = yaml.load(file.read_text(), Loader=_LOADER)  # noqa: S506 - both are safe loaders
        topics += content.get("topics", [])
        partners += content.get("partners", [])
    keys = {partner["key"] for partner in partners}
    for partner in partners:
        if unknown := _targets(partner) - keys:
            raise WrongStarterData(f"{partner['key']} names {unknown}; nobody is called that")
    return list(_broader_first(topics)), partners


def _broader_first(topics: Sequence[Entry]) -> Iterator[Entry]:
    known: set[str] = set()
    waiting = list(topics)
    while waiting:
        ready = [topic for topic in waiting if known.issuperset(topic.get("broader", []))]
        if not ready:
            names = ", ".join(topic["notation"] for topic in waiting)
            raise WrongStarterData(
                f"these topics are broader in a circle, or than nothing: {names}"
            )
        yield from ready
        known |= {topic["notation"] for topic in ready}
        waiting = [topic for topic in waiting if topic["notation"] not in known]


def _targets(partner: Entry) -> set[str]:
    return {tie["partner"] for tie in partner.get("relationships", [])}


def waves(partners: Sequence[Entry]) -> Iterator[list[Entry]]:
    """The partners, those first to which others are tied; the last wave has what is in circles."""
    known: set[str] = set()
    waiting = list(partners)
    while waiting:
        wave = [partner for partner in waiting if _targets(partner) <= known] or waiting
        yield wave
        known |= {partner["key"] for partner in wave}
        waiting = [partner for partner in waiting if partner["key"] not in known]


def find_id(ids: Mapping[str, str], key: str) -> str:
    """The id under which the directory keeps `key`.

    Raises:
        WrongStarterData: nothing has that key.
    """
    try:
        return ids[key]
    except KeyError:
        raise WrongStarterData(f"nothing in the starter data is called {key!r}") from None
