"""Several searches on one database ask with the same synonyms, and keep the rules together."""

import asyncio

from tests.conftest import database_url  # noqa: F401 - on both kinds of database
from tests.search.database_away import database_away
from tests.search.served_search import ServedSearch, serve_search
from tests.search.synonym_editing import add_synonym, change_synonym, others_of, post_synonym
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until


async def test_of_many_who_add_the_same_at_once_one_succeeds(
    replicas: tuple[ServedSearch, ServedSearch],
) -> None:
    """The rule holds also between two writers of which neither can see the other's yet."""
    adding = [post_synonym(replica, "at once", "all together") for replica in replicas * 4]
    statuses = sorted(answer.status_code for answer in await asyncio.gather(*adding))
    assert statuses == [201] + [409] * 7


async def test_every_replica_asks_with_what_one_was_told(
    replicas: tuple[ServedSearch, ServedSearch],
) -> None:
    """The one that was told does so at once, the others soon; of a deletion they hear too."""
    first, second = replicas
    synonym = await add_synonym(first, "joined up", "Multi-Agency")
    assert others_of(first, "multi agency") == {"joined up"}

    async def has_it() -> bool:
        return others_of(second, "MULTI-AGENCY") == {"joined up"}

    await wait_until(has_it, "the other replica has it")
    body = {"terms": ["joined up", "multi-agency", "partnership working"]}
    changed = (await change_synonym(second, synonym, "PUT", body)).json()
    assert "partnership working" in others_of(second, "joined up")

    async def has_the_change() -> bool:
        return "partnership working" in others_of(first, "joined up")

    await wait_until(has_the_change, "the first replica has the change")
    await change_synonym(first, changed, "DELETE")
    assert others_of(first, "joined up") == set()

    async def has_lost_it() -> bool:
        return others_of(second, "joined up") == set()

    await wait_until(has_lost_it, "the other replica has it no more")


async def test_a_replica_begins_with_the_list_as_it_is(
    replicas: tuple[ServedSearch, ServedSearch], directory: ServedDirectory
) -> None:
    """From its first answer on."""
    first, _ = replicas
    await add_synonym(first, "from the start", "initially")
    async with serve_search(first.settings, directory, wait=False) as third:
        assert others_of(third, "initially") == {"from the start"}


async def test_the_last_synonyms_stay_while_the_database_is_away(
    replicas: tuple[ServedSearch, ServedSearch],
) -> None:
    """Searches go on with them, and what was written before is taken over when it is back."""
    first, second = replicas
    await add_synonym(first, "as long as", "while")

    async def has_it() -> bool:
        return others_of(second, "while") == {"as long as"}

    await wait_until(has_it, "the other replica has it")

    async def failures() -> float:
        metrics = (await second.client.get("/metrics")).text
        lines = [line for line in metrics.splitlines() if "loop_failures_total{" in line]
        return sum(float(line.split()[-1]) for line in lines if "search.synonyms" in line)

    before = await failures()
    async with database_away(first.settings.database_url):

        async def it_was_missed() -> bool:
            return await failures() >= before + 2

        await wait_until(it_was_missed, "replicas have asked in vain")
        assert others_of(first, "while") == others_of(second, "while") == {"as long as"}
    await add_synonym(first, "back again", "returned")

    async def has_the_new_one() -> bool:
        return others_of(second, "returned") == {"back again"}

    await wait_until(has_the_new_one, "the other replica follows again")
