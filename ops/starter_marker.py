"""Whether the starter data, as it is now, was loaded into the directory below VAR_DIR."""

import hashlib
from pathlib import Path

from ops.environment import PROJECT

DATA = PROJECT / "data"
_MARKER = "starter-loaded"


def starter_files() -> list[Path]:
    """The files of the starter data, topics first."""
    return [DATA / "topics.yaml", *sorted((DATA / "partners").glob("*.yaml"))]


def _digest() -> str:
    together = hashlib.sha256()
    for file in starter_files():
        together.update(file.read_bytes())
    return together.hexdigest()


def already_loaded(var_dir: Path) -> bool:
    """Whether the marker names the data that is here now."""
    marker = var_dir / _MARKER
    return marker.exists() and marker.read_text().strip() == _digest()


def mark_loaded(var_dir: Path) -> None:
    """Leave the marker."""
    (var_dir / _MARKER).write_text(f"{_digest()}\n")
