"""What a directory writes on its output: facts about requests, and nothing of what they carried."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import orjson
from cryptography.fernet import Fernet

from tests.served_directory import BOOTSTRAP, SERVICE_SECRET, a_partner
from tests.waiting import wait_until

_CRASH = """
import asyncio, sys
import structlog
from sqlalchemy import text
from shared.databases import Database
from shared.logs import configure_logs

async def main():
    configure_logs("directory", "debug")
    database = Database(sys.argv[1])
    local = "m4rk-" + "local"
    bound = {"one": "m4rk-" + "bound"}
    try:
        async with database.transaction() as session:
            await session.execute(text("INSERT INTO no_table VALUES (:one)"), bound)
    except Exception as error:
        structlog.get_logger().error("request.crashed", exc_info=error)
    await database.dispose()

asyncio.run(main())
"""
DESK = {
    "kind": "role",
    "purposes": ["press"],
    "channels": [{"kind": "post", "value": "m4rk-street"}],
    "procedure": "m4rk-procedure",
    "visibility": "secretariat",
}


async def _run(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, output
    return output.decode()


@asynccontextmanager
async def _running(broker_url: str, folder: Path, output: Path) -> AsyncIterator[httpx.AsyncClient]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "DIRECTORY_PORT": str(port),
        "DIRECTORY_URL": f"http://127.0.0.1:{port}",
        "REDIS_URL": f"{broker_url}/4",
        "VAR_DIR": str(folder),
        "SERVICE_CLIENT_SECRET": SERVICE_SECRET,
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "BOOTSTRAP_CLIENT_ID": BOOTSTRAP[0],
        "BOOTSTRAP_CLIENT_SECRET": BOOTSTRAP[1],
        "LOG_LEVEL": "debug",
    }
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.directory", stdout=file, stderr=file, env=environment
        )
    async with httpx.AsyncClient(base_url=environment["DIRECTORY_URL"]) as client:

        async def answers() -> bool:
            try:
                return (await client.get("/healthz")).status_code == 200
            except httpx.TransportError:
                return False

        try:
            await wait_until(answers, "the directory answers", seconds=30)
            yield client
        finally:
            process.terminate()
            await asyncio.wait_for(process.wait(), 20)


async def test_a_crash_is_logged_without_the_values_it_met(tmp_path: Path) -> None:
    """Neither local variables nor the values bound to a statement come into the logs."""
    output = await _run("-c", _CRASH, f"sqlite:///{tmp_path}/crash.db")
    assert "no_table" in output
    assert "m4rk" not in output


async def test_a_line_for_each_request_and_nothing_of_what_it_carried(
    broker_url: str, tmp_path: Path
) -> None:
    """Not the values that were written, asked for or refused, no secret and no token."""
    output = tmp_path / "output"
    async with _running(broker_url, tmp_path, output) as client:
        signed = await client.post(
            "/oauth/token", auth=BOOTSTRAP, data={"grant_type": "client_credentials"}
        )
        token = signed.json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        body = a_partner("m4rk-name", contact_points=[DESK])
        made = await client.post("/partners", json=body, headers=headers)
        path = made.headers["Location"]
        matching = {**headers, "If-Match": '"1"', "X-Request-ID": "m4de-by-us"}
        refused = {"contact_points": [{"kind": "m4rk-kind"}]}
        assert (await client.patch(path, json=refused, headers=matching)).status_code == 422
        await client.get("/partners?name=m4rk-asked", headers=headers)
        await client.get("/partners", headers={"Authorization": "Bearer m4rk-token"})
        await client.post(
            "/accounts", json={"name": "m4rk-account", "role": "member"}, headers=headers
        )
    text = output.read_text()
    lines = [orjson.loads(line) for line in text.splitlines() if line.startswith("{")]
    answered = [line for line in lines if line["event"] == "request.answered"]
    assert any(
        (line["method"], line["route"], line["status"], line["request_id"])
        == ("PATCH", "/partners/{partner_id}", 422, "m4de-by-us")
        for line in answered
    )
    for hidden in ("m4rk", token, BOOTSTRAP[1], SERVICE_SECRET):
        assert hidden not in text


async def test_a_link_that_answers_for_a_contact_point_is_not_logged(
    broker_url: str, tmp_path: Path
) -> None:
    """Whoever reads the logs could answer by it: neither as it was mailed nor as it was garbled."""
    output = tmp_path / "output"
    async with _running(broker_url, tmp_path, output) as client:

        async def signed_in(client_id: str, secret: str) -> dict[str, str]:
            form = {"grant_type": "client_credentials"}
            signed = await client.post("/oauth/token", auth=(client_id, secret), data=form)
            return {"Authorization": f"Bearer {signed.json()['access_token']}"}

        headers = await signed_in(*BOOTSTRAP)
        desk = {
            "kind": "role",
            "purposes": ["press"],
            "channels": [{"kind": "email", "value": "desk@example.org"}],
        }
        body = a_partner("Asked", contact_points=[desk])
        made = (await client.post("/partners", json=body, headers=headers)).json()
        path = f"/partners/{made['id']}/contact-points/{made['contact_points'][0]['id']}"
        asked = await client.post(f"{path}/confirmation", headers=headers)
        assert asked.status_code == 202
        service = await signed_in("services", SERVICE_SECRET)
        links: list[str] = []

        async def is_told() -> bool:
            page = (await client.get("/changes", headers=service)).json()
            links[:] = [one["data"]["link"] for one in page["items"] if "link" in one["data"]]
            return bool(links)

        await wait_until(is_told, "the link is on the log")
        token = links[0].rpartition("/")[2]
        for wrong in (
            f"{links[0]}/",
            f"{client.base_url}//confirmations/{token}",
            f"/x/confirmations/{token}/y",
        ):
            assert (await client.get(wrong)).status_code == 404
        assert (await client.get(f"{links[0]}?{'x' * 20_000}")).status_code == 414
        assert (await client.get(links[0])).status_code == 200
        assert (await client.post(links[0], data={"answer": "reached"})).status_code == 200
        assert (await client.post(f"{links[0]}x")).status_code == 422
    text = output.read_text()
    assert text.count('"path":"/confirmations/\u2026"') + text.count("/confirmations/…") >= 6
    assert token[-40:] not in text
    assert "desk@example.org" not in text
