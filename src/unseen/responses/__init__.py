"""The response table: its columns, its validation, its readers.

>>> import unseen.responses
>>> unseen.responses.read.__name__
'read'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from unseen.responses.columns import ScoreKind
from unseen.responses.table import Coded, Responses

if TYPE_CHECKING:
    from unseen.responses.frames import apply_unseen, from_table
    from unseen.responses.mapping import Mapping
    from unseen.responses.readers.inspect_log import with_factors
    from unseen.responses.reading import read, read_examples

__all__ = [
    "Coded", "Mapping", "Responses", "ScoreKind", "apply_unseen", "from_table", "read", "read_examples",
    "with_factors",
]  # fmt: skip

_HOMES = {
    "Mapping": "mapping", "apply_unseen": "frames", "from_table": "frames", "read": "reading",
    "read_examples": "reading", "with_factors": "readers.inspect_log",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    # Readers are loaded when something is read: checks and tasks only need the table.
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
