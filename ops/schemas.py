"""`make schemas`: writes docs/asyncapi.json and docs/event-schemas/ from the event classes."""

import json
from pathlib import Path
from typing import Any

from shared.event_documents import asyncapi_document
from shared.events import EVENT_TYPES, json_schema_of

DOCS = Path(__file__).parent.parent / "docs"


def documents() -> dict[Path, dict[str, Any]]:
    """Each document, by the file it belongs into."""
    schemas = {
        DOCS / "event-schemas" / f"{name}.json": json_schema_of(name) for name in EVENT_TYPES
    }
    return {DOCS / "asyncapi.json": asyncapi_document(), **schemas}


def as_text(document: dict[str, Any]) -> str:
    """The document as it stands in its file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write them all."""
    (DOCS / "event-schemas").mkdir(parents=True, exist_ok=True)
    for path, document in documents().items():
        path.write_text(as_text(document))
        print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
