"""Expectation–maximisation for logistic item response models, by matrix products over quadrature nodes.

Rows carry the random effect z ~ N(0, 1), columns the parameters: logit P(right) = slope · z + intercept. Rows are
persons and columns items in the usual case, and the other way round where models are few and items many.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[Any]  # float32 for the matrix of answers, float64 for all else
SPAN = 5.0  # nodes lie within ± SPAN standard deviations
MAX_SLOPE = 8.0
MAX_INTERCEPT = 15.0


@dataclass(frozen=True, eq=False)
class Counts:
    """Responses as counts.

    Attributes:
        right: Number right, shape (rows, columns); 0 where missing.
        trials: Number of answers, shape (rows, columns), or None where every cell holds exactly one.
        weight: How often each row occurs, shape (rows,).
    """

    right: FloatArray
    trials: FloatArray | None
    weight: FloatArray


@dataclass(eq=False)
class State:
    """Where the algorithm stands: parameters, their estimated prior and the posterior of the rows."""

    slope: FloatArray
    intercept: FloatArray
    nodes: FloatArray
    log_prior: FloatArray
    posterior: FloatArray
    log_likelihood: float = -math.inf
    iterations: int = 0
    converged: bool = False
    slope_prior: tuple[float, float] | None = None
    intercept_prior: tuple[float, float] | None = None


def node_count(columns: int) -> int:
    """Nodes so dense that the posterior of a row, about 1/√(0.2 · columns) wide, does not fall between two.

    >>> node_count(24), node_count(2000)
    (41, 161)
    """
    return int(np.clip(2 * math.ceil(SPAN * math.sqrt(0.2 * columns)) + 1, 41, 161))


def softplus(x: FloatArray) -> FloatArray:
    """log(1 + exp(x)) without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def sigmoid(x: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)) without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def fit(
    counts: Counts, kind: Literal["1pl", "2pl"], *, prior: bool, max_iterations: int = 200, tolerance: float = 1e-3
) -> State:
    """Maximise the marginal likelihood (with ``prior``, the posterior under normal priors that are estimated along).

    Each step ends by giving the rows mean 0 and variance 1 again and moving the change into the parameters: without
    it the scale creeps by 1/columns a step.

    Args:
        counts: The responses; no column may be all right or all wrong unless ``prior``.
        kind: One common slope, or one a column.
        prior: Whether slopes and intercepts have normal priors, whose mean and variance are estimated.
        max_iterations: Most steps.
        tolerance: Largest change of a parameter at which to stop, in logits.

    Source: Bock & Aitkin (1981), Marginal maximum likelihood estimation of item parameters; Liu, Rubin & Wu (1998),
    Parameter expansion to accelerate EM.
    """
    q = node_count(counts.right.shape[1])
    nodes = np.linspace(-SPAN, SPAN, q)
    log_prior = -0.5 * nodes**2
    log_prior -= np.log(np.exp(log_prior).sum())
    state = _start(counts, nodes, log_prior, prior=prior and kind == "2pl")
    right_total = counts.right.T @ counts.weight.astype(counts.right.dtype)
    for state.iterations in range(1, max_iterations + 1):
        expect(counts, state)
        before = np.concatenate([state.slope, state.intercept])
        _maximise(counts, state, right_total.astype(np.float64), kind, prior=prior)
        _rescale(counts, state)
        change = np.abs(np.concatenate([state.slope, state.intercept]) - before)
        if float(change.max(initial=0.0)) < tolerance:
            state.converged = True
            break
    expect(counts, state)
    return state


def expect(counts: Counts, state: State) -> None:
    """Posterior of every row over the nodes, shape (rows, nodes), and the marginal log-likelihood."""
    log_post = _log_joint(counts, state)
    top = log_post.max(axis=1, keepdims=True)
    np.exp(log_post - top, out=log_post)
    total = log_post.sum(axis=1, keepdims=True)
    state.log_likelihood = float(((np.log(total) + top)[:, 0]) @ counts.weight)
    state.posterior = np.divide(log_post, total, out=log_post)


def _log_joint(counts: Counts, state: State) -> FloatArray:
    # Linear in the node where the cell is right, so that those cells cost two columns instead of one a node.
    kind = counts.right.dtype
    linear = counts.right @ np.stack([state.slope, state.intercept], axis=1).astype(kind)
    curve = softplus(np.multiply.outer(state.slope, state.nodes) + state.intercept[:, None])
    failing = curve.sum(axis=0)[None, :] if counts.trials is None else counts.trials @ curve.astype(kind)
    return linear[:, :1].astype(np.float64) * state.nodes + linear[:, 1:].astype(np.float64) + (
        state.log_prior[None, :] - failing
    )  # fmt: skip


def _start(counts: Counts, nodes: FloatArray, log_prior: FloatArray, *, prior: bool) -> State:
    right = counts.right.sum(axis=1, dtype=np.float64)
    trials = counts.right.shape[1] if counts.trials is None else counts.trials.sum(axis=1, dtype=np.float64)
    ability = np.log((right + 0.5) / (trials - right + 0.5))
    weight = counts.weight.astype(np.float64)
    mean = np.average(ability, weights=weight)
    spread = float(np.clip(math.sqrt(np.average((ability - mean) ** 2, weights=weight)), 0.3, 3.0))
    item_right = (counts.right.T @ counts.weight.astype(counts.right.dtype)).astype(np.float64)
    seen = weight.sum() if counts.trials is None else counts.trials.T.astype(np.float64) @ weight
    share = (item_right + 0.5) / (seen + 1)
    # Averaging over abilities flattens a curve; Cox's factor undoes it.
    intercept = np.log(share / (1 - share)) * math.sqrt(1 + 0.35 * spread**2)
    return State(
        slope=np.full(len(share), spread),
        intercept=intercept,
        nodes=nodes,
        log_prior=log_prior,
        posterior=np.empty((0, 0)),
        slope_prior=(spread, 0.5) if prior else None,
        intercept_prior=(float(intercept.mean()), 1.5) if prior else None,
    )


def expected_trials(counts: Counts, state: State) -> FloatArray:
    """Expected number of answers a column and node, shape (columns, nodes) or (1, nodes) where all are answered."""
    weighted = state.posterior * counts.weight[:, None]
    if counts.trials is None:
        return weighted.sum(axis=0)[None, :]
    return (counts.trials.T @ weighted.astype(counts.trials.dtype)).astype(np.float64)


def _maximise(counts: Counts, state: State, right_total: FloatArray, kind: str, *, prior: bool) -> None:
    x, number = state.nodes, expected_trials(counts, state)
    position = (state.posterior @ x) * counts.weight
    right_position = (counts.right.T @ position.astype(counts.right.dtype)).astype(np.float64)
    a, d = state.slope, state.intercept
    for _ in range(2):
        p = sigmoid(np.multiply.outer(a, x) + d[:, None])
        expected = number * p
        information = expected * (1 - p)
        g_d, h_dd = right_total - expected.sum(axis=1), information.sum(axis=1)
        if kind == "1pl":
            d = np.clip(d + np.clip(g_d / (h_dd + 1e-9), -1, 1), -MAX_INTERCEPT, MAX_INTERCEPT)
            continue
        g_a = right_position - expected @ x
        h_ad, h_aa = information @ x, information @ x**2
        if prior and state.slope_prior and state.intercept_prior:
            (mean_a, sd_a), (mean_d, sd_d) = state.slope_prior, state.intercept_prior
            g_a, h_aa = g_a - (a - mean_a) / sd_a**2, h_aa + sd_a**-2
            g_d, h_dd = g_d - (d - mean_d) / sd_d**2, h_dd + sd_d**-2
        h_aa, h_dd = h_aa + 1e-6, h_dd + 1e-6
        determinant = np.maximum(h_aa * h_dd - h_ad**2, 1e-9)
        a = np.clip(a + np.clip((h_dd * g_a - h_ad * g_d) / determinant, -0.7, 0.7), -MAX_SLOPE, MAX_SLOPE)
        d = np.clip(d + np.clip((h_aa * g_d - h_ad * g_a) / determinant, -1, 1), -MAX_INTERCEPT, MAX_INTERCEPT)
        variance_a, variance_d = h_dd / determinant, h_aa / determinant
        if prior:
            # Estimated along, the spread of slopes runs to zero where items are few: it never pulls that hard.
            state.slope_prior = _normal(a, variance_a, 0.1 + 1.5 / math.sqrt(len(a)))
            state.intercept_prior = _normal(d, variance_d, 0.5)
    state.slope, state.intercept = a, d


def _normal(values: FloatArray, variance: FloatArray, least: float) -> tuple[float, float]:
    mean = float(values.mean())
    return mean, max(least, math.sqrt(float(np.mean((values - mean) ** 2 + variance))))


def _rescale(counts: Counts, state: State) -> None:
    mass = counts.weight @ state.posterior
    mass = mass / mass.sum()
    mean = float(mass @ state.nodes)
    sd = math.sqrt(max(float(mass @ (state.nodes - mean) ** 2), 1e-4))
    state.intercept = state.intercept + state.slope * mean
    state.slope = state.slope * sd
