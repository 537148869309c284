"""Adjusting for many tests: Holm, Benjamini–Hochberg, Simes and the two-level rule of Benjamini and Bogomolov."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def holm(p: ArrayLike) -> FloatArray:
    """Adjusted p-values that control the chance of any false rejection (family-wise error), under any dependence.

    Args:
        p: p-values, shape (m,).

    Returns:
        Adjusted p-values in the order of the input, shape (m,): reject where at most alpha.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    values = _checked(p)
    order = np.argsort(values, kind="stable")
    factors = len(values) - np.arange(len(values))
    return _scattered(np.maximum.accumulate(values[order] * factors), order)


def benjamini_hochberg(p: ArrayLike) -> FloatArray:
    """Adjusted p-values that control the expected share of false rejections (false discovery rate).

    Args:
        p: p-values, shape (m,); independent or positively dependent.

    Returns:
        Adjusted p-values in the order of the input, shape (m,): reject where at most q.

    Source: Benjamini & Hochberg (1995), procedure (1); adjusted values as in Yekutieli & Benjamini (1999).

    >>> benjamini_hochberg([0.04, 0.01, 0.03]).round(3).tolist()
    [0.04, 0.03, 0.04]
    """
    values = _checked(p)
    m = len(values)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * m / np.arange(1, m + 1)
    # Ranks come from scattering back through the order; a single argsort is the order, not the ranks.
    return _scattered(np.minimum.accumulate(scaled[::-1])[::-1], order)


def simes(p: ArrayLike) -> float:
    """One p-value for "at least one of these nulls is false": the smallest p(i)·m/i.

    Source: Simes (1986), An improved Bonferroni procedure.

    >>> simes([0.01, 0.04, 0.03])
    0.03
    """
    values = _checked(p)
    if not len(values):
        raise BadInput("simes needs at least one p-value, got none.")
    return float(benjamini_hochberg(values).min())


def benjamini_bogomolov(families: Mapping[str, ArrayLike], q: float) -> dict[str, BoolArray]:
    """Reject in two levels: select families, then test inside the selected ones at a level that pays for the selection.

    A family is selected where Benjamini–Hochberg at q rejects its Simes p-value; with R of m families selected,
    Benjamini–Hochberg runs inside each at q·R/m. The false discovery rate, averaged over the selected families,
    is at most q. A family without p-values is never selected and does not count.

    Args:
        families: p-values of each family, shapes (m_f,).
        q: False discovery rate, in (0, 1).

    Returns:
        What is rejected, per family in the order of its p-values.

    Raises:
        BadInput: q lies outside (0, 1), or a p-value outside [0, 1].

    Source: Benjamini & Bogomolov (2014), Selective inference on multiple families of hypotheses, section 3.

    >>> {k: v.tolist() for k, v in benjamini_bogomolov({"a": [0.001, 0.5], "b": [0.6]}, 0.05).items()}
    {'a': [True, False], 'b': [False]}
    """
    return {name: adjusted <= q for name, adjusted in selective_p_values(families, q).items()}


def selective_p_values(
    families: Mapping[str, ArrayLike], q: float, *, weights: Mapping[str, float] | None = None
) -> dict[str, FloatArray]:
    """Adjusted p-values of the two-level procedure: ``benjamini_bogomolov`` rejects those that are at most q.

    With weights, family f is selected by the weighted Benjamini–Hochberg rule, which divides its Simes p-value by its
    weight (scaled to a mean of 1 over families), and tested inside at q·w_f·R/m, never above q. Weights are set before
    the p-values are seen; the chance of any selection where every null holds stays at most q.

    Args:
        families: p-values of each family, shapes (m_f,).
        q: False discovery rate at which families are selected, in (0, 1).
        weights: Weight of each family, above zero; equal ones by default.

    Returns:
        Adjusted p-values, per family in the order of its p-values; never below the family's own.

    Raises:
        BadInput: q lies outside (0, 1), a p-value outside [0, 1], or a weight is not above zero.

    Source: Benjamini & Bogomolov (2014), Selective inference on multiple families of hypotheses, section 3;
    Genovese, Roeder & Wasserman (2006), False discovery control with p-value weighting, section 3.

    >>> {k: v.tolist() for k, v in selective_p_values({"a": [0.001, 0.5], "b": [0.6]}, 0.05).items()}
    {'a': [0.004, 1.0], 'b': [1.0]}
    >>> selective_p_values({"a": [0.001, 0.5], "b": [0.6]}, 0.05, weights={"a": 3, "b": 1})["a"].round(4).tolist()
    [0.0027, 0.6667]
    """
    if not 0 < q < 1:
        raise BadInput(f"a false discovery rate lies between 0 and 1, got {q}.")
    values = {name: _checked(p) for name, p in families.items()}
    tested = [name for name, p in values.items() if len(p)]
    adjusted = {name: np.ones(len(p)) for name, p in values.items()}
    if not tested:
        return adjusted
    weight = _weights(tested, weights)
    across = benjamini_hochberg([min(1.0, simes(values[name]) / weight[name]) for name in tested])
    selected = max(int((across <= q).sum()), 1) / len(tested)
    for name, own in zip(tested, across.tolist(), strict=True):
        inside = benjamini_hochberg(values[name])
        # A heavy family may not be tested more freely than it would be alone.
        adjusted[name] = np.maximum(np.minimum(1.0, inside / min(1.0, weight[name] * selected)), own)
    return adjusted


def level_alone(tested: Mapping[str, int], q: float, *, weights: Mapping[str, float] | None = None) -> dict[str, float]:
    """Level at which one outcome of each family is tested when nothing else in the audit is rejected.

    Args:
        tested: Number of p-values of each family.
        q: False discovery rate.
        weights: As in ``selective_p_values``.

    >>> level_alone({"a": 4, "b": 1}, 0.05)
    {'a': 0.00625, 'b': 0.025}
    """
    names = [name for name, count in tested.items() if count]
    weight = _weights(names, weights)
    return {name: q * min(1.0, weight[name] / len(names)) / tested[name] for name in names}


def _weights(names: list[str], weights: Mapping[str, float] | None) -> dict[str, float]:
    raw = {name: float((weights or {}).get(name, 1.0)) for name in names}
    wrong = [f"{name}: {w:g}" for name, w in raw.items() if not w > 0]
    if wrong:
        raise BadInput(f"the weight of a family lies above zero, got {', '.join(wrong)}.")
    total = sum(raw.values())
    return {name: w * len(names) / total for name, w in raw.items()}


def _checked(p: ArrayLike) -> FloatArray:
    values = np.asarray(p, dtype=np.float64).reshape(-1)
    wrong = values[~((values >= 0) & (values <= 1))]
    if len(wrong):
        raise BadInput(f"a p-value lies between 0 and 1, got {wrong[0]}.")
    return values


def _scattered(adjusted: FloatArray, order: NDArray[np.intp]) -> FloatArray:
    result = np.empty_like(adjusted)
    result[order] = np.minimum(adjusted, 1.0)
    return result
