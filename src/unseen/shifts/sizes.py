"""How large the shift of a split is: inputs as numbers, and every measure of size on them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.shift.shift_kind import ShiftKind, shift_kind
from unseen.estimates.shift.shift_size import TwoSample, mmd, two_sample_test
from unseen.shifts.base import Split

# Rarer categories share one column.
MAX_CATEGORIES = 20


@dataclass(frozen=True)
class ShiftSize:
    """Sizes of the shift from seen to unseen inputs; a measure that does not exist is None, with the reason.

    Attributes:
        discrepancy: Squared MMD.
        told_apart: Accuracy of a classifier that tells the sides apart.
        kind: Diversity and correlation shift.
        missing: Measure → why it does not exist.
    """

    discrepancy: TwoSample | None
    told_apart: TwoSample | None
    kind: ShiftKind | None
    missing: dict[str, str] = field(default_factory=dict[str, str])


def shift_sizes(
    split: Split, rng: np.random.Generator, *, max_rows: int = 2000, draws: int = 300, level: float = 0.95
) -> ShiftSize:
    """Measure a split: held-out rows of the training distribution against the unseen rows.

    Args:
        split: A column ``cluster`` names the sampling units, where there is one.
        rng: Subsamples, halves, permutations.
        max_rows: Each side is subsampled to about this many rows.
        draws: Bootstrap draws and permutations.
        level: Nominal coverage of each interval.

    Raises:
        BadInput: The sides share no usable input.
    """
    both = [_thinned(side, max_rows, rng) for side in (split.seen, split.unseen)]
    seen, unseen = as_numbers(both)
    clusters = [s.table["cluster"].to_numpy() if "cluster" in s.table.columns else None for s in both]
    missing: dict[str, str] = {}
    found: dict[str, object] = {}
    target = split.train.target
    measures = {
        "discrepancy": lambda: mmd(
            seen, unseen, rng=rng, seen_cluster=clusters[0], unseen_cluster=clusters[1], permutations=draws, level=level
        ),
        "told_apart": lambda: two_sample_test(
            seen, unseen, rng=rng, seen_cluster=clusters[0], unseen_cluster=clusters[1], level=level
        ),
        "kind": lambda: shift_kind(
            seen, unseen, *_labels(both, target), rng=rng, seen_cluster=clusters[0], unseen_cluster=clusters[1],
            draws=draws, level=level,
        ),
    }  # fmt: skip
    for name, measure in measures.items():
        try:
            found[name] = measure()
        except (TooFewUnits, Undefined) as error:
            missing[name] = str(error)
    return ShiftSize(found.get("discrepancy"), found.get("told_apart"), found.get("kind"), missing)  # type: ignore[arg-type]


def as_numbers(sides: list[Examples]) -> list[np.ndarray]:
    """Inputs of several sides as matrices of the same columns, each standardised over all sides together.

    Numbers with missing values get their median and a column that marks them; categories get a column a level, those
    beyond the 20 most frequent one in common; arrays and images are flattened. Running text is left out.

    Raises:
        BadInput: No input can be turned into a number that varies.
    """
    inputs = [c for c in sides[0].inputs if all(c in s.table.columns for s in sides)]
    whole = pl.concat([s.table.select(inputs) for s in sides], how="vertical_relaxed")
    columns: list[np.ndarray] = []
    for name in inputs:
        column = whole[name]
        if isinstance(column.dtype, pl.Array):
            columns.append(column.to_numpy().reshape(len(column), -1).astype(np.float64))
        elif column.dtype.is_numeric():
            values = column.cast(pl.Float64).fill_nan(None)
            columns.append(values.fill_null(values.median()).fill_null(0.0).to_numpy()[:, None])  # type: ignore[arg-type]
            columns.append(values.is_null().to_numpy()[:, None].astype(np.float64))
        elif column.n_unique() <= max(MAX_CATEGORIES, len(column) // 2) and not isinstance(column.dtype, pl.List):
            text = column.cast(pl.String).fill_null("")
            frequent = text.value_counts(sort=True).head(MAX_CATEGORIES)[name].to_list()
            columns += [(text == level).to_numpy()[:, None].astype(np.float64) for level in sorted(frequent)]
            columns.append((~text.is_in(frequent)).to_numpy()[:, None].astype(np.float64))
    matrix = np.concatenate(columns, axis=1) if columns else np.zeros((len(whole), 0))
    spread = matrix.std(0)
    matrix = (matrix[:, spread > 0] - matrix[:, spread > 0].mean(0)) / spread[spread > 0]
    if not matrix.shape[1]:
        raise BadInput(f"none of the inputs {', '.join(inputs)} can be turned into numbers that vary.")
    return np.split(matrix, np.cumsum([len(s) for s in sides])[:-1])


def _thinned(examples: Examples, rows: int, rng: np.random.Generator) -> Examples:
    if len(examples) <= rows:
        return examples
    return examples.take(np.sort(rng.permutation(len(examples))[:rows]))


def _labels(sides: list[Examples], target: str | None) -> list[np.ndarray]:
    """Labels as text; a numeric target with many values is divided into quarters."""
    if target is None:
        raise Undefined("there are no labels, so that the kind of shift can't be told.")
    labels = [s.table[target] for s in sides]
    if labels[0].dtype.is_float() or (labels[0].dtype.is_numeric() and labels[0].n_unique() > MAX_CATEGORIES):
        cuts = np.nanquantile(np.concatenate([v.to_numpy().astype(float) for v in labels]), [0.25, 0.5, 0.75])
        return [np.searchsorted(cuts, v.to_numpy().astype(float)) for v in labels]
    return [v.cast(pl.String).fill_null("").to_numpy() for v in labels]
