"""How often the record that is meant comes first, and among the first five."""

from collections.abc import Sequence
from urllib.parse import quote

import orjson

from bench.figures import Figure, stated
from bench.keep_alive import KeepAlive
from bench.search_questions import Task


def measure_relevance(search_url: str, tasks: Sequence[Task]) -> list[Figure]:
    """Each task as one or two figures."""
    figures = []
    with KeepAlive(search_url) as client:
        for task in tasks:
            if not task.rows:
                figures.append(stated(f"found: {task.name}", "not measured", "no such rows here"))
                continue
            answers = [_ids_for(client, question) for question, _ in task.rows]
            right = [ids for _, ids in task.rows]
            first = _share(answers, right, 1)
            figures.append(_share_at_least(task, "first", first, task.first))
            if task.among_five is not None:
                among = _share(answers, right, 5)
                figures.append(_share_at_least(task, "among five", among, task.among_five))
    return figures


def _ids_for(client: KeepAlive, question: str) -> list[str]:
    body = client.get(f"/search?q={quote(question)}&limit=5&highlight=none")
    return [item["id"] for item in orjson.loads(body)["items"]]


def _share(answers: Sequence[list[str]], right: Sequence[frozenset[str]], most: int) -> float:
    hits = sum(
        not ids.isdisjoint(answer[:most]) for answer, ids in zip(answers, right, strict=True)
    )
    return hits / len(answers)


def _share_at_least(task: Task, where: str, share: float, least: float) -> Figure:
    name = f"found: {task.name}, {where}"
    how = f"{len(task.rows)} questions"
    return Figure(name, f"{share:.3f}", f">= {least}", share >= least, how)
