"""A head on hidden states that tells before an answer whether it will be right: P(IK)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits
from unseen.estimates.intervals.codes import dense

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
# Penalties on the squared norm, for rows of a mean squared norm of 1 and the mean log loss; the largest leaves next to nothing.
PENALTIES = (1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-5)
# Leading directions of the states that are kept: more change no choice and cost time.
DIRECTIONS = 128
FOLDS = 5
# Clusters with a right, and clusters with a wrong answer, that a head is fitted to at least.
LEAST = 20


@dataclass(frozen=True, eq=False)
class KnownBeforehand:
    """What a head says.

    Attributes:
        p: Probability of a right answer, shape (rows,). A seen row's comes of a head that saw nothing of its cluster, an unseen
            row's of one that was fitted to all seen rows.
        layer: Chosen on all seen rows.
        penalty: Chosen on all seen rows.
        layers: Chosen in each fold.
        seen: How many rows the last head was fitted to.
    """

    p: FloatArray
    layer: int
    penalty: float
    layers: tuple[int, ...]
    seen: int


def known_beforehand(
    states: Mapping[int, ArrayLike],
    right: ArrayLike,
    cluster: ArrayLike,
    *,
    seen: ArrayLike | None = None,
    rng: np.random.Generator,
) -> KnownBeforehand:
    """Fit a logistic head to hidden states, and let it tell for every row whether the answer will be right.

    Layer and penalty are chosen by the log loss on held-out clusters, anew within each fold, so that no row's probability
    was had with its own answer. Unseen rows choose nothing and fit nothing.

    Args:
        states: Layer → hidden states before the answer, shape (rows, width).
        right: Score of each row, 0 to 1, shape (rows,).
        cluster: What was sampled together, shape (rows,).
        seen: Rows that a head may be fitted to, bool (rows,); all by default.
        rng: Draws the folds.

    Raises:
        BadInput: Shapes differ, or a state or score is no number.
        TooFewUnits: Fewer than 20 seen clusters have a right, or a wrong, answer.

    Source: Kadavath et al. (2022), Language models (mostly) know what they know, section 5 (there the whole model is trained with
    the head); Azaria & Mitchell (2023), The internal state of an LLM knows when it's lying (layers between).

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(400, 8))
    >>> made = known_beforehand({3: x, 7: rng.normal(size=(400, 8))}, x[:, 0] > 0, np.arange(400), rng=rng)
    >>> made.layer, bool(((made.p > 0.5) == (x[:, 0] > 0)).mean() > 0.9)
    (3, True)
    """
    y = np.asarray(right, np.float64)
    codes = dense(np.asarray(cluster))[0]
    inside = np.ones(len(y), bool) if seen is None else np.asarray(seen, bool)
    given = {layer: np.asarray(x, np.float64) for layer, x in states.items()}
    if not given or any(x.ndim != 2 or len(x) != len(y) for x in given.values()) or len(codes) != len(y):
        shapes = ", ".join(str(x.shape) for x in given.values())
        raise BadInput(f"states need {len(y)} rows as the scores, got {shapes or 'none'} and {len(codes)} clusters.")
    if not all(np.isfinite(x).all() for x in given.values()) or not ((y >= 0) & (y <= 1)).all():
        raise BadInput("states must be finite and scores lie between 0 and 1.")
    require_enough(y[inside], codes[inside])
    rotated = {layer: _rotated(x, inside) for layer, x in given.items()}
    folds = _folds(codes[inside], rng)
    at = np.flatnonzero(inside)
    p = np.full(len(y), np.nan)
    chosen: list[int] = []
    for held in folds:
        rest = np.setdiff1d(at, at[held])
        layer, penalty = _chosen(rotated, y, codes, rest, rng)
        chosen.append(layer)
        p[at[held]] = _said(rotated[layer][at[held]], _fit(rotated[layer][rest], y[rest], penalty))
    layer, penalty = _chosen(rotated, y, codes, at, rng)
    p[~inside] = _said(rotated[layer][~inside], _fit(rotated[layer][at], y[at], penalty))
    return KnownBeforehand(p, layer, penalty, tuple(chosen), len(at))


def require_enough(right: ArrayLike, cluster: ArrayLike) -> None:
    """Refuse too few seen rows for a head.

    Args:
        right: Score of each seen row, shape (rows,).
        cluster: What each was sampled with, shape (rows,).

    Raises:
        TooFewUnits: Fewer than 20 clusters have a right, or a wrong, answer.
    """
    y, codes = np.asarray(right), np.asarray(cluster)
    counts = len(np.unique(codes[y >= 0.5])), len(np.unique(codes[y < 0.5]))
    if min(counts) < LEAST:
        raise TooFewUnits(
            f"a head needs {LEAST} seen items with a right answer and {LEAST} with a wrong one, got {counts[0]} and {counts[1]}. "
            "Ask more items, or some that lie nearer to the limit of the model."
        )


def _rotated(x: FloatArray, inside: NDArray[np.bool_]) -> FloatArray:
    """Standardised by the seen rows, in their leading directions, of a mean squared norm of 1; shape (rows, directions)."""
    spread = x[inside].std(axis=0)
    centred = (x - x[inside].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    # The directions come of the smaller of the two matrices of products.
    tall = centred[inside]
    if tall.shape[0] < tall.shape[1]:
        values, left = np.linalg.eigh(tall @ tall.T)
        keep = _leading(values)
        directions = tall.T @ left[:, keep] / np.sqrt(values[keep])
    else:
        values, right = np.linalg.eigh(tall.T @ tall)
        directions = right[:, _leading(values)]
    made = centred @ directions
    return made / max(1e-12, float(np.sqrt((made[inside] ** 2).sum(axis=1).mean())))


def _leading(values: FloatArray) -> IntArray:
    order = np.argsort(values)[::-1][:DIRECTIONS]
    return order[values[order] > 1e-9 * max(1e-300, float(values.max()))]


def _folds(codes: IntArray, rng: np.random.Generator) -> list[IntArray]:
    """Places of the rows of each fold; whole clusters, about equally many in each."""
    units, own = np.unique(codes, return_inverse=True)
    fold = rng.permutation(len(units)) % min(FOLDS, len(units))
    return [np.flatnonzero(fold[own] == k) for k in range(int(fold.max()) + 1)]


def _chosen(
    rotated: Mapping[int, FloatArray], y: FloatArray, codes: IntArray, rows: IntArray, rng: np.random.Generator
) -> tuple[int, float]:
    """Layer and penalty of the least log loss on held-out clusters of these rows."""
    folds = _folds(codes[rows], rng)
    loss: dict[tuple[int, float], float] = {}
    for layer, x in rotated.items():
        for held in folds:
            test = rows[held]
            rest = np.setdiff1d(rows, test)
            for penalty, fitted in _path(x[rest], y[rest]):
                told = np.clip(_said(x[test], fitted), 1e-9, 1 - 1e-9)
                lost = -(y[test] * np.log(told) + (1 - y[test]) * np.log(1 - told)).sum()
                loss[layer, penalty] = loss.get((layer, penalty), 0.0) + float(lost)
    return min(loss, key=lambda key: loss[key])


def _path(x: FloatArray, y: FloatArray) -> Iterator[tuple[float, FloatArray]]:
    start: FloatArray | None = None
    for penalty in PENALTIES:
        start = _fit(x, y, penalty, start)
        yield penalty, start


def _fit(x: FloatArray, y: FloatArray, penalty: float, start: FloatArray | None = None) -> FloatArray:
    """Weights and, last, the intercept that minimise mean log loss + penalty/2 ``|weights|²``, by Newton's method."""
    from scipy import linalg, special

    design = np.column_stack([x, np.ones(len(x))])
    # The intercept's own penalty only keeps it finite where one side is missing.
    ridge = np.append(np.full(x.shape[1], penalty), 1e-8)
    beta = np.zeros(design.shape[1]) if start is None else start.copy()

    def value(b: FloatArray) -> float:
        z = design @ b
        return float(np.mean(np.logaddexp(0.0, z) - y * z) + (ridge * b**2).sum() / 2)

    now = value(beta)
    for _ in range(50):
        p = special.expit(design @ beta)
        slope = design.T @ (p - y) / len(y) + ridge * beta
        bend = (design * (p * (1 - p) / len(y))[:, None]).T @ design + np.diag(ridge + 1e-12)
        step = linalg.solve(bend, slope, assume_a="pos", check_finite=False)
        size = 1.0
        while (then := value(beta - size * step)) > now and size > 1e-4:
            size /= 2
        beta = beta - size * step
        if now - then < 1e-10:
            break
        now = then
    return beta


def _said(x: FloatArray, fitted: FloatArray) -> FloatArray:
    from scipy import special

    return special.expit(x @ fitted[:-1] + fitted[-1])
