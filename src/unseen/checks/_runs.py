"""Mean score of every run (repeat) of every model, for the checks U703 and U704."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unseen.checks._rows import scored
from unseen.checks.base import Subject


def run_means(subject: Subject) -> dict[str, NDArray[np.float64]]:
    """Mean score of each repeat that a model has answered, in the order of the repeats; computed once."""
    return subject.shared("run_means", lambda: _run_means(subject))


def _run_means(subject: Subject) -> dict[str, NDArray[np.float64]]:
    if not subject.answers.has("repeat"):
        return {}
    rows, repeat = scored(subject), subject.answers.codes("repeat")
    means: dict[str, NDArray[np.float64]] = {}
    for name, part in rows.each():
        codes = repeat.codes[rows.row[part]]
        known = codes >= 0
        count = np.bincount(codes[known], minlength=len(repeat.levels))
        total = np.bincount(codes[known], weights=rows.score[part][known], minlength=len(repeat.levels))
        means[name] = total[count > 0] / count[count > 0]
    return means
