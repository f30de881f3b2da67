"""Who reads which format."""

from collections.abc import Mapping

from services.directory.formats import csv_rows, hsds, ror
from services.directory.formats.own import FORMAT as OWN_FORMAT
from services.directory.formats.own import read_own
from services.directory.imports.reading import Reader

READERS: Mapping[str, Reader] = {
    OWN_FORMAT: read_own,
    csv_rows.FORMAT: csv_rows.read_csv,
    ror.FORMAT: ror.read_ror,
    hsds.FORMAT: hsds.read_hsds,
}
NAME_ALL_RELATIONSHIPS = frozenset({OWN_FORMAT, csv_rows.FORMAT})
"""Formats in which a row has all relationships of its partner, and so may end some."""
