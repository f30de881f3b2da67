"""The structure that the documents promise."""

import ast
import importlib
import pkgutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import services
import shared
from ops.schemas import as_text, documents
from shared.events import EVENT_TYPES, INNER_EVENT_TYPES
from shared.problems import _OF_STATUS, Problem
from shared.settings import ServiceSettings

PROJECT = Path(__file__).parent.parent
SERVICES = ("directory", "search", "notify")


def _sources(folder: str) -> Iterator[Path]:
    return (PROJECT / folder).rglob("*.py")


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _doc(name: str) -> str:
    return (PROJECT / "docs" / name).read_text()


def _all_modules() -> None:
    for package in (shared, services):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations" not in module.name and not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def _problems(base: type[Problem] = Problem) -> Iterator[type[Problem]]:
    yield base
    for problem in base.__subclasses__():
        yield from _problems(problem)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_no_other_service(service: str) -> None:
    """What two of them need lies in shared/; what one of them knows stays its own."""
    others = tuple(f"services.{other}" for other in SERVICES if other != service)
    for path in _sources(f"services/{service}"):
        wrong = [name for name in _imports(path) if name.startswith(others)]
        assert not wrong, f"{path} imports {wrong}"


def test_shared_imports_no_service() -> None:
    """shared/ stands below the services."""
    for path in _sources("shared"):
        wrong = [name for name in _imports(path) if name.startswith(("services", "ops", "tests"))]
        assert not wrong, f"{path} imports {wrong}"


def test_shared_holds_what_two_services_use() -> None:
    """A module that only one service needs belongs into that service."""
    used: dict[str, set[str]] = {}
    for user in ("services/directory", "services/search", "services/notify", "ops"):
        for path in _sources(user):
            for name in _imports(path):
                used.setdefault(name, set()).add(user)
    for path in _sources("shared"):
        inner = {name for other in _sources("shared") for name in _imports(other)}
        name = f"shared.{path.stem}"
        if path.stem != "__init__" and name not in inner:
            assert len(used.get(name, set())) > 1, f"only {used.get(name)} uses {name}"


def test_every_setting_is_documented() -> None:
    """docs/settings.md names each environment variable of each service."""
    text = _doc("settings.md")
    for service in SERVICES:
        settings = importlib.import_module(f"services.{service}.settings").Settings
        assert issubclass(settings, ServiceSettings)
        for field in settings.model_fields.values():
            assert f"`{field.alias}`" in text, f"{field.alias} is missing in docs/settings.md"


def test_every_event_is_documented() -> None:
    """docs/events.md names each event type."""
    for event_type in (*EVENT_TYPES, *INNER_EVENT_TYPES):
        assert f"`{event_type}`" in _doc("events.md"), f"{event_type} is missing in docs/events.md"


def test_every_problem_is_documented() -> None:
    """docs/problems.md names each kind of problem that any service answers with."""
    _all_modules()
    kinds = {problem.kind for problem in _problems()} | {kind for kind, _, _ in _OF_STATUS.values()}
    for kind in kinds:
        assert f"`{kind}`" in _doc("problems.md"), f"{kind} is missing in docs/problems.md"


def test_generated_documents_are_up_to_date() -> None:
    """What `make schemas` would write is what stands in docs/."""
    for path, document in documents().items():
        assert path.read_text() == as_text(document), f"{path.name} is old: run `make schemas`"


def test_no_file_outgrows_the_head() -> None:
    """About 300 lines are what one can hold."""
    for folder in ("services", "shared", "ops", "bench", "tests"):
        for path in _sources(folder):
            lines = len(path.read_text().splitlines())
            assert lines <= 350 or "migrations" in path.parts, f"{path} has {lines} lines"


def test_every_test_is_run() -> None:
    """Each file of tests lies where `make test` looks; one that lies beside is never run."""
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    looked_at = [PROJECT / path for path in settings["tool"]["pytest"]["ini_options"]["testpaths"]]
    for path in (PROJECT / "tests").rglob("test_*.py"):
        assert any(path.is_relative_to(place) for place in looked_at), f"{path} is never run"
