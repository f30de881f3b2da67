"""Fixtures: notify beside a real directory, and a real endpoint to send to."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from prometheus_client import REGISTRY

from tests.databases_for_tests import Postgres
from tests.mail_server import MailServer, serve_mail
from tests.notify.served_notify import (
    ServedNotify,
    notify_settings,
    over_the_wire,
    serve_notify,
)
from tests.receiver import Receiver, serve_receiver
from tests.served_directory import ServedDirectory


@pytest.fixture(scope="module")
def notify_database_url(
    database_url: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """URL of a fresh database of the kind that the directory has in this round."""
    if database_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path_factory.mktemp('notify')}/notify.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create()


@pytest.fixture(scope="module")
def new_database(
    database_url: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], str]:
    """Makes databases of the kind that the directory has in this round."""

    def make() -> str:
        if database_url.startswith("sqlite"):
            return f"sqlite:///{tmp_path_factory.mktemp('more')}/notify.db"
        made: str = request.getfixturevalue("postgres").create()
        return made

    return make


@pytest.fixture(scope="module")
async def notify(
    notify_database_url: str, directory: ServedDirectory
) -> AsyncIterator[ServedNotify]:
    """Notify, with its loops running and retries that follow within milliseconds."""
    settings = notify_settings(notify_database_url, directory.redis_url)
    async with serve_notify(settings, directory) as served:
        yield served


@pytest.fixture(scope="module")
async def strict(
    database_url: str,
    directory: ServedDirectory,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[ServedNotify]:
    """Notify that wants its endpoints verified, with a database of its own."""
    if database_url.startswith("sqlite"):
        url = f"sqlite:///{tmp_path_factory.mktemp('strict')}/notify.db"
    else:
        url = request.getfixturevalue("postgres").create()
    settings = notify_settings(url, directory.redis_url, WEBHOOK_VERIFICATION="on")
    async with serve_notify(settings, directory) as served:
        yield served


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """An endpoint that takes everything, unless its script says otherwise."""
    async with serve_receiver() as served:
        yield served


def _failed_steps() -> float:
    return REGISTRY.get_sample_value("loop_failures_total", {"loop": "send"}) or 0.0


@pytest.fixture(autouse=True)
def no_failing_step() -> Iterator[None]:
    """Fails a test in which a step of the sender raised: its loop goes on, only slower."""
    before = _failed_steps()
    yield
    assert _failed_steps() == before, "a step of the sender raised"


@pytest.fixture(scope="module")
async def stream_url(notify: ServedNotify) -> AsyncIterator[str]:
    """Where notify answers over real HTTP, by the protocol that the services speak."""
    async with over_the_wire(notify) as url:
        yield url


@pytest.fixture(scope="module")
async def mail_server() -> AsyncIterator[MailServer]:
    """The mail server that `mailing` hands over to."""
    async with serve_mail() as served:
        yield served


@pytest.fixture(scope="module")
async def mailing(
    notify_database_url: str, directory: ServedDirectory, mail_server: MailServer
) -> AsyncIterator[ServedNotify]:
    """Notify beside a mail server, with three attempts that follow within milliseconds."""
    settings = notify_settings(
        notify_database_url,
        directory.redis_url,
        MAIL_URL=f"smtp://127.0.0.1:{mail_server.port}",
        MAIL_FROM="Our network <notify@example.org>",
        MAIL_RETRY_SECONDS="0,0.02,0.02",
        MAIL_IDLE_SECONDS="0.02",
    )
    async with serve_notify(settings, directory) as served:
        yield served
