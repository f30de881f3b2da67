"""The guide through a year in a partner's life is true."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.directory.a_year import tell
from tests.served_directory import ServedDirectory, serve_directory

GUIDE = Path(__file__).parents[2] / "docs" / "a-year.md"


@pytest.fixture
async def fresh(broker_url: str, tmp_path: Path) -> AsyncIterator[ServedDirectory]:
    """A directory without any partners, so that nobody else's is taken for a duplicate."""
    url = f"sqlite:///{tmp_path}/directory.db"
    async with serve_directory(url, f"{broker_url}/4", tmp_path) as served:
        yield served


async def test_the_guide_shows_what_is_answered(fresh: ServedDirectory) -> None:
    """To the letter; WRITE_GUIDE=1 writes it anew."""
    told = await tell(fresh)
    if os.environ.get("WRITE_GUIDE"):
        GUIDE.write_text(told)
    assert GUIDE.read_text() == told
