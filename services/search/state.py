"""How the index is doing: what it holds, how far it has come, what it stands on."""

from datetime import UTC, datetime
from typing import Any

import httpx
from prometheus_client import Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.search.boundary import tantivy_calls
from services.search.clauses import audience_query
from services.search.index import IndexHome, size_of
from services.search.models import IndexRead, VocabularyRead
from services.search.question import audience_value
from services.search.reading import IndexNotReady, IndexReader
from services.search.schema import FORMAT
from services.search.searching import SearchFailed
from services.search.writing import StoredPosition, read_position
from shared.log_follower import STREAM
from shared.service_client import DirectoryClient
from shared.serving import DependencyState
from shared.vocabulary import Visibility

INDEX_LAG = Gauge(
    "search_index_lag", "Events on the log that are not in the index, as /readyz last saw it."
)
INDEX_BYTES = Gauge("search_index_bytes", "Size of the live index on disk.")
_KINDS = {"kinds": {"terms": {"field": "kind"}}}


def measure_size(reading: IndexReader) -> None:
    """Have the size of the index measured whenever the measurements are asked for."""

    def measure() -> float:
        try:
            return size_of(reading.folder) if reading.folder else 0.0
        except OSError:
            # The folder may have made room for another one a moment ago.
            return 0.0

    INDEX_BYTES.set_function(measure)


async def describe_index(
    reading: IndexReader,
    home: IndexHome,
    redis: Redis,
    directory: DirectoryClient,
    audience: Visibility,
) -> IndexRead:
    """The state of the index, its documents counted for `audience`.

    Raises:
        IndexNotReady: there is no index yet.
        SearchFailed: it cannot be read.
    """
    try:
        stored = _stored_position(reading)
        view = reading.view()
        with tantivy_calls():
            counted = view.searcher.aggregate(audience_query(audience), _KINDS)
        kinds = {found["key"]: int(found["doc_count"]) for found in counted["kinds"]["buckets"]}
        size = size_of(reading.folder) if reading.folder else 0
    except OSError as error:
        raise SearchFailed("The search index could not be read. Try again in a moment.") from error
    return IndexRead(
        documents=sum(kinds.values()),
        kinds=dict(sorted(kinds.items())),
        vocabulary=VocabularyRead(
            words=len(view.vocabulary.of(audience_value(audience)).words),
            commit_at=None
            if reading.learned_commit_at is None
            else datetime.fromtimestamp(reading.learned_commit_at, UTC),
        ),
        log_id=stored.position.log_id,
        position=stored.position.sequence,
        lag=await _find_lag(stored, redis, directory),
        size_bytes=size,
        last_commit_at=datetime.fromtimestamp(reading.committed_at or 0.0, UTC),
        format=FORMAT,
        folder=reading.folder.name if reading.folder else "",
        rebuild_requested=home.rebuild_requested_at() is not None
        or home.damage_reported() is not None,
    )


async def check_dependencies(
    reading: IndexReader, redis: Redis, directory: DirectoryClient
) -> list[DependencyState]:
    """What search stands on. Only the index is required: without the rest it grows old."""
    has_index, lag = True, None
    try:
        stored = _stored_position(reading)
        lag = await _find_lag(stored, redis, directory)
        size = size_of(reading.folder) if reading.folder else 0
        detail = (
            f"position {stored.position.sequence}, lag {'unknown' if lag is None else lag}, "
            f"{size:,} bytes"
        )
    except IndexNotReady as error:
        has_index, detail = False, str(error)
    except OSError as error:
        reading.failed(error)
        has_index, detail = False, f"cannot be read: {error}"
    if reading.damage is not None:
        has_index, detail = False, f"damaged, and being built anew: {reading.damage}; {detail}"
    broker = await _try_broker(redis)
    answers = await _try_directory(directory)
    return [
        DependencyState(name="index", ok=has_index, required=True, detail=detail),
        DependencyState(
            name="broker",
            ok=broker is None,
            required=False,
            detail=broker or "answers; without it events come from the directory's /changes",
        ),
        DependencyState(
            name="directory",
            ok=answers is None,
            required=not has_index,
            detail=answers or "answers",
        ),
    ]


def _stored_position(reading: IndexReader) -> StoredPosition:
    searcher = reading.searcher()
    stored = read_position(reading.index, searcher) if reading.index else None
    if stored is None:
        raise IndexNotReady("Search has no index yet. Try again in a moment.")
    return stored


async def _find_lag(stored: StoredPosition, redis: Redis, directory: DirectoryClient) -> int | None:
    """Events on the log after `stored`; None when nobody can tell, or the log is another one."""
    head = await _head_in_redis(redis, stored.position.log_id)
    if head is None:
        try:
            answer = await directory.get("/changes", after=stored.position.sequence, limit=1)
        except httpx.HTTPError:
            return None
        page = answer.json()
        if page["log_id"] != stored.position.log_id:
            return None
        head = int(page["head"])
    lag = max(0, head - stored.position.sequence)
    INDEX_LAG.set(lag)
    return lag


async def _head_in_redis(redis: Redis, log_id: str) -> int | None:
    try:
        last: Any = await redis.xrevrange(STREAM, count=1)
    except (RedisError, OSError):
        return None
    if not last or last[0][1].get(b"log_id") != log_id.encode():
        return None
    return int(last[0][0].split(b"-")[0])


async def _try_broker(redis: Redis) -> str | None:
    try:
        await redis.ping()
    except (RedisError, OSError) as error:
        return f"does not answer ({type(error).__name__}); events come from /changes"
    return None


async def _try_directory(directory: DirectoryClient) -> str | None:
    try:
        answer = await directory.client.get(f"{directory.url}/healthz", timeout=2)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        return f"does not answer ({type(error).__name__})"
    return None
