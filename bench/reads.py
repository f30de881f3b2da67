"""GET of one partner and of a page: requests a second, as a share of prepared bytes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.figures import Figure, median, ratio_at_least, spread, stated
from bench.machine import processor_seconds
from bench.measured_network import MeasuredNetwork
from bench.rates import CONNECTIONS, load_client_name, measure_rate

ROUNDS = 5
_ONE, _PAGE = 0.7, 0.3


@dataclass(slots=True)
class _Rounds:
    per_second: list[float] = field(default_factory=list)
    processor_microseconds: list[float] = field(default_factory=list)


async def measure_reads(
    network: MeasuredNetwork, partner_ids: Sequence[str], seconds: float, where: str = ""
) -> list[Figure]:
    """Both reads; the partner is one whose record has the median length. `where` names it."""
    directory = network.urls["directory"]
    lengths = {}
    for partner_id in partner_ids[:: max(1, len(partner_ids) // 101)]:
        answer = await network.client.get(f"{directory}/partners/{partner_id}")
        lengths[partner_id] = len(answer.raise_for_status().content)
    middle = sorted(lengths, key=lambda key: lengths[key])[len(lengths) // 2]
    one = f"{directory}/partners/{middle}"
    page = f"{directory}/partners?limit=50"
    return [
        stated("load client", load_client_name(), f"{CONNECTIONS} connections"),
        *await _compare(network, f"GET /partners/{{id}}{where}", one, "one", seconds, _ONE),
        *await _compare(network, f"GET /partners?limit=50{where}", page, "page", seconds, _PAGE),
    ]


async def _compare(
    network: MeasuredNetwork, name: str, url: str, prepared_name: str, seconds: float, least: float
) -> list[Figure]:
    body = (await network.client.get(url)).raise_for_status().content
    prepared_url = await network.prepare("directory", prepared_name, body)
    real, prepared = _Rounds(), _Rounds()
    for _ in range(ROUNDS):
        await _run_round(network, url, seconds, real)
        await _run_round(network, prepared_url, seconds, prepared)
    ratios = [a / b for a, b in zip(real.per_second, prepared.per_second, strict=True)]
    rates = f"{median(real.per_second):,.0f}/s against {median(prepared.per_second):,.0f}/s"
    figures = [
        ratio_at_least(
            name,
            median(ratios),
            least,
            f"{rates} prepared; {len(body):,} bytes; {ROUNDS} rounds {spread(ratios)}",
        )
    ]
    if all(prepared.processor_microseconds):
        ours, bare = median(real.processor_microseconds), median(prepared.processor_microseconds)
        how = f"{ours:,.0f} us a request against {bare:,.0f} us; cares less for a busy machine"
        figures.append(stated("  same, in processor time", f"{bare / ours:.2f} x", how))
    return figures


async def _run_round(network: MeasuredNetwork, url: str, seconds: float, rounds: _Rounds) -> None:
    pid = network.pid_of("directory")
    before = processor_seconds(pid)
    rate = await measure_rate(url, seconds)
    used = processor_seconds(pid) - before
    rounds.per_second.append(rate.per_second)
    rounds.processor_microseconds.append(used / rate.total * 1e6)
