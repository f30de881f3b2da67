"""What people look for, as counts: who sees them, from how many on, and what is never kept."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from services.search.models import SearchCountRow, metadata
from shared.folding import folded_name
from tests.conftest import database_url  # noqa: F401 - on both kinds of database
from tests.search.database_away import database_away
from tests.search.served_search import ServedSearch, search_settings, serve_search
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

Json = dict[str, Any]
KEPT_DAYS = 10
PERSONAL = [
    "anna.schmidt@example.org",
    "is ANNA＠example known",
    "anna @ example",
    "call +44 20 7946 0958",
    "0044-20-7946-0958",
    "(030) 12.34.56",
    "anna 123456",
    "１２３４５６",
]
_COUNTS = metadata.tables["search_count"].c


@pytest.fixture(scope="module")
async def served(
    directory: ServedDirectory,
    directory_url: str,
    search_database_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[ServedSearch]:
    """Search without the worker's loops, which counting does not need."""
    settings = search_settings(
        directory_url,
        directory.redis_url,
        tmp_path_factory.mktemp("search"),
        SEARCH_DATABASE_URL=search_database_url,
        WORKER="off",
        INSIGHTS_DAYS=str(KEPT_DAYS),
    )
    async with serve_search(settings, directory, wait=False) as search:
        yield search


async def _insights(served: ServedSearch, **parameters: Any) -> Json:
    answer = await served.client.get(
        "/search/insights", params=parameters, headers=await served.directory.signed_in()
    )
    assert answer.status_code == 200, answer.text
    insights: Json = answer.json()
    return insights


async def _counted(served: ServedSearch, searches: int, **parameters: Any) -> Json:
    """The insights, once `searches` are in them; more of them never come."""

    async def all_are_in_it() -> bool:
        return bool((await _insights(served, **parameters))["searches"] >= searches)

    await wait_until(all_are_in_it, f"{searches} searches are counted")
    insights = await _insights(served, **parameters)
    assert insights["searches"] == searches
    return insights


def _search(served: ServedSearch, q: str, total: int, times: int = 1) -> None:
    for _ in range(times):
        served.app.state.insights.count(q, total)


def _of(questions: list[Json], *words: str) -> list[tuple[str, int, int]]:
    """Those of the questions that hold one of the words, in their order."""
    return [
        (one["question"], one["searches"], one["without_results"])
        for one in questions
        if set(words) & set(one["question"].split())
    ]


async def _unkept(served: ServedSearch, why: str) -> float:
    """How many searches were counted without their words, by the metrics."""
    name = f'search_questions_unkept_total{{why="{why}"}}'
    lines = (await served.client.get("/metrics")).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


async def test_the_secretariat_sees_what_was_searched_most_and_in_vain(
    served: ServedSearch,
) -> None:
    """Whatever case and accents; a question of one person is in the totals and nowhere else."""
    before = await _insights(served)
    _search(served, "Cyber Crime", 7, times=3)
    _search(served, "CYBER crime!", 7)
    _search(served, "Wildlife Tráfficking", 0, times=4)
    _search(served, "wildlife trafficking", 2)
    _search(served, "forgery", 0, times=3)
    _search(served, "rare wildlife", 0, times=2)
    after = await _counted(served, before["searches"] + 14)
    words = ("cyber", "wildlife", "forgery")
    assert _of(after["top"], *words) == [
        ("wildlife trafficking", 5, 4),
        ("cyber crime", 4, 0),
        ("forgery", 3, 3),
    ]
    assert _of(after["unanswered"], *words) == [
        ("wildlife trafficking", 5, 4),
        ("forgery", 3, 3),
    ]
    assert after["without_results"] == before["without_results"] + 9
    today = datetime.now(UTC).date()
    assert (after["from"], after["to"]) == (
        str(today - timedelta(days=KEPT_DAYS - 1)),
        str(today),
    )
    shortened = await _insights(served, limit=1)
    assert (len(shortened["top"]), len(shortened["unanswered"])) == (1, 1)


async def test_a_search_over_http_is_counted(served: ServedSearch, search: ServedSearch) -> None:
    """By its question as it was typed, so that an address is noticed; one without words is none."""
    before = await _insights(served)
    for _ in range(3):
        await search.ask(q="Seamless  Search")
        await search.ask(q="anna.seamless@example.org")
        await search.ask(q="")
    after = await _counted(served, before["searches"] + 6)
    assert _of(after["top"], "seamless", "anna") == [("seamless search", 3, 3)]


async def test_nobody_but_the_secretariat_sees_them(served: ServedSearch) -> None:
    """Not even signed in."""
    partner = await served.directory.create("Of an editor")
    assert (await served.client.get("/search/insights")).status_code == 401
    for headers in (
        await served.directory.account("member"),
        await served.directory.account("editor", partner["id"]),
        await served.directory.service(),
    ):
        answer = await served.client.get("/search/insights", headers=headers)
        assert answer.status_code == 403


@pytest.mark.parametrize("asked", ["days=0", f"days={KEPT_DAYS + 1}", "days=x", "limit=201"])
async def test_a_period_that_is_not_kept_is_refused(served: ServedSearch, asked: str) -> None:
    """The answer points at the parameter; an unknown one is refused as everywhere."""
    headers = await served.directory.signed_in()
    answer = await served.client.get(f"/search/insights?{asked}", headers=headers)
    pointers = [error["pointer"] for error in answer.json()["errors"]]
    assert (answer.status_code, pointers) == (422, [f"/query/{asked.partition('=')[0]}"])
    unknown = await served.client.get("/search/insights?since=1", headers=headers)
    assert unknown.status_code == 400


async def test_what_looks_like_a_persons_data_is_not_kept(served: ServedSearch) -> None:
    """The searches count, their words do not, however often they are searched."""
    before, unkept = await _insights(served), await _unkept(served, "personal")
    for q in PERSONAL:
        _search(served, q, 0, times=5)
    searches = 5 * len(PERSONAL)
    after = await _counted(served, before["searches"] + searches)
    assert after["without_results"] == before["without_results"] + searches
    assert (after["top"], after["unanswered"]) == (before["top"], before["unanswered"])
    assert await _unkept(served, "personal") == unkept + searches
    async with served.app.state.database.reading() as session:
        kept = set((await session.execute(select(_COUNTS.question))).scalars())
    assert not kept & {folded_name(q) for q in PERSONAL}


async def test_short_numbers_and_long_questions_are_kept(served: ServedSearch) -> None:
    """A year or an article is no telephone number; of a long question the beginning is kept."""
    before = await _insights(served)
    _search(served, "regulation 2016/5", 1, times=3)
    _search(served, "regulation " + "x" * 300, 1, times=3)
    after = await _counted(served, before["searches"] + 6)
    assert _of(after["top"], "regulation") == [
        ("regulation 2016 5", 3, 0),
        (("regulation " + "x" * 300)[:100], 3, 0),
    ]


async def test_replicas_add_up_and_nothing_is_lost_at_a_stop(served: ServedSearch) -> None:
    """Both count the same question at the same time; what one holds at its end is written."""
    before = await _insights(served)
    async with serve_search(served.settings, served.directory, wait=False) as other:
        for _ in range(2):
            _search(served, "both replicas", 1)
            _search(other, "both replicas", 0, times=2)
    after = await _counted(served, before["searches"] + 6)
    assert _of(after["top"], "replicas") == [("both replicas", 6, 4)]


async def test_counts_wait_while_the_database_is_away(served: ServedSearch) -> None:
    """They come in once when it is back, those of before and those of meanwhile."""
    before = await _insights(served)
    _search(served, "patience", 0, times=2)

    async def failures() -> float:
        lines = (await served.client.get("/metrics")).text.splitlines()
        failed = [line for line in lines if "loop_failures_total{" in line]
        return sum(float(line.split()[-1]) for line in failed if "search.insights" in line)

    failed = await failures()
    async with database_away(served.settings.database_url):
        _search(served, "patience", 0, times=3)

        async def it_was_missed() -> bool:
            return await failures() > failed

        await wait_until(it_was_missed, "counts could not be written")
        _search(served, "patience", 1)
    after = await _counted(served, before["searches"] + 6)
    assert _of(after["top"], "patience") == [("patience", 6, 5)]


async def test_old_counts_are_let_go_of(served: ServedSearch) -> None:
    """As soon as a search begins, more than one batch of them; the first day that counts stays."""
    first_day = datetime.now(UTC).date() - timedelta(days=KEPT_DAYS - 1)
    rows = [
        {"day": day, "question": f"old {number}", "searches": 5, "without_results": 0}
        for day in (first_day, first_day - timedelta(days=1), first_day - timedelta(days=400))
        for number in range(600)
    ]
    database = served.app.state.database
    async with database.transaction() as session:
        await session.execute(insert(SearchCountRow), rows)

    async def days() -> set[Any]:
        async with database.reading() as session:
            query = select(_COUNTS.day, func.count()).where(_COUNTS.question.like("old %"))
            return {tuple(row) for row in await session.execute(query.group_by(_COUNTS.day))}

    assert len(await days()) == 3
    async with serve_search(served.settings, served.directory, wait=False):

        async def only_those_that_count_are_left() -> bool:
            return await days() == {(first_day, 600)}

        await wait_until(only_those_that_count_are_left, "old counts are gone")
    assert len((await _insights(served, days=KEPT_DAYS, limit=200))["top"]) == 200
    shorter = await _insights(served, days=KEPT_DAYS - 1, limit=200)
    assert _of(shorter["top"], "old") == []


async def test_there_is_an_end_to_what_is_kept_at_once_and_of_a_day(served: ServedSearch) -> None:
    """Anybody may ask for anything: what is over the bounds counts in the totals only."""
    today = datetime.now(UTC).date()
    rows = [
        {"day": today, "question": f"flood {number}", "searches": 1, "without_results": 0}
        for number in range(7_000)
    ]
    async with served.app.state.database.transaction() as session:
        await session.execute(insert(SearchCountRow), rows)
    before = await _insights(served, days=1)
    too_many, day_full = await _unkept(served, "too_many"), await _unkept(served, "day_full")
    for number in range(5_100):
        _search(served, f"another {number}", 1)
    await _counted(served, before["searches"] + 5_100, days=1)
    assert await _unkept(served, "too_many") == too_many + 100
    assert await _unkept(served, "day_full") > day_full + 2_000
    async with served.app.state.database.reading() as session:
        kept = await session.scalar(select(func.count()).where(_COUNTS.day == today))
    assert kept is not None
    assert 9_000 < kept <= 10_000
    _search(served, "flood 1", 1, times=2)
    after = await _counted(served, before["searches"] + 5_102, days=1)
    assert _of(after["top"], "flood") == [("flood 1", 3, 0)]
