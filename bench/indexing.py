"""Documents a second into an index, as a share of what tantivy does with the same fields."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tantivy import Document

from bench.figures import Figure, median, ratio_at_least, spread
from services.search.changes import change_of_partner
from services.search.index import create_index
from services.search.schema import build_schema
from services.search.text import partner_documents
from services.search.writing import StoredPosition, Writing
from shared.log_follower import Position
from shared.records import JsonObject

_LEAST = 0.5
_ROUNDS = 5
_HEAP_BYTES = 50_000_000


def measure_indexing(records: Sequence[JsonObject]) -> list[Figure]:
    """Into a fresh folder each time: from records as the directory exports them, and bare."""
    prepared = [fields for record in records for fields in partner_documents(record, 1)]
    ours, bare = [], []
    for _ in range(_ROUNDS):
        ours.append(len(prepared) / _seconds(lambda folder: _index(folder, records)))
        bare.append(len(prepared) / _seconds(lambda folder: _index_barely(folder, prepared)))
    ratios = [one / other for one, other in zip(ours, bare, strict=True)]
    how = (
        f"{median(ours):,.0f}/s against {median(bare):,.0f}/s of tantivy with ready fields; "
        f"{len(prepared):,} documents, {_ROUNDS} rounds {spread(ratios)}"
    )
    return [ratio_at_least("documents indexed", median(ratios), _LEAST, how)]


def _seconds(index: Callable[[Path], None]) -> float:
    with tempfile.TemporaryDirectory(prefix="partner-directory-bench-") as folder:
        started = time.perf_counter()
        index(Path(folder))
        return time.perf_counter() - started


def _index(folder: Path, records: Sequence[JsonObject]) -> None:
    create_index(folder)
    writing = Writing(folder)
    for record in records:
        writing.fill(change_of_partner(record, 1).documents)
    writing.apply([], StoredPosition(Position("bench", 1), 1))
    writing.close()


def _index_barely(folder: Path, prepared: Sequence[JsonObject]) -> None:
    index = create_index(folder)
    writer = index.writer(_HEAP_BYTES, num_threads=1)
    schema = build_schema()
    for fields in prepared:
        writer.add_document(Document.from_dict(fields, schema))
    writer.commit()
    writer.wait_merging_threads()
