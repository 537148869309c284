"""Domains that a shift holds out in turn, and rows drawn from them, for the checks that ask for further refits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unseen.checks.base import Check, NotApplicable
from unseen.refitting import Case, UnderShift


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


def domains(under: UnderShift) -> list[Domains]:
    """Shifts that hold out at least two domains in turn, of which no row is in two."""
    found: list[Domains] = []
    for family in under.plan.families():
        cases = tuple(c for c in under.plan.cases if c.family == family and c.kind == "held-out")
        code = np.full(len(under.problem), -1)
        for k, case in enumerate(cases):
            code[case.beyond] = k
        if len(cases) > 1 and int((code >= 0).sum()) == sum(len(c.beyond) for c in cases):
            found.append(Domains(family, cases, code))
    return found


def none_held_out(check: Check, least: int) -> NotApplicable:
    """The answer where no shift holds out domains in turn."""
    return check.not_applicable(
        "No shift holds out domains in turn.",
        f"Add one with at least {least} domains: --shift 'held-out COLUMN'.", unlocks=("a held-out shift",),
    )  # fmt: skip


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


def names_of(values: Sequence[Any], limit: int = 3) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(str(v) for v in values[:limit])
    return shown + (f" and {len(values) - limit} more" if len(values) > limit else "")
