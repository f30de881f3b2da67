"""A contact point is asked by mail over real processes; nothing of it is lost when one dies."""

import asyncio
import re
from pathlib import Path
from typing import Any

from tests.directory.contact_points import a_desk
from tests.mail_server import serve_mail
from tests.network import Network
from tests.served_directory import a_partner
from tests.waiting import wait_until


async def _asked(network: Network, headers: dict[str, str], email: str) -> dict[str, Any]:
    """A partner whose contact point has been asked."""
    url = f"{network.urls['directory']}/partners"
    body = a_partner(email, contact_points=[a_desk(email)])
    made = (await network.client.post(url, json=body, headers=headers)).json()
    path = f"{made['id']}/contact-points/{made['contact_points'][0]['id']}/confirmation"
    answer = await network.client.post(f"{url}/{path}", headers=headers)
    assert answer.status_code == 202, answer.text
    record: dict[str, Any] = answer.json()
    return record


async def _becomes(network: Network, record: dict[str, Any], status: str) -> None:
    async def is_so() -> bool:
        answer = await network.client.get(f"{network.urls['directory']}/partners/{record['id']}")
        return bool(answer.json()["contact_points"][0]["verification"]["status"] == status)

    await wait_until(is_so, f"the contact point is {status}")


async def test_a_contact_point_answers_or_bounces_whoever_dies(
    tmp_path: Path, database_urls: dict[str, str]
) -> None:
    """Notify dies before it mails, and the directory before it is told that a mail was refused."""
    async with serve_mail() as server:
        settings = {
            "MAIL_URL": f"smtp://127.0.0.1:{server.port}",
            "MAIL_IDLE_SECONDS": "0.05",
            "LOG_LEVEL": "info",
        }
        async with Network(
            tmp_path, database_urls, settings, services=("directory", "notify")
        ) as network:
            headers = await network.signed_in()
            outbox = f"{network.urls['notify']}/notify/mail"
            url = f"{network.urls['notify']}/webhooks"
            hook = {"url": "http://127.0.0.1:59999/hook", "event_types": ["topic.created"]}
            # The fan-out has begun: what happens from now on is told.
            answer = await network.client.post(url, json=hook, headers=headers)
            assert answer.status_code == 201, answer.text

            network.kill("notify")
            record = await _asked(network, headers, "answers@example.org")
            await network.restart("notify")
            [message] = await server.got(1)
            [link] = re.findall(r"http://\S+/confirmations/\S+", message.get_content())
            page = await network.client.get(link, headers={"Accept": "text/html"})
            assert page.text.count("<button") == 2
            await _becomes(network, record, "pending")
            assert (await network.client.post(link, data={"answer": "reached"})).is_success
            await _becomes(network, record, "verified")

            server.held_until = asyncio.Event()
            server.script = [("DATA", "554 5.7.1 not wanted")]
            record = await _asked(network, headers, "bounces@example.org")
            mail: dict[str, Any] = {}

            async def is_under_way() -> bool:
                items = (await network.client.get(outbox, headers=headers)).json()["items"]
                mail.update(items[0])
                return bool(mail["subject"].endswith("bounces@example.org?") and mail["attempts"])

            async def was_refused() -> bool:
                await is_under_way()
                return bool(mail["state"] == "dead")

            await wait_until(is_under_way, "the mail is being handed over")
            network.kill("directory")
            server.held_until.set()
            await wait_until(was_refused, "the mail was refused")
            await network.restart("directory")
            await _becomes(network, record, "bounced")
        for name in ("directory", "notify"):
            output = (tmp_path / f"{name}.log").read_text()
            assert "request.answered" in output
            assert link.rpartition("/")[2] not in output
            assert "@example.org" not in output
