"""GET /search and its kin: their time, against a bare tantivy query and a prepared answer."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from tantivy import Index, Searcher

from bench.figures import Figure, median, percentile, ratio_at_most, stated
from bench.keep_alive import KeepAlive
from bench.measured_network import MeasuredNetwork
from bench.search_questions import with_typing_error
from services.search.index import IndexHome, open_index
from services.search.ranking import PHRASE_WEIGHTS
from services.search.schema import WORD_FIELDS
from shared.folding import folded_name
from shared.paging import DEFAULT_LIMIT

_WARM_UP = 40
_FACETS = "level,country,status,kind"
# What each way may take, as a multiple: of a bare query and a prepared answer, and of a plain one.
_PLAIN = 1.5
_TIMES_PLAIN = {"typing error": 3.0, "suggest": 1.2, "four facets": 2.5}


class BareTantivy:
    """The live index, asked without a service around it."""

    def __init__(self, var_dir: Path) -> None:
        folder = IndexHome(var_dir / "search" / "index").live()
        if folder is None:
            raise FileNotFoundError("search has no live index")
        self._index: Index = open_index(folder)
        self._searcher: Searcher = self._index.searcher()

    def ask(self, query: str) -> None:
        """The words over the same fields with the same weights, by tantivy's own parser."""
        parsed, _ = self._index.parse_query_lenient(
            folded_name(query), list(WORD_FIELDS), PHRASE_WEIGHTS, conjunction_by_default=True
        )
        self._searcher.search(parsed, limit=DEFAULT_LIMIT)


def _seconds_of(ask: Callable[[str], object], about: str) -> float:
    started = time.perf_counter()
    ask(about)
    return time.perf_counter() - started


async def measure_searches(network: MeasuredNetwork, queries: Sequence[str]) -> list[Figure]:
    """Each query every way, one at a time.

    The ways take turns in an order by chance, each with another query: else the one that comes
    first would read from cold memory what the next ones find warm. No query is asked twice the same
    way, so no answer comes from memory, except where that is what is measured. The prepared answer
    is the one of median length among the answers to others.
    """
    bare = BareTantivy(Path(network.environment["VAR_DIR"]))
    chance = random.Random(3)
    distinct = list(dict.fromkeys(queries))
    before, asked = distinct[:_WARM_UP], distinct[_WARM_UP:]
    took: defaultdict[str, list[float]] = defaultdict(list)
    with KeepAlive(network.urls["search"]) as client:
        answers = sorted((client.get(_plain(query)) for query in before), key=len)
        middle = answers[len(answers) // 2]
        await network.prepare("search", "answer", middle)
        mistyped = [with_typing_error(query, chance) for query in asked]
        # As far as somebody has typed who is about to choose.
        begun = [query[: max(3, len(query) * 2 // 3)] for query in asked]
        far = len(asked) // 5
        for at, query in enumerate(asked):
            ways = [
                ("plain", client.get, _plain(query)),
                ("prepared", client.get, "/prepared/answer"),
                ("bare", bare.ask, asked[at - far]),
                ("typing error", client.get, _plain(mistyped[at - 2 * far])),
                ("suggest", client.get, f"/suggest?q={quote(begun[at - 3 * far])}"),
                ("four facets", client.get, f"{_plain(asked[at - 4 * far])}&facets={_FACETS}"),
            ]
            chance.shuffle(ways)
            for way, ask, about in [*ways, ("from memory", client.get, _plain(query))]:
                took[way].append(_seconds_of(ask, about))
    return _figures(took, len(middle))


async def measure_plain(network: MeasuredNetwork, queries: Sequence[str]) -> float:
    """Median seconds of a plain search."""
    with KeepAlive(network.urls["search"]) as client:
        for query in queries[:_WARM_UP]:
            client.get(_plain(query))
        rest = list(dict.fromkeys(queries[_WARM_UP:]))
        return median([_seconds_of(client.get, _plain(query)) for query in rest])


def _plain(query: str) -> str:
    return f"/search?q={quote(query)}"


def _figures(took: dict[str, list[float]], length: int) -> list[Figure]:
    middle = {way: median(seconds) for way, seconds in took.items()}
    reference = middle["bare"] + middle["prepared"]
    asked = f"{len(took['plain'])} queries, {DEFAULT_LIMIT} hits a page, {length:,} bytes"
    parts = "p50 {:.2f} ms against {:.2f} ms tantivy + {:.2f} ms prepared".format(
        *(middle[way] * 1000 for way in ("plain", "bare", "prepared"))
    )
    found = [ratio_at_most("GET /search p50", middle["plain"] / reference, _PLAIN, parts)]
    recalled = middle["from memory"]
    found.append(
        stated(
            "  same, asked again at once",
            f"{recalled / reference:.2f} x",
            f"p50 {recalled * 1000:.2f} ms; answers are kept until the index changes",
        )
    )
    for way, most in _TIMES_PLAIN.items():
        how = f"p50 {middle[way] * 1000:.2f} ms against {middle['plain'] * 1000:.2f} ms plain"
        found.append(ratio_at_most(f"  {way} p50", middle[way] / middle["plain"], most, how))
    for way in ("plain", *_TIMES_PLAIN):
        times = " / ".join(
            f"{percentile(took[way], percent) * 1000:.2f}" for percent in (50, 95, 99)
        )
        found.append(stated(f"  {way}, p50 / p95 / p99", f"{times} ms", asked))
    return found
