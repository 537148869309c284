"""Item response theory: abilities of persons (models) and difficulties of items on one scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits
from unseen.estimates.difficulty.irt_em import Counts, State, fit, sigmoid

FloatArray = NDArray[np.float64]
# Below this a slope an item rests on too few persons to mean anything; 1PL needs fewer, rasch.fit_rasch fewest.
MIN_PERSONS_2PL = 50
MIN_PERSONS_1PL = 10
# Cells of one block when persons × items arrays are computed piece by piece.
BLOCK = 4_000_000


@dataclass(frozen=True, eq=False)
class IrtFit:
    """A fitted item response model, P(right) = 1 / (1 + exp(-discrimination · (ability - difficulty))).

    Attributes:
        kind: "1pl" (one common discrimination) or "2pl".
        ability: Posterior means (EAP) of the persons, in standard deviations of ability, shape (persons,).
        ability_se: Posterior standard deviations, shape (persons,).
        discrimination: Shape (items,).
        discrimination_se: Shape (items,); equal for all items in a 1PL.
        difficulty: Ability at which an item is solved half of the time, shape (items,); -inf where all were right and
            +inf where all were wrong.
        difficulty_se: Delta method; NaN for such items.
        answered: Answers an item, shape (items,).
        extreme: Items that all or none solved, which take no part in the fit, shape (items,).
        log_likelihood: Marginal log-likelihood at the solution.
        iterations: Steps taken.
        converged: Whether the last step changed every parameter by less than the tolerance.
        prior: What was assumed of the items beside the data, in words.
    """

    kind: Literal["1pl", "2pl"]
    ability: FloatArray
    ability_se: FloatArray
    discrimination: FloatArray
    discrimination_se: FloatArray
    difficulty: FloatArray
    difficulty_se: FloatArray
    answered: FloatArray
    extreme: NDArray[np.bool_]
    log_likelihood: float
    iterations: int
    converged: bool
    prior: str

    @property
    def intercept(self) -> FloatArray:
        """-discrimination · difficulty, shape (items,)."""
        return -self.discrimination * self.difficulty

    def probability(self, ability: ArrayLike) -> FloatArray:
        """P(right) of every item at each ability, shape (abilities, items); 0 or 1 for extreme items."""
        gap = np.asarray(ability, np.float64).reshape(-1, 1) - self.difficulty[None, :]
        slope = np.where(self.extreme, 1.0, self.discrimination)
        return sigmoid(slope * gap)


def fit_irt(
    matrix: ArrayLike, *, kind: Literal["1pl", "2pl"] = "2pl", prior: bool = True, max_iterations: int = 200,
    tolerance: float = 1e-3,
) -> IrtFit:  # fmt: skip
    """Fit a 1PL or 2PL by marginal maximum likelihood; abilities are standard normal.

    Items that all or none solved have no finite difficulty and are left out. With ``prior``, slopes and intercepts
    of a 2PL are normal around their own mean, with mean and spread estimated from the items (empirical Bayes): this
    steadies few persons and fades with many. Standard errors come from the cross-product of the persons' scores.

    Args:
        matrix: Scores in [0, 1], shape (persons, items); NaN where missing. A share is read as that part of an answer.
        kind: "1pl" or "2pl".
        prior: Whether a 2PL has the priors.
        max_iterations: Most steps of the algorithm.
        tolerance: Largest change of a parameter at which it stops [logits].

    Raises:
        BadInput: A score outside [0, 1], or not a matrix.
        TooFewUnits: Too few persons (10 for a 1PL, 50 for a 2PL) or no item that tells persons apart.

    Source: Bock & Aitkin (1981), Marginal maximum likelihood estimation of item parameters.

    >>> rng = np.random.default_rng(0)
    >>> ability, difficulty = rng.normal(size=(400, 1)), np.linspace(-1.5, 1.5, 20)
    >>> answers = rng.random((400, 20)) < 1 / (1 + np.exp(difficulty - ability))
    >>> bool(np.corrcoef(fit_irt(answers, kind="1pl").difficulty, difficulty)[0, 1] > 0.98)
    True
    """
    values = checked(matrix)
    need = MIN_PERSONS_2PL if kind == "2pl" else MIN_PERSONS_1PL
    present = ~np.isnan(values)
    answered = present.sum(axis=0).astype(np.float64)
    totals = np.nansum(values, axis=0, dtype=np.float64)
    persons = int(present.any(axis=1).sum())
    if persons < need:
        other = "kind='1pl', or " if kind == "2pl" and persons >= MIN_PERSONS_1PL else ""
        raise TooFewUnits(
            f"a {kind.upper()} needs {need} persons (models) with answers, got {persons}. "
            f"Use {other}rasch.fit_rasch, which takes few models on many items."
        )
    extreme = (totals <= 0) | (totals >= answered)
    used = np.flatnonzero(~extreme)
    if len(used) < 2:
        raise TooFewUnits(
            f"{len(used)} of {values.shape[1]} items are solved by some persons and not by others; 2 are needed."
        )
    counts = _counts(values, present, used)
    state = fit(counts, kind, prior=prior, max_iterations=max_iterations, tolerance=tolerance)
    slope_se, difficulty_se = _errors(counts, state, kind, prior=prior and kind == "2pl")
    ability, ability_se = _abilities(counts, state)
    spread, difficulty_sign = np.full(values.shape[1], np.nan), np.where(totals <= 0, np.inf, -np.inf)
    out = {name: spread.copy() for name in ("a", "a_se", "b_se")}
    difficulty = np.where(extreme, difficulty_sign, 0.0)
    out["a"][used], out["a_se"][used], out["b_se"][used] = state.slope, slope_se, difficulty_se
    difficulty[used] = -state.intercept / _away_from_zero(state.slope)
    return IrtFit(
        kind=kind,
        ability=ability,
        ability_se=ability_se,
        discrimination=out["a"],
        discrimination_se=out["a_se"],
        difficulty=difficulty,
        difficulty_se=out["b_se"],
        answered=answered,
        extreme=extreme,
        log_likelihood=state.log_likelihood,
        iterations=state.iterations,
        converged=state.converged,
        prior=_prior_in_words(state) if prior and kind == "2pl" else "none",
    )


def ml_abilities(matrix: ArrayLike, model: IrtFit, *, iterations: int = 12) -> tuple[FloatArray, FloatArray]:
    """Maximum-likelihood abilities and their standard errors (from the test information), item parameters fixed.

    Args:
        matrix: Scores in [0, 1], shape (persons, items); NaN where missing.
        model: The fitted items.
        iterations: Newton steps.

    Returns:
        Abilities and standard errors, shapes (persons,); ±inf and NaN where a person has all right or all wrong.

    Source: Birnbaum (1968), in Lord & Novick, ch. 20.
    """
    values = checked(matrix)[:, ~model.extreme]
    a, b = model.discrimination[~model.extreme], model.difficulty[~model.extreme]
    present = ~np.isnan(values)
    right = np.nan_to_num(values)
    theta = np.clip(np.nan_to_num(model.ability), -4, 4)
    information = np.ones_like(theta)
    for _ in range(iterations):
        for rows in blocks(len(theta), values.shape[1]):
            p = sigmoid(a * (theta[rows, None] - b))
            score = ((right[rows] - p) * present[rows]) @ a
            information[rows] = np.maximum(((p * (1 - p)) * present[rows]) @ a**2, 1e-9)
            theta[rows] = np.clip(theta[rows] + np.clip(score / information[rows], -1, 1), -30, 30)
    # With slopes of both signs "all right" has a finite maximum, so that the edge itself is what tells.
    none = np.abs(theta) > 12
    return np.where(none, np.sign(theta) * np.inf, theta), np.where(none, np.nan, 1 / np.sqrt(information))


def checked(matrix: ArrayLike) -> NDArray[np.floating]:
    """The matrix as floats, or a clear error."""
    values = np.asarray(matrix)
    values = values if values.dtype == np.float32 else values.astype(np.float64)
    if values.ndim != 2:
        raise BadInput(f"item response models take a matrix of persons by items, got shape {values.shape}.")
    wrong = values[(values < 0) | (values > 1)]
    if len(wrong):
        raise BadInput(f"scores lie in [0, 1] here, got {wrong[0]:g}. Divide by their range, or dichotomise them.")
    return values


def blocks(rows: int, columns: int) -> list[slice]:
    """Slices of rows whose blocks of cells fit a bounded amount of memory."""
    size = max(1, BLOCK // max(columns, 1))
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]


def _counts(values: NDArray[np.floating], present: NDArray[np.bool_], used: NDArray[np.intp]) -> Counts:
    right = np.nan_to_num(values[:, used]).astype(np.float32)
    inside = present[:, used]
    trials = None if inside.all() else inside.astype(np.float32)
    return Counts(right, trials, np.ones(len(right), np.float32))


def _errors(counts: Counts, state: State, kind: str, *, prior: bool) -> tuple[FloatArray, FloatArray]:
    """Standard errors of slope and difficulty (with the prior's precision): cross-product of scores, blockwise."""
    x = state.nodes
    position = state.posterior @ x
    columns = len(state.slope)
    aa, ad, dd, total = np.zeros(columns), np.zeros(columns), np.zeros(columns), np.zeros(len(position))
    posterior = state.posterior.astype(np.float32)
    for part in blocks(columns, max(len(position), len(x))):
        p = sigmoid(np.multiply.outer(state.slope[part], x) + state.intercept[part, None])
        tried = 1.0 if counts.trials is None else counts.trials[:, part]
        s_d = counts.right[:, part] - tried * (posterior @ p.T.astype(np.float32))
        s_a = counts.right[:, part] * position[:, None] - tried * (posterior @ (p * x).T.astype(np.float32))
        dd[part] = np.einsum("ij,ij->j", s_d, s_d)
        ad[part] = np.einsum("ij,ij->j", s_d, s_a)
        aa[part] = np.einsum("ij,ij->j", s_a, s_a)
        total += s_a.sum(axis=1)
    if kind == "1pl":
        error = 1 / math.sqrt(max(float(total @ total), 1e-9))
        variance_d = 1 / np.maximum(dd, 1e-9)
        a, b = state.slope, -state.intercept / state.slope
        return np.full(columns, error), np.sqrt(variance_d + (b * error) ** 2) / a
    # Without the prior's precision: intervals that count it cover slopes far from their mean too rarely.
    slope_se = np.sqrt(dd / np.maximum(aa * dd - ad**2, 1e-9))
    if prior and state.slope_prior and state.intercept_prior:
        aa, dd = aa + state.slope_prior[1] ** -2, dd + state.intercept_prior[1] ** -2
    determinant = np.maximum(aa * dd - ad**2, 1e-9)
    v_aa, v_dd, v_ad = dd / determinant, aa / determinant, -ad / determinant
    a = _away_from_zero(state.slope)
    by_a, by_d = state.intercept / a**2, -1 / a
    variance = by_a**2 * v_aa + by_d**2 * v_dd + 2 * by_a * by_d * v_ad
    return slope_se, np.sqrt(np.maximum(variance, 1e-12))


def _abilities(counts: Counts, state: State) -> tuple[FloatArray, FloatArray]:
    """EAP and posterior standard deviation; where the posterior is narrower than the grid, mode and curvature."""
    x = state.nodes
    mean = state.posterior @ x
    sd = np.sqrt(np.maximum(state.posterior @ x**2 - mean**2, 0.0))
    narrow = np.flatnonzero(sd < 1.2 * (x[1] - x[0]))
    a, d = state.slope.astype(np.float32), state.intercept.astype(np.float32)
    for block in blocks(len(narrow), len(a)):
        rows = narrow[block]
        theta, right = mean[rows], counts.right[rows]
        tried = None if counts.trials is None else counts.trials[rows]
        information = np.ones(len(rows))
        for _ in range(4):
            p = sigmoid(np.multiply.outer(theta.astype(np.float32), a) + d)
            expected = p if tried is None else p * tried
            score = (right - expected) @ a - theta
            information = (expected * (1 - p)) @ a**2 + 1
            theta = theta + np.clip(score / information, -0.5, 0.5)
        mean[rows], sd[rows] = theta, 1 / np.sqrt(information)
    return mean, sd


def _away_from_zero(slope: FloatArray) -> FloatArray:
    return np.where(np.abs(slope) < 1e-3, np.copysign(1e-3, slope), slope)


def _prior_in_words(state: State) -> str:
    assert state.slope_prior is not None  # noqa: S101
    assert state.intercept_prior is not None  # noqa: S101
    (a, a_sd), (d, d_sd) = state.slope_prior, state.intercept_prior
    return f"slopes N({a:.2f}, {a_sd:.2f}²), intercepts N({d:.2f}, {d_sd:.2f}²), both estimated from the items"
