"""One clear error where torch is not installed."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

from unseen.errors import MissingExtra


@contextlib.contextmanager
def needs_torch(what: str) -> Generator[None]:
    """Turn a failed import of torch inside into an error that names the extra.

    Raises:
        MissingExtra: torch is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.split(".")[0] == "torch":
            raise MissingExtra(what, "torch") from None
        raise
