"""Each service's OpenAPI document is true: whatever is sent, the answer is one that it describes.

The requests are made up from the document, good ones and bad ones, and go over real HTTP to real
processes. FUZZ_CASES says how many of each kind an operation gets; `make test LONG=1` sends more.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.network import SERVICES, Network
from tests.served_directory import a_partner

CASES = int(os.environ.get("FUZZ_CASES") or (260 if os.environ.get("LONG") else 10))
load_all_checks()

# The documents cannot say every rule (one display name; a topic that is there), so what fits them
# may still be refused.
LEFT_OUT = [positive_data_acceptance]
# Of these a part that is wrong is refused by itself, within an answer that says which was taken.
TAKEN_IN_PARTS = {"/partners/batch"}


def _good_body(path: str, number: int) -> dict[str, Any]:
    """A body that is accepted at `path`, different for each `number`; empty where we know none."""
    bodies: dict[str, dict[str, Any]] = {
        "/partners": a_partner("Good"),
        "/topics": {"notation": f"good-{number}", "scheme": "theme", "pref_label": {"en": "Good"}},
        "/accounts": {"name": "Good", "role": "member"},
        "/partners/{partner_id}/assurance": {"method": "visit"},
        "/partners/{partner_id}/contact-points/{contact_point_id}/verification": {
            "status": "verified",
            "method": "visit",
        },
        "/partners/{partner_id}/disputes": {"reason": "Wrong."},
        "/partners/{partner_id}/restore": {"version": 1},
        "/proposals": {"kind": "create", "reason": "New.", "partner": a_partner("Proposed")},
        "/partners/batch": {"operations": [{"operation": "create", "partner": a_partner("Row")}]},
        # Nothing listens there: what is owed to it is tried in vain.
        "/webhooks": {"url": "http://127.0.0.1:59999/hook", "event_types": ["*"]},
        "/synonyms": {"terms": [f"good {number}", f"fine {number}"], "direction": "one_way"},
    }
    return bodies.get(path, {})


@pytest.fixture(scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    """All services, with tokens that last as long as the test, and room for what it makes."""
    folder = tmp_path_factory.mktemp("fuzz")
    settings = {"TOKEN_SECONDS": "3600", "WEBHOOKS_PER_ACCOUNT": "100000"}
    async with Network(folder, settings=settings) as running:
        yield running


class Target:
    """One service, and records that a part of the good requests are aimed at."""

    def __init__(self, url: str, urls: Mapping[str, str], headers: dict[str, str]) -> None:
        self.url = url
        self.headers = headers
        self.session = requests.Session()
        self._clients = {
            service: httpx.Client(base_url=urls[service], headers=headers) for service in SERVICES
        }
        self._made = 0
        self._addresses = {
            "partner_id": self._make("/partners"),
            "topic_id": self._make("/topics"),
            "account_id": self._make("/accounts"),
            "synonym_id": self._make("/synonyms"),
            "webhook_id": self._make("/webhooks"),
        }
        self._addresses["delivery_id"] = self._make("/deliveries")

    def close(self) -> None:
        """Close the connections."""
        self.session.close()
        for client in self._clients.values():
            client.close()

    def _keeper_of(self, path: str) -> httpx.Client:
        keepers = {"/synonyms": "search", "/webhooks": "notify", "/deliveries": "notify"}
        return self._clients[keepers.get(path, "directory")]

    def _make(self, path: str) -> str:
        # Far away from the numbers of the good requests, and from those of another target.
        number = int.from_bytes(os.urandom(6))
        # A delivery comes of a webhook's test.
        asked = f"{self._addresses['webhook_id']}/test" if path == "/deliveries" else path
        answer = self._keeper_of(path).post(asked, json=_good_body(path, number))
        assert answer.is_success, answer.text
        return str(answer.headers["Location"])

    def aim(self, case: Any, later: int, fields: list[str]) -> None:
        """Bring a good request near to being accepted, so that it gets past the first refusals.

        It goes to a record that is there, names its version plus `later`, and of the body that was
        made up only `fields` stay, put into one that is accepted as it is.
        """
        self._made += 1
        good = _good_body(case.operation.path, self._made)
        for name, address in self._addresses.items():
            if name not in case.path_parameters:
                continue
            collection, _, known = address.rpartition("/")
            if case.method == "DELETE":
                known = self._make(collection).rpartition("/")[2]
            case.path_parameters[name] = known
            read = self._keeper_of(collection).get(f"{collection}/{known}")
            tag = read.headers.get("ETag", '"0"').strip('"')
            case.headers = {**(case.headers or {}), "if-match": f'"{int(tag) + later}"'}
            if case.method == "PUT":
                notation = {"notation": read.json()["notation"]} if name == "topic_id" else {}
                good = _good_body(collection, self._made) | notation
        if isinstance(case.body, dict) and case.media_type == "application/json" and good:
            case.body = good | {field: case.body[field] for field in fields if field in case.body}


def _operations(target: Target) -> Iterator[Any]:
    document = target.session.get(f"{target.url}/openapi.json", timeout=10).json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=target.url)
    # An address that is too long is bad before its parameters are.
    rejecting = schema.config.checks.negative_data_rejection
    rejecting.expected_statuses = [*rejecting.expected_statuses, "414"]
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        # An answer without an end is never whole; tests/notify/test_stream.py asks for it.
        if found.ok().path != "/stream":
            yield found.ok()


def _fuzz(operation: Any, target: Target, mode: GenerationMode, cases: int) -> None:
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def send(case: Any, data: st.DataObject) -> None:
        later = data.draw(st.sampled_from([None, 0, 0, 1]))
        if later is not None and mode is GenerationMode.POSITIVE:
            known = sorted(case.body) if isinstance(case.body, dict) else []
            fields = data.draw(st.lists(st.sampled_from(known), max_size=2)) if known else []
            target.aim(case, later, fields)
        in_parts = [negative_data_rejection] if operation.path in TAKEN_IN_PARTS else []
        case.call_and_validate(
            headers=target.headers, excluded_checks=[*LEFT_OUT, *in_parts], session=target.session
        )

    send()


@pytest.mark.parametrize("service", SERVICES)
async def test_every_answer_is_one_that_the_document_describes(
    network: Network, service: str
) -> None:
    """Status, media type, headers and body; and none of them is an error of ours."""
    headers = await network.signed_in()
    target = Target(network.urls[service], network.urls, headers)
    failures: list[str] = []
    for operation in _operations(target):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                await asyncio.to_thread(_fuzz, operation, target, mode, CASES)
            except Unsatisfiable:
                # Without parameters and body there are no bad requests.
                assert mode is GenerationMode.NEGATIVE, operation.label
            except (Exception, FailureGroup) as error:
                # Whatever it is, it fails the test below, with those of the other operations.
                failures.append(f"{operation.label} ({mode.value}): {error}")
    target.close()
    assert not failures, "\n\n".join(failures)
    assert "request.crashed" not in network.log_of(service)
