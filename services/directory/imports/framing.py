"""From the bytes of a file, as they come, to its rows: where one ends and the next begins.

Each row leaves here as the bytes of one JSON value, not yet parsed. What is wrong with one row is
the report's; only a file whose rows cannot be told apart any more is refused as a whole.
"""

import codecs
import csv
import json
from collections.abc import Iterator
from typing import Protocol

import orjson

from shared.problems import InvalidValues, MalformedRequest

TOO_LONG = b"!"
"""What stands in the place of a row that has more bytes than a row may have."""
_BOM = codecs.BOM_UTF8
_SPACE = b" \t\r\n"
_MOST_COLUMNS = 500


class Framing(Protocol):
    """Cuts a file into rows."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The rows that end in `data`, which follows on what was fed before.

        Raises:
            MalformedRequest: the rows cannot be told apart any more.
        """

    def end(self) -> Iterator[bytes]:
        """The row that the file ends with, if it has not come yet.

        Raises:
            MalformedRequest: the file ends in the middle.
        """


def framing_of(file_format: str, most_bytes: int) -> Framing:
    """How a file of `file_format` is cut into rows of at most `most_bytes`."""
    return CsvRecords(most_bytes) if file_format == "csv" else JsonRecords(most_bytes)


class JsonRecords:
    """One JSON value a line; or one array of them, or values that run over several lines."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._start = b""
        self._inner: Framing | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See Framing."""
        if self._inner is None:
            self._start += data
            if len(self._start) < len(_BOM) and _BOM.startswith(self._start):
                return
            start = self._start.removeprefix(_BOM).lstrip(_SPACE)
            after_first = start[1:].lstrip(b" \t\r")
            if not after_first:
                # Too little to tell, or white space alone, of which nothing need be kept.
                self._start = self._start if _BOM.startswith(self._start) else start[:2]
                return
            spread = start[:1] == b"[" or (start[:1] == b"{" and after_first[:1] == b"\n")
            self._inner = JsonValues(self._most_bytes) if spread else Lines(self._most_bytes)
            data, self._start = start, b""
        yield from self._inner.feed(data)

    def end(self) -> Iterator[bytes]:
        """See Framing."""
        if self._inner is not None:
            yield from self._inner.end()
        elif rest := self._start.removeprefix(_BOM).strip(_SPACE):
            yield rest


class Lines:
    """One row a line; empty lines are passed over."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._parts: list[bytes] = []
        self._length = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See Framing."""
        lines = data.split(b"\n")
        for line in lines[:-1]:
            self._add(line)
            yield from self.end()
        self._add(lines[-1])

    def _add(self, part: bytes) -> None:
        self._length += len(part)
        # Of a line without an end nothing is kept but that it is too long.
        if self._length <= self._most_bytes:
            self._parts.append(part)

    def end(self) -> Iterator[bytes]:
        """See Framing."""
        row = b"".join(self._parts).strip(_SPACE)
        too_long = self._length > self._most_bytes
        self._parts, self._length = [], 0
        if too_long:
            yield TOO_LONG
        elif row:
            yield row


class JsonValues:
    """JSON values one after the other, in an array or with white space between them."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._try_at = 0
        self._rows = 0
        self._open = False
        self._closed = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See Framing."""
        self._text += self._decoded(data, last=False)
        # What is cut off is tried again when there is twice as much, so all of it costs little.
        if len(self._text) >= self._try_at:
            yield from self._values(last=False)

    def end(self) -> Iterator[bytes]:
        """See Framing."""
        self._text += self._decoded(b"", last=True)
        yield from self._values(last=True)
        if self._open and not self._closed:
            raise MalformedRequest("The file ends within its array: the `]` is missing.")

    def _decoded(self, data: bytes, *, last: bool) -> str:
        try:
            return self._decode(data, last)
        except UnicodeDecodeError as error:
            raise MalformedRequest(
                f"The file is not in UTF-8 near row {self._rows + 1}. Write it in UTF-8."
            ) from error

    def _values(self, *, last: bool) -> Iterator[bytes]:
        text, place = self._text, 0
        while True:
            while place < len(text) and (text[place] in " \t\r\n," or self._bracket(text[place])):
                place += 1
            if place == len(text):
                break
            try:
                _, after = self._decoder.raw_decode(text, place)
            except (ValueError, RecursionError) as error:
                if not last and len(text) - place <= self._most:
                    break
                raise MalformedRequest(
                    f"Row {self._rows + 1} is not JSON, or has more than {self._most} bytes; what "
                    "follows it cannot be told apart. Mend it, or send one record a line: then "
                    "only the broken one is refused."
                ) from error
            # A number at the end may go on in what comes next.
            if after == len(text) and not last and text[after - 1] not in '}]"':
                break
            row = text[place:after].encode(errors="replace")
            self._rows += 1
            yield row if len(row) <= self._most else TOO_LONG
            place = after
        self._text = text[place:]
        self._try_at = 2 * len(self._text)

    def _bracket(self, character: str) -> bool:
        """Whether `character` opens or closes the array around the values."""
        if self._closed and character not in " \t\r\n":
            raise MalformedRequest("Something follows the `]` that ends the file's array.")
        if character == "[" and not self._open and self._rows == 0:
            self._open = True
            return True
        if character == "]" and self._open:
            self._closed = True
            return True
        return False


class CsvRecords:
    """CSV (RFC 4180) with a head; each row leaves as a JSON object of its columns.

    Its head tells what parts the cells: commas, semicolons or tabs.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._text = ""
        self._looked_at = 0
        self._quoted = False
        self._skipping = False
        self._head: list[str] | None = None
        self._delimiter = ","
        self._rows = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See Framing."""
        self._text += self._decoded(data, last=False)
        start = 0
        while (end := self._text.find("\n", max(start, self._looked_at))) >= 0:
            # A line feed within quotes belongs to a value: quotes come in pairs until a row ends.
            self._quoted ^= self._text.count('"', max(start, self._looked_at), end) % 2 == 1
            self._looked_at = end + 1
            if not self._quoted:
                yield from self._record(self._text[start:end])
                start = end + 1
        rest = self._text[max(start, self._looked_at) :]
        self._quoted ^= rest.count('"') % 2 == 1
        self._text = self._text[start:]
        self._looked_at = len(self._text)
        if len(self._text) > self._most:
            self._skipping, self._text, self._looked_at = True, "", 0

    def end(self) -> Iterator[bytes]:
        """See Framing."""
        self._text += self._decoded(b"", last=True)
        if self._quoted:
            raise MalformedRequest(
                f'The file ends within a quoted value: after row {self._rows} a `"` is not closed.'
            )
        yield from self._record(self._text)
        if self._head is None:
            raise InvalidValues("The file is empty. Its first line must name the columns.")

    def _decoded(self, data: bytes, *, last: bool) -> str:
        try:
            return self._decode(data, last)
        except UnicodeDecodeError as error:
            raise MalformedRequest(
                f"The file is not in UTF-8 near row {self._rows + 1}. Write it in UTF-8; "
                "spreadsheet programs call that 'CSV UTF-8'."
            ) from error

    def _record(self, text: str) -> Iterator[bytes]:
        text = text.removesuffix("\r")
        if self._skipping:
            self._skipping, text = False, "!" * (self._most + 1)
        if not text.strip():
            return
        if self._head is None:
            self._head = self._read_head(text)
            return
        self._rows += 1
        if len(text) > self._most:
            yield TOO_LONG
            return
        cells = _cells(text, self._delimiter)
        if cells is None:
            yield orjson.dumps(text)
            return
        # Cells without a column and columns without a cell are for the format's reader to judge.
        row: dict[str, object] = dict(zip(self._head, cells, strict=False))
        if len(cells) > len(self._head):
            row[""] = cells[len(self._head) :]
        yield orjson.dumps(row)

    def _read_head(self, text: str) -> list[str]:
        # Spreadsheet programs of many countries write semicolons, because they write 0,5.
        self._delimiter = max(",;\t", key=text.count)
        head = [name.strip() for name in _cells(text, self._delimiter) or []]
        twice = (
            {name for name in head if head.count(name) > 1} if len(head) <= _MOST_COLUMNS else ()
        )
        if len(text) > self._most or len(head) > _MOST_COLUMNS or not all(head) or twice:
            raise InvalidValues(
                "The first line must name the columns, each once, none without a name, and at most "
                f"{_MOST_COLUMNS} of them" + (f"; {min(twice)!r} is there twice." if twice else ".")
            )
        return head


def _cells(text: str, delimiter: str) -> list[str] | None:
    """The cells of one record; None where it is no CSV."""
    try:
        records = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return records[0] if len(records) == 1 else None
