"""Files as they come: in parts, packed, broken, hostile; and who may send them."""

import gzip
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from tests.imported import as_lines, ended, import_file, send_file
from tests.served_directory import ServedDirectory, a_partner, serve_directory

_ROW = orjson.dumps(a_partner("Of a file"))


@pytest.fixture(scope="module")
async def directory(
    database_url: str, broker_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServedDirectory]:
    """A directory with narrow limits."""
    limits = {
        "IMPORT_MAX_BYTES": "200000",
        "IMPORT_MAX_UNPACKED_BYTES": "3000000",
        "IMPORT_MAX_ROWS": "1000",
        "IMPORT_MAX_ROW_BYTES": "20000",
        "MAX_BODY_BYTES": "1024",
    }
    folder = tmp_path_factory.mktemp("directory")
    async with serve_directory(database_url, f"{broker_url}/1", folder, **limits) as served:
        yield served


async def _imports(directory: ServedDirectory) -> list[Any]:
    answer = await directory.client.get("/imports", headers=await directory.signed_in())
    items: list[Any] = answer.json()["items"]
    return items


# A file, what of it is a problem, and the status of the answer.
_UNTAKEABLE: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "empty": (b"", {}, 422, "invalid-values"),
    "only white space": (b" \n\r\n\t\n", {}, 422, "invalid-values"),
    "not gzip": (_ROW, {"Content-Encoding": "gzip"}, 400, "malformed-request"),
    "gzip cut off": (
        gzip.compress(_ROW)[:-9],
        {"Content-Encoding": "gzip"},
        400,
        "malformed-request",
    ),
    "gzip of nothing": (gzip.compress(b""), {"Content-Encoding": "gzip"}, 422, "invalid-values"),
    "another packing": (_ROW, {"Content-Encoding": "br"}, 415, "unsupported-media-type"),
    "packed twice": (_ROW, {"Content-Encoding": "gzip, gzip"}, 415, "unsupported-media-type"),
    "a bomb": (
        gzip.compress(b"\n" * 100_000_000),
        {"Content-Encoding": "gzip"},
        413,
        "import-too-large",
    ),
    "too many bytes": (b" " * 200_001, {}, 413, "import-too-large"),
    "too many rows": (b"{}\n" * 1_001, {}, 413, "import-too-large"),
    "an array that is not closed": (b"[" + _ROW, {}, 400, "malformed-request"),
    "an array with something behind it": (b"[" + _ROW + b"] x", {}, 400, "malformed-request"),
    "an array that breaks off": (b"[" + _ROW + b", {", {}, 400, "malformed-request"),
    "an array within arrays": (b"[" * 90_000, {}, 400, "malformed-request"),
    "an array not in UTF-8": (b'["\xff"]', {}, 400, "malformed-request"),
    "a value without an end in an array": (b'["' + b"x" * 90_000, {}, 400, "malformed-request"),
}


@pytest.mark.parametrize("case", _UNTAKEABLE)
async def test_a_file_that_cannot_be_taken_leaves_nothing(
    directory: ServedDirectory, case: str
) -> None:
    """Whatever came of it before; the answer says what to do."""
    before = await _imports(directory)
    file, headers, status, kind = _UNTAKEABLE[case]
    answer = await send_file(directory, file, headers={**await directory.signed_in(), **headers})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(f":{kind}")
    assert len(answer.json()["detail"]) > 15
    assert await _imports(directory) == before


async def test_a_bomb_is_not_unpacked_into_memory(directory: ServedDirectory) -> None:
    """Nor is a line without an end kept."""
    bomb = gzip.compress(b"x" * 100_000_000)
    await directory.signed_in()
    tracemalloc.start()
    try:
        answer = await send_file(
            directory,
            bomb,
            headers={**await directory.signed_in(), "Content-Encoding": "gzip"},
        )
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status_code == 413
    assert most < 20_000_000


async def test_rows_that_cannot_be_read_are_refused_by_themselves(
    directory: ServedDirectory,
) -> None:
    """As long as it can be told where they end."""
    rows = [
        _ROW,
        b"{",
        b'{"level": "national", "names": [{"value": "\xff", "kinds": ["display"]}]}',
        b"[" * 5_000,
        b"[" * 5_000 + b"]" * 5_000,
        b'{"level":' * 2_000 + b"1" + b"}" * 2_000,
        b'"' + b"x" * 30_000 + b'"',
        b"null",
        b"NaN",
        b'{"level": "national", "names": [{"value": "\\ud800", "kinds": ["display"]}]}',
        b'{"level": "national", "names": [{"value": "a\\u0000b", "kinds": ["display"]}]}',
        b'{"level":"national","established":' + b"9" * 5_000 + b"}",
        b'{"external_ids": [{"scheme": ["x"], "value": {}}], "topics": [7], "id": "1"}',
        b'{"external_ids": "x", "topics": {"a": 1}, "relationships": 7}',
        _ROW.replace(b"Of a file", b"The last one"),
    ]
    done = await import_file(directory, b"\r\n".join(rows))
    assert done.counts == (2, 0, 0, len(rows) - 2)
    assert [line["row"] for line in done.refused] == list(range(2, len(rows)))
    assert {line["problem"] for line in done.refused} == {"malformed-row", "invalid-values"}
    assert "IMPORT_MAX_ROW_BYTES" in done.lines[6]["detail"]
    assert done.found["rows_total"] == done.found["rows_read"] == len(rows)


@pytest.mark.parametrize("cut", [1, 7, 100_000])
@pytest.mark.parametrize(
    "form",
    [
        b"%s\n%s",
        b"\xef\xbb\xbf\n%s\n\n%s\n",
        b"[%s,%s]",
        b"\xef\xbb\xbf [ %s ,\n%s ]\n",
        b"{\n  %s\n{ \n  %s",
    ],
)
async def test_the_form_of_a_file_and_how_it_comes_make_no_difference(
    directory: ServedDirectory, form: bytes, cut: int
) -> None:
    """One record a line, an array, records over several lines; in whatever pieces."""
    rows = [a_partner(f"Ünï {number} “quoted” \\ ]}}[{{", country="GB") for number in range(2)]
    texts = [orjson.dumps(row) for row in rows]
    if form.startswith(b"{"):
        texts = [text[1:] for text in texts]
    file = form % tuple(texts)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(file), cut):
            yield file[start : start + cut]

    answer = await directory.client.post(
        "/imports?format=ndjson", content=pieces(), headers=await directory.signed_in()
    )
    assert answer.status_code == 202, answer.text
    done = await ended(directory, answer.headers["Location"])
    assert done.counts == (2, 0, 0, 0)
    records = [await directory.read(one) for one in done.ids()]
    assert [one["names"][0]["value"] for one in records] == [
        row["names"][0]["value"] for row in rows
    ]


async def test_gzip_may_come_in_several_parts(directory: ServedDirectory) -> None:
    """One behind the other, as tools write them that pack in parallel."""
    rows = [as_lines([a_partner(f"Part {number}")]) for number in range(3)]
    file = b"".join(gzip.compress(row) for row in rows) + b"\x00" * 100
    headers = {**await directory.signed_in(), "Content-Encoding": "gzip"}
    answer = await send_file(directory, file, headers=headers)
    done = await ended(directory, answer.headers["Location"])
    assert done.counts == (3, 0, 0, 0)


async def test_only_the_secretariat_imports(directory: ServedDirectory) -> None:
    """Nobody else sends files, sees what came of them, or calls them off."""
    partner = await directory.create("Edited")
    answer = await send_file(directory, _ROW)
    location = answer.headers["Location"]
    await ended(directory, location)
    others: list[tuple[dict[str, str], int]] = [
        ({}, 401),
        (await directory.account("member"), 403),
        (await directory.account("editor", partner["id"]), 403),
        (await directory.service(), 403),
    ]
    for headers, status in others:
        assert (await send_file(directory, _ROW, headers=headers)).status_code == status
        for path in ("/imports", location, f"{location}/report"):
            found = await directory.client.get(path, headers=headers)
            assert found.status_code == status, path
        found = await directory.client.delete(location, headers=headers)
        assert found.status_code == status


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422),
        ("format=xml", 422),
        ("format=ndjson&mode=some", 422),
        ("format=ndjson&dry_run=perhaps", 422),
        ("format=ndjson&dry-run=true", 400),
        ("format=ndjson&format=csv", 400),
    ],
)
async def test_what_is_asked_must_be_known(
    directory: ServedDirectory, query: str, status: int
) -> None:
    """A misspelt `dry_run` must not write."""
    before = await _imports(directory)
    answer = await directory.client.post(
        f"/imports?{query}", content=_ROW, headers=await directory.signed_in()
    )
    assert answer.status_code == status, answer.text
    assert await _imports(directory) == before


@pytest.mark.parametrize("path", ["", "/report", "/report?rows=some", "/report?row=all"])
async def test_an_import_that_is_none(directory: ServedDirectory, path: str) -> None:
    """It is not found, or the question is refused."""
    headers = await directory.signed_in()
    status = {"": 404, "/report": 404, "/report?rows=some": 422}.get(path, 400)
    unknown = f"/imports/01890000-0000-7000-8000-000000000000{path}"
    assert (await directory.client.get(unknown, headers=headers)).status_code == status
    assert (await directory.client.get("/imports/x", headers=headers)).status_code == 422
    assert (await directory.client.get("/imports?cursor=x", headers=headers)).status_code == 400


async def test_csv_is_cut_into_rows_by_its_quotes(directory: ServedDirectory) -> None:
    """In whatever pieces it comes; a broken row is refused by itself."""
    file = (
        "\ufeffname,level,country\r\n"
        + '"Has ""quotes"", commas\r\nand lines",local,GB\r\n'
        + "\r\n"
        + 'Plain,national,\n"Broken"x,national,GB\n'
        + "Too,many,cells,here\n"
        + "Last,local,IE"
    ).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(file), 3):
            yield file[start : start + 3]

    headers = await directory.signed_in()
    answer = await directory.client.post("/imports?format=csv", content=pieces(), headers=headers)
    assert answer.status_code == 202, answer.text
    done = await ended(directory, answer.headers["Location"])
    outcomes = [(line["row"], line["outcome"]) for line in done.lines]
    # A name has no line feeds, which the row's own rules say.
    assert outcomes == [
        (1, "refused"),
        (2, "created"),
        (3, "refused"),
        (4, "refused"),
        (5, "created"),
    ]
    assert done.lines[0]["errors"][0]["pointer"] == "/names/0/value"


@pytest.mark.parametrize(
    ("file", "status"),
    [
        (b"name,name\nA,B\n", 422),
        (b"name,,level\nA,,local\n", 422),
        (b"name\n", 422),
        (b"\n\n", 422),
        (b'name\n"A', 400),
        (b"name\n\xff\n", 400),
        (b"," * 5_000 + b"\n1\n", 422),
        (b'"' + b"x" * 90_000 + b'"\n', 422),
    ],
)
async def test_csv_that_cannot_be_cut_is_refused(
    directory: ServedDirectory, file: bytes, status: int
) -> None:
    """Without a head there is nothing to tell what a cell says."""
    answer = await send_file(directory, file, "csv")
    assert answer.status_code == status, answer.text
