"""Back-tests of label-free estimates: hide the labels of one level of a factor at a time, and compare.

Everything runs on counts per level and fine bin of confidence, so that many levels cost one pass over the rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import TooFewUnits

FloatArray = NDArray[np.float64]
FINE = 200
MIN_ROWS = 30
METHODS = ("CBPE", "ATC", "DoC")


@dataclass(frozen=True, slots=True)
class Backtest:
    """How far one method missed the levels that were hidden from it.

    Attributes:
        method: CBPE, ATC or DoC.
        error: Mean absolute error over levels.
        tau: Standard deviation of the error beyond what sampling explains; 0 where sampling explains it all.
        worst: Largest error, with its sign (positive: claimed too much).
        worst_level: The level it belongs to.
        levels: Per level: level, n, claimed, actual, error.
    """

    method: str
    error: float
    tau: float
    worst: float
    worst_level: str
    levels: list[dict[str, Any]]


def backtest(
    confidence: ArrayLike,
    outcome: ArrayLike,
    factors: Sequence[tuple[ArrayLike, Sequence[str]]],
    *,
    design: float = 1.0,
) -> dict[str, Backtest]:
    """Leave each level of each factor out, claim its accuracy from the other levels, and compare with the truth.

    Args:
        confidence: Shape (n,).
        outcome: Score within 0 … 1, shape (n,).
        factors: For each factor its codes, shape (n,) with −1 missing, and the names of its levels. A level needs 30
            rows on its own and in the rest.
        design: Variance of a clustered mean over that of independent rows; scales the sampling part of the error.

    Returns:
        One back-test a method.

    Raises:
        TooFewUnits: Fewer than 3 levels can be left out.

    Source: Garg et al. (2022), section 5 (mean absolute error over target distributions); the excess over sampling
    error is the method of moments of DerSimonian & Laird (1986).

    >>> rng = np.random.default_rng(0); c = rng.random(4000); g = rng.integers(0, 4, 4000)
    >>> tests = backtest(c, rng.random(4000) < c, [(g, ["a", "b", "c", "d"])])
    >>> tests["CBPE"].error < 0.05
    True
    """
    c, y = np.asarray(confidence, np.float64), np.asarray(outcome, np.float64)
    edges = np.unique(np.quantile(c, np.linspace(0, 1, FINE + 1)[1:-1]))
    bins = np.searchsorted(edges, c, side="right")
    size = len(edges) + 1
    total = np.stack([np.bincount(bins, weights=w, minlength=size) for w in (np.ones(len(c)), y, c)])
    rows: list[dict[str, Any]] = []
    for codes, names in factors:
        code = np.asarray(codes).astype(np.int64)
        cell = (code + 1) * size + bins
        shape = (len(names) + 1, size)
        table = np.stack([
            np.bincount(cell, weights=w, minlength=shape[0] * size).reshape(shape) for w in (None, y, c)
        ]).astype(np.float64)  # fmt: skip
        rows += [_left_out(table[:, k + 1], total - table[:, k + 1], str(name), design) for k, name in enumerate(names)
                 if min(table[0, k + 1].sum(), total[0].sum() - table[0, k + 1].sum()) >= MIN_ROWS]  # fmt: skip
    if len(rows) < 3:
        raise TooFewUnits(f"a back-test needs 3 levels of 30 rows that can be left out, got {len(rows)}.")
    return {method: _summary(method, rows) for method in METHODS}


def _left_out(target: FloatArray, rest: FloatArray, name: str, design: float) -> dict[str, Any]:
    n, m = rest[0].sum(), target[0].sum()
    accuracy, actual, share = rest[1].sum() / n, target[1].sum() / m, target[0] / m
    smooth = [(k * v + 1) / (k + 2) for k, v in ((n, accuracy), (m, actual))]
    return {
        "level": name,
        "n": int(m),
        "actual": float(actual),
        "CBPE": float(share @ _calibrated(rest)),
        "ATC": _thresholded(rest[0] / n, share, float(accuracy)),
        "DoC": float(accuracy + target[2].sum() / m - rest[2].sum() / n),
        "variance": design * (smooth[0] * (1 - smooth[0]) / n + smooth[1] * (1 - smooth[1]) / m),
    }


def _calibrated(rest: FloatArray) -> FloatArray:
    """Rising mean outcome per fine bin; bins without labelled rows take their neighbours'."""
    from scipy import optimize

    filled = np.flatnonzero(rest[0] > 0)
    fitted = optimize.isotonic_regression(rest[1][filled] / rest[0][filled], weights=rest[0][filled]).x
    return np.interp(np.arange(rest.shape[1]), filled, np.asarray(fitted))


def _thresholded(labelled: FloatArray, target: FloatArray, accuracy: float) -> float:
    """Share of the target above the threshold with the labelled accuracy above it; a bin it cuts is split."""
    return float(np.interp(accuracy, np.cumsum(labelled[::-1]), np.cumsum(target[::-1]), left=0.0))


def _summary(method: str, rows: list[dict[str, Any]]) -> Backtest:
    error = np.array([row[method] - row["actual"] for row in rows])
    excess = float(np.mean(error**2) - np.mean([row["variance"] for row in rows]))
    worst = int(np.argmax(np.abs(error)))
    levels = [
        {"level": r["level"], "n": r["n"], "claimed": r[method], "actual": r["actual"], "error": float(e)}
        for r, e in zip(rows, error, strict=True)
    ]
    return Backtest(
        method, float(np.abs(error).mean()), math.sqrt(max(0.0, excess)), float(error[worst]),
        rows[worst]["level"], levels,
    )  # fmt: skip
