"""Columns whose repeated names suggest that rows were sampled together."""

from __future__ import annotations

from collections.abc import Sequence

from unseen.data.units import unit_columns
from unseen.refitting.problem import Problem


def proposed_clusters(problem: Problem, held_out: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Columns of names that repeat, as those of patients do: (column, why it may be the cluster), likeliest first.

    Nothing is proposed where a cluster is known.

    Args:
        problem: The data.
        held_out: Columns that a shift holds out: domains, not clusters.
    """
    if problem.cluster is not None:
        return []
    return unit_columns(problem.examples.table, {problem.target, "item", problem.time, *held_out})
