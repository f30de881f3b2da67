"""Where the index lies: folders named by format and chance, and a pointer to the live one."""

import os
import secrets
import shutil
import zlib
from pathlib import Path

import orjson
from tantivy import Index

from services.search.boundary import IndexFailed, tantivy_calls
from services.search.schema import FORMAT, build_schema

_POINTER = "current"
_REQUEST = "rebuild-requested"
_DAMAGE = "damaged"
_FOOTER_MAGIC = 1337


class IndexHome:
    """The folder of SEARCH_INDEX_DIR: the live index, and one under construction beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.pointer = root / _POINTER
        self._under_construction: set[str] = set()

    def live(self) -> Path | None:
        """The folder of the live index, or None where there is none of this format."""
        try:
            name = self.pointer.read_text()
        except (OSError, UnicodeDecodeError):
            return None
        folder = self.root / name
        if not name.startswith(f"v{FORMAT}-") or "/" in name or not folder.is_dir():
            return None
        return folder

    def new_folder(self) -> Path:
        """A fresh folder for an index to be built in."""
        folder = self.root / f"v{FORMAT}-{secrets.token_hex(6)}"
        folder.mkdir(parents=True)
        self._under_construction.add(folder.name)
        return folder

    def give_up(self, folder: Path) -> None:
        """Remove a folder that was under construction."""
        shutil.rmtree(folder, ignore_errors=True)
        self._under_construction.discard(folder.name)

    def make_live(self, folder: Path) -> None:
        """Point to `folder`, in one step that a kill or a power cut leaves whole."""
        temporary = self.root / f".{_POINTER}-{secrets.token_hex(6)}"
        with temporary.open("w") as file:
            file.write(folder.name)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.pointer)
        self._under_construction.discard(folder.name)

    def remove_others(self, kept: Path) -> None:
        """Remove what earlier runs left; readers that have a folder open keep what they mapped."""
        for folder in self.root.glob("v*-*"):
            if folder.name not in {kept.name, *self._under_construction}:
                shutil.rmtree(folder, ignore_errors=True)
        for name in (_POINTER, _DAMAGE):
            for leftover in self.root.glob(f".{name}-*"):
                leftover.unlink(missing_ok=True)

    def request_rebuild(self) -> None:
        """Leave word that the worker, in whichever process it runs, is to build the index anew."""
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / _REQUEST).touch()

    def rebuild_requested_at(self) -> int | None:
        """When a rebuild was asked for that is not done yet, in nanoseconds; None without one."""
        try:
            return (self.root / _REQUEST).stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def rebuild_done(self, requested_at: int) -> None:
        """Forget the request of then; one that came during the rebuild stays."""
        if self.rebuild_requested_at() == requested_at:
            (self.root / _REQUEST).unlink(missing_ok=True)

    def report_damage(self, folder: Path) -> None:
        """Leave word that the index in `folder` is not to be relied on: the worker replaces it."""
        temporary = self.root / f".{_DAMAGE}-{secrets.token_hex(6)}"
        temporary.write_text(folder.name)
        temporary.replace(self.root / _DAMAGE)

    def damage_reported(self) -> str | None:
        """The name of the folder that was reported as damaged; None without one."""
        try:
            return (self.root / _DAMAGE).read_text()
        except FileNotFoundError:
            return None

    def damage_mended(self) -> None:
        """Forget the report."""
        (self.root / _DAMAGE).unlink(missing_ok=True)


def size_of(folder: Path) -> int:
    """Bytes of the index in `folder`; files that a merge removes meanwhile do not count."""
    total = 0
    for entry in os.scandir(folder):
        try:
            total += entry.stat().st_size
        except FileNotFoundError:
            continue
    return total


def create_index(folder: Path) -> Index:
    """An empty index in `folder`."""
    with tantivy_calls():
        return Index(build_schema(), path=str(folder), reuse=False)


def open_index(folder: Path) -> Index:
    """The index in `folder`; its reader moves on only when told to.

    Raises:
        IndexFailed: it is damaged or gone.
    """
    with tantivy_calls():
        index = Index.open(str(folder))
        index.config_reader(reload_policy="manual")
        index.reload()
        return index


def check_index(folder: Path) -> None:
    """Read every file of the index once against the checksum that tantivy wrote into it.

    Opening an index looks at the ends of its files only; a flipped bit in the middle would show
    as wrong hits or as a panic much later.

    Raises:
        IndexFailed: a file is missing or is not as it was written.
    """
    open_index(folder)
    for file in _files_of(folder):
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            # A merge, or later deletions, may have taken its place since.
            if file in _files_of(folder):
                raise
            continue
        if int.from_bytes(content[-4:], "little") != _FOOTER_MAGIC:
            raise IndexFailed(f"{file.name} does not end as a file of tantivy")
        footer_at = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
        expected = orjson.loads(content[footer_at:-8]).get("crc")
        if expected is not None and zlib.crc32(content[:footer_at]) != expected:
            raise IndexFailed(f"{file.name} is not as it was written")


def damage_in(folder: Path) -> str | None:
    """What is wrong with the index in `folder`, written to or not; None where it is whole. Blocks.

    Whatever the bytes are that stand where others were, it is told and not raised.
    """
    try:
        check_index(folder)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return str(error) or repr(error)
    return None


def _files_of(folder: Path) -> list[Path]:
    """The files of the last commit; a process that was killed may have left others, unfinished."""
    files: list[Path] = []
    for segment in orjson.loads((folder / "meta.json").read_bytes())["segments"]:
        name = segment["segment_id"].replace("-", "")
        deletes = segment.get("deletes")
        current = f"{name}.{deletes['opstamp']}.del" if deletes else ""
        files += [
            file
            for file in folder.glob(f"{name}.*")
            if file.suffix != ".del" or file.name == current
        ]
    return files
