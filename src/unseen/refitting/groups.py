"""Domains that are held out in turn, rows drawn from them, and groups of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unseen.refitting.design import Case


@dataclass(frozen=True)
class Domains:
    """The levels of one factor, each held out in turn.

    Attributes:
        family: The shift as the user said it.
        cases: One a domain.
        code: Domain of each row, shape (n,); −1 where the row is in none that is judged.
    """

    family: str
    cases: tuple[Case, ...]
    code: np.ndarray

    @property
    def names(self) -> list[str]:
        """Names of the domains, by code."""
        return [case.name for case in self.cases]

    @property
    def sizes(self) -> np.ndarray:
        """Rows of each domain, shape (domains,)."""
        return np.bincount(self.code[self.code >= 0], minlength=len(self.cases))


def drawn(rows: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """At most so many of the rows, in order."""
    return rows if len(rows) <= most else np.sort(rng.permutation(rows)[:most])


def balanced_groups(sizes: np.ndarray, groups: int, rng: np.random.Generator) -> np.ndarray:
    """Group of each domain, shape (domains,): equally many domains a group, large and small ones spread.

    >>> sorted(np.bincount(balanced_groups(np.arange(10), 4, np.random.default_rng(0))).tolist())
    [2, 2, 3, 3]
    """
    order, out = np.argsort(-sizes, kind="stable"), np.empty(len(sizes), dtype=np.int64)
    for start in range(0, len(sizes), groups):
        part = order[start : start + groups]
        out[part] = rng.permutation(groups)[: len(part)]
    return out
