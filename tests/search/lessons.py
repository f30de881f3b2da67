"""Waiting until search has learned the words of what was written, which takes it a moment."""

import random
from string import ascii_lowercase

from tests.search.served_search import ServedSearch
from tests.waiting import wait_until


async def learned(search: ServedSearch) -> None:
    """Wait until typing errors are mended to all that was written so far, and to nothing older.

    A lesson is from one commit, and commits are in the order of the writes: so all is learned as
    soon as the last word is.
    """
    word = "".join(random.sample(ascii_lowercase, 16))
    made = await search.directory.create(word)
    misspelled = f"{word[:8]}{word[9]}{word[8]}{word[10:]} "

    async def is_mended() -> bool:
        return await search.titles(misspelled) == [word]

    await wait_until(is_mended, "the last word written is learned")
    answer = await search.directory.client.delete(
        f"/partners/{made['id']}",
        headers={**await search.directory.signed_in(), "If-Match": f'"{made["version"]}"'},
    )
    assert answer.status_code == 204, answer.text

    async def is_gone() -> bool:
        return await search.titles(word) == []

    await wait_until(is_gone, "the word is gone again")
    gone_at = (await search.index())["last_commit_at"]

    async def is_forgotten() -> bool:
        return bool((await search.index())["vocabulary"]["commit_at"] >= gone_at)

    await wait_until(is_forgotten, "that it is gone is learned too")
