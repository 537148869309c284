"""One file a format; ``ALL`` lists them in the order of detection, the most specific first."""

from unseen.responses.readers.base import Reader
from unseen.responses.readers.tables import ARROW, CSV, JSON_ARRAY, JSON_LINES, PARQUET

ALL: tuple[Reader, ...] = (PARQUET, ARROW, JSON_LINES, JSON_ARRAY, CSV)

__all__ = ["ALL", "Reader"]
