"""`make smoke`: one partner travels through a running copy, into the index and out by a webhook."""

import contextlib
import json
import os
import secrets
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue

import httpx

from ops.credentials import CREDENTIALS_FILE, read_file
from ops.environment import find_urls
from ops.visitor import Disappointed, Visitor, wait_for

_SECONDS = 20.0


@contextlib.contextmanager
def _receiver(received: "SimpleQueue[str]") -> Iterator[str]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.put(str(body.get("subject")))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def _next(received: "SimpleQueue[str]") -> str | None:
    try:
        return received.get_nowait()
    except Empty:
        return None


def _travel(visitor: Visitor) -> None:
    received: SimpleQueue[str] = SimpleQueue()
    visitor.sign_in()
    print("signed in")
    with _receiver(received) as url, contextlib.ExitStack() as afterwards:
        registration = {"url": url, "event_types": ["partner.*"]}
        webhook = visitor.ask("POST", "notify", "/webhooks", json=registration).json()
        afterwards.callback(visitor.ask, "DELETE", "notify", f"/webhooks/{webhook['id']}")
        print("webhook registered")

        name = f"Smoke test {secrets.token_hex(6)}"
        written = visitor.write_partner(name)
        written_at = time.monotonic()
        partner_id = written.json()["id"]
        path = f"/partners/{partner_id}"
        version = {"If-Match": written.headers["ETag"]}
        afterwards.callback(visitor.ask, "DELETE", "directory", path, headers=version)
        print(f"partner written: {partner_id}")

        wait_for(lambda: visitor.finds(partner_id, name), "search finds it", seconds=_SECONDS)
        print(f"found by search after {time.monotonic() - written_at:.2f} s")
        wait_for(lambda: _next(received) == partner_id, "the webhook tells of it", seconds=_SECONDS)
        print(f"told by webhook at most {time.monotonic() - written_at:.2f} s after the write")
    print("partner withdrawn, webhook deleted: everything works")


def main() -> int:
    """Send the partner; 1 where it gets stuck."""
    var_dir = Path(os.environ.get("VAR_DIR") or "var")
    account = read_file(var_dir / CREDENTIALS_FILE)
    if not account:
        print(f"{var_dir} has no {CREDENTIALS_FILE}; start `make run` first.")
        return 1
    try:
        _travel(Visitor(find_urls(os.environ), account["client_id"], account["client_secret"]))
    except httpx.TransportError as error:
        print(f"A service does not answer ({error}); does `make run` run, with the same ports?")
        return 1
    except Disappointed as error:
        print(f"Stuck: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
