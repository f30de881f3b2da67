"""Who waits for other writers in vain is told so, and to come again."""

from pathlib import Path

from sqlalchemy import text

from tests.served_directory import ServedDirectory, a_partner, serve_directory


async def test_a_writer_that_waits_too_long_is_told_to_come_again(
    broker_url: str, tmp_path: Path
) -> None:
    """On SQLite one writes at a time; a long import must not make errors of ours of the others."""
    url = f"sqlite:///{tmp_path}/directory.db"
    async with serve_directory(url, f"{broker_url}/1", tmp_path) as directory:
        headers = await directory.signed_in()
        database = directory.app.state.database
        # Half a minute is too long for a test.
        database.writer.pool._timeout = 0.2
        async with database.transaction() as session:
            await session.execute(text("SELECT 1"))
            answer = await directory.client.post(
                "/partners", json=a_partner("Waits"), headers=headers
            )
            keyed = await directory.client.post(
                "/partners",
                json=a_partner("Waits"),
                headers={**headers, "Idempotency-Key": "one"},
            )
            # Readers need not wait.
            assert (await directory.client.get("/partners?limit=1")).status_code == 200
        for refused in (answer, keyed):
            assert refused.status_code == 503, refused.text
            assert refused.json()["type"].endswith(":unavailable")
            assert refused.headers["Retry-After"] == "30"
        assert await _names(directory) == []
        await directory.create("Waits")
        assert await _names(directory) == ["Waits"]


async def _names(directory: ServedDirectory) -> list[str]:
    found = await directory.client.get("/partners")
    return [one["names"][0]["value"] for one in found.json()["items"]]
