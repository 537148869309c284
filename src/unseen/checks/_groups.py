"""Domains that a shift holds out in turn, and rows drawn from them, for the checks that ask for further refits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from unseen.checks.base import Check, NotApplicable
from unseen.refitting import UnderShift
from unseen.refitting.groups import Domains, balanced_groups, drawn

__all__ = ["Domains", "balanced_groups", "domains", "drawn", "names_of", "none_held_out"]


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


def names_of(values: Sequence[Any], limit: int = 3) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(str(v) for v in values[:limit])
    return shown + (f" and {len(values) - limit} more" if len(values) > limit else "")
