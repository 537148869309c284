"""Fourier spectra of weights over a cyclic input, and how few frequencies a neuron uses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unseen.errors import BadInput

Floats = NDArray[np.float64]


def inverse_participation_ratio(rows: NDArray[np.floating], order: int = 2) -> Floats:
    """How concentrated the spectrum of each row is: near 1 for one frequency, near 1/p for all p alike.

    The spectrum is the orthonormal real one (cosine and sine of each frequency merged into one power), so a row that
    is one cosine with any phase has ratio 1, and a row of independent noise about r!/⌊p/2⌋^(r-1).

    Args:
        rows: Weights over the p residues, shape (neurons, p).
        order: r of the ratio Σ_k P_k^r / (Σ_k P_k)^r, with P_k the power of frequency k = 1 … ⌊p/2⌋.

    Returns:
        One ratio a row, in [1/⌊p/2⌋^(r-1), 1]; the constant (frequency 0) is left out, since it tells nothing about
        the residue; a row without any other frequency gets 0.

    Raises:
        BadInput: Fewer than 3 residues, or an order below 2.

    Source: Doshi et al. (2024), To grok or not to grok, section 2 (equation 3).

    >>> t = np.arange(7)
    >>> inverse_participation_ratio(np.stack([np.cos(2 * np.pi * 3 * t / 7 + 0.4), np.eye(7)[0]])).round(3)
    array([1.   , 0.333])
    """
    if rows.shape[-1] < 3 or order < 2:
        raise BadInput(f"the ratio needs 3 residues and order 2 at least, got {rows.shape[-1]} and {order}.")
    power = spectrum_power(rows)[:, 1:]
    total = power.sum(axis=1)
    used = total > 1e-24 * (np.square(rows).sum(axis=1) + 1e-300)
    shares = power / np.where(used, total, 1.0)[:, None]
    return np.where(used, (shares**order).sum(axis=1), 0.0)


def spectrum_power(rows: NDArray[np.floating]) -> Floats:
    """Power of each frequency 0 … ⌊p/2⌋, shape (neurons, ⌊p/2⌋ + 1); a row's powers sum to its squared norm.

    >>> spectrum_power(np.ones((1, 4)))
    array([[4., 0., 0.]])
    """
    p = rows.shape[-1]
    power = np.abs(np.fft.rfft(np.asarray(rows, dtype=np.float64), axis=-1)) ** 2 / p
    # Frequencies k and p - k are the two halves of one real wave.
    power[:, 1 : (p + 1) // 2] *= 2
    return power


def neuron_ratios(parts: Sequence[NDArray[np.floating]], order: int = 2) -> Floats:
    """Mean inverse participation ratio of each neuron over its incoming and outgoing weights.

    Args:
        parts: Weight matrices over the residues, each (neurons, p): from the first operand, from the second, to the
            result.
        order: See ``inverse_participation_ratio``.

    Returns:
        Shape (neurons,).
    """
    return np.mean([inverse_participation_ratio(part, order) for part in parts], axis=0)
