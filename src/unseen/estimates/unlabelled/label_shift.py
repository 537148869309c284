"""Label shift: how frequent each class is among unlabelled rows, whether that explains them, and the accuracy it implies.

Under label shift rows of one class look the same on both sides, P(prediction, confidence | class) does not change; only
the classes become rarer or more frequent. What a model predicts, and how confidently, then tells how frequent they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.unlabelled.label_free import Claim, Rows

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
MIN_CLASS = 20
MAX_CLASSES = 30
CELL = 40
MAX_SLICES = 5
MAX_ERROR = 0.2


@dataclass(frozen=True, eq=False)
class LabelShift:
    """Frequencies of classes on both sides, and what follows from them.

    Attributes:
        claim: Accuracy of the unlabelled rows if label shift is all that happened.
        source: Share of each class among labelled rows, shape (classes,).
        target: The same, estimated, among unlabelled rows, shape (classes,).
        fit_p: p-value of "label shift is all that happened" (a test of the restrictions that are left over).
        shift_p: p-value of "classes are as frequent on both sides".
        cells: Cells of prediction and confidence that were used.
    """

    claim: Claim
    source: FloatArray
    target: FloatArray
    fit_p: float
    shift_p: float
    cells: int

    def holds(self, alpha: float = 0.05, misfit: float = 0.01) -> bool:
        """Whether classes shift, and nothing else is needed to explain the unlabelled rows.

        Args:
            alpha: Most that ``shift_p`` may be.
            misfit: What ``fit_p`` must exceed. Small: to miss a label shift leaves an estimate without any cover, while
                another shift that looks so much like one is estimated nearly as well either way.
        """
        return self.shift_p <= alpha and self.fit_p > misfit


def label_shift(rows: Rows, predicted: ArrayLike, truth: ArrayLike, target_predicted: ArrayLike) -> LabelShift:
    """Estimate the classes' frequencies among unlabelled rows, test whether they explain them, and claim an accuracy.

    Cells are predictions, each cut into up to five slices of confidence. Under label shift the share of unlabelled rows
    in a cell is q = Σ_k π_k P(cell | class k): the confusion matrix of the labelled rows, inverted by generalised least
    squares (weights: the inverse covariance of q − Pπ over clusters), π within the simplex. accuracy = Σ_k π_k ȳ_k. The
    least-squares criterion tests label shift: cells − classes restrictions are left over (Hansen's J). Where confidence
    is not used, cells are as many as classes, and π is the black-box shift estimate C⁻¹q.

    Args:
        rows: From ``Rows.of``; the other arrays are in the order of its rows.
        predicted: Integer of the class that was predicted, labelled rows, shape (n,).
        truth: Integer of the right class, in the same numbering, shape (n,).
        target_predicted: Predictions of unlabelled rows, shape (m,).

    Raises:
        BadInput: Shapes that do not fit.
        TooFewUnits: Fewer than 2 classes of 20 rows.
        Undefined: There are no more cells than classes, so that label shift can't be told from another; or predictions
            hardly depend on the class.

    Source: Lipton, Wang & Smola (2018), Detecting and correcting for label shift with black box predictors, equation 2;
    Garg, Wu, Balakrishnan & Lipton (2020), A unified view of label shift estimation (confidence in place of hard
    predictions, which is what Saerens, Latinne & Decaestecker's EM (2002) uses); Hansen (1982), the J test.

    >>> rng = np.random.default_rng(0); n = 4000
    >>> truth, later = (rng.random(n) < 0.25).astype(int), (rng.random(n) < 0.75).astype(int)
    >>> margins = [rng.normal(2 * t - 0.8, 1) for t in (truth, later)]
    >>> guess = [(m > 0).astype(int) for m in margins]
    >>> c, t = (1 / (1 + np.exp(-abs(m))) for m in margins)
    >>> i, j = np.argsort(c), np.argsort(t)
    >>> rows = Rows.of(c[i], (guess[0] == truth)[i], np.arange(n), t, n + np.arange(n))
    >>> found = label_shift(rows, guess[0][i], truth[i], guess[1][j])
    >>> found.holds(), bool(abs(found.target[1] - 0.75) < 0.05)
    (True, True)
    """
    a, b, t = (np.asarray(x).astype(np.int64).reshape(-1) for x in (predicted, truth, target_predicted))
    if len(a) != len(rows.outcome) or len(b) != len(a) or len(t) != len(rows.target):
        raise BadInput(
            f"label_shift needs a prediction and a class for each of {len(rows.outcome)} labelled rows and a prediction "
            f"for each of {len(rows.target)} others, got {len(a)}, {len(b)} and {len(t)}."
        )
    klass, classes = _classes(b)
    cell, target_cell, cells = _cells(a, t, rows)
    if cells <= classes:
        raise Undefined(f"{cells} cells of prediction and confidence can't test a shift of {classes} classes.")
    model = _Model.of(rows, klass, classes, cell, target_cell, cells)
    pi = _fitted(model, np.diag(1 / np.maximum(model.mixed(), 1 / len(cell))))
    weight = np.asarray(np.linalg.pinv(model.covariance(pi), hermitian=True), np.float64)
    pi = _fitted(model, weight)
    gap = model.gap(pi)
    free = cells - classes
    units = model.units
    statistic = float(gap @ weight @ gap)
    from scipy import stats

    # With few clusters the estimated covariance is too small in some direction: Hotelling's F, not χ².
    freedom = max(units - free, 1)
    fit_p = float(stats.f.sf(statistic * freedom / (free * max(units - 1, 1)), free, freedom))
    return model.claimed(pi, weight, fit_p)


@dataclass(frozen=True, eq=False)
class _Model:
    """Shares of cells per class, and who lies where."""

    rows: Rows
    klass: IntArray
    cell: IntArray
    target_cell: IntArray
    per_class: FloatArray
    count: FloatArray
    q: FloatArray

    @classmethod
    def of(cls, rows: Rows, klass: IntArray, classes: int, cell: IntArray, target_cell: IntArray, cells: int) -> _Model:
        joint = np.bincount(cell * classes + klass, minlength=cells * classes).reshape(cells, classes)
        count = joint.sum(axis=0).astype(np.float64)
        q = np.bincount(target_cell, minlength=cells) / len(target_cell)
        return cls(rows, klass, cell, target_cell, joint / count, count, q)

    @property
    def units(self) -> int:
        present = np.bincount(self.rows.cluster, minlength=self.rows.size)
        return int(np.count_nonzero(present + np.bincount(self.rows.target_cluster, minlength=self.rows.size)))

    def mixed(self) -> FloatArray:
        """Shares of cells over both sides, without the last, shape (cells − 1,)."""
        return ((self.q + self.per_class @ (self.count / self.count.sum())) / 2)[:-1]

    def gap(self, pi: FloatArray) -> FloatArray:
        """Misfit q − Pπ without the last cell, which the others imply."""
        return (self.q - self.per_class @ pi)[:-1]

    def covariance(self, pi: FloatArray) -> FloatArray:
        """Clustered covariance of ``gap``, shape (cells − 1, cells − 1)."""
        rows, cells = self.rows, len(self.q)
        weight = (pi / self.count)[self.klass]
        if self.units == len(self.cell) + len(self.target_cell):
            total = (np.diag(self.q) - np.outer(self.q, self.q)) / len(self.target_cell)
            for k, p in enumerate(self.per_class.T):
                total += pi[k] ** 2 / self.count[k] * (np.diag(p) - np.outer(p, p))
        else:
            size = rows.size
            sums = np.bincount(rows.target_cluster * cells + self.target_cell, minlength=size * cells) / len(
                self.target_cell
            )
            sums = sums - np.bincount(rows.cluster * cells + self.cell, weights=weight, minlength=size * cells)
            sums = sums.reshape(size, cells)
            sums -= np.outer(np.bincount(rows.target_cluster, minlength=size) / len(self.target_cell), self.q)
            share = np.bincount(rows.cluster * len(pi) + self.klass, weights=weight, minlength=size * len(pi))
            sums += share.reshape(size, len(pi)) @ self.per_class.T
            total = sums.T @ sums * self.units / (self.units - 1)
        # A cell that is empty on one side shows no variance of its own.
        ridge = 1 / (len(self.cell) + 2) ** 2 + 1 / (len(self.target_cell) + 2) ** 2
        return (total + ridge * np.eye(cells))[:-1, :-1]

    def claimed(self, pi: FloatArray, weight: FloatArray, fit_p: float) -> LabelShift:
        from scipy import stats

        rows, y, classes = self.rows, self.rows.outcome, len(pi)
        right = np.bincount(self.klass, weights=y, minlength=classes) / self.count
        solve = _influence(self, pi, weight)
        # Influence of a cell on each class, the last cell being the reference; shape (classes, cells).
        reach = np.hstack([solve, np.zeros((classes, 1))])
        source = self.count / self.count.sum()
        moved, covariance = pi - source, np.zeros((classes, classes))
        target_rows = reach[:, self.target_cell] - (reach @ self.q)[:, None]
        labelled_rows = -(reach[:, self.cell] - (reach @ self.per_class)[:, self.klass])
        labelled_rows *= (pi / self.count)[self.klass]
        value = float(pi @ right)
        labelled = right @ labelled_rows + (pi / self.count)[self.klass] * (y - right[self.klass])
        target = right @ target_rows / len(self.target_cell)
        sums = np.zeros((classes, rows.size))
        for k in range(classes):
            own = ((self.klass == k) - source[k]) / len(self.klass)
            sums[k] = np.bincount(rows.cluster, weights=labelled_rows[k] - own, minlength=rows.size)
            sums[k] += np.bincount(
                rows.target_cluster, weights=target_rows[k] / len(self.target_cell), minlength=rows.size
            )
        covariance = sums @ sums.T * self.units / (self.units - 1)
        error = np.sqrt(np.diag(covariance))
        if error.max() > MAX_ERROR:
            raise Undefined(
                f"predictions hardly depend on the class: the share of a class is known to ±{2 * error.max():.1f} only."
            )
        wald = float(moved @ np.linalg.pinv(covariance, hermitian=True, rcond=1e-8) @ moved)
        shrunk = (right * self.count + 1) / (self.count + 2)
        extra = float(
            pi**2 @ np.maximum(0.0, shrunk * (1 - shrunk) / (self.count + 2) - self._shown(right) / self.count**2)
        )
        claim = Claim("label shift", value, labelled, target, extra, rows)
        return LabelShift(claim, source, pi, fit_p, float(stats.chi2.sf(wald, classes - 1)), len(self.q))

    def _shown(self, right: FloatArray) -> FloatArray:
        residual = self.rows.outcome - right[self.klass]
        return np.bincount(self.klass, weights=residual**2, minlength=len(right)).astype(np.float64)


def _fitted(model: _Model, weight: FloatArray) -> FloatArray:
    """π in the simplex with the least weighted squared gap: classes that would be negative are set to zero."""
    active = np.arange(len(model.count))
    while True:
        pi = np.zeros(len(model.count))
        pi[active] = _solved(model.per_class[:-1, active], model.q[:-1], weight)
        if pi.min() >= 0 or len(active) == 1:
            return np.maximum(pi, 0) / np.maximum(pi, 0).sum()
        active = np.delete(active, int(np.argmin(pi[active])))


def _solved(p: FloatArray, q: FloatArray, weight: FloatArray) -> FloatArray:
    """Shares that add up to one: the last class is what the others leave."""
    if p.shape[1] == 1:
        return np.ones(1)
    g = p[:, :-1] - p[:, -1:]
    beta = np.linalg.pinv(g.T @ weight @ g, hermitian=True) @ g.T @ weight @ (q - p[:, -1])
    return np.append(beta, 1 - beta.sum())


def _influence(model: _Model, pi: FloatArray, weight: FloatArray) -> FloatArray:
    """Derivative of π by q, shape (classes, cells − 1); classes at zero stay there."""
    active = np.flatnonzero(pi > 0)
    solve = np.zeros((len(pi), len(model.q) - 1))
    if len(active) > 1:
        p = model.per_class[:-1, active]
        g = p[:, :-1] - p[:, -1:]
        inner = np.linalg.pinv(g.T @ weight @ g, hermitian=True) @ g.T @ weight
        solve[active[:-1]] = inner
        solve[active[-1]] = -inner.sum(axis=0)
    return solve


def _classes(truth: IntArray) -> tuple[IntArray, int]:
    """Classes 0 … of at least 20 rows; rarer ones are one class together."""
    names, code, count = np.unique(truth, return_inverse=True, return_counts=True)
    large = np.flatnonzero(count >= MIN_CLASS)
    if len(large) < 2 or len(large) > MAX_CLASSES:
        raise TooFewUnits(
            f"label shift needs 2 to {MAX_CLASSES} classes of {MIN_CLASS} labelled rows, got {len(large)} of {len(names)}."
        )
    number = np.full(len(names), len(large))
    number[large] = np.arange(len(large))
    if count.sum() - count[large].sum() < MIN_CLASS:
        # Too few rows to be a class: they join the largest, which they change least.
        number[number == len(large)] = int(np.argmax(count[large]))
    klass = number[code].astype(np.int64)
    return klass, int(klass.max()) + 1


def _cells(predicted: IntArray, target: IntArray, rows: Rows) -> tuple[IntArray, IntArray, int]:
    """Cells of prediction and confidence, numbered from 0, each with at least about 40 labelled rows."""
    both, code = np.unique(np.concatenate([predicted, target]), return_inverse=True)
    mine, theirs = code[: len(predicted)], code[len(predicted) :]
    count = np.bincount(mine, minlength=len(both))
    cell, target_cell, used = np.zeros(len(mine), np.int64), np.zeros(len(theirs), np.int64), 0
    rare = np.flatnonzero(count < CELL)
    for group in [*([k] for k in np.flatnonzero(count >= CELL)), rare]:
        own, other = np.isin(mine, group), np.isin(theirs, group)
        if not own.any() and not other.any():
            continue
        slices = int(np.clip(own.sum() // CELL, 1, MAX_SLICES))
        edges = np.unique(np.quantile(rows.confidence[own], np.linspace(0, 1, slices + 1)[1:-1])) if own.any() else []
        cell[own] = used + np.searchsorted(edges, rows.confidence[own], side="right")
        target_cell[other] = used + np.searchsorted(edges, rows.target[other], side="right")
        used += len(edges) + 1
    return cell, target_cell, used
