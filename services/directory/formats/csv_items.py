"""Several values in one cell: items between bars, each as people would write it.

`a | b` are two items; a bar within one is written `\\|`, a backslash `\\\\`. An item that cannot be
written readably without loss is a JSON object.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from services.directory.formats.incoming import UnreadableRecord

_BAR = " | "
_PART = re.compile(r"(?:[^\\|]|\\.|\\\Z)+", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_AREA = re.compile(r"(?:\[(?P<code>[^\]]*)\])?\s*(?P<name>.*?)\s*(?:\((?P<kind>[^()]*)\))?")


def split_cell(cell: str) -> list[str]:
    """The items of a cell."""
    parts = (_ESCAPED.sub(r"\1", part).strip() for part in _PART.findall(cell))
    return [part for part in parts if part]


def join_items(items: Iterable[str]) -> str:
    """A cell with `items`."""
    return _BAR.join(item.replace("\\", "\\\\").replace("|", "\\|") for item in items)


@dataclass(frozen=True, slots=True)
class ItemForm:
    """How the items of one column are written; `read` raises ValueError where it cannot."""

    write: Callable[[Any], str]
    read: Callable[[str], Any]
    looks_like: str

    def to_cell(self, values: Iterable[Any]) -> str:
        """The values as one cell."""
        return join_items(self._item(value) for value in values)

    def of_cell(self, cell: str, column: str) -> list[Any]:
        """The values in a cell.

        Raises:
            UnreadableRecord: an item is not of this form.
        """
        return [self._value(item, column) for item in split_cell(cell)]

    def _item(self, value: Any) -> str:
        item = self.write(value)
        try:
            if split_cell(join_items([item])) == [item] and self.read(item) == value:
                return item
        except ValueError:
            pass
        return orjson.dumps(value).decode()

    def _value(self, item: str, column: str) -> Any:
        try:
            return orjson.loads(item) if item.startswith("{") else self.read(item)
        except ValueError as error:
            raise UnreadableRecord(
                f"{column}: {item[:100]!r} cannot be read; an item looks like {self.looks_like}"
            ) from error


def _tagged(item: str) -> tuple[list[str], str]:
    tag, colon, value = item.partition(":")
    if not colon:
        raise ValueError("no colon")
    return tag.split(), value.strip()


def _one_tag(item: str) -> tuple[str, str]:
    (tag,), value = _tagged(item)
    if not value:
        raise ValueError("no value")
    return tag, value


def _write_name(name: Any) -> str:
    tags = " ".join([*name["kinds"], *([f"@{name['lang']}"] if name["lang"] else [])])
    # The display name has a column of its own.
    return f"{tags}: {name['value']}" if "value" in name else tags


def _read_name(item: str) -> Any:
    tags, value = _tagged(item) if ":" in item else (item.split(), None)
    kinds = [tag for tag in tags if not tag.startswith("@")]
    langs = [tag[1:] for tag in tags if tag.startswith("@")]
    if len(langs) > 1 or (value is None and "display" not in kinds):
        raise ValueError("two languages, or no value")
    name = {"kinds": kinds, "lang": langs[0] if langs else None}
    return name if value is None else {"value": value, **name}


def _write_external_id(given: Any) -> str:
    return f"{given['scheme']}{' preferred' if given['preferred'] else ''}: {given['value']}"


def _read_external_id(item: str) -> Any:
    (scheme, *more), value = _tagged(item)
    if more not in ([], ["preferred"]):
        raise ValueError("unknown word")
    return {"scheme": scheme, "value": value, "preferred": bool(more)}


def _read_link(item: str) -> Any:
    kind, url = _one_tag(item)
    return {"kind": kind, "url": url}


def _write_area(area: Any) -> str:
    code = f"[{area['code']}]" if area["code"] else ""
    kind = f"({area['kind']})" if area["kind"] else ""
    return " ".join(part for part in (code, area["name"], kind) if part)


def _read_area(item: str) -> Any:
    found = _AREA.fullmatch(item)
    return {part: found[part] or None for part in ("code", "name", "kind")} if found else None


def _with_id(first: str, second: str) -> Callable[[str], Any]:
    def read(item: str) -> Any:
        tag, value = _one_tag(item)
        return {first: value, second: tag}

    return read


NAMES = ItemForm(_write_name, _read_name, "alias @en: its name")
LINKS = ItemForm(lambda link: f"{link['kind']}: {link['url']}", _read_link, "website: https://…")
EXTERNAL_IDS = ItemForm(_write_external_id, _read_external_id, "ror preferred: https://ror.org/…")
AREAS = ItemForm(_write_area, _read_area, "[GB-ENG] England (country)")
WORDS = ItemForm(str, str, "one | another")
DESCRIPTIONS = ItemForm(lambda pair: f"{pair[0]}: {pair[1]}", _one_tag, "en: what it does")
TOPICS = ItemForm(
    lambda topic: f"{topic['role']}: {topic['topic_id']}",
    _with_id("topic_id", "role"),
    "leads: the topic's id",
)
RELATIONSHIPS = ItemForm(
    lambda tie: f"{tie['kind']}: {tie['partner_id']}",
    _with_id("partner_id", "kind"),
    "parent: the other partner's id",
)
