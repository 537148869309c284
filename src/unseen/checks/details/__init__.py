"""What outcomes hold for tables and pictures: one record a layout, whichever checks share it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from unseen.checks.details import confidence, data, gaps, influence, learner, models, multiverse, network
from unseen.checks.details.record import Details, Misread


def read(given: Mapping[str, Any]) -> Details | None:
    """The record of details in their plain form, as a JSON report holds them; None where they are of no known kind.

    A kind is told by its keys: of those whose keys are all there the one with most of them.

    >>> found = read({"levels": [{"level": 1, "value": 0.5, "units": 9}], "factor": "digits"})
    >>> type(found).__name__, found["factor"]
    ('Levels', 'digits')
    """
    if isinstance(given, Details):
        return given
    keys = given.keys()
    for required, kind in kinds():
        if required <= keys:
            try:
                return kind.read(given)
            except Misread:
                continue
    return None


@cache
def kinds() -> tuple[tuple[frozenset[str], type[Details]], ...]:
    """Every kind with the keys that its plain form always has, those with most keys first."""
    homes = (gaps, data, models, confidence, learner, influence, network, multiverse)
    found = [
        kind for home in homes for kind in vars(home).values()
        if isinstance(kind, type) and issubclass(kind, Details) and kind is not Details
    ]  # fmt: skip
    known = [(kind.required(), kind) for kind in dict.fromkeys(found)]
    return tuple(sorted(known, key=lambda one: (-len(one[0]), one[1].__name__)))


__all__ = ["Details", "kinds", "read"]
