"""Hidden neurons trained a few at a time on what the earlier ones leave over (GBNN)."""

# scikit-learn is imported at the top here, since the classes derive from its bases; nothing imports this module eagerly.
from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from unseen.errors import BadInput


class _SequentialBoosting(BaseEstimator):
    """What classifier and regressor share: stages of tanh neurons fitted to pseudo-residuals by L-BFGS."""

    def __init__(
        self, stages: int = 50, neurons: int = 2, shrinkage: float = 0.5, penalty: float = 1e-4, subsample: float = 1.0,
        max_iter: int = 200, random_state: int | None = None,
    ) -> None:  # fmt: skip
        self.stages = stages
        self.neurons = neurons
        self.shrinkage = shrinkage
        self.penalty = penalty
        self.subsample = subsample
        self.max_iter = max_iter
        self.random_state = random_state

    def _grow(self, x: np.ndarray, target: np.ndarray) -> None:
        """Fit all stages.

        Args:
            x: Shape (n, features).
            target: Numbers (n, 1), or one-hot classes (n, classes).

        Raises:
            BadInput: A setting lies where it has no meaning.
        """
        if self.stages < 1 or self.neurons < 1:
            raise BadInput(f"stages and neurons must be at least 1, got {self.stages} and {self.neurons}.")
        if not 0 < self.shrinkage <= 1 or not 0 < self.subsample <= 1:
            raise BadInput(f"shrinkage and subsample lie in (0, 1], got {self.shrinkage} and {self.subsample}.")
        rng = np.random.default_rng(self.random_state)
        self.n_features_in_ = x.shape[1]
        self.mean_, spread = x.mean(0), x.std(0)
        self.spread_ = np.where(spread > 0, spread, 1.0)
        z = (x - self.mean_) / self.spread_
        self.bias_ = self._first(target)
        self.steps_: list[np.ndarray] = []
        raw = np.tile(self.bias_, (len(z), 1))
        inner, shifts, outer = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
        for _ in range(self.stages):
            rows = rng.permutation(len(z))[: max(2, round(self.subsample * len(z)))]
            residual = self._residual(target[rows], raw[rows])
            w, b, v, c = _fit_stage(z[rows], residual, self.neurons, self.penalty, self.max_iter, rng)
            step = self._newton(target[rows], raw[rows], np.tanh(z[rows] @ w + b) @ v + c) * self.shrinkage
            raw = raw + (np.tanh(z @ w + b) @ v + c) * step
            inner.append(w)
            shifts.append(b)
            outer.append(v * step)
            # The stage's constant joins the one bias of the output layer, so that one plain network remains.
            self.bias_ = self.bias_ + c * step
            self.steps_.append(c * step)
        self.coefs_ = [np.concatenate(inner, axis=1), np.concatenate(outer)]
        self.intercepts_ = [np.concatenate(shifts), self.bias_]

    def raw(self, x: Any, units: int | None = None) -> np.ndarray:
        """Output of the network of all stages, or of the units trained first.

        Args:
            x: Shape (n, features).
            units: Hidden units that are kept, counted from the first trained; all by default.

        Returns:
            Log odds (n, 1) of two classes, scores (n, classes) of more, or numbers (n, 1).

        Raises:
            BadInput: The estimator was not fitted, or it has fewer units.
        """
        if not hasattr(self, "coefs_"):
            raise BadInput(f"{type(self).__name__} was not fitted: call fit first.")
        total = self.coefs_[0].shape[1]
        kept = total if units is None else units
        if not 0 <= kept <= total:
            raise BadInput(f"units must lie between 0 and {total}, got {units}.")
        hidden = np.tanh(
            (np.asarray(x, dtype=float) - self.mean_) / self.spread_ @ self.coefs_[0] + self.intercepts_[0]
        )
        return hidden[:, :kept] @ self.coefs_[1][:kept] + self._bias_of(kept)

    def _bias_of(self, units: int) -> np.ndarray:
        later = self.steps_[-(-units // self.neurons) :]
        return self.bias_ - np.sum(later, axis=0) if later else self.bias_

    def _first(self, target: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _residual(self, target: np.ndarray, raw: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _newton(self, target: np.ndarray, raw: np.ndarray, move: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class SequentialBoostingClassifier(ClassifierMixin, _SequentialBoosting):
    """A one-hidden-layer network for classes, its neurons trained in stages by gradient boosting of the log loss.

    Args:
        stages: Stages T.
        neurons: Hidden tanh neurons a stage, J; the final network has T × J.
        shrinkage: Factor on each stage's step.
        penalty: L2 on a stage's weights, per row.
        subsample: Share of rows a stage sees.
        max_iter: Of L-BFGS, a stage.
        random_state: Seed.

    Source: Emami, Martínez-Muñoz (2023), Sequential Training of Neural Networks with Gradient Boosting, algorithm 1.

    >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> SequentialBoostingClassifier(stages=5, random_state=0).fit(x, ["no", "yes", "yes", "no"]).predict(x).tolist()
    ['no', 'yes', 'yes', 'no']
    """

    def fit(self, x: Any, y: Any) -> Self:
        """Fit to rows (n, features) and classes (n,).

        Returns:
            The estimator itself.

        Raises:
            BadInput: There is one class only.
        """
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        k = len(self.classes_)
        if k < 2:
            raise BadInput(f"there is one class only, {self.classes_[0]!r}: nothing can be learnt.")
        target = (codes == 1).astype(float)[:, None] if k == 2 else np.eye(k)[codes]
        self._grow(np.asarray(x, dtype=float), target)
        return self

    def predict_proba(self, x: Any, units: int | None = None) -> np.ndarray:
        """Class probabilities, shape (n, classes), of all units or of those trained first (see ``raw``)."""
        chance = _chances(self.raw(x, units))
        return np.concatenate([1 - chance, chance], 1) if len(self.classes_) == 2 else chance

    def predict(self, x: Any, units: int | None = None) -> np.ndarray:
        """The most probable classes, shape (n,)."""
        return self.classes_[self.predict_proba(x, units).argmax(1)]

    def _first(self, target: np.ndarray) -> np.ndarray:
        share = target.mean(0)
        return np.log(share / (1 - share)) if target.shape[1] == 1 else np.log(share)

    def _residual(self, target: np.ndarray, raw: np.ndarray) -> np.ndarray:
        return target - _chances(raw)

    def _newton(self, target: np.ndarray, raw: np.ndarray, move: np.ndarray) -> np.ndarray:
        p = _chances(raw)
        slope = ((target - p) * move).sum(0)
        # Per output, with the diagonal of the Hessian, as boosting of multinomial losses does (Friedman 2001, eq. 32).
        factor = 1.0 if target.shape[1] == 1 else (target.shape[1] - 1) / target.shape[1]
        return np.clip(factor * slope / ((p * (1 - p) * move**2).sum(0) + 1e-8), 0.0, 10.0)


class SequentialBoostingRegressor(RegressorMixin, _SequentialBoosting):
    """The same for numbers, with squared error; arguments as in ``SequentialBoostingClassifier``."""

    def fit(self, x: Any, y: Any) -> Self:
        """Fit to rows (n, features) and numbers (n,).

        Returns:
            The estimator itself.

        Raises:
            BadInput: The target is constant.
        """
        target = np.asarray(y, dtype=float)[:, None]
        if np.ptp(target) == 0:
            raise BadInput(f"the target is constant ({target[0, 0]:g}): nothing can be learnt.")
        self.unit_ = float(target.std())
        self._grow(np.asarray(x, dtype=float), target / self.unit_)
        return self

    def predict(self, x: Any, units: int | None = None) -> np.ndarray:
        """Numbers, shape (n,), of all units or of those trained first (see ``raw``)."""
        return self.raw(x, units)[:, 0] * self.unit_

    def _first(self, target: np.ndarray) -> np.ndarray:
        return target.mean(0)

    def _residual(self, target: np.ndarray, raw: np.ndarray) -> np.ndarray:
        return target - raw

    def _newton(self, target: np.ndarray, raw: np.ndarray, move: np.ndarray) -> np.ndarray:
        return ((target - raw) * move).sum(0) / ((move**2).sum(0) + 1e-12)


def _chances(raw: np.ndarray) -> np.ndarray:
    from scipy.special import expit, softmax

    return expit(raw) if raw.shape[1] == 1 else softmax(raw, axis=1)


def _fit_stage(
    x: np.ndarray, residual: np.ndarray, neurons: int, penalty: float, max_iter: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Least squares of residuals by a few tanh neurons: weights in, shifts, weights out, constant."""
    from scipy.optimize import minimize

    features, outputs = x.shape[1], residual.shape[1]
    cuts = np.cumsum([features * neurons, neurons, neurons * outputs])
    # Residuals become small as stages go by; on their own scale L-BFGS stops by the same rule in each.
    unit = max(float(np.sqrt(np.square(residual).mean())), 1e-12)
    goal = residual / unit

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w, b, v, c = np.split(flat, cuts)
        w, v = w.reshape(features, neurons), v.reshape(neurons, outputs)
        hidden = np.tanh(x @ w + b)
        error = (hidden @ v + c - goal) / len(x)
        value = 0.5 * len(x) * np.square(error).sum() + 0.5 * penalty * (np.square(w).sum() + np.square(v).sum())
        back = error @ v.T * (1 - hidden**2)
        slopes = (x.T @ back + penalty * w, back.sum(0), hidden.T @ error + penalty * v, error.sum(0))
        return float(value), np.concatenate([s.ravel() for s in slopes])

    start = [
        rng.normal(size=features * neurons) / np.sqrt(features),
        np.zeros(neurons),
        rng.normal(size=neurons * outputs) / np.sqrt(neurons),
        np.zeros(outputs),
    ]
    found = minimize(loss, np.concatenate(start), jac=True, method="L-BFGS-B", options={"maxiter": max_iter})
    w, b, v, c = np.split(found.x, cuts)
    return w.reshape(features, neurons), b, v.reshape(neurons, outputs) * unit, c * unit
