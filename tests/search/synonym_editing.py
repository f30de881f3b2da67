"""Editing synonyms as the secretariat, and what a search would ask with."""

from typing import Any

import httpx

from shared.folding import words_of
from tests.search.served_search import ServedSearch

Json = dict[str, Any]


async def post_synonym(served: ServedSearch, *terms: str, **more: Any) -> httpx.Response:
    """The answer to POST /synonyms."""
    body = {"terms": list(terms), **more}
    headers = await served.directory.signed_in()
    return await served.client.post("/synonyms", json=body, headers=headers)


async def add_synonym(served: ServedSearch, *terms: str, **more: Any) -> Json:
    """A new synonym, as it is answered."""
    answer = await post_synonym(served, *terms, **more)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


async def change_synonym(
    served: ServedSearch, synonym: Json, method: str, body: Json | None = None
) -> httpx.Response:
    """The answer to `method` on the version that `synonym` shows."""
    return await served.client.request(
        method,
        f"/synonyms/{synonym['id']}",
        json=body,
        headers={
            **await served.directory.signed_in(),
            "If-Match": f'"{synonym["version"]}"',
        },
    )


def others_of(served: ServedSearch, term: str) -> set[str]:
    """What `served` would ask for beside `term`."""
    found = served.app.state.synonyms.table.others_of(tuple(words_of(term)))
    return {" ".join(words) for words in found}
