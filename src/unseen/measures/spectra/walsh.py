"""Interpolators of lowest degree on a part of the Boolean cube, and how far a function leaks above them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.errors import BadInput
from unseen.tasks.logic.boolean import cube, walsh_spectrum

Floats = NDArray[np.float64]


def degrees(dimension: int) -> NDArray[np.int64]:
    """Degree of the monomial of each row of a spectrum, shape (2**d,): the number of bits set."""
    return np.array([mask.bit_count() for mask in range(2**dimension)])


def degree_profile(values: Floats) -> Floats:
    """Share of a function's mean square at each degree 0 … d, in the order of ``cube``; the energy, not the share.

    Returns:
        Shape (d + 1,): sums of squared Fourier–Walsh coefficients; they add up to the mean of f².

    >>> degree_profile(np.array([1.0, -1.0, -1.0, 1.0]))
    array([0., 0., 1.])
    """
    energy = walsh_spectrum(values) ** 2
    return np.bincount(degrees(int(np.log2(len(values)))), weights=energy).astype(np.float64)


def minimum_degree_interpolator(values: Floats, seen: NDArray[np.bool_], tolerance: float = 1e-9) -> Floats:
    """The function that agrees on the seen part and whose degree profile is smallest.

    Profiles are compared from the highest degree down: no interpolator has less energy at degree d; among those that
    have as little, none has less at d - 1; and so on.

    Args:
        values: Target on the whole cube, shape (2**d,); only the seen part is used.
        seen: Which points are seen, shape (2**d,).
        tolerance: Singular values below this share of the largest count as zero.

    Returns:
        The interpolator on the whole cube, shape (2**d,). It is unique.

    Raises:
        BadInput: No point is seen, or the shapes differ.

    Source: Abbe et al. (2023), Generalization on the Unseen, definitions 2 and 3.

    >>> x = cube(2)
    >>> minimum_degree_interpolator(x[:, 0] * x[:, 1], x[:, 1] == 1)  # x1 is frozen at 1, so x0 does as well
    array([ 1., -1.,  1., -1.])
    """
    if values.shape != seen.shape or not seen.any():
        raise BadInput(f"an interpolator needs seen points of a cube, got {int(seen.sum())} of {values.shape}.")
    dimension = int(np.log2(len(values)))
    points, degree = cube(dimension), degrees(dimension)
    sets = ((np.arange(len(values))[:, None] >> np.arange(dimension)) & 1).astype(bool)
    # Monomials on the seen points: row x, column T.
    monomials = np.array([np.where(sets, x, 1.0).prod(axis=1) for x in points[seen]])
    # All interpolators are base + null @ z; each degree, from the top, fixes a part of z and leaves the rest.
    solution, *_ = np.linalg.lstsq(monomials, values[seen], rcond=None)
    base = np.asarray(solution, dtype=np.float64)
    null = _null_space(monomials, tolerance)
    for level in range(dimension, -1, -1):
        rows = degree == level
        block = null[rows]
        if not null.shape[1]:
            break
        shift, *_ = np.linalg.lstsq(block, -base[rows], rcond=tolerance)
        base = np.asarray(base + null @ shift, dtype=np.float64)
        null = null @ _null_space(block, tolerance)
    return _values(base)


def leak(values: Floats, interpolator: Floats) -> float:
    """Energy of the difference of two functions on the cube, as a share of the interpolator's energy.

    >>> leak(np.array([1.0, -1.0]), np.array([1.0, -1.0]))
    0.0
    """
    return float(np.mean((values - interpolator) ** 2) / np.mean(interpolator**2))


def _values(coefficients: Floats) -> Floats:
    # The transform is its own inverse up to the factor 2**d.
    return walsh_spectrum(coefficients) * len(coefficients)


def _null_space(matrix: Floats, tolerance: float) -> Floats:
    """Orthonormal columns that the matrix maps to zero."""
    linalg: Any = np.linalg
    _, singular, right = linalg.svd(matrix, full_matrices=True)
    rank = int((singular > tolerance * max(1.0, singular[0] if len(singular) else 0.0)).sum())
    return right[rank:].T
