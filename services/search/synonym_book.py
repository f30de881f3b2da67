"""The synonyms that this process asks with, kept as the database has them."""

import asyncio

from prometheus_client import Gauge

from services.search.outage import Outage
from services.search.synonym_list import read_all, read_revision
from services.search.synonyms import SynonymTable
from shared.databases import Database

SYNONYM_LOOP = "search.synonyms"
SYNONYM_SECONDS = 1.0
"""How long after a change the other replicas may ask with the old synonyms."""

SYNONYMS = Gauge("search_synonyms", "Synonyms that searches are asked with.")


class SynonymBook:
    """The newest table of synonyms. While the database is away the last one stays."""

    def __init__(self, database: Database) -> None:
        self.table = SynonymTable.empty()
        self._database = database
        self._revision: int | None = None
        self._outage = Outage(SYNONYM_LOOP)
        # Two at once could leave the older table behind as the newer one.
        self._one_at_a_time = asyncio.Lock()

    async def refresh(self) -> int:
        """Take over what the list says now. Always 0, so that its loop pauses after each look."""
        async with self._one_at_a_time:
            with self._outage.waited_out():
                await self._take_over()
        return 0

    async def _take_over(self) -> None:
        async with self._database.reading() as session:
            # Before the rows: a change in between is then taken over once more, never missed.
            revision = await read_revision(session)
            if revision == self._revision:
                return
            rows = await read_all(session)
        # Thousands of synonyms take long enough to fold that searches would notice.
        self.table = await asyncio.to_thread(SynonymTable.from_rows, rows)
        self._revision = revision
        SYNONYMS.set(len(rows))
