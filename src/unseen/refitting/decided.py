"""What was decided without being asked before a learner was refitted, in words for the first screen."""

from __future__ import annotations

import polars as pl

from unseen.plain_text import names
from unseen.refitting.problem import Problem
from unseen.refitting.under_shift import UnderShift

# A text column is told to hold numbers where at most this share of its values is none.
FEW = 0.1
# Reasons that need no word: they were asked for.
ASKED = ("dropped by the user", "held out by a shift", "names the clusters")
# What a learner with this name fits where the target is a number and its name says otherwise.
FITTED = {"logistic": "ridge regression"}


def decided(under: UnderShift) -> list[str]:
    """Short clauses: what was left out, which text is nearly numbers, what the numbers speak of.

    Args:
        under: The learner under shift.
    """
    problem = under.problem
    said = [f"{n.partition('. --')[0]} (measure auroc does)" for n in problem.notes if "accuracy says little here" in n]
    out = [f"column {name} ({why})" for name, why in problem.left_out.items() if why not in ASKED]
    if problem.unlabelled is not None:
        out.append(f"{len(problem.unlabelled):,} rows without {problem.target}")
    out += [f"{case.name} ({why})" for case, why in under.plan.left_out[:3]]
    if len(under.plan.left_out) > 3:
        out.append(f"{len(under.plan.left_out) - 3} more held-out sets")
    if out:
        said.append(f"left out: {', '.join(out)}")
    said += [f"{name}: text, though {told}" for name, told in nearly_numbers(problem)]
    spec = under.runner.learner
    if problem.regression and not spec.carried and (fitted := FITTED.get(spec.source.partition("+")[0])):
        said.append(f"{spec.name} on a number: {fitted} is fitted")
    if not under.keeps_score:
        plain = "the absolute error" if problem.regression else "accuracy"
        said.append(f"single rows have no {problem.how.word}: findings on them (U1xx to U7xx) speak of {plain}")
    return said


def nearly_numbers(problem: Problem) -> list[tuple[str, str]]:
    """Inputs of text of which almost all values are numbers: name, and how many are, with an example of the others."""
    found: list[tuple[str, str]] = []
    for name in problem.examples.inputs:
        column = problem.examples.table[name]
        if column.dtype != pl.String:
            continue
        known = column.drop_nulls()
        number = known.str.strip_chars().cast(pl.Float64, strict=False).is_not_null()
        other = known.filter(~number)
        if len(known) and 0 < len(other) <= FEW * len(known) and known.n_unique() > len(other.unique()) + 2:
            some = names([repr(v) for v in other.unique(maintain_order=True).head(3).to_list()])
            found.append(
                (
                    name,
                    f"all but {len(other):,} of {len(known):,} values are numbers (not {some}), so taken as categories",
                )
            )
    return found


__all__ = ["decided", "nearly_numbers"]
