"""Opening the index, whatever happens to it at that moment."""

from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path

from services.search.index import IndexHome, create_index
from services.search.reading import IndexReader

# It was not so once in 1,500 times; each takes a millisecond.
_OPENINGS = 8_000
_START_SECONDS = 90


def _new_index(home: IndexHome) -> None:
    """Let a new index take the place of the live one, as a rebuild does."""
    folder = home.new_folder()
    writer = create_index(folder).writer(15_000_000, 1)
    writer.commit()
    writer.wait_merging_threads()
    home.make_live(folder)
    home.remove_others(folder)


def _rebuild_again_and_again(root: Path, has_begun: Event, is_enough: Event) -> None:
    home = IndexHome(root)
    while not is_enough.is_set():
        _new_index(home)
        has_begun.set()


def test_an_index_is_opened_while_another_takes_its_place(tmp_path: Path) -> None:
    """Whoever opens it at that moment gets one of the two, and is not told that there is none."""
    context, root = get_context("spawn"), tmp_path / "index"
    has_begun, is_enough = context.Event(), context.Event()
    rebuilding = context.Process(
        target=_rebuild_again_and_again, args=(root, has_begun, is_enough), daemon=True
    )
    rebuilding.start()
    try:
        assert has_begun.wait(_START_SECONDS)
        opened = set()
        for _ in range(_OPENINGS):
            reader = IndexReader(IndexHome(root))
            assert reader.searcher().num_docs == 0
            opened.add(reader.folder)
    finally:
        is_enough.set()
        rebuilding.join(_START_SECONDS)
    assert len(opened) > 1, "it was never replaced"
    assert rebuilding.exitcode == 0
