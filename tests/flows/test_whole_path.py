"""A partner is written, found and announced: the whole path over real processes."""

from standardwebhooks import Webhook

from tests.network import Network
from tests.receiver import serve_receiver
from tests.waiting import wait_until


async def test_what_is_written_is_found_and_announced(network: Network) -> None:
    """A write is found by /search and received by a subscriber, signed so that it can verify."""
    async with serve_receiver() as receiver:
        headers = await network.signed_in()
        answer = await network.client.post(
            f"{network.urls['notify']}/webhooks",
            json={"url": receiver.url, "event_types": ["partner.*"]},
            headers=headers,
        )
        assert answer.status_code == 201, answer.text
        webhook = answer.json()
        written = await network.client.post(
            f"{network.urls['directory']}/partners",
            json={
                "level": "international",
                "names": [
                    {"value": "European Union Agency for Law", "kinds": ["display"]},
                    {"value": "Europol", "kinds": ["acronym"]},
                ],
            },
            headers=headers,
        )
        assert written.status_code == 201, written.text
        record = written.json()

        async def is_found() -> bool:
            found = await network.client.get(
                f"{network.urls['search']}/search", params={"q": "europol"}
            )
            return [item["id"] for item in found.json()["items"]] == [record["id"]]

        await wait_until(is_found, "the partner is found")

        async def is_announced() -> bool:
            return bool(receiver.requests)

        await wait_until(is_announced, "the partner is announced")
        delivered = receiver.requests[0]
        Webhook(webhook["secret"]).verify(delivered.body, delivered.headers)
        assert delivered.headers["Content-Type"] == "application/cloudevents+json"
        assert delivered.event["type"] == "partner.created"
        assert delivered.event["data"]["record"]["id"] == record["id"]
        assert delivered.headers["webhook-id"] == delivered.event["id"]


async def test_a_consumer_started_from_nothing_catches_up(network: Network) -> None:
    """Search, its index lost while it was away, has every record again soon after its start."""
    headers = await network.signed_in()
    for number in range(30):
        answer = await network.client.post(
            f"{network.urls['directory']}/partners",
            json={"level": "local", "names": [{"value": f"Unit {number}", "kinds": ["display"]}]},
            headers=headers,
        )
        assert answer.status_code == 201
    network.kill("search")
    network.start("search", SEARCH_INDEX_DIR=str(network.folder / "another-index"))
    await network.wait_ready("search")

    async def has_all() -> bool:
        found = await network.client.get(f"{network.urls['search']}/search", params={"q": "unit"})
        return bool(found.json()["total"] == 30)

    await wait_until(has_all, "all thirty are found")
