"""A search process that is asked oddly, over real HTTP, and each time plainly afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from tests.network import Network
from tests.search.raw_http import SLOWEST_SECONDS, RawAnswer, a_post, a_request, send
from tests.served_directory import a_partner
from tests.waiting import wait_until

EVERY_FACET = "kind,level,sector,country,area,topic,strand,status,year"
NAMES = [
    "Plain Council",
    "University of Leicester",
    "Universität Straßburg",
    "清华大学",
    "Гражданский совет",
    "مجلس الأمن",
]


def encoded(text: str | bytes) -> str:
    """`text` for an address; lone surrogates too, as an old system would write them."""
    return quote(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)


class Target:
    """A search process that is asked oddly, and each time plainly afterwards."""

    def __init__(self, network: Network, token: bytes, partner_id: str) -> None:
        self._port = network.ports["search"]
        self.token = token
        self.partner_id = partner_id
        self.slowest = (0.0, b"")

    async def get(self, path: str, query: str = "", *headers: bytes) -> RawAnswer:
        """The answer to GET, `query` being sent as it is."""
        return await self._answer(a_request(f"{path}?{query}", *headers))

    async def post(self, path: str, body: bytes) -> RawAnswer:
        """The answer to POST as the secretariat."""
        return await self._answer(a_post(path, body, b"Authorization: " + self.token))

    async def ask_everywhere(self, text: str | bytes) -> None:
        """Ask for `text` wherever a text can be asked for; each time it is answered."""
        q = encoded(text)
        for path, query in (
            ("/search", f"q={q}"),
            ("/search", f"q={q}&sort=name&highlight=offsets&limit=200"),
            ("/search", f"q={q}&facets={EVERY_FACET}&near=52,0,20000"),
            ("/search", f"area={q}&topic={q}&strand={q}&kind=partner"),
            ("/suggest", f"q={q}&limit=50"),
            ("/search/facets/country", f"q=&contains={q}"),
            ("/search/facets/country", f"q={q}"),
            ("/synonyms", f"term={q}"),
        ):
            await self.get(path, query)
        await self.get(f"/search/facets/{q}")
        await self.get(f"/similar/{q}")
        await self.get("/search", f"q={q}&explain=true", b"Authorization: " + self.token)

    async def _answer(self, request: bytes) -> RawAnswer:
        answer = await send(self._port, request)
        self.slowest = max(self.slowest, (answer.seconds, request[:300]))
        assert answer.seconds < SLOWEST_SECONDS, (answer.seconds, request[:300])
        if answer.status >= 400:
            assert answer.kind != "internal-error"
            assert answer.status < 500, (answer, request[:300])
        plain = await send(self._port, a_request("/search?q=plain"))
        assert plain.status == 200
        assert plain.json["total"] == 1
        return answer


@asynccontextmanager
async def serve_target(folder: Path) -> AsyncIterator[Target]:
    """Search with some partners in it, while the block runs."""
    async with Network(folder, settings={"TOKEN_SECONDS": "3600"}) as network:
        headers = await network.signed_in()
        for name in NAMES:
            body = a_partner(
                name,
                country="GB",
                areas=[{"name": "Kent"}],
                location={"lat": 52.0, "lon": 0.5},
                description={"en": f"What {name} does, at length. " * 20},
            )
            made = await network.client.post(
                f"{network.urls['directory']}/partners", json=body, headers=headers
            )
            assert made.status_code == 201, made.text
        target = Target(network, headers["Authorization"].encode(), made.json()["id"])

        async def all_are_found() -> bool:
            answer = await send(network.ports["search"], a_request("/search"))
            return answer.status == 200 and bool(answer.json["total"] == len(NAMES))

        await wait_until(all_are_found, "all partners are found")
        yield target
        print(f"slowest: {target.slowest}")
        assert "request.crashed" not in network.log_of("search")
