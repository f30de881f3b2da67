"""GET /search: its time, as a multiple of a bare tantivy query and a request for prepared bytes."""

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from tantivy import Index, Searcher

from bench.figures import Figure, median, percentile, ratio_at_most, stated
from bench.keep_alive import KeepAlive
from bench.measured_network import MeasuredNetwork
from services.search.index import IndexHome, open_index
from services.search.learning import learn
from services.search.question import make_question
from services.search.ranking import WEIGHTS
from services.search.schema import WORD_FIELDS
from services.search.searching import Search
from services.search.synonyms import SynonymTable
from services.search.view import View
from shared.folding import folded_name
from shared.paging import DEFAULT_LIMIT
from shared.vocabulary import Visibility

_MOST = 1.5
_WARM_UP = 20


class _BareTantivy:
    """The live index, asked without a service around it."""

    def __init__(self, var_dir: Path) -> None:
        folder = IndexHome(var_dir / "search" / "index").live()
        if folder is None:
            raise FileNotFoundError("search has no live index")
        self._index: Index = open_index(folder)
        self._searcher: Searcher = self._index.searcher()
        self._view = View(self._searcher, learn(self._searcher))

    def ask_plainly(self, query: str) -> None:
        """The words over the same fields with the same weights, by tantivy's own parser."""
        parsed, _ = self._index.parse_query_lenient(
            folded_name(query), list(WORD_FIELDS), WEIGHTS, conjunction_by_default=True
        )
        self._searcher.search(parsed, limit=DEFAULT_LIMIT)

    def ask_as_search_does(self, query: str) -> None:
        """The query that search makes of the words: tiers, prefixes and audience included."""
        question = make_question(q=query, limit=DEFAULT_LIMIT, audience=Visibility.public)
        Search(self._view, question, SynonymTable.empty()).find()


def _seconds_of(ask: Callable[[str], object], about: str) -> float:
    started = time.perf_counter()
    ask(about)
    return time.perf_counter() - started


async def measure_searches(network: MeasuredNetwork, queries: list[str]) -> list[Figure]:
    """Each query every way, one right after the other, one at a time.

    The prepared answer is the one of median length among the answers to these queries.
    """
    bare = _BareTantivy(Path(network.environment["VAR_DIR"]))
    took: defaultdict[str, list[float]] = defaultdict(list)
    with KeepAlive(network.urls["search"]) as client:
        answers = sorted((client.get(_target(query)) for query in queries), key=len)
        middle = answers[len(answers) // 2]
        await network.prepare("search", "answer", middle)
        for number, query in enumerate(queries[:_WARM_UP] + queries):
            seconds = {
                "search": _seconds_of(client.get, _target(query)),
                "prepared": _seconds_of(client.get, "/prepared/answer"),
                "plain": _seconds_of(bare.ask_plainly, query),
                "ours": _seconds_of(bare.ask_as_search_does, query),
            }
            if number >= _WARM_UP:
                for way, found in seconds.items():
                    took[way].append(found)
    return _figures(took, len(middle))


def _target(query: str) -> str:
    return f"/search?q={quote(query)}"


def _figures(took: dict[str, list[float]], length: int) -> list[Figure]:
    middle = {way: median(seconds) for way, seconds in took.items()}
    asked = f"{len(took['search'])} queries, {DEFAULT_LIMIT} hits a page, {length:,} bytes"
    parts = "p50 {:.2f} ms against {:.2f} ms tantivy + {:.2f} ms prepared"

    def against(way: str) -> tuple[float, str]:
        shown = [middle[name] * 1000 for name in ("search", way, "prepared")]
        return middle["search"] / (middle[way] + middle["prepared"]), parts.format(*shown)

    ratio, how = against("plain")
    ratio_ours, how_ours = against("ours")
    milliseconds = " / ".join(
        f"{percentile(took['search'], percent) * 1000:.2f}" for percent in (50, 95, 99)
    )
    return [
        ratio_at_most("GET /search p50", ratio, _MOST, f"{how}; {asked}"),
        stated("  same, tantivy asked with our query", f"{ratio_ours:.2f} x", how_ours),
        stated("  GET /search p50 / p95 / p99", f"{milliseconds} ms", "one at a time"),
    ]
